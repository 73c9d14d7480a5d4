"""Events on their way into the log and out of it: for everybody who appends or loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent, NaiveTime, UnknownEventType
from orders_es.log.personal import is_live
from orders_es.log.upcasting import Today

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt

    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.registry import EventRegistry

__all__ = ["Appended", "Head", "LogFile", "NewEvent", "RawEvent", "RecordedEvent", "StreamAppend"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000


def to_micros(moment: datetime, argument: str) -> int:
    """Microseconds since 1970-01-01 UTC, exact.

    Args:
        moment: A time-zone-aware datetime.
        argument: Its name in the caller's call, for the error.

    Raises:
        NaiveTime: It has no time zone.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NaiveTime(argument, moment)
    since = moment - EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The UTC datetime of microseconds since 1970-01-01 UTC, exact."""
    return EPOCH + timedelta(microseconds=micros)


def beyond_calendar(position: int, stream_id: str, micros: int, name: str = "occurred_at") -> InvalidEvent:
    """The error for a recorded time that no datetime holds; how it got into the log, this program cannot tell.

    Args:
        position: Where the event stands.
        micros: Its time.
        name: Which of its times.
    """
    did = {"occurred_at": "occurred", "recorded_at": "was recorded", "entered_at": "was entered"}[name]
    return InvalidEvent(
        "event",
        name,
        f"position {position}, stream {stream_id!r}: it {did} {micros:,} microseconds from 1970, which is outside the "
        "years 1 to 9999. Other streams can be read, and in SQL this one's other columns; reports and plots can be of a moment "
        "that leaves it out",
    )


def many_from_micros(micros: npt.NDArray[np.int64]) -> list[datetime]:
    """As `from_micros`, for many at once, in a fifth of the time that giving each its time zone takes."""
    return list(map(EPOCH.__add__, micros.view("timedelta64[us]").tolist()))


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as type name and JSON text, for types that have no dataclass here.

    Args:
        type: The event type's name.
        payload: A JSON object as text; recorded byte for byte.
        schema_version: The version of the payload's shape.
        personal: For a type that nobody registered: the fields that can be erased one day. They are recorded at the payload's end.

    Example:
        >>> RawEvent("ParcelLost", '{"parcel":"P-1"}').schema_version
        1
    """

    type: str
    payload: str
    schema_version: int = 1
    personal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that somebody wants to append, with its envelope.

    Args:
        data: An instance of a registered dataclass, or a `RawEvent`.
        occurred_at: When it happened in the business, with time zone; the moment of recording if left out.
        entered_at: When the system that it comes from says that it learned of it, with time zone: an entry date, a commit time.
            A claim, kept and shown as one; `known_at` asks by it. Leave it out for what happens here.
        event_id: Its identity; a fresh one if left out. Give one to make a retry harmless.
        actor: Who or what caused it.
        correlation_id: The conversation it belongs to.
        causation_id: The event or command that caused it.

    Example:
        >>> from orders_es.orders import OrderPlaced
        >>> NewEvent(data=OrderPlaced(), actor="web").actor
        'web'
    """

    data: Any
    occurred_at: datetime | None = None
    entered_at: datetime | None = None
    event_id: UUID | None = None
    actor: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as the log holds it: type, version and payload as recorded. What it means today, `data` and `current_type` say.

    Args:
        occurred_at: When it happened in the business.
        recorded_at: When the log accepted it: the log's own evidence.
        entered_at: When its source says that it learned of it; None where it says nothing.
        personal: Where in the payload what is personal begins, and its salt; see `orders_es.log.personal`. None where nothing is.
    """

    position: int
    stream_id: str
    version: int
    event_id: UUID
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    entered_at: datetime | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    personal: str | None
    payload: str
    registry: EventRegistry | None = field(default=None, repr=False, compare=False)

    @property
    def known_at(self) -> datetime:
        """Since when it is known: `entered_at` where its source gave one, `recorded_at` otherwise."""
        return self.recorded_at if self.entered_at is None else self.entered_at

    @property
    def erased(self) -> bool:
        """Whether personal data of it were erased: its texts say `erased` then."""
        return self.personal is not None and not is_live(self.personal)

    @property
    def data(self) -> Any:
        """The payload as an instance of its registered dataclass of today; None if the event is retired.

        Raises:
            UnknownEventType: Nobody registered this type.
            InvalidEvent: The payload does not fit the registered dataclass.
            UpcastFailed: An upcaster failed on it.
        """
        if self.registry is None:
            raise UnknownEventType(self.type, self.position, self.stream_id)
        return self.registry.decode(self.type, self.schema_version, self.payload, self.position, self.stream_id)

    @property
    def today(self) -> Today | None:
        """Type, schema version and payload in today's schema; None if the event is retired.

        Raises:
            UpcastFailed: An upcaster failed on it.
        """
        if self.registry is None:
            return Today(self.type, self.schema_version, self.payload)
        return self.registry.today(self.type, self.schema_version, self.payload, self.position, self.stream_id)

    @property
    def retired(self) -> bool:
        """Whether the event means nothing today. Raises as `today` does."""
        return self._old and self.today is None

    @property
    def current_type(self) -> str | None:
        """The name of its type today; None if it is retired. Raises as `today` does."""
        if not self._old:
            return self.type
        today = self.today
        return None if today is None else today.type

    @property
    def recorded_as(self) -> str | None:
        """The type and version as which it was recorded, such as `ItemAdded v1`; None where that is how it is read, too."""
        return f"{self.type} v{self.schema_version}" if self._old else None

    @property
    def _old(self) -> bool:
        return self.registry is not None and self.registry.upcasts(self.type, self.schema_version)


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """One stream's part of an `append_batch`.

    Args:
        events: What to append to it, in order.
        expected: What the writer believes its version is.
    """

    stream_id: str
    events: Sequence[Any]
    expected: ExpectedVersion


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did.

    Args:
        first_position: Position of the first event.
        last_position: Position of the last event.
        count: How many events.
        recorded_at: When the log accepted them.
        commit_id: The commit's identity; None for a duplicate.
        duplicate: Whether they were there already, as an earlier try had put them, and nothing was written now.
        versions: Each stream's version after the append.
        events: The events as the log holds them now, in the order given; none for `append_table`, whose caller may have
            more of them than memory should hold twice.
    """

    first_position: int
    last_position: int
    count: int
    recorded_at: datetime
    commit_id: UUID | None
    duplicate: bool
    versions: dict[str, int] = field(repr=False)
    events: tuple[RecordedEvent, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log at one moment.

    Args:
        position: Position of the last event; 0 in an empty log.
        recorded_at: When it was recorded; None in an empty log.
        root: The root (32 bytes) of the RFC 6962 tree of all events up to there.
    """

    position: int
    recorded_at: datetime | None
    root: bytes


@dataclass(frozen=True, slots=True)
class LogFile:
    """One data file of a log.

    Args:
        path: Where it is.
        kind: `commit` or `segment`.
        first: Position of its first event.
        last: Position of its last event.
    """

    path: str
    kind: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many events it holds."""
        return self.last - self.first + 1
