"""The SQL between a log's events and a read model: limits in time, and the guard against events of unknown meaning."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent, OrdersEsError
from orders_es.log.known_columns import NOT_KNOWN, not_known
from orders_es.log.relation import quoted, text
from orders_es.log.shredding import refused
from orders_es.read_models.narrowing import narrowed_for
from orders_es.replay.moment_macros import MOMENT

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from orders_es.log import EventRegistry
    from orders_es.orders import AsOf
    from orders_es.read_models import ReadModel

__all__ = [
    "ANY_TYPE",
    "KNOWN_AT",
    "LIMITS",
    "MACRO_ARGUMENTS",
    "guarded",
    "inline",
    "limits",
    "macro",
    "moment",
    "oddity",
    "prelude",
    "refusal",
    "undefined",
    "view",
]

ANY_TYPE = "*"
"""Among a read model's types: any event, whether its meaning is known or not."""
ESTIMATED = "time_estimated"
"""The payload field by which an event of any domain says that it does not know when it happened."""
LIMITS = (("at", "orders_es_at"), ("known_at", "orders_es_known_at"))
"""Each clock, and the session variable that holds the limit within which all macros of a query stay."""

KNOWN_AT = "coalesce(entered_at, recorded_at)"
"""SQL for since when an event is known; see `RecordedEvent.known_at`."""
MACRO_ARGUMENTS = '"at" := NULL, known_at := NULL, recorded_by := NULL'
"""`at` is a keyword of DuckDB 2; where a macro is called, `at := …` needs no quotes."""

_MACRO_LIMITS = (
    f'("at" IS NULL OR occurred_at <= {MOMENT}("at")) AND (known_at IS NULL OR {KNOWN_AT} <= {MOMENT}(known_at)) '
    f"AND (recorded_by IS NULL OR recorded_at <= {MOMENT}(recorded_by))"
)


def limits(asked: AsOf) -> str:
    """The condition that an event counts for a question, as SQL.

    Example:
        >>> from orders_es.orders import AsOf
        >>> limits(AsOf(version=3))
        'version <= 3'
    """
    parts = []
    if asked.at is not None:
        parts.append(f"occurred_at <= TIMESTAMPTZ '{asked.at.isoformat()}'")
    if asked.known_at is not None:
        parts.append(f"{KNOWN_AT} <= TIMESTAMPTZ '{asked.known_at.isoformat()}'")
    if asked.recorded_by is not None:
        parts.append(f"recorded_at <= TIMESTAMPTZ '{asked.recorded_by.isoformat()}'")
    if asked.version is not None:
        parts.append(f"version <= {asked.version:d}")
    if asked.position is not None:
        parts.append(f'"position" <= {asked.position:d}')
    return " AND ".join(parts) or "true"


def guarded(events: str, model: ReadModel, registry: EventRegistry, held: Iterable[tuple[str, int]]) -> str:
    """SQL for the events that a read model is computed from.

    Where all events of the log are of types that the model accounts for, that is `events` as it stands and costs nothing.
    Otherwise streams of other domains are left out: those of types that the registry knows, or was told to leave out, with
    none of the model's. Reading an event of another type, or one of another domain in a stream of the model's own, is an
    error; see `refusal`.

    Args:
        events: The relation, a name or a SELECT in brackets.
        registry: The event types that the program knows.
        held: The event types and schema versions that the log holds, as recorded.
    """
    if ANY_TYPE in model.types:
        # Whether a time is an estimate can be asked of any event; where no type has such a field, none says so.
        mark = "" if ESTIMATED in registry.columns else f", NULL::BOOLEAN AS {ESTIMATED}"
        return f"SELECT *{mark} FROM {events}"
    ours = set(model.types) or {event_type.name for event_type in registry}
    held = set(registry.of_today(held))
    unknown = sorted(
        (name, version)
        for name, version in held
        if name in ours and (name not in registry or registry[name].schema_version != version)
    )
    if not unknown and all(name in ours for name, _ in held):
        return f"SELECT * FROM {events}"
    mine = f"type IN ({', '.join(text(name) for name in sorted(ours))})"
    others = sorted({name for name, _ in held if name not in ours and registry.foreign(name)})
    # One CASE, because it alone fixes what is looked at first: a filter that can fail must not run ahead of others. It
    # also stands in for the type, so that a read model's own filter on types cannot run ahead of it either.
    branches = [
        f"WHEN type = {text(name)} AND schema_version = {version:d} THEN {not_known()}" for name, version in unknown
    ]
    branches.append(f"WHEN {mine} THEN type")
    if others:
        own = f"stream_id IN (SELECT stream_id FROM {events} AS own WHERE {mine})"
        branches.append(f"WHEN type IN ({', '.join(map(text, others))}) AND NOT {own} THEN NULL")
    cases = f"{' '.join(branches)} ELSE {not_known()}"
    return f"SELECT * REPLACE (CASE {cases} END AS type) FROM {events} WHERE CASE {cases} END IS NOT NULL"


def undefined(model: ReadModel, registry: EventRegistry, held: Iterable[tuple[str, int]]) -> str | None:
    """SQL that fails as `guarded` does, where the program does not know event types of the model that the log holds.

    Args:
        registry: The event types that the program knows.
        held: The event types and schema versions that the log holds, as recorded.
    """
    unknown = sorted({name for name, _ in registry.of_today(held) if name in model.types and name not in registry})
    if not unknown:
        return None
    listed = ", ".join(text(name) for name in unknown)
    first = f'SELECT * FROM events WHERE type IN ({listed}) ORDER BY "position" LIMIT 1'
    return f"SELECT {not_known()} AS order_id FROM ({first})"


def inline(model: ReadModel, events: str, needed: Sequence[tuple[ReadModel, str]] = (), asked: str = "") -> str:
    """SQL for a read model over events of one's own choice.

    Args:
        events: SQL for its events, as `guarded` gives it.
        needed: The read models that it needs, as `needed_by` gives them, each with SQL for its events.
        asked: SQL for `moment`, as `moment` gives it; what is bound to that name already if left out.
    """
    return f"{prelude(events, needed, asked, (model.sql,))}{model.sql}\n)"


def _narrowed(model: ReadModel, readers: tuple[str, ...], others: Iterable[ReadModel]) -> str:
    """An internal read model's SELECT, with what these readers and those others of the needed that read it can name."""
    reading = tuple(sorted(other.sql for other in others if model.name in other.reads))
    return narrowed_for((*readers, *reading), model.name, model.sql)


def prelude(
    events: str, needed: Sequence[tuple[ReadModel, str]] = (), asked: str = "", readers: tuple[str, ...] = ()
) -> str:
    """What stands before a read model's own text in `inline`; the text begins on a line of its own.

    Args:
        readers: The SELECTs that read what is needed, beside those that are needed themselves.
    """
    given = [f"moment AS NOT MATERIALIZED ({asked})"] if asked else []
    for m, its_events in needed:
        model = replace(m, sql=_narrowed(m, readers, [other for other, _ in needed])) if m.internal else m
        given.append(f"{quoted(m.name)} AS NOT MATERIALIZED (\n{inline(model, its_events)}\n)")
    given.append(f"events AS NOT MATERIALIZED ({events})")
    return f"WITH {', '.join(given)}\nSELECT * FROM (\n"


def view(model: ReadModel, events: str, needed: Sequence[tuple[ReadModel, str]] = ()) -> str:
    """SQL that creates a read model as a view of its name.

    Args:
        events: SQL for its events, as `guarded` gives it.
        needed: The read models that are to stand in the view itself, each with SQL for its events; it reads all others by their names.
    """
    return f"CREATE OR REPLACE VIEW {quoted(model.name)} AS {inline(model, events, needed)}"


def macro(name: str, model: ReadModel | None, events: str, needed: Sequence[tuple[ReadModel, str]] = ()) -> str:
    """SQL that creates a table macro with the arguments `at`, `known_at` and `recorded_by`, each of which may be left out.

    Args:
        name: The macro's name.
        model: The read model; None for the events themselves.
        events: SQL for its events, as `guarded` gives it over the relation `as_asked`.
        needed: The read models that it needs, each with SQL for its events, likewise.
    """
    asked = f"WITH as_asked AS NOT MATERIALIZED (SELECT * FROM events WHERE {_MACRO_LIMITS})"
    if model is None:
        body = "SELECT * FROM as_asked"
    else:
        limited = {
            clock: f'least({MOMENT}("{clock}"), getvariable({text(name)})::TIMESTAMPTZ)' for clock, name in LIMITS
        }
        reads_moment = model.reads_moment or any(m.reads_moment for m, _ in needed)
        body = f"SELECT * FROM ({inline(model, events, needed, moment('as_asked', **limited) if reads_moment else '')})"
    return f"CREATE OR REPLACE MACRO {quoted(name)}({MACRO_ARGUMENTS}) AS TABLE {asked} {body}"


def moment(events: str, *, at: str = "NULL", known_at: str = "NULL", said: Container[str] = ()) -> str:
    """SQL for the relation `moment`: one row with what was asked for or, where that is null, the last time in the events.

    Args:
        events: The relation of the events that count.
        at: SQL for the moment asked for on the business clock.
        known_at: SQL for the one on the record clock.
        said: Which of the two are never null, so that nobody has to look for a last time.

    Example:
        >>> moment("events", at="now()", known_at="now()", said=("at", "known_at"))
        'SELECT now() AS "at", now() AS "known_at"'
    """
    columns = (("at", at, "occurred_at"), ("known_at", known_at, KNOWN_AT))
    found = (
        f"{asked if clock in said else f'coalesce({asked}, (SELECT max({time}) FROM {events}))'} AS {quoted(clock)}"
        for clock, asked, time in columns
    )
    return f"SELECT {', '.join(found)}"


def refusal(message: str, registry: EventRegistry) -> OrdersEsError | None:
    """The error that a guard meant by failing; None if the message is not a guard's.

    Args:
        message: DuckDB's words.
        registry: The event types that the program knows.
    """
    if (unreadable := refused(message)) is not None:
        return unreadable
    found = re.search(re.escape(NOT_KNOWN) + r"(\[.*?\]): an event of this type", message, re.DOTALL)
    if found is None:
        return None
    name, schema_version, position, stream_id = json.loads(found[1])
    return registry.not_known(name, schema_version, position, stream_id)


def oddity(connection: Any, events: str, registry: EventRegistry, error: Exception) -> InvalidEvent | None:
    """The error that names the first event which holds a larger number than its field may have, where a sum overflowed.

    Args:
        connection: Where the query failed.
        events: The relation that it read.
        registry: The event types that the program knows.
        error: What DuckDB said; None comes of it where that is no overflow, or no field has a limit that was passed.
    """
    limits = {f.name: f.largest for event_type in registry for f in event_type.fields if f.largest is not None}
    if type(error).__name__ not in {"ConversionException", "OutOfRangeException"} or not limits:
        return None
    outside = {name: f"{quoted(name)} NOT BETWEEN {-largest} AND {largest}" for name, largest in limits.items()}
    which = " ".join(f"WHEN {test} THEN {text(name)}" for name, test in outside.items())
    given = " ".join(f"WHEN {test} THEN {quoted(name)}" for name, test in outside.items())
    found = connection.execute(
        f'SELECT type, CASE {which} END, "position", stream_id, CASE {given} END FROM {events} '
        f'WHERE {" OR ".join(outside.values())} ORDER BY "position" LIMIT 1'
    ).fetchone()
    if found is None:
        return None
    name, field, position, stream_id, value = found
    return InvalidEvent(
        name,
        field,
        f"position {position}, stream {stream_id!r}: {value:,} is more than a log takes today, and what was asked for "
        f"overflows ({error}). Ask without it: … WHERE order_id <> {text(stream_id)}, or stream_id of events",
    )
