"""What an event does to an order stands once in SQL, in `order_effects`; all other SQL of the house is sums over it."""

import ast
import re
from pathlib import Path

import pytest

import orders_es
from orders_es.orders import EVENT_TYPES
from orders_es.read_models import load_read_models

ROOT = Path(orders_es.__file__).parent
MODELS = {model.name: model for model in load_read_models()}
NAMES = {cls.__name__ for cls in EVENT_TYPES}
OTHERS = [name for name in MODELS if name != "order_effects"]


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_names_one(name):
    assert not NAMES & set(re.findall(r"\w+", MODELS[name].sql))


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.sql")), ids=lambda file: file.name)
def test_no_other_file_of_sql_names_one(file):
    assert file.name == "order_effects.sql" or not NAMES & set(re.findall(r"\w+", file.read_text(encoding="utf-8")))


def test_it_accounts_for_all():
    assert set(MODELS["order_effects"].types) == NAMES


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "activity"])
def test_others_account_for_what_they_read(name):
    assert MODELS[name].types == MODELS["order_effects"].types


def _code(file: Path) -> str:
    """A module without its docstrings and comments, where examples may name any type."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                kept = [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
                setattr(node, field, kept or ([ast.Pass()] if field == "body" else []))
    return ast.unparse(tree)


FOR_ONE_DOMAIN = ("orders", "shop")
"""What is about orders by its nature: what an event means and what commands there are, and a policy."""
FOR_ONE_SOURCE = ("sources", "testing")
"""What another system calls what happened there; and the shared tests, which need events of some type."""


@pytest.fixture(scope="module")
def words() -> dict[Path, set[str]]:
    files = [file for file in ROOT.rglob("*.py") if file.relative_to(ROOT).parts[0] not in FOR_ONE_SOURCE]
    code = {file.relative_to(ROOT): _code(file) for file in files}
    code |= {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in ROOT.rglob("*.sql")}
    return {file: NAMES & set(re.findall(r"\w+", text)) for file, text in code.items()}


@pytest.mark.long
def test_whoever_adds_a_type_touches_at_most_ten_files(words):
    counts = {name: [str(file) for file, found in words.items() if name in found] for name in NAMES}
    assert not {name: files for name, files in counts.items() if len(files) > 10}


@pytest.mark.long
def test_no_sql_in_python_names_one(words):
    others = {str(file) for file, found in words.items() if found and file.parts[0] not in FOR_ONE_DOMAIN}
    assert others == {
        "log/personal.py",  # an example in an error's text
        "read_models/order_effects.sql",
        "read_models/questions/question.py",  # which duties one person should not have: words that a user may replace
    }
