from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es import orders as o
from orders_es.replay import load_order
from orders_es.sources.olist import import_olist


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(log, stream):
    return [(event.data, event.occurred_at) for event in log.load(stream)]


def kinds(log, stream):
    return [event.type for event in log.load(stream)]


def test_purchase_approval_hand_over_and_delivery_in_this_order(imported):
    purchased, approved = moment("2017-10-02 10:56:33"), moment("2017-10-02 11:07:15")
    perfume = {"item_id": "p1", "quantity": 1, "price": Decimal("29.99"), "description": "perfumaria"}
    created = o.OrderCreated(
        currency="BRL", customer_id="person-1", country="BR", postal_code="03149", source_status="delivered"
    )
    assert told(imported, "plain") == [
        (created, purchased),
        (o.ItemAdded(**perfume), purchased),
        (o.ItemAdded(item_id="p2", quantity=1, price=Decimal("10.50")), purchased),
        (o.ItemAdded(**perfume), purchased),
        (o.ShippingCharged(amount=Decimal("18.69")), purchased),
        (o.OrderPlaced(), purchased),
        (o.PaymentReceived(amount=Decimal("71.17"), method="credit_card"), approved),
        (o.PaymentReceived(amount=Decimal("18.00"), method="voucher"), approved),
        (o.PaymentReceived(amount=Decimal(0), method="voucher"), approved),
        (o.OrderShipped(), moment("2017-10-04 19:55:00")),
        (o.OrderDelivered(), moment("2017-10-10 21:25:13")),
    ]
    order = load_order(imported, "plain")
    assert (order.total, order.paid, order.status) == (Decimal("89.17"), Decimal("89.17"), "delivered")


def test_streams_stand_in_the_order_of_the_orders_file(imported):
    events = [event for batch in imported.read() for event in batch.to_pylist()]
    assert list(dict.fromkeys(e["stream_id"] for e in events)) == [
        "plain",
        "early",
        "undated",
        "bare",
        "gone",
        "unapproved",
    ]
    assert {e["actor"] for e in events} == {"import:olist"}


def test_a_hand_over_before_approval_and_purchase_keeps_its_time(imported):
    times = {event.type: event.occurred_at for event in imported.load("early")}
    assert times["OrderShipped"] == moment("2017-10-05 11:00:00") < times["OrderPlaced"]
    assert load_order(imported, "early").status == "shipped"


def test_what_was_delivered_without_a_date_has_the_status_of_the_source_and_no_delivery(imported):
    assert kinds(imported, "undated") == ["OrderCreated", "OrderPlaced", "OrderShipped"]
    assert imported.load("undated")[0].data.source_status == "delivered"


def test_an_order_without_items_has_no_shipping(imported):
    assert kinds(imported, "bare") == ["OrderCreated", "OrderPlaced", "PaymentReceived", "OrderCancelled"]


def test_free_freight_is_a_charge_of_nothing(imported):
    charged = [event.data for event in imported.load("gone") if event.type == "ShippingCharged"]
    assert charged == [o.ShippingCharged(amount=Decimal(0))]


@pytest.mark.parametrize(
    ("stream", "reason", "latest"),
    [("bare", "unavailable", "2017-10-05 15:00:00"), ("gone", "canceled", "2017-10-08 10:00:00")],
)
def test_a_cancellation_is_at_the_last_time_known_and_says_that_it_is_estimated(imported, stream, reason, latest):
    last = imported.load(stream)[-1]
    assert (last.data, last.occurred_at) == (o.OrderCancelled(reason=reason, time_estimated=True), moment(latest))
    assert load_order(imported, stream).status == "cancelled"


def test_the_latest_of_all_four_times_counts(log, write, files):
    files["orders"][0][2] = "canceled"
    files["orders"][0][6] = "2017-10-03 00:00:00"
    import_olist(log, write(files))
    assert log.load("plain")[-1].occurred_at == moment("2017-10-04 19:55:00")


def test_a_payment_without_an_approval_is_at_the_time_of_purchase(imported):
    paid = [event for event in imported.load("unapproved") if event.type == "PaymentReceived"]
    assert [(e.data.method, e.occurred_at) for e in paid] == [("not_defined", moment("2017-10-07 08:00:00"))]


def test_two_orders_of_one_person_have_one_customer(imported):
    assert {load_order(imported, stream).customer_id for stream in ("plain", "early")} == {"person-1"}


def test_zip_prefixes_keep_their_leading_zeros(imported):
    assert imported.load("early")[0].data.postal_code == "00001"


def test_zip_prefixes_that_were_saved_as_numbers_get_them_back(log, write, files):
    for row in files["customers"]:
        row[2] = str(int(row[2]))
    import_olist(log, write(files))
    assert [log.load(stream)[0].data.postal_code for stream in ("early", "bare", "plain")] == [
        "00001",
        "01037",
        "03149",
    ]


def test_times_are_read_in_the_zone_given(log, write, files):
    import_olist(log, write(files), tz="America/Sao_Paulo")
    assert log.load("early")[0].occurred_at == moment("2017-10-05 12:00:00") + timedelta(hours=3)


def test_a_time_that_the_clocks_skipped_is_read_with_the_offset_before(log, write, files):
    files["orders"][0][3] = "2017-10-15 00:30:00"
    import_olist(log, write(files), tz="America/Sao_Paulo")
    assert log.load("plain")[0].occurred_at == moment("2017-10-15 03:30:00")
    assert log.load("early")[0].occurred_at == moment("2017-10-05 15:00:00")
