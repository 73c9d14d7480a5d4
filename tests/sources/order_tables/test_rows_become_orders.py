import copy
import sqlite3
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import BadSource
from orders_es.replay import load_order
from orders_es.sources.order_tables import import_table, preview_table

LINES = {
    "No": ["A-1", "A-1", "B-2"],
    "Day": ["2026-06-03 09:00", "2026-06-04 09:00", "2026-06-05 09:00"],
    "SKU": ["cup", "cup", "pot"],
    "Qty": [3, -1, 1],
    "Sum": ["10.00", "-3.30", "12"],
}
BY_TOTAL: dict[str, Any] = {
    "rows": "line",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
    "line": {"item_id": "SKU", "quantity": "Qty", "total": "Sum", "rounding": "adjustment", "negative": "return"},
}


def types(log, stream):
    return [event.type for event in log.load(stream)]


def test_lines_that_stand_apart_are_one_order_and_what_stands_once_counts_once(log, shop, mapping):
    import_table(log, shop, mapping)
    assert types(log, "A-1") == ["OrderCreated", "ItemAdded", "ItemAdded", "OrderPlaced", "PaymentReceived"]
    assert types(log, "A-2") == ["OrderCreated", "ItemAdded", "OrderPlaced"]
    order = load_order(log, "A-1")
    assert (order.total, order.balance, order.customer_id) == (Decimal(21), Decimal(0), "17850")
    assert order.lines[0].item_id == "007"


def test_importing_again_adds_nothing(log, shop, mapping):
    first = import_table(log, shop, mapping)
    again = import_table(log, shop, mapping)
    assert (again.events, again.duplicates) == (0, first.events)


def test_totals_come_out_exactly_and_negative_quantities_come_back(log):
    import_table(log, pa.table(LINES), BY_TOTAL)
    assert types(log, "A-1") == ["OrderCreated", "ItemAdded", "AdjustmentRecorded", "ItemReturned", "OrderPlaced"]
    assert load_order(log, "A-1").total == Decimal("6.70")
    assert load_order(log, "A-1").placed_at.day == 3


@pytest.mark.parametrize(
    ("key", "named"), [("rounding", 'rounding = "adjustment"'), ("negative", 'negative = "return"')]
)
def test_without_the_rule_such_a_row_is_refused_and_the_rule_named(log, key, named):
    mapping = copy.deepcopy(BY_TOTAL)
    del mapping["line"][key]
    with pytest.raises(BadSource, match=named):
        import_table(log, pa.table(LINES), mapping)
    assert log.head().position == 0


def connection():
    sqlite = sqlite3.connect(":memory:")
    sqlite.execute("CREATE TABLE lines (No, Day, SKU, Qty, Sum)")
    sqlite.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", zip(*LINES.values(), strict=True))
    return sqlite


@pytest.mark.long
def test_every_kind_of_table_gives_the_same_orders(tmp_path):
    table = pa.table(LINES)
    pq.write_table(table, tmp_path / "lines.parquet")
    sqlite = connection()
    with duckdb.connect() as duck:
        duck.register("lines", table)
        asked = "SELECT * FROM lines"
        frames = [table, pd.DataFrame(LINES), pl.DataFrame(LINES), duck.sql(asked), tmp_path / "lines.parquet"]
        previews = [preview_table(frame, BY_TOTAL) for frame in frames]
        previews += [preview_table(base, BY_TOTAL, query=f"{asked} ORDER BY rowid") for base in (sqlite,)]
        previews.append(preview_table(duck, BY_TOTAL, query=asked))
    sqlite.close()
    assert {str(preview.first) for preview in previews} == {str(previews[0].first)}
    assert previews[0].orders == 2


def test_a_frame_is_the_same_source_however_it_is_cut(log):
    table = pa.table(LINES)
    import_table(log, table, BY_TOTAL)
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert import_table(log, pieces, BY_TOTAL).events == 0


def test_a_row_may_be_an_order_with_all_that_happened_to_it(log):
    orders = pa.table(
        {
            "Shop": ["DE", "FR"],
            "No": ["1", "1"],
            "Created": ["2026-06-03", "2026-06-04"],
            "Shipping": ["4.95", "0"],
            "Discount": ["1.00", ""],
            "Paid": ["2026-06-04", ""],
            "Total": ["20", "20"],
            "Shipped": ["2026-06-05", ""],
            "Arrived": ["2026-06-06", ""],
            "Cancelled": ["", "2026-06-05"],
            "Why": ["", "out of stock"],
        }
    )
    mapping = {
        "rows": "order",
        "order": {
            "id": ["Shop", "No"],
            "separator": "/",
            "currency": {"value": "EUR"},
            "occurred": "Created",
            "placed": "Created",
        },
        "shipping": {"amount": "Shipping"},
        "discount": {"amount": "Discount"},
        "payment": {"at": "Paid", "amount": "Total"},
        "shipped": {"at": "Shipped"},
        "delivered": {"at": {"from": "Arrived", "format": "%Y-%m-%d"}},
        "cancelled": {"at": "Cancelled", "reason": "Why"},
    }
    import_table(log, orders, mapping)
    assert types(log, "DE/1") == [
        *("OrderCreated", "ShippingCharged", "DiscountApplied", "OrderPlaced", "PaymentReceived", "OrderShipped"),
        "OrderDelivered",
    ]
    assert types(log, "FR/1") == ["OrderCreated", "OrderPlaced", "OrderCancelled"]


def test_bad_rows_set_their_whole_orders_aside(log, shop, mapping, tmp_path):
    right = shop.read_text(encoding="utf-8")
    shop.write_text(right.replace("011;Jar;1", "011;Jar;one"), encoding="utf-8")
    done = import_table(log, shop, mapping, on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (done.streams, done.quarantined) == (1, 2)
    assert "Qty 'one' is not a whole number" in (tmp_path / "bad.csv").read_text()
    shop.write_text(right, encoding="utf-8")
    completed = import_table(log, shop, mapping, skip_known=True)
    assert (completed.streams, load_order(log, "A-1").total) == (1, Decimal(21))


def test_a_failed_import_leaves_no_log(shop, mapping, tmp_path):
    shop.write_text(shop.read_text(encoding="utf-8").replace("011;Jar;1", "011;Jar;one"), encoding="utf-8")
    with pytest.raises(BadSource, match="row 3"):
        import_table(tmp_path / "log", shop, mapping)
    assert not (tmp_path / "log").exists()
    assert (
        import_table(tmp_path / "log", shop, mapping, on_error="quarantine", quarantine=tmp_path / "q.csv").streams == 1
    )


amounts = st.decimals(min_value=0, max_value=10**6, places=2)


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 50), amounts), min_size=1, max_size=12))
def test_an_order_comes_to_the_sum_of_its_totals_whatever_divides(lines):
    names, quantities, totals = zip(*lines, strict=True)
    table = pa.table(
        {"No": names, "Day": ["2026-06-03"] * len(lines), "SKU": ["x"] * len(lines), "Qty": quantities, "Sum": totals}
    )
    shown = preview_table(table, BY_TOTAL, orders=3).first
    expected = {name: sum(total for other, _, total in lines if other == name) for name in names}
    assert {order.order_id: order.total for order in shown} == expected


def test_two_different_things_in_one_order_are_refused_for_every_field_that_is_one_value(shop, mapping, log):
    text = shop.read_text(encoding="utf-8")
    for old, new, named in (
        ("09:20;17850", "09:20;17851", "Customer is '17851' here and '17850' in row 1"),
        ("12,00;EUR;;", "12,00;EUR;;3,00", "Paid is 3 here and 21 in row 1"),
        ("12,00;EUR;;", "12,00;EUR;15.06.2026;", "Paid at is 2026-06-15"),
    ):
        shop.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(BadSource, match=named):
            import_table(log, shop, mapping)
    assert log.head().position == 0
