"""What tells how orders went their way, beside loops over decoded events, on any history at any moment."""

import itertools
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from math import ceil
from zoneinfo import ZoneInfo

import pytest

from orders_es.orders import fold

pytestmark = pytest.mark.hypothesis  # `make test-long` draws many more histories
MICROSECOND = timedelta(microseconds=1)
STEPS = ["created", "placed", "paid", "shipped", "delivered"]
ORDER_OF_STATUSES = ["new", *STEPS, "cancelled"]


def lives(asked):
    """Of each order (status, when it came to it, whether that is an estimate), moment by moment of its life.

    The status at a moment is what folding all that had occurred by then gives. What it took at that same moment before are
    the steps between, of which nothing had been taken earlier.
    """
    found = {}
    for order_id in asked.orders:
        events = [event for event in asked.events if event.stream_id == order_id]
        life = []
        for moment in sorted({event.occurred_at for event in events}):
            status = fold([event for event in events if event.occurred_at <= moment]).status
            if life and life[-1][0] == status:
                continue
            before = ORDER_OF_STATUSES.index(life[-1][0]) if life else 0
            taken = {fold([event]).status for event in events if event.occurred_at == moment}
            life += [
                (name, moment)
                for number, name in enumerate(ORDER_OF_STATUSES)
                if before < number <= ORDER_OF_STATUSES.index(status) and name in taken
            ]
            if not life:
                life.append((status, moment))
        found[order_id] = [
            (status, moment, any(event.data.time_estimated for event in events if fold([event]).status == status))
            for status, moment in life
        ]
    return found


def timed_waits(asked):
    """How long orders were in a status before the next, by both: as far as both moments are known."""
    waits, all_ = defaultdict(list), Counter()
    for life in lives(asked).values():
        for (status, since, guessed), (after, until, guessed_too) in itertools.pairwise(life):
            all_[status, after] += 1
            waits[status, after] += [] if guessed or guessed_too else [until - since]
    return waits, all_


def quantile(durations, share):
    """The shortest that is no shorter than that share of them, in seconds; None of none."""
    ordered = sorted(durations)
    if not ordered:
        return None
    return ordered[max(ceil(share * len(ordered)), 1) - 1] / MICROSECOND / 1e6


@pytest.mark.long
def test_order_steps(check_on, rows_of):
    def check(session, asked):
        rows = defaultdict(list)
        for row in rows_of(session, "order_steps", asked):
            rows[row.pop("order_id")].append(row)
        expected = {}
        for order_id, life in lives(asked).items():
            statuses, _, _ = zip(*life, strict=True)
            expected[order_id] = [
                {
                    "status": status,
                    "reached_at": entered,
                    "left_at": left,
                    "reached_estimated": guessed,
                    "left_estimated": guessed_too,
                    "next_status": after,
                    "from_status": before,
                }
                for (status, entered, guessed), (after, left, guessed_too), before in zip(
                    life, [*life[1:], (None, None, None)], (None, *statuses[:-1]), strict=True
                )
            ]
        assert {
            order_id: sorted(steps, key=lambda row: ORDER_OF_STATUSES.index(row["status"]))
            for order_id, steps in rows.items()
        } == expected

    check_on(check)


@pytest.mark.long
def test_status_transitions(check_on, rows_of):
    def check(session, asked):
        waits, orders = timed_waits(asked)
        entered = Counter(status for life in lives(asked).values() for status, _, _ in life)
        rows = rows_of(session, "status_transitions", asked)
        assert {(row.pop("from_status"), row.pop("to_status")): tuple(row.values()) for row in rows} == {
            pair: (count, len(w := waits[pair]), quantile(w, 0.5), quantile(w, 0.9), count / entered[pair[0]])
            for pair, count in orders.items()
        }

    check_on(check)


@pytest.mark.long
def test_late_orders(check_on, rows_of):
    def check(session, asked):
        waits = defaultdict(list)
        for (status, after), lengths in timed_waits(asked)[0].items():
            if after != "cancelled":
                waits[status] += lengths
        expected = {}
        for order_id, life in lives(asked).items():
            status, since, guessed = life[-1]
            if status in {"placed", "paid", "shipped"} and waits[status] and not guessed:
                waited, usual = (asked.moment - since) / MICROSECOND / 1e6, quantile(waits[status], 0.9)
                if waited > usual:
                    expected[order_id] = (status, asked.orders[order_id].total, since, waited, usual)
        rows = {row["order_id"]: row for row in rows_of(session, "late_orders", asked)}
        names = ("status", "total", "waiting_since", "waited", "usual")
        assert {name: tuple(row[n] for n in names) for name, row in rows.items()} == expected
        assert all(row["late"] == pytest.approx(row["waited"] - row["usual"]) for row in rows.values())
        assert all(row["late"] > 0 for row in rows.values())

    check_on(check)


@pytest.mark.long
def test_order_funnel(check_on, rows_of):
    def check(session, asked):
        expected = {}
        for currency in {order.currency or "XXX" for order in asked.orders.values()}:
            own = [order for order in asked.orders.values() if (order.currency or "XXX") == currency]
            furthest = {
                order.order_id: max(
                    [1, *(n for n, step in enumerate(STEPS, 1) if getattr(order, f"{step}_at") is not None)]
                )
                for order in own
            }
            before = None
            for number, step in enumerate(STEPS, 1):
                reached = [order for order in own if furthest[order.order_id] >= number]
                here = [order for order in own if furthest[order.order_id] == number]
                cancelled = [order for order in here if order.cancelled_at is not None]
                waiting = [order for order in here if order.cancelled_at is None]
                expected[currency, number] = (
                    step,
                    len(reached),
                    len(reached) - len(here),
                    len(waiting),
                    len(cancelled),
                    *(sum((order.total for order in some), Decimal(0)) for some in (reached, waiting, cancelled)),
                    len(reached) / len(own),
                    len(reached) / before if before else None,
                )
                before = len(reached)
        rows = rows_of(session, "order_funnel", asked)
        assert {(row.pop("currency"), row.pop("step")): tuple(row.values()) for row in rows} == expected

    check_on(check)


@pytest.mark.long
def test_cycle_times(check_on, rows_of):
    def check(session, asked):
        spans, guesses = defaultdict(list), Counter()
        for order in asked.orders.values():
            for one, two in [*itertools.pairwise(STEPS), ("created", "delivered")]:
                began, ended = getattr(order, f"{one}_at"), getattr(order, f"{two}_at")
                if began is not None and ended is not None:
                    day = asked.day(ended)
                    key = (day - timedelta(days=day.weekday()), one, two)
                    guessed = {one, two} & set((order.estimated or "").split(", "))
                    guesses[key] += bool(guessed)
                    spans[key] += [] if guessed else [ended - began]
        now = asked.moment and asked.day(asked.moment + MICROSECOND)
        expected = {}
        for key, all_ in spans.items():
            forward = [span for span in all_ if span >= timedelta(0)]
            shares = [quantile(forward, share) for share in (0.5, 0.9, 0.99)]
            running = key[0] <= now < key[0] + timedelta(days=7)
            expected[key] = (running, len(forward), *shares, len(all_) - len(forward), guesses[key])
        rows = rows_of(session, "cycle_times", asked)
        assert {tuple(row.pop(n) for n in ("week", "from_step", "to_step")): tuple(row.values()) for row in rows} == (
            expected
        )

    check_on(check)


def test_activity(check_on, rows_of):
    def check(session, asked):
        events, later, guesses = Counter(), Counter(), Counter()
        for event in asked.events:
            local = event.occurred_at.astimezone(ZoneInfo(asked.tz))
            hour = local.replace(minute=0, second=0, microsecond=0)
            key = (hour.astimezone(ZoneInfo("UTC")), event.type, event.actor or "")
            events[key] += 1
            guesses[key] += event.data.time_estimated is True
            later[key] += not event.data.time_estimated and event.known_at - event.occurred_at > timedelta(hours=1)
        rows = rows_of(session, "activity", asked)
        names = ("events", "recorded_later", "estimated")
        assert {(row["hour"], row["type"], row["actor"]): tuple(row[name] for name in names) for row in rows} == {
            key: (count, later[key], guesses[key]) for key, count in events.items()
        }

    check_on(check)
