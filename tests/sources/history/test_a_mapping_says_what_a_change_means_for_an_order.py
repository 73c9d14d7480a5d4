"""Changes of rows as events of orders: from histories and from dumps, with the line of what is wrong in a mapping."""

import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.replay import load_order
from orders_es.sources.dumps import import_dumps
from orders_es.sources.history import import_history

PAGE = (Path(__file__).parents[3] / "docs" / "import-history.md").read_text(encoding="utf-8")
SIMPLE = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
LINES = """
stream = "order_id"
[[event]]
type = "OrderCreated"
table = "orders"
on = "inserted"
currency = "currency"
occurred = "placed_at"
[[event]]
type = "ItemAdded"
table = "lines"
on = "inserted"
item_id = "sku"
quantity = "qty"
price = "price"
[[event]]
type = "ItemQuantityChanged"
table = "lines"
on = "changed"
changed = "qty"
item_id = "sku"
difference = { difference = "qty" }
price = "price"
[[event]]
type = "ItemRemoved"
table = "lines"
on = "deleted"
item_id = "sku"
quantity = "qty"
price = "price"
"""


def audit(*changes):
    rows = [
        {"id": str(i), "ts": f"2026-06-{i:02} 10:00Z", "table_name": table, "op": op, "record": new, "old_record": old}
        for i, (table, op, new, old) in enumerate(changes, 1)
    ]
    schema = pa.schema([(name, pa.string()) for name in rows[0]])
    return pa.Table.from_pylist(rows, schema=schema)


def line(qty):
    return f'{{"id": 9, "order_id": "A", "sku": "cup", "qty": {qty}, "price": 4.50}}'


ORDER = '{"id": 1, "order_id": "A", "currency": "EUR", "placed_at": "2026-05-31 08:00Z"}'
CHANGES = (
    ("orders", "INSERT", ORDER, None),
    ("lines", "INSERT", line(2), None),
    ("lines", "UPDATE", line(5), line(2)),
    ("lines", "UPDATE", line(5).replace("cup", "mug"), line(5)),
    ("lines", "DELETE", None, line(5)),
)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "changes.toml"
        path.write_text(text)
        return path

    return write


def test_lines_of_orders_in_a_table_of_their_own(toml):
    log = open_log(":memory:")
    done = import_history(log, audit(*CHANGES), mapping=toml(LINES), key="id")
    assert [event.type for event in log.load("A")] == [
        "OrderCreated",
        "ItemAdded",
        "ItemQuantityChanged",
        "ItemRemoved",
    ]
    assert load_order(log, "A", at="2026-06-01").status == "created"
    assert load_order(log, "A", at="2026-06-02").total == Decimal(9)
    assert load_order(log, "A", at="2026-06-03").total == Decimal("22.5")
    assert load_order(log, "A").total == 0
    assert log.load("A")[0].occurred_at.day == 31
    assert log.load("A")[1].causation_id == str(log.load("lines/9")[0].event_id)
    assert {gap.kind: gap.count for gap in done.gaps.gaps} == {"means nothing": 1, "before differs": 1}
    assert import_history(log, audit(*CHANGES), mapping=toml(LINES), key="id").events == 0


def test_a_longer_history_goes_on_in_the_orders_streams(toml):
    log = open_log(":memory:")
    import_history(log, audit(*CHANGES[:2]), mapping=toml(LINES), key="id")
    import_history(log, audit(*CHANGES[:3]), mapping=toml(LINES), key="id")
    assert [event.version for event in log.load("A")] == [1, 2, 3]
    assert load_order(log, "A").total == Decimal("22.5")


def test_dumps_a_status_that_was_jumped_over_and_a_time_that_nobody_knows(toml, tmp_path):
    (tmp_path / "orders-2026-06-01.csv").write_text("id,status,total\n1,open,21.00\n2,paid,4.50\n")
    (tmp_path / "orders-2026-06-02.csv").write_text("id,status,total\n1,shipped,21.00\n2,shipped,4.50\n")
    log = open_log(":memory:")
    done = import_dumps(log, tmp_path / "orders-*.csv", key="id", at_from_name="%Y-%m-%d", mapping=toml(SIMPLE))
    assert [event.type for event in log.load("1")] == [event.type for event in log.load("2")]
    paid = log.load("1")[1]
    assert (paid.type, paid.data.amount, paid.data.time_estimated) == ("PaymentReceived", Decimal(21), True)
    assert log.load("orders/1")[1].data.changed_after < paid.occurred_at
    assert done.gaps.count("means nothing") == 1
    assert load_order(log, "1", at="2026-06-01").paid == 0


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('type = "ItemRemoved"', 'type = "ItemLost"'), "line 25: type = 'ItemLost': no event type"),
        (('price = "price"\n[[event]]\ntype = "ItemQ', '[[event]]\ntype = "ItemQ'), "line 9: ItemAdded lacks price"),
        (('quantity = "qty"', 'quantity = ["qty", "id"]'), "line 14: quantity = ['qty', 'id']: two columns"),
        (('quantity = "qty"', 'amount = "qty"'), "line 14: ItemAdded has no field 'amount'"),
        (("sku", "article"), "item_id"),
        (('on = "deleted"', 'on = "gone"'), "line 27: on = 'gone'"),
        (
            ('table = "lines"\non = "deleted"', 'table = "lines"\non = "deleted"\noccurred = "when"'),
            "names the column 'when'",
        ),
        (('quantity = "qty"', 'quantity = "sku"'), "lines/9 at 2026-06-02 10:00:00: sku 'cup' is not a whole number"),
        (('stream = "order_id"', 'stream = "order"'), "order is empty"),
    ],
)
def test_what_is_wrong_is_one_error_with_its_line_and_nothing_is_appended(toml, change, said):
    log = open_log(":memory:")
    with pytest.raises(BadSource, match="Nothing was appended") as error:
        import_history(log, audit(*CHANGES), mapping=toml(LINES.replace(change[0], change[1], 1)), key="id")
    assert said in str(error.value)
    assert log.head().position == 0


def test_an_orders_currency_does_not_change(toml):
    text = LINES.replace('on = "inserted"\ncurrency', 'on = ["inserted", "changed"]\ncurrency')
    changes = (CHANGES[0], ("orders", "UPDATE", ORDER.replace("EUR", "USD"), ORDER))
    with pytest.raises(BadSource, match="the currency of order 'A' is USD, and was EUR"):
        import_history(open_log(":memory:"), audit(*changes), mapping=toml(text), key="id")


def test_events_kept_a_few_at_a_time_are_the_same(toml, monkeypatch):
    def brought(**how):
        log = open_log(":memory:")
        import_history(log, audit(*CHANGES), key="id", mapping=toml(LINES), **how)
        return [(event.type, event.payload, event.occurred_at, event.event_id) for event in log.load("A")]

    whole = brought()
    assert len(whole) == 4
    monkeypatch.setattr("orders_es.sources.rows.meaning._BATCH", 1)
    assert brought(batch_events=2) == whole
