"""`-p` reads a value as what the cell of parameters declares; `-r` and `NAME:TYPE` say it explicitly."""

import click
import pytest

from orders_es.cli.notebook_parameters import declared, value_of
from tests.late import late

nbformat = late("nbformat")
late("papermill")

CELL = """
order_id = "536365"
count: int = 2
share = 0.5
fast = True
at: str | None = None  # an instant
limit = None
since = datetime(2025, 1, 1)
day: "date" = None
names = ["a"]
below = -1
rest: int | None = 3
total, other = 1, 2
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    path = tmp_path_factory.mktemp("books") / "book.ipynb"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})])
    nbformat.write(book, path)
    return declared(path)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("order_id=536365", "536365"),
        ("order_id=007", "007"),
        ("order_id=true", "true"),
        ("order_id=", ""),
        ("order_id=a=b", "a=b"),
        ("order_id:int=7", 7),
        ("count=7", 7),
        ("count=-7", -7),
        ("count:str=007", "007"),
        ("share=2", 2.0),
        ("share=1e-3", 0.001),
        ("fast=false", False),
        ("fast=TRUE", True),
        ("at=2025", "2025"),
        ("at=none", "none"),
        ("limit=abc", "abc"),
        ("limit:int=5", 5),
        ("limit:json=null", None),
        ("since=2025-02-01T12:00:00Z", "2025-02-01T12:00:00Z"),
        ("day=2025-02-01", "2025-02-01"),
        ('names=["b", "007"]', ["b", "007"]),
        ("below=-2", -2),
        ("rest=null", None),
    ],
)
def test_a_value_is_of_the_declared_type_or_the_one_that_is_said(known, given, value):
    _, read = value_of(given, known, "book.ipynb", raw=False)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize("given", ["count=007", "order_id=null", "limit=5"])
def test_raw_is_text_whatever_is_declared(known, given):
    name, _, text = given.partition("=")
    assert value_of(given, known, "book.ipynb", raw=True) == (name, text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("count=abc", "count is int; give a whole number"),
        ("count=1.5", "As text: -r count=1.5"),
        ("count=1_000", "a whole number"),
        ("count=\u0663", "a whole number"),
        ("share=nan", "give a number"),
        ("fast=1", "give true or false"),
        ("day=2025-02-30", "give a date"),
        ("since=tomorrow", "give a time"),
        ("names=a,b", "give JSON"),
        ("limit=5", "does not say what limit is; write -p limit:int=5, or for text -r limit=5"),
        ("limit=true", "-p limit:bool=true"),
        ("cuont=5", "has no parameter 'cuont'; do you mean count?"),
        ("total=5", "has no parameter 'total'"),
        ("count:integer=5", "there is no type 'integer'; the types are str, int, float, bool, json"),
        ("count", "write it as NAME=VALUE"),
    ],
)
def test_what_is_not_of_that_type_or_has_two_readings_is_refused(known, given, said):
    with pytest.raises(click.UsageError) as raised:
        value_of(given, known, "book.ipynb", raw=False)
    assert said in str(raised.value)
