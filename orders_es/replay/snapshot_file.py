"""One snapshot as a file: a state after one event of its stream, and what ties it to that event. See `snapshots`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec looks at it
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.decider import Decider, StateCodec
    from orders_es.log import EventRegistry

__all__ = ["Snapshot", "made_by", "read_snapshot", "snapshot_bytes"]

FORMAT = 4
STEP = 64
"""Of so many events at a time a snapshot keeps the earliest times."""
_DIGEST = 32
_ID = 8


class _Record(msgspec.Struct, array_like=True, frozen=True):
    format: int
    log_id: str
    stream_id: str
    version: int
    position: int
    event_id: bytes
    occurred_at: datetime
    recorded_at: datetime
    known_at: datetime
    ids: bytes
    earliest: list[tuple[datetime, datetime, datetime, int]]
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state after one of its stream's events, and which event that was.

    Args:
        log_id: The log, as text.
        version: The version of the event after which it stood so.
        event_id: Its id, as 16 bytes.
        occurred_at: When the latest of the events up to there occurred.
        recorded_at: When that event was recorded; none before it was recorded later.
        known_at: When the one of the events up to there became known that became so last; see `RecordedEvent.known_at`.
        ids: The first 8 bytes of the ids of all events up to there, one after the other.
        earliest: Of each 64 events up to there, in the order of their versions: when the first of them occurred, became known and was
            recorded, and the first position.
        state: The state, with no question noted on it.
    """

    log_id: str
    stream_id: str
    version: int
    position: int
    event_id: bytes
    occurred_at: datetime
    recorded_at: datetime
    known_at: datetime
    ids: bytes
    earliest: list[tuple[datetime, datetime, datetime, int]]
    state: Any

    def counting(
        self, after: int, counts: Callable[[datetime, datetime, datetime, int], bool]
    ) -> list[tuple[int, int]]:
        """Where events may stand that count, behind a version and up to the snapshot's: ranges, each of versions after and up to.

        Args:
            counts: Told when the earliest of some events occurred, became known and was recorded, and the first position: whether
                one of them may count.
        """
        found: list[tuple[int, int]] = []
        for step in range(after // STEP, len(self.earliest)):
            begin, end = max(step * STEP, after), min((step + 1) * STEP, self.version)
            if begin < end and counts(*self.earliest[step]):
                if found and found[-1][1] == begin:
                    begin = found.pop()[0]
                found.append((begin, end))
        return found

    def may_hold(self, event_id: bytes) -> bool:
        """Whether one of the events may have this id; a wrong yes is possible, a wrong no is not."""
        prefix = event_id[:_ID]
        at = self.ids.find(prefix)
        while at >= 0 and at % _ID:
            at = self.ids.find(prefix, at + 1)
        return at >= 0


def snapshot_bytes(snapshot: Snapshot, codec: StateCodec[Any]) -> bytes:
    """The snapshot as a file: MessagePack, and the SHA-256 of it.

    Args:
        codec: What writes its state.
    """
    data = msgspec.msgpack.encode(
        _Record(
            FORMAT,
            snapshot.log_id,
            snapshot.stream_id,
            snapshot.version,
            snapshot.position,
            snapshot.event_id,
            snapshot.occurred_at,
            snapshot.recorded_at,
            snapshot.known_at,
            snapshot.ids,
            snapshot.earliest,
            codec.encode(snapshot.state),
        )
    )
    return data + sha256(data).digest()


def read_snapshot(
    data: bytes,
    codec: StateCodec[Any] | None,
    unless: Callable[[datetime, datetime, datetime, int], bool] | None = None,
) -> Snapshot | None:
    """The snapshot in a file; None if it is none, of another format, cut short or altered.

    Args:
        data: The file's bytes.
        codec: What reads its state; None reads all but that.
        unless: Called with when the latest of its events occurred and when it became known, when the last was recorded, and its
            position; True spares the reading of the state, and gives None.
    """
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if sha256(body).digest() != digest:
        return None
    try:
        record = msgspec.msgpack.decode(body, type=_Record)
        if record.format != FORMAT:
            return None
        if unless is not None and unless(record.occurred_at, record.known_at, record.recorded_at, record.position):
            return None
        state = None if codec is None else codec.decode(record.state)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, ArithmeticError):  # of a codec that has changed
        return None
    return Snapshot(
        log_id=record.log_id,
        stream_id=record.stream_id,
        version=record.version,
        position=record.position,
        event_id=record.event_id,
        occurred_at=record.occurred_at,
        recorded_at=record.recorded_at,
        known_at=record.known_at,
        ids=record.ids,
        earliest=record.earliest,
        state=state,
    )


def made_by(decider: Decider[Any], registry: EventRegistry) -> str:
    """A name for how events become a state: of another domain, version, event type, schema version or upcaster it is another one.

    Args:
        decider: The domain; its `version` is declared, and a test of the domain's own notices where it should be raised.
        registry: The event types that the program knows.

    Example:
        >>> from orders_es.log import order_registry
        >>> from orders_es.orders import ORDERS
        >>> made_by(ORDERS, order_registry()).startswith(f"orders-{ORDERS.version}-")
        True
    """
    types = sorted(
        (t.name, t.schema_version, [(f.name, str(f.type)) for f in dataclasses.fields(t.cls)])
        for t in registry
        if t.cls in decider.event_types
    )
    upcasters = registry.upcasters_of({t.name for t in registry if t.cls in decider.event_types} or {""})
    said = (FORMAT, types, upcasters) if upcasters else (FORMAT, types)
    return f"{decider.name}-{decider.version}-{sha256(repr(said).encode()).hexdigest()[:12]}"
