"""An export is what the standards say, and tools that are not ours find in it what the log holds."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import r4pm.df

from orders_es.errors import CannotExport, TargetInLog, UnknownEventType
from orders_es.export.process import export_ocel, export_xes
from orders_es.log import ANY, NO_STREAM, RawEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, PaymentReceived
from orders_es.replay import connect
from tests.late import late

jsonschema = late("jsonschema")

# https://www.ocel-standard.org/2.0/ocel20-schema-json.json, written anew from its published content.
SCHEMA = json.loads((Path(__file__).parent / "ocel20-schema-json.json").read_text("utf-8"))


def count(session, query):
    [(number,)] = session.sql(query).rows()
    return number


@pytest.mark.long
def test_the_json_is_valid_by_the_standards_schema(exported):
    document = json.loads(Path(exported["json"].path).read_text("utf-8"))
    validator = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert not list(validator.iter_errors(document))
    assert document["events"]
    assert document["objects"]


@pytest.mark.long
def test_every_object_that_is_named_is_there(exported):
    document = json.loads(Path(exported["json"].path).read_text("utf-8"))
    known = {each["id"] for each in document["objects"]}
    assert len(known) == len(document["objects"])
    named = [link["objectId"] for each in (*document["events"], *document["objects"]) for link in each["relationships"]]
    assert named
    assert set(named) <= known


def test_every_attribute_is_declared_for_its_type(exported):
    document = json.loads(Path(exported["json"].path).read_text("utf-8"))
    for group, types in (("events", "eventTypes"), ("objects", "objectTypes")):
        declared = {each["name"]: {a["name"] for a in each["attributes"]} for each in document[types]}
        for each in document[group]:
            assert {a["name"] for a in each["attributes"]} <= declared[each["type"]]


def test_no_row_of_the_database_points_into_nothing(exported):
    with closing(sqlite3.connect(exported["sqlite"].path)) as connection:
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("ending", ["json", "sqlite"])
def test_an_independent_reader_counts_what_the_log_holds(session, exported, ending):
    read = r4pm.df.import_ocel(exported[ending].path)
    assert len(read["events"]) == count(session, "SELECT count(*) FROM events") == exported[ending].events
    by_type = {name: len(rows) for (name,), rows in read["objects"].group_by(["ocel:type"])}
    assert by_type == {
        "order": count(session, "SELECT count(*) FROM orders"),
        "item": count(session, "SELECT count(*) FROM order_items WHERE item_id <> ''"),
        "customer": count(session, "SELECT count(DISTINCT customer_id) FROM events WHERE customer_id IS NOT NULL"),
        "payment": count(session, "SELECT count(*) FROM events WHERE type = 'PaymentReceived'"),
        "refund": count(session, "SELECT count(*) FROM events WHERE type = 'RefundIssued'"),
        "shipment": count(session, "SELECT count(*) FROM events WHERE type = 'OrderShipped'"),
    }


def test_both_forms_say_the_same_to_an_independent_reader(exported):
    one, other = (r4pm.df.import_ocel(exported[ending].path) for ending in ("json", "sqlite"))
    assert {name: len(table) for name, table in one.items()} == {name: len(table) for name, table in other.items()}


@pytest.mark.parametrize("ending", ["xes", "xes.gz"])
def test_an_independent_reader_finds_a_trace_for_each_order(session, exported, ending):
    events, *_ = r4pm.df.import_xes(exported[ending].path)
    assert len(events) == count(session, "SELECT count(*) FROM events")
    assert events["case:concept:name"].n_unique() == count(session, "SELECT count(*) FROM orders")


def last_values(path, object_type, name):
    document = json.loads(Path(path).read_text("utf-8"))
    found = {}
    for each in document["objects"]:
        for value in sorted(each["attributes"], key=lambda value: value["time"]):
            if each["type"] == object_type and value["name"] == name:
                found[each["id"]] = value["value"]
    return found


def test_what_an_order_comes_to_last_is_what_the_read_model_says(session, exported):
    totals = session.sql("SELECT 'order:' || order_id, total::VARCHAR FROM orders").rows()
    assert last_values(exported["json"].path, "order", "total") == dict(totals)
    kept = session.sql(
        "SELECT 'item:' || order_id || ':' || item_id, quantity::VARCHAR FROM order_items WHERE item_id <> ''"
    ).rows()
    assert last_values(exported["json"].path, "item", "quantity") == dict(kept)


@pytest.mark.long
def test_an_export_of_a_moment_holds_what_had_happened_by_then(session, tmp_path):
    done = export_ocel(session, tmp_path / "a.json", at="2025-01-20")
    [(events,)] = session.sql("SELECT count(*) FROM events", at="2025-01-20").rows()
    assert done.events == events < count(session, "SELECT count(*) FROM events")
    totals = session.sql("SELECT 'order:' || order_id, total::VARCHAR FROM orders", at="2025-01-20").rows()
    assert last_values(done.path, "order", "total") == dict(totals)


@pytest.mark.long
@pytest.mark.parametrize(("write", "ending"), [(export_ocel, "json"), (export_ocel, "sqlite"), (export_xes, "xes.gz")])
def test_the_same_log_gives_the_same_bytes(session, tmp_path, write, ending):
    one, other = (write(session, tmp_path / f"{n}.{ending}").path for n in (1, 2))
    assert Path(one).read_bytes() == Path(other).read_bytes()


@pytest.fixture
def memory():
    with open_log(":memory:") as log:
        yield log


def test_ids_are_told_apart_whatever_is_in_them(memory, tmp_path):
    for order, item in (("a:b", "c"), ("a", "b:c"), ("a%3Ab", "c")):
        memory.append(
            order,
            [OrderCreated(currency="EUR"), ItemAdded(item_id=item, quantity=1, price=Decimal(1))],
            expected=NO_STREAM,
        )
    with connect(memory) as session:
        assert export_ocel(session, tmp_path / "a.json").objects["item"] == 3
        assert export_ocel(session, tmp_path / "a.sqlite").objects["order"] == 3


def test_money_that_a_database_cannot_hold_is_refused_and_json_keeps_it(memory, tmp_path):
    memory.append(
        "a", [OrderCreated(currency="EUR"), PaymentReceived(amount=Decimal("99999999999999.9999"))], expected=NO_STREAM
    )
    with connect(memory) as session:
        with pytest.raises(CannotExport, match=r"more digits than the REAL .* write \.json"):
            export_ocel(session, tmp_path / "a.sqlite")
        assert not (tmp_path / "a.sqlite").exists()
        done = export_ocel(session, tmp_path / "a.json")
    assert '"99999999999999.9999"' in Path(done.path).read_text("utf-8")


def test_what_xml_cannot_hold_is_refused(memory, tmp_path):
    memory.append("a", [OrderCreated(currency="EUR", country="x\x01y")], expected=NO_STREAM)
    with connect(memory) as session, pytest.raises(CannotExport, match="XML cannot hold"):
        export_xes(session, tmp_path / "a.xes")
    assert not list(tmp_path.iterdir())


def test_events_of_no_order_are_left_out_and_counted(memory, tmp_path):
    memory.registry.leave_out("TillOpened")
    memory.append("till-1", [RawEvent("TillOpened", "{}")], expected=ANY)
    memory.append("a", [OrderCreated(currency="EUR")], expected=NO_STREAM)
    with connect(memory) as session:
        done = export_ocel(session, tmp_path / "a.json")
        assert (done.events, done.left_out) == (1, {"TillOpened": 1})
        memory.append("a", [RawEvent("TillOpened", "{}")], expected=ANY)
        with pytest.raises(UnknownEventType, match="TillOpened"):
            export_ocel(session, tmp_path / "b.json")


def test_an_empty_log_gives_an_empty_file(memory, tmp_path):
    with connect(memory) as session:
        document = json.loads(Path(export_ocel(session, tmp_path / "a.json").path).read_text("utf-8"))
        assert (document["events"], document["objects"]) == ([], [])
        assert export_ocel(session, tmp_path / "a.sqlite").events == export_xes(session, tmp_path / "a.xes").events == 0


@pytest.mark.parametrize(("write", "name"), [(export_ocel, "a.xes"), (export_ocel, "a.csv"), (export_xes, "a.json")])
def test_a_name_says_the_form_or_is_refused(session, tmp_path, write, name):
    with pytest.raises(CannotExport, match="name it"):
        write(session, tmp_path / name)


def test_the_log_itself_is_no_target(session, shop):
    with pytest.raises(TargetInLog):
        export_ocel(session, shop / "orders.json")
