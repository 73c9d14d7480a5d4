"""`__all__` of every package is all that the package gives: sorted, importable and explained."""

import ast
import importlib
import re
import types
from pathlib import Path

import pytest

import orders_es
from orders_es import errors

ROOT = Path(orders_es.__file__).parent
TEXTS = {
    ".".join(path.parent.relative_to(ROOT.parent).parts): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("__init__.py"))
}
ASSEMBLED = {"orders_es.testing.log_contract"}  # its class is put together from parts that are nobody's to use alone


def is_typing(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def given(nodes):
    """The public names that a package defines, or takes from the modules inside it."""
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("orders_es."):
                yield from (alias.asname or alias.name for alias in names)
            case ast.If() if is_typing(node):
                yield from given(node.body)


def in_order(word):
    return not word.isupper(), not word[0].isupper(), word


def test_every_package_that_gives_names_is_here():
    assert len(TEXTS) > 20
    assert {"orders_es", "orders_es.errors", "orders_es.testing"} <= set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_every_package_says_what_it_is(name):
    assert (importlib.import_module(name).__doc__ or "").strip().endswith((".", ":", "`", ")"))


@pytest.mark.parametrize("name", TEXTS)
def test_its_list_is_all_that_it_gives(name):
    names = {word for word in given(ast.parse(TEXTS[name]).body) if not word.startswith("_")}
    listed = set(getattr(importlib.import_module(name), "__all__", ()))
    assert (names >= listed) if name in ASSEMBLED else (names == listed)


@pytest.mark.parametrize("name", TEXTS)
def test_its_list_is_sorted_constants_classes_functions(name):
    listed = getattr(importlib.import_module(name), "__all__", ())
    assert list(listed) == sorted(set(listed), key=in_order)


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", TEXTS)
def test_each_name_is_there_and_explained(name):
    package = importlib.import_module(name)
    for word in getattr(package, "__all__", ()):
        value = getattr(package, word)
        if isinstance(value, type | types.FunctionType):  # constants and aliases are explained where they are defined
            assert value.__doc__, word
            assert not value.__doc__.startswith(f"{word}("), f"{word} has the docstring that dataclasses make"


def test_the_tree_of_errors_names_every_error():
    assert set(errors.__all__) <= set(re.findall(r"\w+", errors.__doc__))
