"""Events whose values are in their payloads only, as SQL reads them: written by a program that did not know their types.

There is one rule for such payloads, `EventRegistry.decode`'s. SQL reads those that it certainly reads alike by itself, and of
the others takes what that rule made of them, value or refusal, as rows beside the events; so the two cannot disagree.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.errors import InvalidEvent
from orders_es.log.relation import COLUMN_TYPES, ENVELOPE_TYPES, event_columns, quoted, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from orders_es.log.event_type import EventType, Field
    from orders_es.log.registry import EventRegistry

__all__ = ["REFUSES", "Reading", "columns_of", "lacks", "odd", "readings_of", "value_of", "with_readings"]

REFUSES = "orders_es cannot read: "
"""What DuckDB's message begins with where an event's payload does not fit its type; a JSON array of the facts follows."""

MISFIT = "the payload does not fit: "

DAY = "[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
"""A day that exists, as a pattern; 29 February has to be looked at."""
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
"""A time of the day, to the microsecond."""

_BLANK = r"[ \t\n\r]*"
_CHARACTER = r"0{3}[1-9a-fA-F]|0{2}[1-9a-fA-F][0-9a-fA-F]|0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
_VALUES = {
    "string": rf'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?:{_CHARACTER}))*"',
    "int64": "-?(?:0|[1-9][0-9]{0,17})",
    "bool": "(?:true|false)",
    "decimal": r'"-?[0-9]{1,14}(?:\.[0-9]{1,4})?"',
    "timestamp": f'"{DAY}T{CLOCK}Z"',
    "date": f'"{DAY}"',
    "float64": r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?",
}
"""What DuckDB and the decoder certainly read alike."""


class Reading(NamedTuple):
    """What the rule makes of one payload: the same as this package writes it, or the facts of the refusal."""

    text: str
    refusal: str | None


def readings_of(registry: EventRegistry, rows: Iterable[tuple[int, str, str, int, str]]) -> dict[int, Reading]:
    """What the rule makes of some events, by position; those of types and shapes that nobody registered are left out.

    Args:
        rows: Position, stream, type, schema version and payload of each.
    """
    readings = {}
    for position, stream_id, name, schema_version, payload in rows:
        if name in registry and registry[name].schema_version == schema_version:
            try:
                readings[position] = Reading(registry.encode(registry.decode(name, schema_version, payload))[1], None)
            except InvalidEvent as error:
                facts = json.dumps([name, error.field, position, stream_id, error.reason])
                # DuckDB may look into a payload before it looks at the refusal; it finds nothing that could be malformed.
                readings[position] = Reading("{}", f"{REFUSES}{facts}")
    return readings


def odd(registry: EventRegistry) -> str:
    """SQL that is true of an event whose payload has to be read by the rule: there is no telling that SQL reads it alike."""
    known = " OR ".join(f"(type = {text(t.name)} AND schema_version = {t.schema_version})" for t in registry) or "false"
    plain = f"regexp_full_match(payload, {text(_plain(registry))})"
    twice = "len(json_keys(payload)) <> len(list_distinct(json_keys(payload)))"
    return f"(({known}) AND CASE WHEN {plain} THEN {twice} ELSE true END)"


def _plain(registry: EventRegistry) -> str:
    optional = dict.fromkeys(registry.columns, True)
    for field in (f for event_type in registry for f in event_type.fields if f.kind != "json"):
        optional[field.name] &= field.optional
    pairs = [
        f'"{name}"{_BLANK}:{_BLANK}(?:{_VALUES[kind]}{"|null" if optional[name] else ""})'
        for name, kind in registry.columns.items()
    ]
    pair = f"(?:{'|'.join(pairs)})" if pairs else '""'
    return rf"{_BLANK}\{{{_BLANK}(?:{pair}{_BLANK}(?:,{_BLANK}{pair}{_BLANK})*)?\}}{_BLANK}"


def lacks(event_type: EventType, there: Mapping[str, str]) -> str:
    """SQL that is true of an event of a type without values in its columns; nothing where it needs none.

    Args:
        there: The columns that the events have.
    """
    fields = [f for f in event_type.fields if f.kind != "json"]
    needed = [f for f in fields if f.always]
    nulls = [f"{quoted(f.name)} IS NULL" if f.name in there else "true" for f in needed or fields]
    if not nulls:
        return ""
    return f"({' OR '.join(nulls)})" if needed else f"({' AND '.join(nulls)} AND payload <> '{{}}')"


def with_readings(events: str, readings: Mapping[int, Reading]) -> str:
    """SQL for what stands after FROM: some events, and beside each what the rule makes of its payload.

    Args:
        events: A relation, with a name of its own or a table function.
        readings: What the rule makes of some of them, by position.
    """
    if not readings:
        return f"{events} AS event"
    rows = ", ".join(
        f"({position}, {text(reading.text)}, {'NULL::VARCHAR' if reading.refusal is None else text(reading.refusal)})"
        for position, reading in sorted(readings.items())
    )
    return (
        f"{events} AS event LEFT JOIN (VALUES {rows}) AS reading(at_position, as_written, refusal) "
        'ON event."position" = reading.at_position'
    )


def columns_of(
    registry: EventRegistry, readings: Mapping[int, Reading], own: Callable[[str, str], str | None]
) -> list[str]:
    """SQL for each column of the relation `events`, out of what `with_readings` gives.

    Args:
        readings: What was given to it.
        own: Gives, by name and type, SQL for the value that the events themselves have; None if they have none.
    """
    payload = "coalesce(reading.as_written, event.payload)" if readings else "event.payload"
    columns = []
    for name, kind in event_columns(registry.columns).items():
        value = own(name, kind)
        if name not in ENVELOPE_TYPES:
            said = _said(registry, name, kind, payload, refused=bool(readings))
            value = said if value is None else f"coalesce({value}, {said})"
        columns.append(f"{value} AS {quoted(name)}")
    return columns


def _said(registry: EventRegistry, name: str, kind: str, payload: str, *, refused: bool) -> str:
    """SQL for what the payload says of a field, where its type has it; it fails where it has to say something."""
    branches = ["WHEN reading.refusal IS NOT NULL THEN error(reading.refusal)"] if refused else []
    told = f"json_extract_string({payload}, {text('$.' + quoted(name))})::{kind}"
    facts = f"json_array(event.type, {text(name)}, event.\"position\", event.stream_id, 'it is missing')::VARCHAR"
    there = f"json_exists({payload}, {text('$.' + quoted(name))})"
    by_value: dict[str, list[EventType]] = {}
    for event_type in registry:
        for field in event_type.fields:
            if field.name == name:
                value = told
                if field.default is not None:
                    value = f"CASE WHEN {there} THEN {told} ELSE {value_of(field)} END"
                elif field.required and not field.optional:
                    value = f"coalesce({told}, error({text(REFUSES)} || {facts}))"
                by_value.setdefault(value, []).append(event_type)
    for value, types in by_value.items():
        pairs = " OR ".join(
            f"(event.type = {text(t.name)} AND event.schema_version = {t.schema_version})" for t in types
        )
        branches.append(f"WHEN {pairs} THEN {value}")
    return f"CASE {' '.join(branches)} END"


def value_of(field: Field) -> str:
    """SQL for the value that a field has where a payload does not have it."""
    value = field.default
    said = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"{text(said)}::{COLUMN_TYPES[field.kind]}"


def refused(message: str) -> InvalidEvent | None:
    """The error that a refusal in SQL stands for; None if the message is of another kind.

    Args:
        message: DuckDB's words.
    """
    start = message.find(REFUSES)
    if start < 0:
        return None
    facts: list[Any] = json.JSONDecoder().raw_decode(message, start + len(REFUSES))[0]
    name, field, position, stream_id, reason = facts
    return misfit(name, field, reason, position, stream_id)


def misfit(name: str, field: str, reason: str, position: int, stream_id: str) -> InvalidEvent:
    """The error for a recorded payload that does not fit its type.

    Args:
        name: The event type's name.
        field: The field that is to blame, or an empty text.
        reason: Why.
        position: Where the event stands; 0 if it is not recorded.
    """
    if not position:
        return InvalidEvent(name, field, reason if field else f"{MISFIT}{reason.removeprefix(MISFIT)}")
    reason = reason.removeprefix(MISFIT)
    what = f"{field}: {reason}" if field else reason
    return InvalidEvent(
        name,
        "",
        f"the payload at position {position} does not fit (stream {stream_id!r}): {what}. Other streams can be read; "
        f"`history` shows this one's events as they were recorded",
    )
