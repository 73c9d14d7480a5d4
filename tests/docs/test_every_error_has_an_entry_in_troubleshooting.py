"""Whoever meets an error finds it by its name and by its words; the page names no error that there is not."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from orders_es import errors

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
ROW = re.compile(r"^\| (.+?) \| `(\w+)` \| (.+?) \|$", re.MULTILINE)
ENTRIES = {name: (words, advice) for words, name, advice in ROW.findall(PAGE.read_text(encoding="utf-8"))}
RAISED = sorted(
    name
    for name in errors.__all__
    if inspect.isclass(found := getattr(errors, name))
    and found not in {errors.OrdersEsError, errors.LogError}
    and found not in {errors.EventError, errors.ProjectionError, errors.ProofError}
)


def test_every_error_has_an_entry_and_no_entry_is_of_none():
    assert sorted(ENTRIES) == RAISED


@pytest.mark.parametrize("name", RAISED)
def test_an_entry_has_the_words_of_the_error_and_says_what_to_do(name):
    words, advice = ENTRIES[name]
    assert len(advice) > 15
    module = ast.parse(Path(inspect.getfile(getattr(errors, name))).read_text(encoding="utf-8"))
    [class_] = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    of = "".join(
        part.value if isinstance(part.value, str) else " "
        for node in ast.walk(class_)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant)
    )
    if name == "OrderNotFound":
        return  # its words are its parent's
    for fragment in re.sub(r"\(.*?\)", "", words).split("…"):
        said = fragment.strip(" ,;:.?=")
        if len(said) > len("no stream"):
            assert said in of, f"{name} does not say {said!r}"
