"""OCEL and XES files become orders: ours as they were, others' by a mapping, and what is neither is refused in words."""

import gzip
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders_es.errors import BadSource
from orders_es.export.process import export_ocel, export_xes
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.replay import connect
from orders_es.sources.process import import_ocel, import_xes
from orders_es.sources.simulator import SimulatorSettings, simulate_into

FORMS = [("json", export_ocel, import_ocel), ("sqlite", export_ocel, import_ocel), ("xes.gz", export_xes, import_xes)]
_SAME = (
    "SELECT stream_id, version, event_id, type, occurred_at, coalesce(entered_at, recorded_at), actor, correlation_id, "
    "causation_id, payload FROM events ORDER BY stream_id, version"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    place = tmp_path_factory.mktemp("shop") / "log"
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(place, orders=30, seed=11, start=datetime(2025, 1, 1, tzinfo=UTC), days=90, settings=few_lines)
    with open_log(place) as log, connect(log) as session:
        yield session


@pytest.fixture
def log():
    with open_log(":memory:") as log:
        yield log


@pytest.mark.long
@pytest.mark.parametrize(("ending", "write", "read"), FORMS, ids=[form[0] for form in FORMS])
def test_what_was_exported_comes_back_event_for_event_and_once(shop, log, tmp_path, ending, write, read):
    done = write(shop, tmp_path / f"a.{ending}")
    assert read(log, done.path).events == done.events
    assert read(log, done.path).events == 0
    with connect(log) as session:
        assert session.sql(_SAME).rows() == shop.sql(_SAME).rows()


@pytest.mark.long_but_first
@pytest.mark.parametrize(("ending", "write", "read"), FORMS, ids=[form[0] for form in FORMS])
def test_a_file_of_a_moment_gives_the_orders_of_that_moment(shop, log, tmp_path, ending, write, read):
    read(log, write(shop, tmp_path / f"a.{ending}", known_at="2025-02-10").path)
    query = 'SELECT * EXCLUDE ("position", version) FROM orders ORDER BY order_id'
    with connect(log) as session:
        assert session.sql(query).rows() == shop.sql(query, known_at="2025-02-10").rows()


def ocel(events, objects, **more):
    return json.dumps(
        {
            "eventTypes": [],
            "objectTypes": [{"name": "orders", "attributes": []}],
            "events": events,
            "objects": objects,
            **more,
        }
    )


def event(id_, kind, *objects, **values):
    return {
        "id": id_,
        "type": kind,
        "time": "2023-04-03T08:01:28Z",
        "attributes": [{"name": name, "value": value} for name, value in values.items()],
        "relationships": [{"objectId": each, "qualifier": ""} for each in objects],
    }


ORDERS = [
    {"id": "o-1", "type": "orders", "attributes": [{"name": "price", "value": 37.5, "time": "1970-01-01T00:00:00Z"}]},
    {"id": "o-2", "type": "orders"},
]
MAPPING = """
ignore_fields = ["objects", "trace"]
ignore_types = ["look"]
[envelope]
stream_id = "stream"
event_id = "id"
type = "type"
occurred_at = "time"
payload = "payload"
[types.place]
to = "OrderCreated"
currency = { value = "EUR" }
channel = "channel"
[types.pay]
to = "PaymentReceived"
amount = "objects.orders.price"
[types.send]
to = "OrderShipped"
"""


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "shop.toml"
    path.write_text(MAPPING, "utf-8")
    return path


@pytest.fixture
def source(tmp_path):
    return tmp_path / "theirs.json"


def test_another_tools_objects_become_orders_by_a_mapping(log, mapping, source):
    events = [
        event("e1", "place", "o-1", channel="web"),
        event("e2", "place", "o-2"),
        event("e3", "look"),
        event("e4", "pay", "o-1"),
        event("e5", "send", "o-1", "o-2"),
    ]
    source.write_text(ocel(events, ORDERS), "utf-8")
    done = import_ocel(log, source, mapping=mapping, object_type="orders", each=True)
    assert (done.events, done.streams) == (5, 2)
    assert [e.type for e in log.load("o-1")] == ["OrderCreated", "PaymentReceived", "OrderShipped"]
    assert log.load("o-1")[1].data.amount == Decimal("37.5")
    assert [e.type for e in log.load("o-2")] == ["OrderCreated", "OrderShipped"]
    assert import_ocel(log, source, mapping=mapping, object_type="orders", each=True).events == 0


def test_an_event_of_several_orders_has_no_one_stream(log, mapping, source):
    source.write_text(ocel([event("e1", "place", "o-1"), event("e5", "send", "o-1", "o-2")], ORDERS), "utf-8")
    with pytest.raises(
        BadSource, match=r"row 2: the event 'e5' \(send\) touches 2 objects of the type 'orders'.*--each"
    ):
        import_ocel(log, source, mapping=mapping, object_type="orders")
    assert log.head().position == 0


def test_another_tools_traces_become_orders_by_a_mapping(log, mapping, tmp_path):
    path = tmp_path / "theirs.xes.gz"
    path.write_bytes(
        gzip.compress(
            b'<log xmlns="http://www.xes-standard.org/"><trace><string key="concept:name" value="c-7"/><event>'
            b'<string key="concept:name" value="place"/><date key="time:timestamp" value="2023-04-03T10:00:00+02:00"/>'
            b'<string key="channel" value="web"/></event></trace></log>'
        )
    )
    text = mapping.read_text("utf-8").replace('event_id = "id"\n', "")
    mapping.write_text(text, "utf-8")
    assert import_xes(log, path, mapping=mapping).events == 1
    [created] = log.load("c-7")
    assert (created.data.channel, created.occurred_at.isoformat()) == ("web", "2023-04-03T08:00:00+00:00")


BAD_OCEL = {
    "not json": ("{", "it is no OCEL 2.0 JSON"),
    "another json": ('{"orders": []}', "it is no OCEL 2.0 JSON"),
    "the first edition": ('{"ocel:events": {}}', "this reads 2.0"),
    "no events": (ocel([], []), "it has no events"),
    "an object that is missing": (
        ocel([event("e1", "place", "o-9")], ORDERS),
        "row 1: the event 'e1' touches the object 'o-9'",
    ),
    "an object twice": (ocel([event("e1", "place")], [*ORDERS, ORDERS[0]]), "the object 'o-1' is there twice"),
    "an event twice": (ocel([event("e1", "place"), event("e1", "pay")], ORDERS), "the event 'e1' is there twice"),
    "not ours": (
        ocel([event("e1", "place", "o-1")], ORDERS),
        "its event types are 'place'; its object types are orders.*--mapping",
    ),
}


@pytest.mark.parametrize(("text", "says"), BAD_OCEL.values(), ids=BAD_OCEL)
def test_a_file_that_does_not_hold_together_is_refused_in_words(log, source, text, says):
    source.write_text(text, "utf-8")
    with pytest.raises(BadSource, match=says):
        import_ocel(log, source)
    assert log.head().position == 0


BAD_XES = {
    "another element": (b"<html/>", "its first element is 'html'"),
    "no xml": (b"orders", "it is no XES"),
    "cut off": (b"<log><trace>", "it is no XES"),
    "a packed file cut off": (gzip.compress(b"<log/>")[:-5], "it is no XES"),
    "no events": (b"<log/>", "it has no events"),
    "no name": (b"<log><trace><event/></trace></log>", "row 1: the event cannot be placed"),
    "entities": (
        b'<!DOCTYPE log [<!ENTITY a "'
        + b"a" * 1000
        + b'">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 100) for n in range(6))
        + b"]><log><trace><string key='concept:name' value='&g;'/></trace></log>",
        "it is no XES",
    ),
}


@pytest.mark.parametrize(("raw", "says"), BAD_XES.values(), ids=BAD_XES)
def test_a_xes_file_that_cannot_be_read_is_refused_in_words(log, tmp_path, raw, says):
    path = tmp_path / "a.xes"
    path.write_bytes(raw)
    with pytest.raises(BadSource, match=says):
        import_xes(log, path)


def test_a_database_that_is_none_of_ocel_is_refused_in_words(log, tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection:
        connection.execute("CREATE TABLE orders (id)")
    with pytest.raises(BadSource, match=r"it is no OCEL 2\.0 database"):
        import_ocel(log, tmp_path / "a.sqlite")


@pytest.mark.parametrize("options", [{"object_type": "orders"}, {"each": True}])
def test_options_for_others_files_need_a_mapping(log, source, options):
    with pytest.raises(ValueError, match="needs a mapping="):
        import_ocel(log, source, **options)


def test_the_object_type_has_to_be_one_of_the_file(log, mapping, source):
    source.write_text(ocel([event("e1", "place", "o-1")], ORDERS), "utf-8")
    with pytest.raises(ValueError, match="one of orders"):
        import_ocel(log, source, mapping=mapping, object_type="order")


@pytest.mark.long
def test_a_bad_event_is_named_by_its_number_in_the_file(shop, log, tmp_path):
    done = export_ocel(shop, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text("utf-8"))
    next(a for a in document["events"][6]["attributes"] if a["name"] == "version")
    document["events"][6]["time"] = "noon"
    (tmp_path / "a.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(BadSource, match="row 7") as caught:
        import_ocel(log, done.path)
    assert caught.value.path == done.path


def test_a_bad_event_can_be_set_aside_with_its_order(log, tmp_path):
    with open_log(":memory:") as first, connect(first) as session:
        for order in ("a", "b"):
            first.append(
                order,
                [OrderCreated(currency="EUR"), ItemAdded(item_id="x", quantity=1, price=Decimal(1)), OrderPlaced()],
                expected=NO_STREAM,
            )
        export_ocel(session, tmp_path / "a.json")
    text = (
        (tmp_path / "a.json")
        .read_text("utf-8")
        .replace('{"name":"quantity","value":"1"}', '{"name":"quantity","value":"one"}', 1)
    )
    document = json.loads(text)
    bad = next(e for e in document["events"] if e["type"] == "ItemAdded")
    next(a for a in bad["attributes"] if a["name"] == "quantity")["value"] = "one"
    (tmp_path / "a.json").write_text(json.dumps(document), "utf-8")
    done = import_ocel(log, tmp_path / "a.json", on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (done.events, done.quarantined) == (3, 3)
    assert "quantity" in (tmp_path / "bad.csv").read_text("utf-8")
