"""A moment that nobody recorded is shown as an estimate, counts where it stands, and is in no length of time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es import orders as o
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.replay import connect, history, load_order

START = datetime(2025, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def life(*steps):
    """Events (hours since the start, event), created and placed at the start."""
    first = [
        (0, o.OrderCreated(currency="EUR", customer_id="c")),
        (0, o.ItemAdded(item_id="m", quantity=1, price=Decimal(9))),
    ]
    return [NewEvent(data=data, occurred_at=START + hours * HOUR) for hours, data in [*first, *steps]]


PAID = o.PaymentReceived(amount=Decimal(9))
GUESSED = {
    "placed": o.OrderPlaced(time_estimated=True),
    "paid": o.PaymentReceived(amount=Decimal(9), time_estimated=True),
    "shipped": o.OrderShipped(time_estimated=True),
    "delivered": o.OrderDelivered(time_estimated=True),
    "cancelled": o.OrderCancelled(time_estimated=True),
}
KNOWN = {"placed": o.OrderPlaced(), "paid": PAID, "shipped": o.OrderShipped(), "delivered": o.OrderDelivered()}


def log_of(lives):
    log = open_log(":memory:", clock=lambda: START + 1000 * HOUR)
    for number, events in enumerate(lives):
        log.append(f"A-{number}", events, expected=NO_STREAM)
    return log


@pytest.mark.long_but_first
@pytest.mark.parametrize("guessed", ["placed", "paid", "shipped", "delivered"])
def test_ways_and_cycle_times_count_the_order_and_not_its_wait(guessed):
    steps = [(n, GUESSED[step] if step == guessed else event) for n, (step, event) in enumerate(KNOWN.items(), 1)]
    with log_of([life(*steps)]) as log, connect(log) as session:
        assert load_order(log, "A-0").estimated == guessed
        ways = session.sql("SELECT from_status, to_status, orders, timed, median_wait FROM status_transitions").rows()
        assert {(a, b): (orders, timed, wait) for a, b, orders, timed, wait in ways} == {
            pair: (1, 0, None) if guessed in pair else (1, 1, 3600.0)
            for pair in zip(["created", *KNOWN], KNOWN, strict=False)
        }
        times = session.sql("SELECT from_step, to_step, orders, estimated, p50 IS NULL FROM cycle_times").rows()
        assert {(a, b): rest for a, b, *rest in times} == {
            pair: [0, 1, True] if guessed in pair else [1, 0, False]
            for pair in [*zip(["created", *KNOWN], KNOWN, strict=False), ("created", "delivered")]
        }


def test_ways_and_funnel_of_one_moment_say_the_same_of_a_guessed_cancellation():
    delivered = [(n, event) for n, event in enumerate(KNOWN.values(), 1)]
    lives = [life((1, o.OrderPlaced()), (1, GUESSED["cancelled"])), life(*delivered, (4, GUESSED["cancelled"]))]
    with log_of(lives) as log, connect(log) as session:
        ways = (
            "SELECT from_status, orders, median_wait FROM status_transitions WHERE to_status = 'cancelled' ORDER BY ALL"
        )
        assert session.sql(ways).rows() == [("delivered", 1, None), ("placed", 1, None)]
        funnel = "SELECT status, cancelled FROM order_funnel WHERE cancelled > 0 ORDER BY ALL"
        assert session.sql(funnel).rows() == [("delivered", 1), ("placed", 1)]


def test_nobody_knows_how_long_an_order_has_waited_since_a_guess():
    quick = [life((1, o.OrderPlaced()), (2, PAID), (3, o.OrderShipped())) for _ in range(10)]
    lives = [*quick, life((1, o.OrderPlaced()), (2, GUESSED["paid"])), life((1, o.OrderPlaced()), (2, PAID))]
    with log_of(lives) as log, connect(log) as session:
        late = session.sql("SELECT order_id FROM late_orders WHERE status = 'paid'", at=START + 900 * HOUR).rows()
        assert late == [("A-11",)]


def test_what_is_owed_since_a_guess_has_an_unknown_age():
    tried = (2, o.PaymentFailed(amount=Decimal(9)))
    with (
        log_of([life((1, GUESSED["placed"]), tried), life((1, o.OrderPlaced()), tried)]) as log,
        connect(log) as session,
    ):
        rows = session.sql("SELECT days_31_60, days_unknown, owed FROM receivables", at=START + 900 * HOUR).rows()
        assert rows == [(Decimal(9), Decimal(9), Decimal(18))]


def test_sales_say_how_many_of_their_times_are_guesses():
    lives = [life((1, GUESSED["placed"]), (2, GUESSED["paid"]), (3, GUESSED["cancelled"])), life((1, o.OrderPlaced()))]
    with log_of(lives) as log, connect(log) as session:
        for model, expected in (("daily_sales", 3), ("restatements", 1), ("activity", 3)):
            assert session.sql(f"SELECT sum(estimated)::INT FROM {model}").rows() == [(expected,)]
        later = "SELECT sum(recorded_later)::INT, sum(events)::INT FROM activity"
        assert session.sql(later).rows() == [(4 + 1, 8)]


def test_a_history_marks_it_and_calls_nothing_late_beside_it():
    with log_of([life((9, GUESSED["placed"]), (5, PAID))]) as log:
        rows = list(history(log, "A-0"))
        assert [(row.type, row.estimated, row.late) for row in rows[2:]] == [
            ("OrderPlaced", True, False),
            ("PaymentReceived", False, False),
        ]
        assert "~2025-03-03 21:00:00" in str(history(log, "A-0"))
        assert "placed (time estimated)" in str(history(log, "A-0"))
