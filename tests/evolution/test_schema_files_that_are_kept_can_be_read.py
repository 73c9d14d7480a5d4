"""The orders' own schema file, and the example package `examples/library` with its schema file, its test and its command."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import order_registry
from orders_es.log.schemas import read_schemas
from orders_es.testing import check_schemas

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "library"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield EXAMPLE
    for name in [name for name in sys.modules if name.partition(".")[0] == "library"]:
        del sys.modules[name]


def test_of_the_orders():
    path = ROOT / "tests" / "data" / "order_logs" / "schemas.json"
    check_schemas(order_registry(), path)
    assert list(read_schemas(path)["types"]["ItemAdded"]) == ["v1", "v2"]


def test_of_the_example_by_its_own_test(example):
    spec = importlib.util.spec_from_file_location("library_tests", example / "tests" / "test_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    for name in ("test_no_change_breaks_readers", "test_the_upcasters_are_pure"):
        getattr(tests, name)()
    assert list(read_schemas(example / "schemas.json")["types"]["Lent"]) == ["v1", "v2", "v3"]


def test_of_the_example_by_its_command(example, monkeypatch):
    [command] = re.findall(r"^orders-es (schema check .+)$", (example / "README.md").read_text(), re.MULTILINE)
    monkeypatch.chdir(example)
    assert CliRunner().invoke(main, command.split()).exit_code == 0
    unknown = CliRunner().invoke(main, [*command.split()[:-1], "lons"])
    assert (unknown.exit_code, "there is no domain 'lons'" in unknown.output) == (2, True)
    text = (example / "schemas.json").read_text()
    Path("careless.json").write_text(text.replace('"kind": "decimal"', '"kind": "int64"'))
    try:
        found = CliRunner().invoke(main, [word.replace("schemas.json", "careless.json") for word in command.split()])
        listed = CliRunner().invoke(main, ["schema", "diff", "careless.json", *command.split()[3:], "--json"])
    finally:
        Path("careless.json").unlink()
    assert (found.exit_code, "Fined v2.amount: was int64 and is decimal" in found.output) == (1, True)
    assert '"field": "amount"' in listed.output
