"""`session.diff`: the rows of any read model that differ between two moments, and the events by which they do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.errors import InvalidSetting
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import AsOf, ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=10)


def _order(log, order_id, customer, currency, occurred_at, actor):
    events = [
        OrderCreated(currency=currency, customer_id=customer),
        ItemAdded(item_id="rose", quantity=2, price=Decimal("1.50")),
        OrderPlaced(),
    ]
    log.append(order_id, [NewEvent(data=e, occurred_at=occurred_at, actor=actor) for e in events], expected=NO_STREAM)


@pytest.fixture(scope="module")
def session():
    with open_log(":memory:", create=True) as log:
        _order(log, "A-1", "ann", "EUR", START, "web")
        _order(log, "B-1", "bob", "JPY", START, "web")
        _order(log, "A-2", "ann", "EUR", LATER, "clerk")
        paid = NewEvent(data=PaymentReceived(amount=Decimal(3), method="card"), occurred_at=LATER, actor="bank")
        log.append("B-1", [paid], expected=3)
        with connect(log) as session:
            yield session


@pytest.mark.long
def test_each_row_has_the_events_that_belong_to_it_and_no_others(session):
    found = {row.customer_id: row for row in session.diff("customer_value", from_="2025-06-05")}
    ann = found["ann"]
    assert (ann.change, ann.monetary_before, ann.monetary_after) == ("changed", Decimal(3), Decimal(6))
    assert {cause["stream_id"] for cause in ann.causes} == {"A-2"}
    assert ann.caused_by == "3 events by clerk: ItemAdded, OrderCreated, OrderPlaced"
    assert {cause["currency"] for cause in ann.causes} == {"EUR"}
    assert [cause["position"] for cause in ann.causes] == [7, 8, 9]
    assert all(cause["recorded_at"] >= LATER for cause in ann.causes)


@pytest.mark.long
def test_what_only_counts_events_is_hidden_unless_asked_for(session):
    [paid] = [row for row in session.diff("orders", from_="2025-06-05") if row.order_id == "B-1"]
    assert set(paid.changed) == {"status", "payment_status", "paid", "balance", "paid_at"}
    assert paid.caused_by == "1 event by bank: PaymentReceived"
    everything = session.diff("orders", from_="2025-06-05", bookkeeping=True)
    assert "version_after" in everything.columns
    assert "version_after" not in session.diff("orders", from_="2025-06-05").columns


@pytest.mark.long
def test_of_any_read_model_it_is_the_difference_of_its_two_answers(session):
    chosen = {"orders", "order_items", "customer_value", "daily_sales", "activity"}
    for model in (model for model in session.models if model.name in chosen):
        moments = ["2025-06-30", "2025-06-05"]  # backwards: what is known at the second is less
        found = session.diff(model.name, from_=moments[0], to=moments[1], bookkeeping=True)
        keys = [found.columns.index(name) for name in model.key]
        sides = [
            {
                row[: len(keys)]: row
                for row in session.sql(f"SELECT {', '.join(model.key)}, it FROM {model.name} AS it", at=m).rows()
            }
            for m in moments
        ]
        differ = {key for key in sides[0].keys() | sides[1].keys() if sides[0].get(key) != sides[1].get(key)}
        assert {tuple(row[place] for place in keys) for row in found.rows()} == differ, model.name


@pytest.mark.long
def test_both_clocks_and_the_same_moment_twice(session):
    assert len(session.diff("orders", from_="2025-06-05", to="2025-06-05")) == 0
    learned = session.diff("orders", from_=AsOf(at=LATER, known_at=START), to=AsOf(at=LATER))
    assert {row.change for row in learned} == {"created"}
    log_of = session.diff(
        "customer_value", from_=AsOf(recorded_by=START), to=AsOf(recorded_by=datetime(2100, 1, 1, tzinfo=UTC))
    )
    assert {row.change for row in log_of} == {"created"}


def test_what_cannot_be_compared_is_refused(session):
    with pytest.raises(InvalidSetting, match="did you mean 'customer_value'"):
        session.diff("customer_valu")
    with pytest.raises(InvalidSetting, match="one clock or both"):
        session.diff("orders", from_=AsOf(version=3))


def test_where_the_key_leads_to_no_event_that_is_said(session):
    answer = session.diff("status_transitions", from_="2025-06-05")
    assert "no causes are named" in answer.notes[0]
    assert all(row.causes == [] and row.caused_by == "" for row in answer)
