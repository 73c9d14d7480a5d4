"""What every part of the contract is built on: the fixtures that an implementer gives, and a few small tools."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

import pyarrow as pa
import pytest

from orders_es.log import ANY, Appended, EventLog, NewEvent, RecordedEvent, StreamAppend
from orders_es.log.columns import TIMESTAMP
from orders_es.log.event import LogFile
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange
from orders_es.log.protocol import HasFiles, NeedsUpkeep
from orders_es.log.registry import EventRegistry
from orders_es.orders import ItemAdded, OrderCreated, ShippingCharged

__all__ = [
    "MOMENT",
    "WAYS",
    "Contract",
    "HandClock",
    "MakeLog",
    "Measured",
    "assert_sound",
    "compact",
    "contents",
    "event",
    "events",
    "everything",
    "files_of",
    "put",
    "rows",
    "table",
    "table_of",
    "vacuum",
]

MakeLog: TypeAlias = Callable[..., EventLog]
"""`make_log(registry=None, clock=None)`: a fresh, empty log each time."""

MOMENT = datetime(2026, 6, 3, 15, 0, 0, 123456, tzinfo=UTC)
WAYS = ("append", "append_batch", "append_table")
"""The three ways into a log; most promises hold for all of them."""


class Contract:
    """What the implementer overrides; see `LogContract`."""

    durable: ClassVar[bool] = True
    shared_by_processes: ClassVar[bool] = True

    @pytest.fixture
    def make_log(self) -> MakeLog:
        """A function `make_log(registry=None, clock=None)` that gives a fresh, empty log each time."""
        raise NotImplementedError("override the fixture make_log: it gives make(registry=None, clock=None) -> EventLog")

    def reopen(self, log: EventLog) -> EventLog:
        """Another handle on the same log, as a program that starts later would get it."""
        raise NotImplementedError("override reopen(log): it gives a second handle on the same log")

    @pytest.fixture
    def log(self, make_log: MakeLog) -> EventLog:
        """A fresh, empty log that knows the order domain."""
        return make_log()

    def reopened(self, log: EventLog) -> EventLog:
        """Another handle on the same log; skips the test where a log does not outlive its handle."""
        if not self.durable:
            pytest.skip("this log does not outlive its handle: durable = False")
        return self.reopen(log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An event type with a field of every kind, registered beside the order domain where the kinds matter."""

    ratio: float
    taken_at: datetime | None = None
    day: date | None = None
    valid: bool | None = None
    pieces: int | None = None
    worth: Decimal | None = None
    note: str | None = None


@dataclass
class HandClock:
    """A clock that is turned by hand."""

    now: datetime = field(default=MOMENT)

    def __call__(self) -> datetime:
        """The time that it shows."""
        return self.now

    def turn(self, **by: float) -> None:
        """Move it, forward or back."""
        self.now += timedelta(**by)


def event(data: Any = None, **envelope: Any) -> NewEvent:
    """An event with an id and a time of its own."""
    return NewEvent(
        **{
            "data": ShippingCharged(amount=Decimal("4.95")) if data is None else data,
            "event_id": uuid.uuid4(),
            "occurred_at": MOMENT,
            **envelope,
        }
    )


def events(count: int) -> list[NewEvent]:
    """So many different events."""
    made: list[Any] = []
    for i in range(count):
        if i % 3 == 0:
            made.append(OrderCreated(currency="EUR", customer_id=f"C-{i}"))
        elif i % 3 == 1:
            made.append(ItemAdded(item_id=f"I-{i}", quantity=i, price=Decimal(i) / 10000))
        else:
            made.append(ShippingCharged(amount=Decimal(i)))
    return [event(data, occurred_at=MOMENT + timedelta(microseconds=i)) for i, data in enumerate(made)]


def put(log: EventLog, way: str, stream_id: str, new: Sequence[NewEvent], expected: Any = ANY) -> Appended:
    """Append some events to one stream, in one of the three ways."""
    if way == "append":
        return log.append(stream_id, new, expected=expected)
    if way == "append_batch":
        return log.append_batch([StreamAppend(stream_id, new, expected)])
    return log.append_table(table_of(log.registry, [(stream_id, one) for one in new]), expected=expected)


def table_of(registry: EventRegistry, new: Iterable[tuple[str, NewEvent]], *, typed: bool = False) -> pa.Table:
    """The same events as a table: with payloads as text, or with a typed column for each field."""
    pairs = list(new)
    encoded = [registry.encode(one.data) for _, one in pairs]
    columns: dict[str, Any] = {
        "stream_id": [stream_id for stream_id, _ in pairs],
        "type": [event_type.name for event_type, _, _ in encoded],
        "occurred_at": pa.array([one.occurred_at for _, one in pairs], TIMESTAMP),
        "event_id": pa.array([one.event_id.bytes for _, one in pairs if one.event_id], pa.binary(16)),
        "entered_at": pa.array([one.entered_at for _, one in pairs], TIMESTAMP),
    }
    for name in ("actor", "correlation_id", "causation_id"):
        columns[name] = pa.array([getattr(one, name) for _, one in pairs], pa.string())
    if typed:
        for name in dict.fromkeys(name for _, _, shredded in encoded for name in shredded):
            columns[name] = [shredded.get(name) for _, _, shredded in encoded]
    else:
        columns["payload"] = [payload for _, payload, _ in encoded]
    return pa.table(columns)


def table(stream_ids: Sequence[str], type: str = "OrderPlaced", **columns: Any) -> pa.Table:  # noqa: A002 - the column's name
    """A table of events of one type; columns may be replaced and added."""
    return pa.table(
        {
            "stream_id": pa.array(stream_ids, pa.string()),
            "type": pa.array([type] * len(stream_ids), pa.string()),
            "occurred_at": pa.array([MOMENT] * len(stream_ids), TIMESTAMP),
            **columns,
        }
    )


def rows(log: EventLog, **options: Any) -> list[dict[str, Any]]:
    """What `read` gives, as one list."""
    return [row for batch in log.read(**options) for row in batch.to_pylist()]


def everything(log: EventLog) -> tuple[Any, ...]:
    """All that can be read of a log: where two of these are equal, no reader can tell the logs apart."""
    stream_ids = log.stream_ids()
    return (
        log.head(),
        rows(log),
        stream_ids,
        [log.load(s) for s in stream_ids],
        [log.stream_version(s) for s in stream_ids],
    )


def contents(events: Iterable[RecordedEvent]) -> list[tuple[Any, ...]]:
    """What the writer said of each event, without what the log assigned."""
    return [
        (
            e.event_id,
            e.type,
            e.payload,
            e.occurred_at,
            e.entered_at,
            e.actor,
            e.correlation_id,
            e.causation_id,
            e.schema_version,
        )
        for e in events
    ]


def compact(log: EventLog) -> None:
    """Tidy the log, if it is of a kind that needs it."""
    if isinstance(log, NeedsUpkeep):
        log.compact()


def vacuum(log: EventLog, *, grace: timedelta = timedelta(hours=1)) -> None:
    """Remove what is superseded, if the log is of a kind that has such things."""
    if isinstance(log, NeedsUpkeep):
        log.vacuum(grace=grace)


def files_of(log: EventLog) -> list[LogFile]:
    """The log's data files; none where it has none."""
    return log.files() if isinstance(log, HasFiles) else []


def assert_sound(log: EventLog) -> None:
    """Everything that holds for every log at every moment."""
    head = log.head()
    found = rows(log)
    assert [row["position"] for row in found] == list(range(1, head.position + 1))
    times = [row["recorded_at"] for row in found]
    assert times == sorted(times)
    assert head.recorded_at == (times[-1] if times else None)
    leaves = [leaf for batch in log.read() for leaf in leaf_hashes(batch)]
    assert head.root == CompactRange.of_leaves(0, leaves).root()
    streams: defaultdict[str, list[tuple[int, int, Any, str]]] = defaultdict(list)
    for row in found:
        streams[row["stream_id"]].append((row["version"], row["position"], row["event_id"], row["payload"]))
    assert log.stream_ids() == sorted(streams)
    for stream_id, facts in streams.items():
        assert [version for version, *_ in facts] == list(range(1, len(facts) + 1))
        assert log.stream_version(stream_id) == len(facts)
        assert [(e.version, e.position, e.event_id, e.payload) for e in log.load(stream_id)] == facts
    files = files_of(log)
    assert [file.first for file in files[1:]] == [file.last + 1 for file in files[:-1]]
    if files:
        assert (files[0].first, files[-1].last) == (1, head.position)
