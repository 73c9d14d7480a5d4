"""`entered` of a mapping: when the source says that it learned of a thing. What it does not say is not made up."""

import copy
from typing import Any

import pyarrow as pa
import pytest

from orders_es.errors import BadSource, SourceConflict
from orders_es.sources.order_tables import import_table, preview_table

LINES = {
    "No": ["A", "A", "B"],
    "Day": ["2026-06-03", "2026-06-03", "2026-06-04"],
    "Keyed": ["05.06.2026 10:00", "07.06.2026 10:00", ""],
    "SKU": ["cup", "pot", "cup"],
    "Qty": [1, 2, 1],
    "Price": ["1", "2", "1"],
    "Ship": ["4", "", ""],
    "Paid": ["2026-06-08", "", "2026-06-09"],
    "Booked": ["2026-06-10", "", ""],
    "Sum": ["9", "", "1"],
    "Type": ["item", "item", "item"],
}
MAPPING: dict[str, Any] = {
    "rows": "line",
    "order": {
        "id": "No",
        "currency": {"value": "EUR"},
        "occurred": "Day",
        "entered": {"from": "Keyed", "format": "%d.%m.%Y %H:%M", "tz": "Europe/Berlin"},
        "placed": True,
    },
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
    "shipping": {"amount": "Ship"},
    "payment": {"at": "Paid", "amount": "Sum", "entered": "Booked"},
}


def entered(log, stream):
    return [(event.type, event.entered_at and f"{event.entered_at:%d %H}") for event in log.load(stream)]


def test_each_event_was_entered_with_its_row_or_as_its_own_column_says(log):
    import_table(log, pa.table(LINES), MAPPING)
    assert entered(log, "A") == [
        ("OrderCreated", "05 08"),
        ("ShippingCharged", "05 08"),
        ("ItemAdded", "05 08"),
        ("ItemAdded", "07 08"),
        ("OrderPlaced", "07 08"),
        ("PaymentReceived", "10 00"),
    ]
    assert {at for _, at in entered(log, "B")} == {None}
    assert import_table(log, pa.table(LINES), MAPPING).events == 0


def test_a_later_event_was_not_entered_when_its_order_was(log):
    mapping = copy.deepcopy(MAPPING)
    del mapping["payment"]["entered"]
    import_table(log, pa.table(LINES), mapping)
    assert entered(log, "A")[-1] == ("PaymentReceived", None)


def test_the_same_file_with_other_times_of_entry_is_noticed(log):
    import_table(log, pa.table(LINES), MAPPING)
    mapping = copy.deepcopy(MAPPING)
    mapping["order"]["entered"]["tz"] = "UTC"
    with pytest.raises(
        SourceConflict, match="was entered 2026-06-05 08:00:00Z in the log and 2026-06-05 10:00:00Z in the file"
    ):
        import_table(log, pa.table(LINES), mapping)


def test_where_a_row_is_an_event_it_was_entered_when_the_row_was(log):
    mapping = {
        "rows": "event",
        "order": MAPPING["order"],
        "event": {"type": "Type", "types": {"item": "ItemAdded", "pay": "PaymentReceived"}},
        "line": MAPPING["line"],
        "payment": {"amount": "Sum"},
    }
    table = LINES | {"Type": ["item", "pay", "item"], "Sum": ["", "9", ""]}
    import_table(log, pa.table(table), mapping)
    assert entered(log, "A") == [
        *(("OrderCreated", "05 08"), ("ItemAdded", "05 08"), ("PaymentReceived", "07 08"), ("OrderPlaced", "05 08")),
    ]
    mapping["payment"] = {"amount": "Sum", "entered": "Booked"}
    with pytest.raises(BadSource, match="'entered' is no key of"):
        preview_table(pa.table(table), mapping)


def test_lines_of_another_table_have_times_of_entry_of_their_own(log):
    orders = {"No": ["A"], "Day": ["2026-06-03"], "Keyed": ["2026-06-04"]}
    lines = {"Of": ["A"], "SKU": ["cup"], "Qty": [1], "Price": ["1"], "Keyed": ["2026-06-05"]}
    mapping: dict[str, Any] = {
        "rows": "order",
        "order": MAPPING["order"] | {"entered": "Keyed"},
        "line": MAPPING["line"] | {"order": "Of", "entered": "Keyed"},
    }
    import_table(log, pa.table(orders), mapping, lines=pa.table(lines))
    assert entered(log, "A") == [("OrderCreated", "04 00"), ("ItemAdded", "05 00"), ("OrderPlaced", "05 00")]


def test_a_time_of_entry_that_is_none_is_a_bad_row():
    with pytest.raises(BadSource, match="row 2: Keyed 'soon' is not written as"):
        preview_table(pa.table(LINES | {"Keyed": ["05.06.2026 10:00", "soon", ""]}), MAPPING)
