from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders_es import orders as o
from orders_es.errors import BadSource
from orders_es.replay import load_order
from orders_es.sources.olist import import_olist
from orders_es.sources.tables.options import TableOptions


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(log, stream):
    return [(event.data, event.occurred_at) for event in log.load(stream)]


def kinds(log, stream):
    return [event.type for event in log.load(stream)]


def test_purchase_approval_hand_over_and_delivery_in_this_order(imported):
    purchased, approved = moment("2017-10-02 10:56:33"), moment("2017-10-02 11:07:15")
    perfume: dict[str, Any] = {
        "item_id": "p1",
        "quantity": 1,
        "price": Decimal("29.99"),
        "description": "perfumaria",
        "seller_id": "s1",
    }
    created = o.OrderCreated(
        currency="BRL",
        customer_id="person-1",
        country="BR",
        postal_code="03149",
        city="são paulo",
        state="SP",
        source_status="delivered",
        promised_at=moment("2017-12-24 00:00:00"),
    )
    assert told(imported, "plain") == [
        (created, purchased),
        (o.ItemAdded(**perfume), purchased),
        (o.ItemAdded(item_id="p2", quantity=1, price=Decimal("10.50"), seller_id="s1"), purchased),
        (o.ItemAdded(**perfume), purchased),
        (o.ShippingCharged(amount=Decimal("18.69")), purchased),
        (o.OrderPlaced(), purchased),
        (o.PaymentReceived(amount=Decimal("71.17"), method="credit_card", installments=1), approved),
        (o.PaymentReceived(amount=Decimal("18.00"), method="voucher", installments=1), approved),
        (o.PaymentReceived(amount=Decimal(0), method="voucher", installments=1), approved),
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


def test_a_payment_without_an_approval_is_at_the_time_of_purchase_which_is_an_estimate(imported):
    paid = [event for event in imported.load("unapproved") if event.type == "PaymentReceived"]
    assert [(e.data.method, e.data.time_estimated, e.occurred_at) for e in paid] == [
        ("not_defined", True, moment("2017-10-07 08:00:00"))
    ]
    assert load_order(imported, "unapproved").estimated == "paid"
    assert load_order(imported, "plain").estimated is None


def test_the_import_says_how_many_times_are_estimates(log, write, files):
    done = import_olist(log, write(files))
    assert done.estimated == sum(
        bool(event.data.time_estimated) for name in log.stream_ids() for event in log.load(name)
    )
    assert "3 events at an estimated time" in str(done)


@pytest.mark.parametrize("status", ["Canceled ", "CANCELED", "\u00a0canceled", "canceled\u200b", "Unavailable"])
def test_a_status_counts_whatever_its_case_and_the_blanks_around_it(log, write, files, status):
    files["orders"][0][2] = status
    import_olist(log, write(files))
    order = load_order(log, "plain")
    assert (order.status, order.source_status) == ("cancelled", status.strip("\u200b").strip().lower())


@pytest.mark.parametrize("status", ["cancelado", "cancelled", "deliverd", "nan"])
def test_a_status_that_the_files_do_not_have_stops_the_import(log, write, files, status):
    files["orders"][0][2] = status
    with pytest.raises(BadSource, match=rf"row 1: order_status '{status}' is none of created, approved, .*unavailable"):
        import_olist(log, write(files))
    assert log.head().position == 0


@pytest.mark.parametrize(
    ("cell", "code"), [("1409.0", "01409"), ("1409", "01409"), (" 01409 ", "01409"), ("nan", None), ("", None)]
)
def test_a_prefix_that_went_through_a_spreadsheet_is_whole_again(log, write, files, cell, code):
    files["customers"][1][2] = cell
    import_olist(log, write(files))
    assert load_order(log, "plain").postal_code == code


@pytest.mark.parametrize("cell", ["1409.5", "1.409E3", "01409-000", "SP", "-1"])
def test_what_is_no_prefix_of_a_postal_code_stops_the_import(log, write, files, cell):
    files["customers"][1][2] = cell
    with pytest.raises(BadSource, match=r"customer_zip_code_prefix .* is not the beginning of a postal code"):
        import_olist(log, write(files))


def test_cells_that_say_nan_say_nothing(log, write, files):
    files["customers"][1][3:] = ["nan", "NaN"]
    files["order_payments"][1][3] = "nan"
    import_olist(log, write(files))
    order = load_order(log, "plain")
    assert (order.city, order.state) == (None, None)
    assert [e.data.installments for e in log.load("plain") if e.type == "PaymentReceived"] == [None, 1, 1]


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


def test_a_time_that_the_clocks_skipped_is_refused_until_somebody_says_how_to_read_it(log, write, files):
    files["orders"][0][3] = "2017-10-15 00:30:00"
    folder = write(files)
    with pytest.raises(
        BadSource, match=r"was never: the clocks of America/Sao_Paulo skipped it.*--skipped-hour before"
    ):
        import_olist(log, folder, tz="America/Sao_Paulo")
    assert log.head().position == 0
    import_olist(log, folder, tz="America/Sao_Paulo", reading=TableOptions(skipped_hour="before"))
    assert log.load("plain")[0].occurred_at == moment("2017-10-15 03:30:00")
    assert log.load("early")[0].occurred_at == moment("2017-10-05 15:00:00")
