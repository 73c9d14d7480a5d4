"""Several payments, parcels or discounts in columns of one row; Shopify's export, which says things once per order."""

from decimal import Decimal

import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.replay import load_order
from orders_es.sources.order_tables import import_table

MANY = """rows = "order"
[order]
id = "No"
currency = { value = "EUR" }
occurred = "Day"
placed = true
[[payment]]
at = "Paid 1"
amount = "Amount 1"
method = { value = "card" }
[[payment]]
at = "Paid 2"
amount = "Amount 2"
estimated = true
[[discount]]
amount = "Voucher"
code = { value = "V" }
[[discount]]
amount = "Staff"
[[adjustment]]
amount = "Tax"
reason = { value = "tax" }
[[adjustment]]
amount = "Tip"
[refund]
at = "Back"
amount = "Refund"
"""
ROWS = (
    "No,Day,Paid 1,Amount 1,Paid 2,Amount 2,Voucher,Staff,Tax,Tip,Back,Refund\n"
    "A,2026-06-01,2026-06-02,5,2026-06-03,2.5,1,2,0.4,0,2026-06-09,0\n"
    "B,2026-06-01,,,2026-06-03,7,0,2,-0.1,1,2026-06-09,3\n"
)
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,"
    "Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Shipping Name,Shipping Street,"
    "Shipping City,Shipping Zip,Shipping Province,Shipping Country,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
    "Refunded Amount,Vendor,Outstanding Balance,Id,Source,Lineitem discount\n"
    "#1001,ada@example.com,partially_refunded,2026-06-03 10:15:00 -0400,fulfilled,2026-06-05 09:00:00 -0400,no,USD,47.00,6.00,3.29,56.29,FALL5,5.00,"
    'Standard,2026-06-03 10:14:00 -0400,2,Print - Fern,16.00,,FERN-1,true,true,fulfilled,Ada,Ada,"1, Lane",Town,02134,MA,US,"two\nlines",,,'
    "Shopify Payments,c1.1,20.00,Us,0.00,5550000001,web,0\n"
    "#1001,ada@example.com,,,,,,,,,,,,,,,1,Tote Bag,20.00,,,true,true,fulfilled,,,,,,,,,,,,,,Us,,,,0\n"
    "#1002,bo@example.com,voided,,unfulfilled,,no,USD,25.00,0.00,0.00,25.00,,0.00,,2026-06-10 09:00:00 -0400,1,Mug,25.00,,MUG-1,true,true,"
    "pending,Bo,Bo,2 Road,Ville,00501,NY,US,,,2026-06-11 08:00:00 -0400,,,0.00,Us,25.00,5550000002,web,0\n"
)


@pytest.fixture
def bring(tmp_path):
    def bring(rows, mapping):
        (tmp_path / "orders.csv").write_text(rows)
        if "\n" in mapping:
            (tmp_path / "map.toml").write_text(mapping)
            mapping = tmp_path / "map.toml"
        log = open_log(":memory:")
        done = import_table(log, tmp_path / "orders.csv", mapping)
        assert import_table(log, tmp_path / "orders.csv", mapping).events == 0
        return log, done

    return bring


def test_each_table_makes_events_of_its_own_columns(bring):
    log, _ = bring(ROWS, MANY)
    told = [
        (event.type, getattr(event.data, "amount", None), event.data.time_estimated)
        for event in log.load("A")
        if event.type not in ("OrderCreated", "OrderPlaced")
    ]
    assert told == [
        ("DiscountApplied", Decimal(1), None),
        ("DiscountApplied", Decimal(2), None),
        ("AdjustmentRecorded", Decimal("0.4"), None),
        ("PaymentReceived", Decimal(5), None),
        ("PaymentReceived", Decimal("2.5"), True),
    ], "nothing for what is 0, not even for a refund that has a time"
    assert [event.data.method for event in log.load("A") if event.type == "PaymentReceived"] == ["card", None]
    order = load_order(log, "B")
    assert [order.paid, order.refunded, order.discounts, order.adjustments] == [7, 3, 2, Decimal("0.9")]
    assert order.estimated == "paid"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('amount = "Amount 2"', 'amount = "Amount 3"'), "line 13: "),
        (('amount = "Amount 2"', 'sum = "Amount 2"'), "line 13: 'sum' is no key"),
        (('amount = "Amount 2"', 'amount = "Day"'), "2026-06-01"),
        (("estimated = true", "estimated = 1"), "line 14: estimated = 1: give true or false"),
        (("[order]", "[[order]]"), "line 2: [order] is given once; there may be several of [[shipping]]"),
    ],
)
def test_what_is_wrong_in_one_of_them_is_said_with_its_own_line(bring, change, said):
    with pytest.raises(BadSource) as error:
        bring(ROWS, MANY.replace(*change))
    assert said in str(error.value)


def test_the_export_of_shopify_says_things_of_an_order_in_its_first_row(bring):
    log, _ = bring(SHOPIFY, "shopify")
    order = load_order(log, "#1001")
    assert [order.total, order.paid, order.refunded, order.balance] == [Decimal("56.29"), Decimal("56.29"), 20, 20]
    assert [(line.item_id, line.quantity, line.amount) for line in order.lines] == [
        ("", 0, Decimal("3.29")),  # taxes, which belong to no item
        ("Print - Fern", 2, 32),
        ("Tote Bag", 1, 20),
    ]
    assert (order.created_at.isoformat(), order.postal_code, order.status) == (
        "2026-06-03T14:14:00+00:00",
        "02134",
        "shipped",
    )
    [refund] = [event for event in log.load("#1001") if event.type == "RefundIssued"]
    assert refund.data.time_estimated, "the export does not say when money went back"
    assert load_order(log, "#1002").status == "cancelled"
    assert load_order(log, "#1002", at="2026-06-10T14:00:00Z").total == 25


def test_a_time_of_an_order_that_is_said_twice_or_never_is_a_bad_row(bring):
    with pytest.raises(BadSource, match=r"Created at is empty in every row of the order"):
        bring(SHOPIFY.replace("2026-06-03 10:14:00 -0400", ""), "shopify")
    twice = SHOPIFY.replace(",,1,Tote Bag", ",2026-06-04 10:14:00 -0400,1,Tote Bag")
    with pytest.raises(BadSource, match=r"order\.occurred .* is one value for the whole order"):
        bring(twice, "shopify")


def test_what_does_not_come_to_the_total_of_its_order_is_a_bad_order(bring):
    with pytest.raises(
        BadSource,
        match=r"row 1: Total is 53, and lines, shipping, discounts and adjustments of the order come to 56\.29",
    ):
        bring(SHOPIFY.replace("56.29", "53"), "shopify")
    with pytest.raises(BadSource, match=r"line 7: order\.total is compared with the lines"):
        bring(ROWS, MANY.replace("placed = true\n", 'placed = true\ntotal = "Tip"\n'))
