"""What a docstring says in other words than the name is what it is for: `log: The log.` and `def scan: The scan.` say nothing."""

import ast
import re
from pathlib import Path

import pytest

import orders_es

ROOT = Path(orders_es.__file__).parent
ARGUMENT = re.compile(r"^ +\*{0,2}(\w+): (.+)$", re.MULTILINE)
EMPTY = {
    "a",
    "an",
    "and",
    "for",
    "in",
    "is",
    "it",
    "its",
    "of",
    "on",
    "one",
    "or",
    "s",
    "that",
    "the",
    "this",
    "to",
    "with",
}


def words(text):
    """The words of a text or name in small letters, without endings of the plural and those that say nothing."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text.replace("_", " "))
    return {re.sub(r"(?<=\w{3})s$", "", word.lower()) for word in re.findall(r"[A-Za-z]+", apart)} - EMPTY


def says_nothing(name, line):
    return not words(line) - words(name)


def empty_lines(code):
    """The first lines and the `Args:` lines of a module's docstrings that only say the name again."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            first, *rest = text.splitlines()
            found += [first] if says_nothing(node.name, first) else []
            found += [m[0].strip() for m in ARGUMENT.finditer("\n".join(rest)) if says_nothing(m[1], m[2])]
    return found


def test_an_empty_line_is_seen():
    code = '''
def order_rows(log, stream_id, folder):
    """The rows of an order.

    Args:
        log: The log.
        stream_id: A stream's id.
        folder: Where it is.
    """
'''
    assert empty_lines(code) == ["The rows of an order.", "log: The log.", "stream_id: A stream's id."]


@pytest.mark.parametrize("room", sorted({path.relative_to(ROOT).parts[0] for path in ROOT.rglob("*.py")}))
def test_no_line_repeats_its_name(room):
    place = ROOT / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        assert empty_lines(path.read_text(encoding="utf-8")) == [], path
