"""A read model over states: SQL that takes a span's partial results where all of it counts, and raw events for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from orders_es.log.event import to_micros
from orders_es.log.relation import event_columns, quoted
from orders_es.log.scan import parquet_files
from orders_es.replay.relations import inline, limits
from orders_es.replay.states.files import part_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventRegistry
    from orders_es.orders import AsOf
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.derive import Derived
    from orders_es.replay.states.files import Found, Span

__all__ = ["Choice", "choice_of", "over_states"]


class Choice(NamedTuple):
    """What answers a question.

    Args:
        whole: Spans all of which counts, but for the events that their states leave out.
        none: Spans of which nothing counts, but for these.
        raw: First and last position of what is read event by event; the last one is None at the log's end.
    """

    whole: list[Found]
    none: list[Found]
    raw: list[tuple[int, int | None]]


def choice_of(spans: Sequence[Found], asked: AsOf) -> Choice:
    """What answers a question about a moment.

    Args:
        spans: The spans of which there are states, in order.
        asked: The moment, on both clocks.
    """
    chosen = Choice([], [], [])
    begin = 1
    for found in spans:
        counts = _counts(found.span, asked)
        if counts is None:
            continue
        (chosen.whole if counts else chosen.none).append(found)
        if found.span.first > begin:
            chosen.raw.append((begin, found.span.first - 1))
        begin = found.span.last + 1
    chosen.raw.append((begin, None))
    return chosen


def _counts(span: Span, asked: AsOf) -> bool | None:
    """Whether all or nothing of a span counts; None where some of it may."""
    given = {"occurred": asked.at, "known": asked.known_at}
    moments = {clock: to_micros(moment, clock) for clock, moment in given.items() if moment is not None}
    if all(span.between[clock][1] <= moment for clock, moment in moments.items()):
        return True
    return False if any(span.between[clock][0] > moment for clock, moment in moments.items()) else None


def over_states(
    model: ReadModel,
    derived: Derived,
    needed: Sequence[ReadModel],
    registry: EventRegistry,
    chosen: Choice,
    asked: AsOf,
) -> str | None:
    """SQL for a read model, where `events` is bound to a moment; None where its events are to be read after all.

    Args:
        derived: The read model over partial results.
        needed: The read models that it needs, each after those that it reads itself.
        registry: The event types that the program knows.
        chosen: What answers the question.
        asked: The moment.
    """
    if not (chosen.whole or chosen.none):
        return None
    columns = ", ".join(quoted(name) for name in event_columns(registry.columns))
    raw = [
        f'SELECT {columns} FROM events WHERE "position" >= {first}' + (f' AND "position" <= {last}' if last else "")
        for first, last in chosen.raw
    ]
    late = parquet_files(found.paths["late"] for found in (*chosen.whole, *chosen.none))
    raw.append(f"SELECT {columns} FROM {late} WHERE {limits(asked)}")
    given = [f"as_asked AS NOT MATERIALIZED ({' UNION ALL '.join(raw)})"]
    events = "SELECT * FROM as_asked"
    for number, part in enumerate(derived.parts):
        names = (*part.keys, *part.columns)
        pieces = [inline(replace(model, sql=part.sql), events, [(m, events) for m in needed])]
        pieces[0] = f"SELECT {', '.join(map(quoted, names))} FROM ({pieces[0]})"
        if chosen.whole:
            name = part_name(model.name, number)
            types = chosen.whole[0].span.types.get(name)
            if types is None or any(found.span.types.get(name) != types for found in chosen.whole):
                return None  # a sum overflowed in one of them, or is of numbers whose order matters
            listed = ", ".join(f"{quoted(column)}::{types[column]} AS {quoted(column)}" for column in names)
            pieces.append(f"SELECT {listed} FROM {parquet_files(found.paths[name] for found in chosen.whole)}")
        given.append(f"orders_es_part_{number} AS NOT MATERIALIZED ({' UNION ALL '.join(pieces)})")
    return f"WITH {', '.join(given)} SELECT * FROM ({derived.sql})"
