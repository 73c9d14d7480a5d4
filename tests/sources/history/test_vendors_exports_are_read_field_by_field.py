"""Stripe's events, orders of Shopify's Admin API, change documents of SAP: as their published formats have them, field by field."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.replay import load_order
from orders_es.sources.history import import_history
from orders_es.sources.rows import rows_at

JUNE = 1780304400  # 2026-06-01 09:00 UTC


def event(number, kind, after, previous=None, *, minutes=0):
    data = {"object": after} | ({} if previous is None else {"previous_attributes": previous})
    made = {"id": f"evt_{number}", "object": "event", "api_version": "2025-03-31", "created": JUNE + 60 * minutes}
    return made | {"data": data, "livemode": True, "request": {"id": f"req_{number}"}, "type": kind}


def charge(**said):
    values = {
        "id": "ch_1",
        "object": "charge",
        "created": JUNE,
        "amount": 2100,
        "amount_captured": 2100,
        "amount_refunded": 0,
    }
    more = {"currency": "eur", "customer": "cus_9", "failure_message": None, "status": "succeeded", "refunded": False}
    return values | more | {"metadata": {"order_id": "A-1"}, "card": {"brand": "visa"}} | said


EVENTS = [
    event(1, "charge.succeeded", charge()),
    event(
        2, "charge.updated", charge(metadata={"order_id": "A-1", "vip": "1"}), {"metadata": {"vip": None}}, minutes=5
    ),
    event(3, "charge.refunded", charge(amount_refunded=500), {"amount_refunded": 0}, minutes=90),
]


@pytest.fixture
def write(tmp_path):
    def write(name, *documents, indent=None):
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(one, indent=indent) for one in documents) + "\n")
        return path

    return write


@pytest.mark.long
def test_stripe_comes_as_lines_or_as_pages_newest_first_and_both_are_the_same(write):
    page = {"object": "list", "data": EVENTS[::-1], "has_more": False, "url": "/v1/events"}
    logs = []
    for path in (write("events.jsonl", *EVENTS), write("page.json", page, indent=2), write("pages.jsonl", page)):
        log = open_log(":memory:")
        done = import_history(log, path, mapping="stripe-charges")
        assert (done.shape, done.records) == ("stripe", 3)
        assert [(gap.kind, gap.count) for gap in done.gaps.gaps] == [("means nothing", 1)]
        logs.append([(e.stream_id, e.type, e.occurred_at, e.payload) for e in _events(log)])
        assert import_history(log, path, mapping="stripe-charges").events == 0
    assert logs[0] == logs[1] == logs[2]
    order = load_order(log, "ch_1")
    assert (order.total, order.paid, order.refunded) == (Decimal(21), Decimal(21), Decimal(5))
    assert order.refunded == load_order(log, "ch_1", known_at="2026-06-01T10:30Z").refunded
    assert load_order(log, "ch_1", known_at="2026-06-01T10:29Z").refunded == 0
    changed = log.load("charge/ch_1")[1]
    assert json.loads(changed.data.row_after) == {"metadata.vip": "1"}
    assert (changed.correlation_id, changed.data.reason) == ("req_2", "charge.updated")


def _events(log):
    streams = {stream for batch in log.read(columns=["stream_id"]) for stream in batch.column("stream_id").to_pylist()}
    return [event for stream in sorted(streams) for event in log.load(stream)]


def test_an_invoice_of_stripe_has_lines_and_money_of_its_currency(write):
    line = {
        "id": "il_1",
        "object": "line_item",
        "amount": 5124,
        "description": "Plan",
        "quantity": 1,
        "currency": "kwd",
    }
    draft = {"id": "in_1", "object": "invoice", "created": JUNE, "currency": "kwd", "status": "draft", "amount_paid": 0}
    draft |= {"customer": "cus_9", "lines": {"object": "list", "data": [line]}}
    paid = draft | {"status": "paid", "amount_paid": 5120}
    path = write(
        "invoices.jsonl",
        event(1, "invoice.created", draft),
        event(2, "invoice.paid", paid, {"status": "draft", "amount_paid": 0}, minutes=9),
    )
    log = open_log(":memory:")
    import_history(log, path, mapping="stripe-invoices")
    order = load_order(log, "in_1")
    assert (order.status, order.total, order.paid) == ("paid", Decimal("5.124"), Decimal("5.12"))
    wrong = write("ugx.jsonl", event(1, "charge.succeeded", charge(currency="ugx")))
    with pytest.raises(BadSource, match="UGX come with two decimals or with none"):
        import_history(open_log(":memory:"), wrong, mapping="stripe-charges")


def test_an_object_that_is_older_than_its_first_event_begins_in_the_middle(write):
    path = write("late.jsonl", event(1, "charge.updated", charge(created=JUNE - 86_400), {"refunded": True}))
    assert import_history(open_log(":memory:"), path).gaps.count("begins in the middle") == 1
    broken = write("broken.jsonl", {"type": "charge.updated", "created": JUNE, "data": {}})
    with pytest.raises(BadSource, match="no event of Stripe"):
        import_history(open_log(":memory:"), broken, shape="stripe")


SHOPIFY = {
    "id": 450789469,
    "name": "#1001",
    "currency": "USD",
    "created_at": "2026-06-01T09:00:00-04:00",
    "processed_at": "2026-06-01T09:00:00-04:00",
    "updated_at": "2026-06-03T10:00:00-04:00",
    "cancelled_at": None,
    "cancel_reason": None,
    "financial_status": "partially_refunded",
    "fulfillment_status": "fulfilled",
    "total_price": "43.11",
    "subtotal_price": "35.00",
    "total_tax": "2.11",
    "taxes_included": False,
    "total_discounts": "4.00",
    "discount_codes": [{"code": "SPRING", "amount": "4.00", "type": "fixed_amount"}],
    "source_name": "web",
    "customer": {"id": 207119551},
    "shipping_address": {"country_code": "US", "zip": "02101"},
    "line_items": [
        {
            "id": 1,
            "sku": "CUP",
            "variant_id": 9,
            "title": "Cup",
            "quantity": 3,
            "price": "9.00",
            "fulfillment_status": "fulfilled",
        },
        {"id": 2, "sku": "", "variant_id": 11, "title": "Pot", "quantity": 1, "price": "12.00"},
    ],
    "shipping_lines": [{"id": 3, "title": "Standard", "price": "6.00"}],
    "fulfillments": [
        {
            "id": 4,
            "status": "success",
            "created_at": "2026-06-02T12:00:00-04:00",
            "tracking_company": "UPS",
            "tracking_number": "1Z",
        }
    ],
    "transactions": [
        {
            "id": 5,
            "kind": "sale",
            "status": "success",
            "amount": "43.11",
            "gateway": "bogus",
            "created_at": "2026-06-01T09:01:00-04:00",
        }
    ],
    "refunds": [
        {
            "id": 6,
            "created_at": "2026-06-03T10:00:00-04:00",
            "note": "broken",
            "user_id": 799407056,
            "refund_line_items": [
                {
                    "id": 7,
                    "line_item_id": 1,
                    "quantity": 1,
                    "subtotal": "9.00",
                    "line_item": {"sku": "CUP", "price": "9.00"},
                }
            ],
            "transactions": [
                {
                    "id": 8,
                    "kind": "refund",
                    "status": "success",
                    "amount": "9.00",
                    "created_at": "2026-06-03T10:00:01-04:00",
                }
            ],
        }
    ],
}


@pytest.mark.long
def test_an_order_of_shopify_is_known_as_it_was_before_its_refund(write):
    log = open_log(":memory:")
    done = import_history(log, write("orders.json", {"orders": [SHOPIFY]}, indent=1), mapping="shopify")
    assert (done.shape, done.gaps.count("payments not listed")) == ("shopify", 0)
    order = load_order(log, "450789469")
    assert (order.total, order.paid, order.refunded) == (Decimal("34.11"), Decimal("43.11"), Decimal(9))
    assert (order.status, order.customer_id, order.country) == ("shipped", "207119551", "US")
    assert [(line.item_id, line.quantity) for line in order.lines if line.quantity] == [("CUP", 2), ("11", 1)]
    before = load_order(log, "450789469", known_at="2026-06-03T13:59Z")
    assert (before.total, before.refunded) == (Decimal("43.11"), Decimal(0))
    assert load_order(log, "450789469", known_at="2026-06-02").payment_status == "paid"
    stood = {row["id"]: row for row in rows_at(log, "orders").to_pylist()}
    assert stood["450789469"]["financial_status"] == "partially_refunded"


@pytest.mark.long
def test_a_later_export_of_the_same_order_adds_what_is_new_in_it(write):
    early = {
        **SHOPIFY,
        "refunds": [],
        "fulfillments": [],
        "updated_at": SHOPIFY["created_at"],
        "financial_status": "paid",
    }
    log = open_log(":memory:")
    import_history(log, write("one.jsonl", early), mapping="shopify")
    assert load_order(log, "450789469").status == "paid"
    gone = {
        **SHOPIFY,
        "cancelled_at": "2026-06-04T08:00:00-04:00",
        "cancel_reason": "customer",
        "updated_at": "2026-06-04T08:00:01-04:00",
    }
    import_history(log, write("two.jsonl", SHOPIFY), mapping="shopify")
    import_history(log, write("three.jsonl", gone), mapping="shopify")
    order = load_order(log, "450789469")
    assert (order.status, order.cancel_reason, order.total) == ("cancelled", "customer", Decimal("34.11"))
    assert import_history(log, write("again.jsonl", gone), mapping="shopify").events == 0
    unlisted = {name: value for name, value in SHOPIFY.items() if name != "transactions"}
    done = import_history(open_log(":memory:"), write("unlisted.jsonl", unlisted))
    assert done.gaps.count("payments not listed") == 1


HEADERS = pa.table(
    {
        "MANDANT": ["100"] * 3,
        "OBJECTCLAS": ["VERKBELEG"] * 3,
        "OBJECTID": ["0000012345"] * 3,
        "CHANGENR": ["0000000901", "0000000902", "0000000903"],
        "USERNAME": ["MEIER", "SCHMIDT", "MEIER"],
        "UDATE": ["20260601", "20260602", "20260603"],
        "UTIME": ["090000", "143005", "000000"],
        "TCODE": ["VA01", "VA02", "VA02"],
        "CHANGE_IND": ["I", "U", "U"],
    }
)
NAMES = ("CHANGENR", "TABNAME", "TABKEY", "FNAME", "CHNGIND", "VALUE_NEW", "VALUE_OLD", "CUKY_NEW", "CUKY_OLD")
ITEMS = [
    ("0000000901", "VBAP", "1000000012345000010", "KEY", "I", "", "", "", ""),
    ("0000000902", "VBAP", "1000000012345000010", "KWMENG", "U", "          5.000 ", "          2.000 ", "", ""),
    ("0000000902", "VBAK", "1000000012345", "NETWR", "U", "      12.50-", "      10.00 ", "EUR", "EUR"),
    ("0000000902", "VBAP", "1000000012345000010", "ABGRU", "U", "Z1", "", "", ""),
    ("0000000903", "VBAP", "1000000012345000010", "KWMENG", "E", "", "5.000", "", ""),
    ("0000000903", "VBAP", "1000000012345000010", "ABGRU", "E", "", "Z1", "", ""),
]


def items(rows):
    given = {name: [row[i] for row in rows] for i, name in enumerate(NAMES)}
    return pa.table({"OBJECTCLAS": ["VERKBELEG"] * len(rows), "OBJECTID": ["0000012345"] * len(rows), **given})


def test_a_change_document_of_sap_is_one_change_of_each_entry_with_all_its_fields():
    log = open_log(":memory:")
    done = import_history(log, items(ITEMS), transactions=HEADERS)
    assert (done.shape, done.rows, done.records, done.gaps.gaps) == ("sap", 6, 4, (done.gaps.gaps[0],))
    assert (done.gaps.gaps[0].kind, done.gaps.gaps[0].table) == ("begins in the middle", "VBAK")
    entry = log.load("VBAP/1000000012345000010")
    assert [event.type for event in entry] == ["RowInserted", "RowChanged", "RowDeleted"]
    assert json.loads(entry[1].data.row_after) == {"KWMENG": "5.000", "ABGRU": "Z1"}
    assert (entry[1].actor, entry[1].correlation_id, entry[1].data.reason) == ("SCHMIDT", "0000000902", "VA02")
    assert entry[1].entered_at == datetime(2026, 6, 2, 14, 30, 5, tzinfo=UTC)
    assert json.loads(log.load("VBAK/1000000012345")[0].data.row_after)["NETWR.CUKY"] == "EUR"
    assert import_history(log, items(ITEMS), transactions=HEADERS).events == 0


def test_a_minus_behind_a_number_of_sap_is_one_and_a_missing_header_is_said():
    rules = {
        "stream": "OBJECTID",
        "event": [{"type": "AdjustmentRecorded", "table": "VBAK", "on": ["inserted", "changed"], "amount": "NETWR"}],
    }
    log = open_log(":memory:")
    import_history(log, items(ITEMS[2:3]), transactions=HEADERS, mapping=rules)
    assert log.load("0000012345")[0].data.amount == Decimal("-12.5")
    with pytest.raises(BadSource, match="change document 0000000902 has no header"):
        import_history(open_log(":memory:"), items(ITEMS[1:2]), transactions=HEADERS.slice(0, 1))
    with pytest.raises(BadSource, match="CHNGIND 'X' is none of U, I, J, D, E, V"):
        import_history(open_log(":memory:"), items([(*ITEMS[1][:4], "X", *ITEMS[1][5:])]), transactions=HEADERS)
    with pytest.raises(BadSource, match="twice"):
        import_history(open_log(":memory:"), items(ITEMS), transactions=pa.concat_tables([HEADERS, HEADERS]))


def test_transactions_of_continuum_may_stand_in_a_file_of_their_own():
    versions = pa.table({"id": ["1"], "status": ["open"], "transaction_id": ["5"], "operation_type": ["0"]})
    transactions = pa.table({"id": ["5"], "issued_at": ["2026-06-01 10:00:00"], "user_id": ["u"]})
    log = open_log(":memory:")
    done = import_history(log, versions, transactions=transactions, key="id", table="orders")
    assert (done.shape, log.load("orders/1")[0].actor) == ("sqlalchemy-continuum", "u")
