"""Events on their way into one commit: checked, with payloads and shredded values, waiting for positions.

Two shapes of the same thing: `RowBatch` for the handful of events that a command makes, `TableBatch` (in `bulk`) for many.
A backend asks `parts` for what each stream expects, then `place`s the batch at a position and writes what it gets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from orders_es.errors import DuplicateEvent, InvalidArgument, WrongType
from orders_es.log.describing import describe_event
from orders_es.log.envelope import SPARSE
from orders_es.log.event import NewEvent, RawEvent, RecordedEvent, from_micros, to_micros
from orders_es.log.expected import ExpectedVersion, check_expected
from orders_es.log.fresh_ids import fresh_ids
from orders_es.log.leaf import leaf_bytes, payload_hash
from orders_es.log.limits import check_id, check_moment, check_new_stream_id, check_text
from orders_es.log.merkle import leaf_hash
from orders_es.log.personal import fresh_salts, marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from orders_es.log.event import Appended, StreamAppend
    from orders_es.log.protocol import EventLog
    from orders_es.log.registry import EventRegistry

__all__ = ["Batch", "Part", "PendingRow", "RowBatch", "pending_rows", "with_events"]


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch wants of one stream."""

    stream_id: str
    expected: ExpectedVersion
    count: int


class Batch(Protocol):
    """What a commit needs to know of the events it is to hold."""

    @property
    def count(self) -> int:
        """How many events."""
        ...

    @property
    def parts(self) -> Sequence[Part]:
        """The streams, in order of first appearance."""
        ...

    @property
    def retryable(self) -> bool:
        """Whether every event has an id of the caller's, so that a retry can be recognised."""
        ...

    def ids_of(self, part: int) -> list[bytes]:
        """The event ids of one stream's part, in order."""
        ...

    def all_ids(self) -> bytes:
        """The event ids of all events, 16 bytes each, in order."""
        ...

    def given_ids(self) -> bytes:
        """Those of them that are the caller's, and not made here."""
        ...

    def content(self) -> pa.Table:
        """What the caller says of each event: the columns `orders_es.log.retry.CONTENT`."""
        ...

    def happens(self, now: int) -> None:
        """Take the events that do not say when they occurred to occur now: by the machine's clock, whatever the log's says."""
        ...


@dataclass(slots=True)
class PendingRow:
    """One event without position, version and time of recording."""

    part: int
    offset: int
    event_id: bytes
    id_given: bool
    type: str
    schema_version: int
    occurred_at: int | None
    entered_at: int | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    payload: str
    payload_hash: bytes
    shredded: dict[str, Any]
    personal: str | None


def _optional_text(value: object, name: str, event_type: str) -> str | None:
    if value is None:
        return None
    return check_text(value, event_type, name) if name == "actor" else check_id(value, event_type, name)


def pending_rows(registry: EventRegistry, batch: Sequence[StreamAppend]) -> RowBatch:
    """The batch that holds these events, all of them checked.

    Raises:
        TypeError: Something is not of its type.
        ValueError: The batch or a stream's part is empty, or names a stream twice.
        InvalidEvent, UnknownEventType, NaiveTime, DuplicateEvent: As `EventLog.append` says.
    """
    parts: list[Part] = []
    rows: list[PendingRow] = []
    retryable = True
    fresh: Iterator[bytes] | None = None
    seen: set[bytes] = set()
    names: set[str] = set()
    for number, piece in enumerate(batch):
        stream_id = check_new_stream_id(piece.stream_id)
        if stream_id in names:
            raise InvalidArgument(f"stream {stream_id!r} is twice in one batch; put its events together")
        names.add(stream_id)
        expected = check_expected(piece.expected)
        if isinstance(piece.events, NewEvent | RawEvent | str):
            raise WrongType(f"events of stream {stream_id!r}: give a list of events, not a single one")
        before = len(rows)
        for event in piece.events:
            new = event if isinstance(event, NewEvent) else NewEvent(data=event)
            name, schema_version, payload, shredded, offset = describe_event(registry, new.data)
            personal = None if offset is None else marked(offset, fresh_salts(1)[0])
            if new.event_id is None:
                fresh = fresh or fresh_ids()
                event_id = next(fresh)
                retryable = False
            elif isinstance(new.event_id, UUID):
                event_id = new.event_id.bytes
            else:
                raise WrongType(f"event_id={new.event_id!r} is {type(new.event_id).__name__}; give a uuid.UUID")
            if event_id in seen:
                raise DuplicateEvent(str(UUID(bytes=event_id)), "it is twice in this append")
            seen.add(event_id)
            rows.append(
                PendingRow(
                    number,
                    len(rows) - before,
                    event_id,
                    new.event_id is not None,
                    name,
                    schema_version,
                    None if new.occurred_at is None else check_moment(new.occurred_at, name, "occurred_at"),
                    None if new.entered_at is None else check_moment(new.entered_at, name, "entered_at"),
                    _optional_text(new.actor, "actor", name),
                    _optional_text(new.correlation_id, "correlation_id", name),
                    _optional_text(new.causation_id, "causation_id", name),
                    payload,
                    payload_hash(payload.encode(), personal),
                    shredded,
                    personal,
                )
            )
        if len(rows) == before:
            raise InvalidArgument(f"nothing to append to stream {stream_id!r}: the list of events is empty")
        parts.append(Part(stream_id, expected, len(rows) - before))
    if not parts:
        raise InvalidArgument("nothing to append: the batch is empty")
    return RowBatch(parts, rows, retryable)


@dataclass(slots=True)
class RowBatch:
    """A few events, as rows."""

    parts: list[Part]
    rows: list[PendingRow]
    retryable: bool
    _now: int | None = None

    @property
    def count(self) -> int:
        """How many events."""
        return len(self.rows)

    def ids_of(self, part: int) -> list[bytes]:
        """The event ids of one stream's part, in order."""
        return [row.event_id for row in self.rows if row.part == part]

    def recorded_events(self, appended: Appended, registry: EventRegistry) -> tuple[RecordedEvent, ...]:
        """The events as the log holds them, without reading them back.

        Args:
            appended: What the append of this batch did; no duplicate.
            registry: Given to the events.
        """
        moment = to_micros(appended.recorded_at, "recorded_at") if self._now is None else self._now
        bases = [appended.versions[part.stream_id] - part.count for part in self.parts]
        return tuple(
            RecordedEvent(
                appended.first_position + index,
                self.parts[row.part].stream_id,
                bases[row.part] + row.offset + 1,
                UUID(bytes=row.event_id),
                row.type,
                row.schema_version,
                from_micros(moment if row.occurred_at is None else row.occurred_at),
                appended.recorded_at,
                None if row.entered_at is None else from_micros(row.entered_at),
                row.actor,
                row.correlation_id,
                row.causation_id,
                row.personal,
                row.payload,
                registry,
            )
            for index, row in enumerate(self.rows)
        )

    def all_ids(self) -> bytes:
        """The event ids of all events, 16 bytes each, in order."""
        return b"".join([row.event_id for row in self.rows])

    def given_ids(self) -> bytes:
        """Those of them that are the caller's, and not made here."""
        return b"".join([row.event_id for row in self.rows if row.id_given])

    def content(self) -> pa.Table:
        """What the caller says of each event: the columns `orders_es.log.retry.CONTENT`."""
        from orders_es.log.bulk import content_of_rows

        return content_of_rows(self.rows)

    def happens(self, now: int) -> None:
        """Take the events that do not say when they occurred to occur now, in microseconds."""
        self._now = now

    def happened_as(self, other: RowBatch) -> None:
        """Take them to occur when those of another batch do, in which they were appended."""
        self._now = other._now

    def place(
        self, first: int, recorded_at: int, bases: Sequence[int], kinds: dict[str, str]
    ) -> tuple[dict[str, tuple[str, list[Any]]], list[bytes]]:
        """The batch at its place: columns (name to kind and values) and one leaf hash an event.

        Args:
            first: Position of the first event.
            recorded_at: Microseconds.
            bases: Each part's stream version before this batch.
            kinds: The registry's shredded columns.
        """
        rows = self.rows
        stream_ids = [self.parts[row.part].stream_id for row in rows]
        versions = [bases[row.part] + row.offset + 1 for row in rows]
        now = recorded_at if self._now is None else self._now
        occurred = [now if row.occurred_at is None else row.occurred_at for row in rows]
        columns: dict[str, tuple[str, list[Any]]] = {
            "position": ("int64", list(range(first, first + len(rows)))),
            "stream_id": ("string", stream_ids),
            "version": ("int32", versions),
            "event_id": ("uuid", [row.event_id for row in rows]),
            "type": ("string", [row.type for row in rows]),
            "schema_version": ("int32", [row.schema_version for row in rows]),
            "occurred_at": ("timestamp", occurred),
            "recorded_at": ("timestamp", [recorded_at] * len(rows)),
            "entered_at": ("timestamp", [row.entered_at for row in rows]),
            "actor": ("string", [row.actor for row in rows]),
            "correlation_id": ("string", [row.correlation_id for row in rows]),
            "causation_id": ("string", [row.causation_id for row in rows]),
            "personal": ("string", [row.personal for row in rows]),
            "payload": ("string", [row.payload for row in rows]),
        }
        for name in SPARSE:
            if not any(value is not None for value in columns[name][1]):
                del columns[name]
        present = set[str]().union(*[row.shredded for row in rows])
        if present:
            for name, kind in kinds.items():
                if name in present:
                    columns[name] = (kind, [row.shredded.get(name) for row in rows])
        leaves = [
            leaf_hash(
                leaf_bytes(
                    first + i,
                    versions[i],
                    row.schema_version,
                    occurred[i],
                    recorded_at,
                    row.event_id,
                    row.payload_hash,
                    stream_ids[i],
                    row.type,
                    row.actor,
                    row.correlation_id,
                    row.causation_id,
                    entered_at=row.entered_at,
                    personal=row.personal is not None,
                )
            )
            for i, row in enumerate(rows)
        ]
        return columns, leaves


def with_events(log: EventLog, rows: RowBatch, appended: Appended) -> Appended:
    """What an append did, with the events that it recorded; those of a retry are read, for they may be of another day.

    Args:
        rows: What was to be appended.
        appended: What came of it.
    """
    if not appended.duplicate:
        return replace(appended, events=rows.recorded_events(appended, log.registry))
    events: list[RecordedEvent] = []
    for part in rows.parts:
        version = appended.versions[part.stream_id]
        events += log.load(part.stream_id, after_version=version - part.count, to_version=version)
    return replace(appended, events=tuple(events))
