import re

import pytest

from orders_es.errors import BadSource
from orders_es.sources.olist import import_olist

BAD = [
    ("orders", 2, 0, "", "order_id is empty"),
    ("orders", 2, 0, "plain", "order_id 'plain' is in row 1 already"),
    ("orders", 2, 1, "c9", "customer_id 'c9' is in no row of olist_customers_dataset.csv"),
    ("orders", 3, 2, "", "order_status is empty"),
    ("orders", 3, 3, "", "order_purchase_timestamp is empty"),
    ("orders", 4, 3, "soon", "order_purchase_timestamp 'soon' is not a date and time"),
    ("orders", 1, 4, "2017-02-30 10:00:00", "order_approved_at '2017-02-30 10:00:00' is not a date and time"),
    ("order_items", 1, 0, "lost", "order_id 'lost' is in no row of olist_orders_dataset.csv"),
    ("order_items", 2, 2, "", "product_id is empty"),
    ("order_items", 5, 1, "1", "order_item_id 1 of this order is in row 3 already"),
    ("order_items", 6, 1, "one", "order_item_id 'one' is not a whole number"),
    ("order_items", 6, 5, "29.99999", "price '29.99999' has more than 4 decimals"),
    ("order_items", 6, 5, "-1", "price -1 is negative"),
    ("order_items", 6, 6, "free", "freight_value 'free' is not a number"),
    ("order_items", 6, 6, "", "freight_value is empty"),
    ("order_payments", 4, 1, "3", "payment_sequential 3 of this order is in row 1 already"),
    ("order_payments", 5, 4, "R$ 5", "payment_value 'R$ 5' is not a number"),
    ("customers", 1, 1, "", "customer_unique_id is empty"),
    ("customers", 3, 0, "c1", "customer_id 'c1' is in row 2 already"),
    ("products", 2, 0, "p1", "product_id 'p1' is in row 1 already"),
]


@pytest.mark.long_but_first
@pytest.mark.parametrize(("what", "row", "column", "cell", "reason"), BAD, ids=[case[-1] for case in BAD])
def test_it_stops_the_import_with_file_row_and_reason(log, write, files, what, row, column, cell, reason):
    files[what][row - 1][column] = cell
    if what == "customers" and column == 0:
        files["orders"] = [order for order in files["orders"] if order[1] != "c2"]
        files["order_items"] = [item for item in files["order_items"] if item[0] != "early"]
    with pytest.raises(BadSource, match=re.escape(reason)) as caught:
        import_olist(log, write(files))
    assert (caught.value.path.endswith(f"olist_{what}_dataset.csv"), caught.value.row) == (True, row)
    assert "Nothing was appended" in caught.value.reason
    assert log.head().position == 0


def test_a_row_of_the_wrong_length_is_named(log, write, files):
    files["order_payments"][2].append("more")
    with pytest.raises(BadSource, match="6 fields where the header has 5") as caught:
        import_olist(log, write(files))
    assert caught.value.row == 3


def test_freight_that_no_amount_can_hold_is_named(log, write, files):
    for row in files["order_items"]:
        row[6] = "90000000000000"
    with pytest.raises(BadSource, match="with this row the order's freight has more than 14 digits") as caught:
        import_olist(log, write(files))
    assert caught.value.row == 5
