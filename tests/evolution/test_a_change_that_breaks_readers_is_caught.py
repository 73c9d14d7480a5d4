import json
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import EventRegistry
from orders_es.log.schemas import compared, described, read_schemas, written
from orders_es.testing import check_pure, check_schemas
from orders_es.upcaster import Upcaster
from tests.evolution import parcels


def of(annotations, defaults=(), version=1):
    """A class `Weighed` with these fields."""
    body = {"__annotations__": annotations, "__schema_version__": version, **dict(defaults)}
    return EventRegistry([dataclass(frozen=True)(type("Weighed", (), body))])


BEFORE = ({"grams": int, "note": str | None}, {"note": None})
CHANGES = {
    "a new field that may be missing": (({**BEFORE[0], "scale": str | None}, {"note": None, "scale": None}), None),
    "a needed field": (({**BEFORE[0], "scale": str}, {"note": None, "scale": "x"}), None),
    "a field that is needed": (
        ({"grams": int, "scale": str, "note": str | None}, {"note": None}),
        "v1.scale: is new and must",
    ),
    "a field less": (({"note": str | None}, {"note": None}), "v1.grams: was taken away"),
    "an optional field less": (({"grams": int}, {}), None),
    "another kind": (
        ({**BEFORE[0], "grams": Decimal}, {"note": None}),
        "v1.grams: was int64 and is decimal; give the class",
    ),
    "null no more": (({"grams": int, "note": str}, {"note": ""}), "v1.note: may be null no more"),
    "missing no more": (({"note": str | None, "grams": int}, {}), "v1.note: must be there now"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_judged(tmp_path, name):
    after, told = CHANGES[name]
    file = tmp_path / "schemas.json"
    file.write_text(written(described(of(*BEFORE))))
    check_schemas(of(*BEFORE), file)
    if told is None:
        check_schemas(of(*after), file)
        return
    with pytest.raises(AssertionError, match=told):
        check_schemas(of(*after), file)
    grown = of(*after, version=2)
    with pytest.raises(AssertionError, match="v1: is in the file, and the code reads it no more; register an upcaster"):
        check_schemas(grown, file)
    grown.upcast(Upcaster("Weighed", 1, lambda payload: payload))
    check_schemas(grown, file)


def test_the_file_keeps_versions_whose_classes_are_gone():
    file = described(parcels.today(), described(parcels.second(), described(parcels.first())))
    assert list(file["types"]["Booked"]) == ["v1", "v2", "v3"]
    assert [at["fields"]["price"]["kind"] for at in file["types"]["Booked"].values()] == ["int64", "decimal", "decimal"]
    assert file["types"]["LabelPrinted"]["v1"]["leads_to"] == "nothing (retired)"
    assert not compared(file, parcels.today())
    assert file["types"]["Booked"]["v3"]["json_schema"]["$defs"]["Booked"]["required"] == ["customer", "price"]


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    assert run.invoke(main, ["schema", "check", "schemas.json"]).exit_code == 2
    assert run.invoke(main, ["schema", "write", "schemas.json"]).exit_code == 0
    assert run.invoke(main, ["schema", "check", "schemas.json"]).exit_code == 0
    said = read_schemas("schemas.json")
    said["types"]["ItemAdded"]["v2"]["fields"]["price"]["kind"] = "int64"
    (tmp_path / "schemas.json").write_text(json.dumps(said))
    found = run.invoke(main, ["schema", "check", "schemas.json", "--json"])
    assert found.exit_code == 1
    assert [(change["type"], change["field"], change["breaks"]) for change in json.loads(found.stdout)] == [
        ("ItemAdded", "price", True)
    ]
    assert "ItemAdded v2.price: was int64 and is decimal" in run.invoke(main, ["schema", "diff", "schemas.json"]).stdout
    assert run.invoke(main, ["schema", "write", "schemas.json"]).exit_code == 1
    shown = json.loads(run.invoke(main, ["schema", "show", "ItemAdded", "--json"]).stdout)
    assert shown["fields"]["price"]["kind"] == "decimal"
    assert run.invoke(main, ["schema", "show", "ItemAded"]).exit_code == 2
    listed = json.loads(run.invoke(main, ["schema", "list", "--json"]).stdout)
    assert {"type": "OrderPlaced", "schema_version": 1, "read_as": "today", "fields": 1} in listed["types"]
    (tmp_path / "other.json").write_text("[]")
    assert run.invoke(main, ["schema", "diff", "other.json"]).exit_code == 2


def test_an_upcaster_that_is_not_pure_is_found():
    examples = [
        ("Booked", 1, '{"customer":1,"price":5}'),
        ("StatusChanged", 1, '{"status":"seen"}'),
        ("Shipped", 1, "{}"),
    ]
    assert check_pure(parcels.today(), examples) == 2
    numbers = count()
    registry = of({"grams": int}, version=2)
    registry.upcast(Upcaster("Weighed", 1, lambda _: {"grams": next(numbers)}))
    with pytest.raises(AssertionError, match="must be pure"):
        check_pure(registry, [("Weighed", 1, "{}")])
