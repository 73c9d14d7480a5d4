"""What an event has to be before it is recorded: its type, its payload, and values that every reader can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent, UnknownEventType
from orders_es.log.bookkeeping import check_bookkeeping
from orders_es.log.event import RawEvent
from orders_es.log.limits import check_day, check_form, check_id, check_moment, check_text
from orders_es.log.payload_text import check_payload_text
from orders_es.log.personal import moved_to_the_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log.event_type import EventType
    from orders_es.log.registry import EventRegistry

__all__ = [
    "LARGEST_SCHEMA_VERSION",
    "beyond",
    "check_fields",
    "check_schema_version",
    "describe_event",
    "require_registered",
    "unknown_column",
]

LARGEST_SCHEMA_VERSION = 2**31 - 1
LONGEST_PLAIN = 4_096
"""Characters of a payload that is decoded first and looked at afterwards."""


def describe_event(registry: EventRegistry, data: Any) -> tuple[str, int, str, dict[str, Any], int | None]:
    """Type name, schema version, payload text and shredded values of what somebody wants to append.

    And at which byte of the payload what is personal begins; None where nothing is. A `RawEvent` of a type with such fields is
    recorded with those at its end.

    A `RawEvent` of a registered type must fit it, and be of its schema version or of one that upcasters read; of any other type, it must hold a JSON
    object. Either must be JSON that every reader reads alike; see `payload_text`.
    """
    if not isinstance(data, RawEvent):
        event_type, payload, shredded, offset = registry.sealed(data)
        check_fields(event_type, shredded)
        if any(field.kind == "json" for field in event_type.fields):
            check_payload_text(event_type.name, payload)
        return event_type.name, event_type.schema_version, payload, shredded, offset
    check_id(data.type, "RawEvent", "type")
    check_text(data.payload, data.type, "payload")
    if type(data.schema_version) is not int or not 1 <= data.schema_version <= LARGEST_SCHEMA_VERSION:
        raise InvalidEvent(
            data.type, "schema_version", f"{data.schema_version!r} is no whole number from 1 to 2^31 - 1"
        )
    if registry.upcasts(data.type, data.schema_version):
        # Of an older program, or out of an older log: it stays as it is, and has to mean something today.
        check_payload_text(data.type, data.payload)
        today = registry.decode(data.type, data.schema_version, data.payload)
        if today is not None:
            check_fields(registry.type_of(today), registry.encode(today)[2])
        return data.type, data.schema_version, data.payload, {}, None
    if data.type not in registry:
        check_payload_text(data.type, data.payload)
        check_bookkeeping(data.type, data.payload)
        apart = moved_to_the_end(data.payload, data.personal) if data.personal else None
        return (
            data.type,
            data.schema_version,
            *((data.payload, {}, None) if apart is None else (apart[0], {}, apart[1])),
        )
    event_type = registry[data.type]
    check_schema_version(event_type, data.schema_version)
    if len(data.payload) > LONGEST_PLAIN:  # or else it may be deeper than the decoder can go
        check_payload_text(data.type, data.payload, event_type)
    _, written, shredded = registry.encode(registry.decode(data.type, data.schema_version, data.payload))
    if written != data.payload:  # as this program would have written it, it needs no further look
        check_payload_text(data.type, data.payload, event_type)
    check_fields(event_type, shredded)
    apart = moved_to_the_end(data.payload, event_type.personal) if event_type.personal else None
    payload, offset = (data.payload, None) if apart is None else apart
    return data.type, data.schema_version, payload, shredded, offset


def check_schema_version(event_type: EventType, schema_version: int) -> None:
    """Refuse an event of a shape that this program does not know: once recorded, nobody here could read it."""
    if schema_version != event_type.schema_version:
        raise InvalidEvent(
            event_type.name,
            "schema_version",
            f"{schema_version} is not the registered {event_type.schema_version}; append it with a program that registers "
            f"version {schema_version}, or bring the payload to version {event_type.schema_version} first",
        )


def check_fields(event_type: EventType, shredded: dict[str, Any]) -> None:
    """Refuse values that do fit their columns, but not what is made of them."""
    for field in event_type.fields:
        value = shredded.get(field.name)
        if value is None:
            continue
        if field.kind == "string":
            (check_id if field.identifier else check_text)(value, event_type.name, field.name)
            if field.pattern is not None:
                check_form(value, field.pattern, event_type.name, field.name)
        elif field.kind == "timestamp":
            check_moment(value, event_type.name, field.name)
        elif field.kind == "date":
            check_day(value, event_type.name, field.name)
        elif field.largest is not None and not -field.largest <= value <= field.largest:
            raise InvalidEvent(event_type.name, field.name, beyond(value, field.largest))


def beyond(value: int, largest: int) -> str:
    """The reason for refusing a whole number that is too large."""
    return (
        f"{value} is beyond ±{largest:,}, the most that is recorded in one event, so that no sum over a log overflows"
    )


def unknown_column(name: str, registry: EventRegistry) -> InvalidEvent:
    """The error for a column that means nothing here, with the nearest name that does."""
    import difflib

    near = difflib.get_close_matches(
        name, [*registry.columns, "stream_id", "type", "occurred_at", "entered_at", "actor"], 1
    )
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InvalidEvent("table", name, f"no registered event type has such a field{hint}")


def require_registered(registry: EventRegistry, names: Sequence[str]) -> None:
    """Raise `UnknownEventType` for the first name that is not registered."""
    for name in names:
        if name not in registry:
            raise UnknownEventType(name)
