"""`fold` is a function from events to a state, and nothing else; `recorded` says of an event that the log accepted it, so a
bare name `recorded`, which may be a time, an event, a table or a flag, is no name at all."""

import ast
from pathlib import Path

import pytest

import orders_es

ROOT = Path(orders_es.__file__).parent
FOLDS = {"orders/evolve.py", "decider.py"}
"""Where a `fold` is defined: that of orders, and the place for one in any `Decider`."""


def defined(tree):
    """The names that a module gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


@pytest.fixture(scope="module")
def names():
    return {
        file.relative_to(ROOT).as_posix(): set(defined(ast.parse(file.read_text(encoding="utf-8"))))
        for file in ROOT.rglob("*.py")
    }


@pytest.mark.long
def test_only_functions_from_events_to_a_state_are_a_fold(names):
    assert {file for file, given in names.items() if given & {"fold", "_fold"}} == FOLDS


@pytest.mark.long
def test_nothing_is_called_recorded_without_saying_what(names):
    assert [file for file, given in names.items() if given & {"recorded", "_recorded", "Recorded"}] == []


def test_no_module_is_called_so():
    assert [file for file in ROOT.rglob("*") if file.stem in ("fold", "recorded")] == []


def test_a_name_is_found_however_it_is_given():
    code = "def fold(a, *, recorded): ...\nclass Recorded: ...\nself.fold = 1\nfor recorded in x: ..."
    assert set(defined(ast.parse(code))) == {"fold", "a", "recorded", "Recorded"}
