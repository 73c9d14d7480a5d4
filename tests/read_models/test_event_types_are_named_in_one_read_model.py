"""What an event does to an order stands once in SQL, in `order_effects`; all other SQL of the house is sums over it."""

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
