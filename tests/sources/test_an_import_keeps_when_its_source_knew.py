"""Lines of another log, lines of another shape and tables: when the source learned of an event stays a claim of the source."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from orders_es.errors import BadSource
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.replay import load_order, load_orders
from orders_es.sources.jsonl import export_jsonl, import_jsonl
from orders_es.sources.order_tables import import_table

THEN = datetime(2011, 6, 1, tzinfo=UTC)
CLAIM = datetime(2011, 5, 1, tzinfo=UTC)


@pytest.fixture
def lines(tmp_path):
    """The export of a log that recorded two events in 2011, of which the second says when it was entered."""
    with open_log(tmp_path / "old", create=True, clock=lambda: THEN) as log:
        log.append("A", [NewEvent(data=OrderCreated(currency="EUR"), occurred_at=CLAIM)], expected=ANY)
        log.append("A", [NewEvent(data=OrderPlaced(), occurred_at=CLAIM, entered_at=CLAIM)], expected=ANY)
        out = tmp_path / "old.jsonl"
        export_jsonl(log, out)
        return out, log.head(), tmp_path / "old"


def test_another_logs_times_of_recording_are_what_it_says(lines, tmp_path):
    path, _, _ = lines
    first, second = map(json.loads, path.read_text().splitlines())
    assert "entered_at" not in first
    assert second["entered_at"] == "2011-05-01T00:00:00.000000Z"
    before = datetime.now(UTC) - timedelta(minutes=1)
    with open_log(tmp_path / "new", create=True) as log:
        import_jsonl(log, path)
        assert [event.entered_at for event in log.load("A")] == [THEN, CLAIM]
        assert all(event.recorded_at > before for event in log.load("A"))
        assert load_order(log, "A", known_at="2011-06-01").status == "placed"
        assert load_orders(log, recorded_by="2011-12-31") == {}
        assert import_jsonl(log, path).events == 0
        again = io.BytesIO()
        export_jsonl(log, again)
    assert [json.loads(line)["entered_at"][:10] for line in again.getvalue().splitlines()] == [
        "2011-06-01",
        "2011-05-01",
    ]


def test_a_log_restored_as_recorded_has_the_same_root(lines, tmp_path):
    path, head, _ = lines
    with open_log(tmp_path / "new", create=True) as log:
        import_jsonl(log, path, as_recorded=True)
        assert log.head() == head
        assert [event.entered_at for event in log.load("A")] == [None, CLAIM]


def test_a_mapping_says_where_lines_of_another_shape_have_it(tmp_path):
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'time_format = "%d.%m.%Y"\n[envelope]\nstream_id = "o"\ntype = "t"\noccurred_at = "at"\nentered_at = "seen"\n'
        '[types.new]\nto = "OrderCreated"\ncurrency = { value = "EUR" }\n'
    )
    source = tmp_path / "a.jsonl"
    source.write_text(
        '{"o":"A","t":"new","at":"01.05.2011","seen":"03.05.2011"}\n{"o":"B","t":"new","at":"01.05.2011"}\n'
    )
    with open_log(":memory:") as log:
        import_jsonl(log, source, mapping=mapping)
        assert log.load("A")[0].entered_at == datetime(2011, 5, 3, tzinfo=UTC)
        assert log.load("B")[0].entered_at is None
    source.write_text('{"o":"C","t":"new","at":"01.05.2011","seen":"soon"}\n')
    with open_log(":memory:") as log, pytest.raises(BadSource, match="seen 'soon'"):
        import_jsonl(log, source, mapping=mapping)


TABLE = (
    "No,Day,Seen,Sku,Qty,Price,Paid,Amount\n"
    "A,2011-05-01,03.05.2011,mug,1,5.00,2011-06-20,10.00\n"
    "A,2011-05-02,04.06.2011,cup,1,5.00,,\n"
    "B,2011-05-02,,cup,1,5.00,2011-05-02,5.00\n"
)
MAPPING = {
    "rows": "line",
    "order": {
        "id": "No",
        "currency": {"value": "EUR"},
        "occurred": "Day",
        "placed": True,
        "entered": {"from": "Seen", "format": "%d.%m.%Y"},
    },
    "line": {"item_id": "Sku", "quantity": "Qty", "price": "Price"},
    "payment": {"at": "Paid", "amount": "Amount"},
}


def test_a_table_says_when_each_row_was_entered(tmp_path):
    source = tmp_path / "orders.csv"
    source.write_text(TABLE)
    with open_log(":memory:") as log:
        import_table(log, source, mapping=MAPPING)
        told = {(e.type, getattr(e.data, "item_id", None)): e.entered_at for e in log.load("A")}
        may, june = datetime(2011, 5, 3, tzinfo=UTC), datetime(2011, 6, 4, tzinfo=UTC)
        assert told == {
            ("OrderCreated", None): may,
            ("ItemAdded", "mug"): may,
            ("ItemAdded", "cup"): june,
            ("OrderPlaced", None): june,
            ("PaymentReceived", None): None,  # on 20 June, which nobody knew when the row was entered
        }
        assert {e.entered_at for e in log.load("B")} == {None}
        assert load_order(log, "A", known_at="2011-05-31").total == 5
        assert load_order(log, "A", known_at="2011-06-30").paid == 0
        assert import_table(log, source, mapping=MAPPING).events == 0


def test_an_event_per_row_is_entered_with_its_row(tmp_path):
    source = tmp_path / "events.csv"
    source.write_text("No,Day,Seen,What\nA,2011-05-01,2011-05-03,new\nA,2011-05-09,2011-05-04,sent\n")
    mapping = {
        "rows": "event",
        "event": {"type": "What", "types": {"new": "OrderCreated", "sent": "OrderShipped"}},
        "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": False, "entered": "Seen"},
    }
    with open_log(":memory:") as log:
        import_table(log, source, mapping=mapping)
        assert [e.entered_at.day for e in log.load("A") if e.entered_at] == [3, 4]
