"""Logs of random histories: all kinds of events, steps in any order, late and back-dated events, two clocks."""

import tempfile
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from orders_es import orders as o
from orders_es.log import ANY, NewEvent, StreamAppend, open_log

START = datetime(2011, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
VALUES = {
    "currency": st.sampled_from(["GBP", "EUR"]),
    "customer_id": st.sampled_from(["1", "2", "3"]),
    "country": st.sampled_from(["UK", "France"]),
    "channel": st.sampled_from(["web", "shop"]),
    "item_id": st.sampled_from(["mug", "cup", "ju'g"]),
    "quantity": st.integers(-5, 5) | st.integers(-o.MOST_PIECES, o.MOST_PIECES),
    "difference": st.integers(-5, 5),
    "price": st.decimals(-100, 100, places=4) | st.decimals(Decimal("-9999999999.9999"), 10**10, places=4),
    "amount": st.decimals(-1000, 1000, places=4),
    "description": st.sampled_from(["A mug", "A cup", ""]),
    "reason": st.sampled_from(["late", "broken"]),
    "time_estimated": st.booleans(),
    "promised_at": st.just(START),
    "installments": st.integers(0, 12),
}


def some(kind):
    parts = {}
    for field in fields(kind):
        values = VALUES.get(field.name, st.just("x"))
        parts[field.name] = st.none() | values if "None" in str(field.type) else values
    return st.builds(kind, **parts)


KINDS = {kind: some(kind) for kind in o.EVENT_TYPES}
ORDERS = st.sampled_from(["A-1", "B'2"])


def commits_of(kinds):
    event = st.one_of([KINDS[kind] for kind in kinds])
    return st.lists(
        st.lists(st.tuples(ORDERS, event, st.integers(0, 12)), min_size=1, max_size=12), min_size=1, max_size=4
    )


# A few kinds at a time, so that several events of a kind meet in one order, and firsts and lasts are put to the test.
COMMITS = st.one_of(
    commits_of(o.EVENT_TYPES),
    st.lists(st.sampled_from(o.EVENT_TYPES), min_size=1, max_size=3, unique_by=id).flatmap(commits_of),
)
"""Commits of (order, event, hour of happening)."""


def entered(commit, hour):
    """When an event was entered in its source, if that says so."""
    return None if (commit + hour) % 2 else START + ((7 * hour + 5 * commit) % 18 - 1) * HOUR


def record(folder, commits):
    """A log of these commits, one every three hours on the record clock; events occur up to twelve hours around that.

    Of some the source says when they were entered: before they occurred, after they were recorded, and anything between.
    """
    clock = [START]
    log = open_log(folder, create=True, clock=lambda: clock[0])
    for number, commit in enumerate(commits):
        clock[0] = START + (3 * number + 4) * HOUR
        by_order = {}
        for order, data, hour in commit:
            event = NewEvent(data=data, occurred_at=START + hour * HOUR, entered_at=entered(number, hour))
            by_order.setdefault(order, []).append(event)
        log.append_batch([StreamAppend(order, events, ANY) for order, events in by_order.items()])
    return log


@pytest.fixture(scope="session")
def commits():
    return COMMITS


@pytest.fixture(scope="session")
def moments():
    """Before everything, at some event or commit, just before it, between, or never."""
    return st.none() | st.builds(
        lambda hour, tick: START + hour * HOUR - tick * timedelta(microseconds=1),
        st.integers(-1, 16),
        st.integers(0, 1),
    )


@pytest.fixture(scope="session")
def log_of():
    """Record commits in a log of its own and call with it: `log_of(commits)` is a context manager."""

    @contextmanager
    def recording(commits):
        with tempfile.TemporaryDirectory() as folder, record(folder, commits) as log:
            yield log

    return recording
