from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.orders import AdjustmentRecorded, ItemAdded, ItemReturned, OrderCreated, OrderPlaced
from orders_es.sources.online_retail import import_online_retail

NOON = datetime(2010, 12, 1, 12, 0)  # noqa: DTZ001 - the file has no zone
MINUTE = timedelta(minutes=1)


def data(events):
    return [event.data for event in events]


def test_an_invoice_is_created_then_its_lines_then_placed(events_of, line):
    events = events_of([line(), line(code="71053", description="LANTERN", price=Decimal("3.39"))])
    assert data(events) == [
        OrderCreated(currency="GBP", customer_id="17850", country="United Kingdom"),
        ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55"), description="HEART HOLDER"),
        ItemAdded(item_id="71053", quantity=6, price=Decimal("3.39"), description="LANTERN"),
        OrderPlaced(),
    ]
    assert [event.version for event in events] == [1, 2, 3, 4]


def test_customer_country_and_description_may_be_absent(events_of, line):
    created, added, _ = data(events_of([line(customer=None, country=None, description=None)]))
    assert created == OrderCreated(currency="GBP")
    assert added == ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55"))


def test_the_first_customer_given_is_the_invoices(events_of, line):
    created, *_ = data(events_of([line(customer=None), line(customer=17850), line(customer=13047)]))
    assert created.customer_id == "17850"


def test_a_negative_quantity_is_a_return_of_a_positive_one(events_of, line):
    events = events_of([line("C536379", quantity=-1, price=Decimal("27.50"))], stream="C536379")
    assert data(events)[1] == ItemReturned(
        item_id="85123A", quantity=1, price=Decimal("27.50"), description="HEART HOLDER"
    )


def test_stock_written_off_on_a_plain_invoice_is_a_return_at_price_zero(events_of, line):
    _, returned, _ = data(events_of([line(quantity=-38, price=Decimal(0), description=None)]))
    assert returned == ItemReturned(item_id="85123A", quantity=38, price=Decimal(0))


def test_a_quantity_of_zero_is_kept_as_a_line_of_nothing(events_of, line):
    assert data(events_of([line(quantity=0)]))[1].quantity == 0


@pytest.mark.parametrize(
    ("quantity", "price", "amount"), [(1, "11062.06", "11062.06"), (1, "-11062.06", "-11062.06"), (-2, "3.5", "-7")]
)
def test_a_line_of_an_a_invoice_is_an_adjustment_with_its_sign(events_of, line, quantity, price, amount):
    rows = [line("A563185", code="B", description="Adjust bad debt", quantity=quantity, price=Decimal(price))]
    assert data(events_of(rows, stream="A563185"))[1] == AdjustmentRecorded(
        amount=Decimal(amount), item_id="B", quantity=quantity, reason="Adjust bad debt"
    )


def test_equal_lines_are_two_lines(events_of, line):
    events = events_of([line(), line()])
    assert data(events)[1] == data(events)[2]
    assert events[1].event_id != events[2].event_id


def test_each_event_keeps_its_lines_own_time_and_the_order_spans_them(events_of, line):
    events = events_of([line(time=NOON), line(time=NOON + MINUTE)])
    at = NOON.replace(tzinfo=UTC)
    assert [event.occurred_at for event in events] == [at, at, at + MINUTE, at + MINUTE]


def test_an_order_spans_its_lines_where_they_go_back_in_time(events_of, line):
    events = events_of([line(time=NOON + MINUTE), line(time=NOON), line(time=NOON + MINUTE)])
    at = NOON.replace(tzinfo=UTC)
    assert [event.occurred_at for event in events] == [at, at + MINUTE, at, at + MINUTE, at + MINUTE]


def test_an_invoice_whose_lines_stand_apart_is_one_stream_in_file_order(log, write, line):
    path = write(
        [line("1", code="A1"), line("2", code="B1"), line("1", code="A2"), line("3", code="C1"), line("2", code="B2")]
    )
    assert import_online_retail(log, path).streams == 3
    items = [e["item_id"] for batch in log.read() for e in batch.to_pylist() if e["type"] == "ItemAdded"]
    assert items == ["A1", "A2", "B1", "B2", "C1"]


def test_exact_small_prices_survive(events_of, line, kind):
    events = events_of([line(price=Decimal(p)) for p in ("0.001", "2.55", "0.1234", "13541.33")], name="lines" + kind)
    prices = [event.data.price for event in events if event.type == "ItemAdded"]
    assert prices == [Decimal("0.001"), Decimal("2.55"), Decimal("0.1234"), Decimal("13541.33")]


def test_times_are_read_in_the_zone_given(events_of, line):
    events = events_of([line(time=datetime(2011, 7, 1, 9, 0))], tz="Europe/London")  # noqa: DTZ001
    assert events[1].occurred_at == datetime(2011, 7, 1, 8, 0, tzinfo=UTC)


def test_the_time_of_recording_is_the_time_of_the_import(events_of, line):
    before = datetime.now(UTC)
    events = events_of([line()])
    assert all(before <= event.recorded_at <= datetime.now(UTC) for event in events)


def test_currency_and_actor_are_recorded_as_given(events_of, line):
    events = events_of([line()], currency="EUR", actor="nightly")
    assert events[0].data.currency == "EUR"
    assert {event.actor for event in events} == {"nightly"}


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": "ignore"},
        {"quarantine": "bad.csv"},
        {"tz": "Mars/Olympus"},
        {"currency": "pounds"},
        {"batch_events": 0},
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_read(log, tmp_path, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        import_online_retail(log, tmp_path / "there is no such file.csv", **options)
    assert log.head().position == 0
