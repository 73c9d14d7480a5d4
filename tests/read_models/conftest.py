"""Logs of random histories over a few days around a change of the clocks, in two currencies, and their decoded events."""

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es import orders as o
from orders_es.log import ANY, NewEvent, StreamAppend, open_log
from orders_es.replay import connect, load_orders
from orders_es.sources.online_retail import import_online_retail

START = datetime(2011, 3, 25, tzinfo=UTC)
"""Two days before the clocks go forward in London, and six before a month ends."""
HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)
REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "online_retail.parquet"
VALUES = {
    "currency": st.sampled_from(["GBP", "EUR"]),
    "customer_id": st.sampled_from(["1", "2", "3"]),
    "item_id": st.sampled_from(["mug", "cup"]),
    "quantity": st.integers(-2, 9),
    "difference": st.integers(-3, 3),
    "price": st.decimals(-2, 20, places=4),
    "amount": st.decimals(-5, 100, places=4),
    "time_estimated": st.booleans(),
    "promised_at": st.just(START),
    "installments": st.integers(0, 12),
}
STEPS = [o.OrderPlaced, o.PaymentReceived, o.OrderShipped, o.OrderDelivered, o.OrderCancelled]


def some(kind):
    parts = {}
    for field in fields(kind):
        values = VALUES.get(field.name, st.sampled_from(["x", "y"]))
        parts[field.name] = st.none() | values if "None" in str(field.type) else values
    return st.builds(kind, **parts)


ANYTHING = st.one_of([some(kind) for kind in o.EVENT_TYPES])
USUAL = st.one_of([some(kind) for kind in (o.OrderCreated, o.ItemAdded, o.ItemAdded, o.ItemReturned, *STEPS)])
ORDERS = st.sampled_from(["A-1", "B-2", "C-3", "D-4"])
# Half hours over ten days: before, within and after the change of the clocks and the end of the month.
WHEN = st.integers(0, 480)


def commits_of(event):
    return st.lists(st.lists(st.tuples(ORDERS, event, WHEN), min_size=1, max_size=14), min_size=1, max_size=5)


@dataclass(frozen=True)
class Event:
    stream_id: str
    version: int
    position: int
    data: Any
    occurred_at: datetime
    known_at: datetime
    actor: str | None
    currency: str

    @property
    def type(self):
        return type(self.data).__name__


class Asked:
    """A log asked at a moment and in a time zone; everything here is plain Python over decoded events."""

    def __init__(self, log, at, known_at, tz):
        self.log, self.at, self.known_at, self.tz = log, at, known_at, tz
        self.orders = load_orders(log, at=at, known_at=known_at)
        recorded = [
            (stream_id, event)
            for stream_id in log.stream_ids()
            for event in log.load(stream_id)
            if (at is None or event.occurred_at <= at) and (known_at is None or event.known_at <= known_at)
        ]
        self.events = [
            Event(
                stream_id,
                event.version,
                event.position,
                event.data,
                event.occurred_at,
                event.known_at,
                event.actor,
                self.orders[stream_id].currency or "XXX",
            )
            for stream_id, event in recorded
        ]
        self.moment = at or max((event.occurred_at for event in self.events), default=None)

    def day(self, instant):
        return instant.astimezone(ZoneInfo(self.tz)).date()


def record(folder, commits):
    """A log of these commits, one every two days on the record clock."""
    clock = [START]
    log = open_log(folder, create=True, clock=lambda: clock[0])
    for number, commit in enumerate(commits):
        clock[0] = START + (2 * number + 1) * 24 * HOUR + 5 * HOUR
        by_order = {}
        for order, data, half_hours in commit:
            # Of every third event the source says when it was entered: up to ten days after the beginning.
            entered = None if half_hours % 3 else START + (half_hours * 37 % 481) * HALF
            occurred, actor = START + half_hours * HALF, "a" if half_hours % 2 else None
            event = NewEvent(data=data, occurred_at=occurred, entered_at=entered, actor=actor)
            by_order.setdefault(order, []).append(event)
        log.append_batch([StreamAppend(order, events, ANY) for order, events in by_order.items()])
    return log


@pytest.fixture(scope="session")
def histories():
    """Commits of (order, event, half hour), a moment on each clock, and a time zone."""
    moments = st.none() | st.builds(lambda half_hours: START + half_hours * HALF, WHEN)
    zones = st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu"])
    return st.tuples(commits_of(ANYTHING) | commits_of(USUAL), moments, moments, zones)


@pytest.fixture(scope="session")
def asking():
    """`asking(case)` is a context manager that gives the log of a drawn history, asked at the drawn moment."""

    @contextmanager
    def asking(case):
        commits, at, known_at, tz = case
        with tempfile.TemporaryDirectory() as folder, record(folder, commits) as log:
            yield Asked(log, at, known_at, tz)

    return asking


@pytest.fixture(scope="session")
def rows_of():
    """The rows of a read model at that moment, as dicts; asked in every way there is, which must agree."""

    def rows_of(session, name, asked):
        answer = session.sql(f"FROM {name}", at=asked.at, known_at=asked.known_at)
        macro = session.sql(f"FROM {name}_at($at, known_at := $known)", {"at": asked.at, "known": asked.known_at})
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows()]
        key = next(model.key for model in session.models if model.name == name)
        in_order = sorted(rows, key=lambda row: tuple(str(row[k]) for k in key))
        assert in_order == sorted(
            (dict(zip(macro.columns, row, strict=True)) for row in macro.rows()),
            key=lambda row: tuple(str(row[k]) for k in key),
        )
        keys = [tuple(row[name] for name in key) for row in rows]
        assert len(set(keys)) == len(keys), "a key tells rows apart"
        assert None not in {part for whole in keys for part in whole}
        return rows

    return rows_of


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The reference file and its log."""
    if not REFERENCE.is_file():
        pytest.skip("the reference data is not here")
    with open_log(tmp_path_factory.mktemp("reference") / "log", create=True) as log:
        import_online_retail(log, REFERENCE, progress=False)
        yield REFERENCE, log


@pytest.fixture(scope="session")
def check_on(histories, asking):
    """Run a check on sessions over histories, each with what it should answer."""

    def check_on(check):
        @settings(max_examples=settings.default.max_examples // 8)
        @given(histories)
        def on_any(case):
            with asking(case) as asked, connect(asked.log, tz=asked.tz) as session:
                check(session, asked)

        on_any()

    return check_on
