"""Proof verifiers after RFC 9162, on this package's hashes, hold good and bad proofs apart as the vectors say."""

import base64
import json
from pathlib import Path

import pytest

from orders_es.log.merkle import node_hash

FOLDER = Path(__file__).parents[4] / "shared" / "vectors" / "rfc6962"
MISSING = f"the published vectors are not here: {FOLDER}"


def cases(kind):
    found = sorted((FOLDER / kind).rglob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=MISSING))]
    return [pytest.param(path, id=str(path.relative_to(FOLDER / kind).with_suffix(""))) for path in found]


def decoded(text):
    return base64.b64decode(text or "")


def inclusion_holds(index, size, leaf, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size or not all(len(digest) == 32 for digest in (leaf, root, *proof)):
        return False
    fn, sn, digest = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            digest = node_hash(sibling, digest)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            digest = node_hash(digest, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and digest == root


def consistency_holds(size1, size2, root1, root2, proof):
    """RFC 9162, section 2.1.4.2. An empty tree is consistent with any other, so such a proof says nothing and is refused."""
    if not 0 < size1 <= size2:
        return False
    if size1 == size2:
        return not proof and root1 == root2
    if not proof:
        return False
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for digest in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(digest, first), node_hash(digest, second)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, digest)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (first, second) == (root1, root2)


@pytest.mark.long_but_first
@pytest.mark.parametrize("path", cases("inclusion"))
def test_inclusion(path):
    case = json.loads(path.read_text())
    proof = [decoded(text) for text in case["proof"] or []]
    holds = inclusion_holds(case["leafIdx"], case["treeSize"], decoded(case["leafHash"]), proof, decoded(case["root"]))
    assert holds is not case["wantErr"]


@pytest.mark.parametrize("path", cases("consistency"))
def test_consistency(path):
    case = json.loads(path.read_text())
    proof = [decoded(text) for text in case["proof"] or []]
    holds = consistency_holds(case["size1"], case["size2"], decoded(case["root1"]), decoded(case["root2"]), proof)
    assert holds is not case["wantErr"]
