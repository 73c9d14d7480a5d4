"""The shapes of tables: one row an event, lines in a table of their own, several payments, totals beside prices."""

import copy
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.replay import load_order
from orders_es.sources.order_tables import import_table, preview_table

EVENTS = {
    "No": ["A", "A", "A", "A", "B", "A", "A", "B", "A"],
    "When": [
        "2026-06-03 10:00",
        *["2026-06-03 09:00"] * 3,
        "2026-06-03 12:00",
        *["2026-06-04"] * 2,
        "2026-06-05",
        "2026-06-06",
    ],
    "Type": ["order", "item", "item", "note", "item", "pay", "pay", "void", "back"],
    "SKU": ["", "cup", "pot", "", "cup", "", "", "", "cup"],
    "Qty": ["", "2", "1", "", "1", "", "", "", "1"],
    "Amount": ["", "4.50", "12", "", "4.50", "20", "1.00", "", "4.50"],
    "How": ["", "", "", "", "", "card", "cash", "", ""],
}
BY_EVENT: dict[str, Any] = {
    "rows": "event",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "When"},
    "event": {
        "type": "Type",
        "types": {
            "order": "OrderPlaced",
            "item": "ItemAdded",
            "note": False,
            "pay": "PaymentReceived",
            "void": "OrderCancelled",
            "back": "ItemReturned",
        },
    },
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Amount"},
    "payment": {"amount": "Amount", "method": "How"},
}


def told(log, stream):
    return [event.type for event in log.load(stream)]


def refused(table, mapping, **more):
    with pytest.raises(BadSource) as caught:
        preview_table(pa.table(table), mapping, **more)
    return str(caught.value)


def test_each_row_is_the_event_that_its_type_says_in_the_order_of_its_time(log):
    import_table(log, pa.table(EVENTS), BY_EVENT)
    assert told(log, "A") == [
        *(
            "OrderCreated",
            "ItemAdded",
            "ItemAdded",
            "OrderPlaced",
            "PaymentReceived",
            "PaymentReceived",
            "ItemReturned",
        ),
    ]
    assert told(log, "B") == ["OrderCreated", "ItemAdded", "OrderCancelled"]
    order = load_order(log, "A")
    assert (order.total, order.paid) == (Decimal("16.50"), Decimal(21))
    assert [event.data.method for event in log.load("A") if event.type == "PaymentReceived"] == ["card", "cash"]
    assert import_table(log, pa.table(EVENTS), BY_EVENT).events == 0


def test_a_row_that_creates_the_order_says_when_and_comes_once(log):
    mapping = copy.deepcopy(BY_EVENT)
    mapping["event"]["types"]["note"] = "OrderCreated"
    table = EVENTS | {"When": ["2026-06-03 10:00"] * 3 + ["2026-06-01", *["2026-06-04"] * 5]}
    import_table(log, pa.table(table), mapping)
    assert log.load("A")[0].occurred_at.day == 1
    twice = table | {"Type": ["note", *EVENTS["Type"][1:]]}
    assert "row 4: the order is created in row 1 already" in refused(twice, mapping)


def test_what_an_event_needs_is_needed_in_its_rows_only():
    assert "row 6: Amount is empty" in refused(EVENTS | {"Amount": ["", "1", "1", "", "1", "", "1", "", "1"]}, BY_EVENT)
    assert "row 2: SKU is empty" in refused(EVENTS | {"SKU": [""] * 9}, BY_EVENT)


def test_a_type_that_the_mapping_does_not_name_is_refused():
    assert "row 4: Type 'memo' is no type" in refused(
        EVENTS | {"Type": [*EVENTS["Type"][:3], "memo", *EVENTS["Type"][4:]]}, BY_EVENT
    )
    assert "Type '' is no type" in refused(EVENTS | {"Type": ["", *EVENTS["Type"][1:]]}, BY_EVENT)


@pytest.mark.parametrize(
    ("section", "change", "says"),
    [
        ("event", {"types": {"x": "OrderPaid"}}, "is no event that a row can be"),
        ("event", {"types": {}}, "[event.types] says which value"),
        ("event", {"types": {"x": "RefundIssued"}}, "RefundIssued needs [refund]"),
        ("order", {"placed": True}, "rows say when orders are placed"),
        ("payment", {"at": "When"}, "'at' is no key"),
        ("payment", {"per": "row"}, "'per' is no key"),
        ("line", {"order": "No"}, "'order' is no key"),
    ],
)
def test_a_mapping_of_events_that_makes_no_sense_is_refused(section, change, says):
    mapping = copy.deepcopy(BY_EVENT)
    mapping[section] |= change
    assert says in refused(EVENTS, mapping)


ORDERS: dict[str, Any] = {
    "No": ["A", "B"],
    "Day": ["2026-06-03", "2026-06-04"],
    "Cur": ["EUR", "USD"],
    "Paid": ["2026-06-05", ""],
    "Sum": ["13.35", ""],
}
LINES: dict[str, Any] = {
    "Order": ["A", "B", "A"],
    "SKU": ["cup", "cup", "pot"],
    "Qty": [3, 1, 1],
    "Price": ["0.45", "0.45", "12"],
}
APART: dict[str, Any] = {
    "rows": "order",
    "order": {"id": "No", "currency": "Cur", "occurred": "Day", "placed": True},
    "line": {"order": "Order", "item_id": "SKU", "quantity": "Qty", "price": "Price"},
    "payment": {"at": "Paid", "amount": "Sum"},
}


def test_lines_may_stand_in_a_table_of_their_own(log):
    both = {"source": pa.table(ORDERS), "mapping": APART, "lines": pa.table(LINES)}
    assert import_table(log, **both).rows == 5
    assert told(log, "A") == ["OrderCreated", "ItemAdded", "ItemAdded", "OrderPlaced", "PaymentReceived"]
    order = load_order(log, "A")
    assert (order.total, order.balance, order.lines[1].item_id) == (Decimal("13.35"), Decimal(0), "pot")
    assert load_order(log, "B").currency == "USD"
    assert import_table(log, **both).events == 0


def test_a_line_without_its_order_is_bad_and_an_order_without_lines_is_not():
    lonely = LINES | {"Order": ["A", "C", "A"]}
    assert "row 2: there is no order 'C' in the table of orders" in refused(ORDERS, APART, lines=pa.table(lonely))
    some = preview_table(pa.table(ORDERS), APART, lines=pa.table({name: cells[:1] for name, cells in LINES.items()}))
    assert (some.orders, some.first[1].total) == (2, Decimal(0))


@pytest.mark.parametrize("broken", ["orders", "lines"])
def test_a_bad_row_in_either_table_sets_the_whole_order_aside_in_both(log, tmp_path, broken):
    orders, lines = dict(ORDERS), dict(LINES)
    if broken == "orders":
        orders["Day"] = ["soon", "2026-06-04"]
    else:
        lines["Qty"] = ["3", "1", "one"]
    aside = tmp_path / "bad.csv"
    done = import_table(log, pa.table(orders), APART, lines=pa.table(lines), on_error="quarantine", quarantine=aside)
    assert (done.streams, done.quarantined) == (1, 3)
    assert aside.read_text().count("\n") == 2
    assert (tmp_path / "bad.lines.csv").read_text().count("\n") == 3
    assert list(log.existing(["A", "B"])) == ["B"]


def test_two_tables_need_a_mapping_of_two_tables_and_the_other_way_round():
    assert "give it with lines=" in refused(ORDERS, APART)
    one: dict[str, Any] = APART | {"line": {"item_id": "No", "quantity": {"value": 1}, "price": "Sum"}}
    assert "does not say which of its columns" in refused(ORDERS, one, lines=pa.table(LINES))
    assert 'goes with rows = "order"' in refused(ORDERS, APART | {"rows": "line"}, lines=pa.table(LINES))
    assert "comes from the column 'Order', and" in refused(ORDERS, APART, lines=pa.table(ORDERS | {"Sum": ["1", "2"]}))


FLAT = {
    "No": ["A", "A", "A"],
    "Day": ["2026-06-03"] * 3,
    "SKU": ["cup", "pot", "jar"],
    "Qty": [1, 1, 1],
    "Price": ["10", "20", "30"],
    "Off": ["1", "0", "3"],
    "Paid at": ["2026-06-05", "2026-06-04", ""],
    "Paid": ["26", "30", ""],
    "Back at": ["", "2026-06-08", "2026-06-09"],
    "Back": ["", "5", "5"],
}
PER_ROW: dict[str, Any] = {
    "rows": "line",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
    "discount": {"amount": "Off", "per": "row"},
    "payment": {"at": "Paid at", "amount": "Paid", "per": "row"},
    "refund": {"at": "Back at", "amount": "Back", "per": "row"},
}


def test_amounts_payments_and_refunds_may_be_said_of_each_row(log):
    import_table(log, pa.table(FLAT), PER_ROW)
    order = load_order(log, "A")
    assert (order.total, order.paid, order.refunded) == (Decimal(56), Decimal(56), Decimal(10))
    assert told(log, "A").count("DiscountApplied") == told(log, "A").count("PaymentReceived") == 2
    assert [event.occurred_at.day for event in log.load("A")[-4:]] == [4, 5, 8, 9]
    assert "Paid is empty, and Paid at says" in refused(FLAT | {"Paid": ["26", "", ""]}, PER_ROW)


def with_totals(*totals, quantity=3, price="0.33", rounding=False):
    mapping = copy.deepcopy(PER_ROW)
    for name in ("discount", "payment", "refund"):
        del mapping[name]
    mapping["line"] |= {"total": "Sum"} | ({"rounding": "adjustment"} if rounding else {})
    n = len(totals)
    table = {"No": ["A"] * n, "Day": ["2026-06-03"] * n, "SKU": ["x"] * n, "Qty": [quantity] * n}
    return table | {"Price": [price] * n, "Sum": list(totals)}, mapping


def test_a_total_beside_a_price_is_compared_with_it():
    table, mapping = with_totals("0.99")
    assert preview_table(pa.table(table), mapping).first[0].total == Decimal("0.99")
    table, mapping = with_totals("0.99", "1.00")
    assert "row 2: Sum 1 is not Qty 3 times Price 0.33, which is 0.99; rounding" in refused(table, mapping)


def test_what_rounding_leaves_over_is_an_adjustment_and_nothing_else_is():
    table, mapping = with_totals("1.00", rounding=True)
    assert preview_table(pa.table(table), mapping).first[0].total == Decimal("1.00")
    table, mapping = with_totals("0.90", rounding=True)
    assert "more than rounding explains" in refused(table, mapping)
