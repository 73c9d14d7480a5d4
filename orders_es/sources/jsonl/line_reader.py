"""One line of JSON as one event of ours; for `orders_es.sources.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from uuid import UUID  # noqa: TC003 - the decoder resolves this annotation at run time

import msgspec

from orders_es.errors import InvalidEvent
from orders_es.log import RawEvent
from orders_es.log.describing import describe_event
from orders_es.log.envelope import MOMENTS
from orders_es.log.event import to_micros
from orders_es.log.limits import check_new_stream_id
from orders_es.sources.jsonl.strict_json import check_range, finer_than_kept, repeated_key

if TYPE_CHECKING:
    from orders_es.log import EventRegistry

__all__ = ["BadLine", "Line", "LineReader", "OwnLine", "OwnLines", "check_known", "check_payload"]


@dataclass(slots=True)
class Line:
    """An event as a line has it.

    Args:
        version: Its place in the stream as the source counts; None if the source does not.
        event_id: 16 bytes; None if the source has none.
        type: Our event type's name; empty for a line that the source counts and we leave out.
        schema_version: The version of the payload's shape.
        occurred_at: Microseconds since 1970 UTC.
        actor: Who caused it.
        correlation_id: The conversation it belongs to.
        causation_id: What caused it.
        payload: JSON text.
        position: Its place in the log it comes from, if it comes from one.
        recorded_at: When that log recorded it, in microseconds.
        entered_at: When the source says that it learned of it, in microseconds; None where it does not say.
        personal: What the log that recorded it says of personal data in the payload; of use where it is restored as recorded.
    """

    stream_id: str
    version: int | None
    event_id: bytes | None
    type: str
    schema_version: int
    occurred_at: int
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    payload: str
    position: int | None = None
    recorded_at: int | None = None
    entered_at: int | None = None
    personal: str | None = None


class BadLine(ValueError):
    """A line that is no event of ours.

    Args:
        reason: What is wrong with it.
        stream_id: The stream that it names, where that much can be read.
    """

    def __init__(self, reason: str, stream_id: str | None = None) -> None:
        super().__init__(reason, stream_id)
        self.reason = reason
        self.stream_id = stream_id


class LineReader(Protocol):
    """What turns a line of one shape into an event."""

    @property
    def first_version(self) -> int:
        """The version that the source gives the first event of a stream."""
        ...

    def read(self, text: bytes) -> Line | None:
        """The event that a line holds; None for a line that is left out and of no stream.

        Raises:
            BadLine: It holds none.
        """
        ...


_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class OwnLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line of our own, as it stands in the file."""

    stream_id: str
    version: _Version
    event_id: UUID
    type: str
    occurred_at: _Time
    schema_version: _Version = 1
    position: int | None = None
    recorded_at: _Time | None = None
    entered_at: _Time | None = None
    actor: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    personal: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"")
    payload_text: str | None = None
    today: msgspec.Raw = msgspec.Raw(b"")
    """What it was when the line was written, said by whoever wrote it: a reading, and no part of what was recorded."""


class OwnLines:
    """Lines as `export_jsonl` writes them.

    Args:
        registry: The event types that are known.
        keep_unknown: Whether events of other types are kept as they are.
    """

    first_version = 1

    def __init__(self, registry: EventRegistry, *, keep_unknown: bool = False) -> None:
        self._registry = registry
        self._keep_unknown = keep_unknown
        self._decoder = msgspec.json.Decoder(OwnLine)

    def read(self, text: bytes) -> Line:
        """The event that a line holds. See `LineReader.read`."""
        try:
            own = self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadLine(_why(text, error), _stream_of(text)) from error
        if (name := repeated_key(text)) is not None:
            raise BadLine(f"{name!r} is there twice in one object; which one counts? Leave one of them", own.stream_id)
        if (name := finer_than_kept(text, MOMENTS)) is not None:
            raise BadLine(f"{name} has digits below the microsecond, which cannot be kept", own.stream_id)
        try:
            check_new_stream_id(own.stream_id)
        except ValueError as error:
            raise BadLine(str(error)) from error
        inline = bytes(own.payload)
        if bool(inline) == (own.payload_text is not None):
            raise BadLine("give one of payload and payload_text", own.stream_id)
        payload = inline.decode() if inline else own.payload_text or ""
        check_known(self._registry, own.type, own.schema_version, own.stream_id, keep_unknown=self._keep_unknown)
        check_payload(self._registry, own.type, payload, own.schema_version, own.stream_id)
        return Line(
            own.stream_id,
            own.version,
            own.event_id.bytes,
            own.type,
            own.schema_version,
            _micros(own.occurred_at, "occurred_at", own.stream_id),
            own.actor,
            own.correlation_id,
            own.causation_id,
            payload,
            own.position,
            None if own.recorded_at is None else _micros(own.recorded_at, "recorded_at", own.stream_id),
            None if own.entered_at is None else _micros(own.entered_at, "entered_at", own.stream_id),
            own.personal,
        )


def _micros(moment: datetime, name: str, stream_id: str) -> int:
    try:
        return check_range(to_micros(moment, name))
    except ValueError as error:
        raise BadLine(f"{name} {moment.isoformat()} {error}", stream_id) from error


def check_known(
    registry: EventRegistry, kind: str, schema_version: int, stream_id: str, *, keep_unknown: bool = False
) -> None:
    """Nothing, if this program reads events of a type and version.

    Raises:
        BadLine: It does not.
    """
    if not (kind in registry or registry.upcasts(kind, schema_version) or keep_unknown):
        raise BadLine(
            f"nobody registered the event type {kind!r}; keep such events as they are with keep_unknown=True "
            "(--keep-unknown)",
            stream_id,
        )
    if kind in registry and schema_version > registry[kind].schema_version:
        raise BadLine(
            f"{kind} has schema version {schema_version} here, and this program knows it up to version "
            f"{registry[kind].schema_version}; a newer release reads it",
            stream_id,
        )


def check_payload(registry: EventRegistry, kind: str, payload: str, schema_version: int, stream_id: str) -> None:
    """Nothing, if the log would take this payload.

    Raises:
        BadLine: It would not.
    """
    try:
        describe_event(registry, RawEvent(kind, payload, schema_version))
    except InvalidEvent as error:
        reason = error.reason.replace("the payload at position 0 does not fit", "the payload does not fit")
        raise BadLine(f"{kind}{'.' if error.field else ''}{error.field}: {reason}", stream_id) from error


def _why(text: bytes, error: Exception) -> str:
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"it is not JSON: {error}"
    if not isinstance(value, dict):
        return "it is JSON, but not an object"
    return str(error)


def _stream_of(text: bytes) -> str | None:
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    stream = value.get("stream_id") if isinstance(value, dict) else None
    return stream if isinstance(stream, str) and stream else None
