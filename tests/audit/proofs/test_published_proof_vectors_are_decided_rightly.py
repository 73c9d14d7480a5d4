"""The proof vectors of github.com/transparency-dev/merkle, good and bad, are told apart by the package's own checkers."""

import base64
import json
from pathlib import Path

import pytest

from orders_es.audit.proofs import check_consistency
from orders_es.audit.verify_proof import Refused, check_inclusion

FOLDER = Path(__file__).parents[4] / "shared" / "vectors" / "rfc6962"


def cases(kind):
    found = sorted((FOLDER / kind).rglob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"the published vectors are not here: {FOLDER}"))]
    return [pytest.param(path, id=str(path.relative_to(FOLDER / kind).with_suffix(""))) for path in found]


def decided(check, *arguments):
    try:
        check(*arguments)
    except Refused:
        return False
    return True


def of_base64(text):
    return base64.b64decode(text or "")


@pytest.mark.long_but_first
@pytest.mark.parametrize("path", cases("inclusion"))
def test_inclusion(path):
    case = json.loads(path.read_text())
    proof = [of_base64(text) for text in case["proof"] or []]
    leaf, root = of_base64(case["leafHash"]), of_base64(case["root"])
    assert decided(check_inclusion, case["leafIdx"], case["treeSize"], leaf, proof, root) is not case["wantErr"]


@pytest.mark.long_but_first
@pytest.mark.parametrize("path", cases("consistency"))
def test_consistency(path):
    case = json.loads(path.read_text())
    proof = [of_base64(text) for text in case["proof"] or []]
    first, second = of_base64(case["root1"]), of_base64(case["root2"])
    assert decided(check_consistency, case["size1"], case["size2"], first, second, proof) is not case["wantErr"]
