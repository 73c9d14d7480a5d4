"""A read model over states: SQL that takes a span's partial results where all of it counts, and raw events for the rest."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.log.event import to_micros
from orders_es.log.relation import event_columns, quoted
from orders_es.log.scan import parquet_files
from orders_es.replay.relations import inline, limits
from orders_es.replay.states.derive import LAST
from orders_es.replay.states.files import BEGUN, CONTINUED, LATE, part_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orders_es.log import EventRegistry
    from orders_es.orders import AsOf
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.derive import Derived
    from orders_es.replay.states.files import Found, Span

__all__ = ["Choice", "OverStates", "choice_of", "over_states", "stored_rows"]

_WIDE = 8
"""Of a part with as many columns, it is worth while to look first where the rows stand that are to be grouped."""
SEVERAL = "orders_es_several"
"""The relation of the streams that have events in more than one place."""


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


def choice_of(spans: Mapping[int, Sequence[Found]], asked: AsOf, sound: Callable[[Found], bool]) -> Choice:
    """What answers a question about a moment: from each position on, the widest span of which all or nothing counts.

    Args:
        spans: The spans of which there are states, by their first position, the widest first.
        asked: The moment, on both clocks.
        sound: Whether the files of a span may be believed.
    """
    chosen = Choice([], [], [])
    firsts = sorted(spans)
    begin = read = 1
    while True:
        for found in spans.get(begin, ()):
            counts = _counts(found.span, asked)
            if counts is not None and sound(found):
                (chosen.whole if counts else chosen.none).append(found)
                if begin > read:
                    chosen.raw.append((read, begin - 1))
                begin = read = found.span.last + 1
                break
        else:
            later = next((first for first in firsts if first > begin), None)
            if later is None:
                chosen.raw.append((read, None))
                return chosen
            begin = later


def _counts(span: Span, asked: AsOf) -> bool | None:
    """Whether all or nothing of a span counts; None where some of it may."""
    given = {"occurred": asked.at, "known": asked.known_at, "recorded": asked.recorded_by}
    moments = {clock: to_micros(moment, clock) for clock, moment in given.items() if moment is not None}
    times = {clock: span.between[clock] or (0, 0) for clock in moments}
    if asked.position is not None:
        moments["position"], times["position"] = asked.position, (span.first, span.last)
    if all(times[clock][1] <= moment for clock, moment in moments.items()):
        return True
    return False if any(times[clock][0] > moment for clock, moment in moments.items()) else None


class OverStates(NamedTuple):
    """A read model over states, in SQL.

    Args:
        several: The streams that have events in more than one place.
        parts: Of each part, what has to be grouped, and what has not.
        spans: First and last position of each span whose states are taken.
        sql: The read model over these, which are called `orders_es_several`, `orders_es_combined_0`, `orders_es_alone_0` and so on.
        events: What the others are made of, as it stands behind `WITH`.
    """

    several: str
    parts: list[Pieces]
    spans: list[tuple[int, int]]
    sql: str
    events: str

    def on(self, cursor: Any, prefix: str, *, keep: bool = False) -> str:
        """One SELECT that gives the read model, over temporary tables that are made on a cursor.

        Which streams have to be grouped is computed first: DuckDB then knows how few they are.

        Args:
            cursor: The cursor; None makes no tables, for whoever may not ask for the read model at all.
            prefix: What the tables' names begin with.
            keep: Compute all that takes time now, for whoever asks again.
        """
        several = quoted(prefix + SEVERAL)
        if cursor is None:
            given = [self.events, f"{SEVERAL} AS MATERIALIZED ({self.several})"]
        else:
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE {several} AS WITH {self.events} {self.several}")
            given = [self.events, f"{SEVERAL} AS NOT MATERIALIZED (FROM {several})"]
        combined, united = [], []
        for number, part in enumerate(self.parts):
            name = f"orders_es_combined_{number}"
            select = part.combined("true" if cursor is None else self._ranges(cursor, part, several))
            if keep and cursor is not None:
                table = quoted(prefix + name)
                cursor.execute(
                    f"CREATE OR REPLACE TEMP TABLE {table} AS WITH {', '.join(given)} SELECT * FROM ({select})"
                )
                select = f"FROM {table}"
            combined.append(f"{name} AS NOT MATERIALIZED ({select})")
            both = f"FROM {name}" + ("" if part.alone is None else f" UNION ALL ({part.alone})")
            united.append(f"orders_es_whole_{number} AS NOT MATERIALIZED ({both})")
        return f"WITH {', '.join([*given, *combined, *united])} SELECT * FROM ({self.sql})"

    def _ranges(self, cursor: Any, part: Pieces, several: str) -> str:
        """The condition that a row of a part may be of such a stream: in each span's file they stand side by side, at the end."""
        if part.begun is None or part.columns < _WIDE:
            return "true"
        which = " ".join(f"WHEN {LAST} <= {last} THEN {last}" for _, last in self.spans)
        rows = cursor.execute(
            f"SELECT CASE {which} END AS span, min({LAST}) FROM ({part.places}) SEMI JOIN {several} USING (stream_id) GROUP BY span"
        ).fetchall()
        return " OR ".join(f"{LAST} BETWEEN {first} AND {last}" for last, first in sorted(rows)) or "false"


class Pieces(NamedTuple):
    """What a part of a read model is made of.

    Args:
        columns: How many columns have to be read of its rows.
        always: SQL for the rows that are always grouped.
        begun: SQL for the rows of streams that began in spans; None where there are none.
        places: Of these, SQL for the streams and where each of them ends.
        combining: What groups them.
        alone: SQL for the rows of the streams that need no grouping; None where there are none.
    """

    number: int
    columns: int
    always: str
    begun: str | None
    places: str
    combining: str
    alone: str | None

    def combined(self, ranges: str) -> str:
        """SQL for the rows that are grouped.

        Args:
            ranges: The condition on where those of the streams that began in spans stand.
        """
        pieces = [self.always]
        if self.begun is not None:
            pieces.append(
                f"SELECT * EXCLUDE ({LAST}) FROM ({self.begun}) SEMI JOIN {SEVERAL} USING (stream_id) WHERE {ranges}"
            )
        return f"WITH orders_es_part_{self.number} AS NOT MATERIALIZED ({' UNION ALL '.join(pieces)}) {self.combining}"


def over_states(
    model: ReadModel,
    derived: Derived,
    needed: Sequence[ReadModel],
    registry: EventRegistry,
    chosen: Choice,
    asked: AsOf,
    events: str = "events",
) -> OverStates | None:
    """A read model in SQL; None where its events are to be read after all.

    A stream's first event lies in one place. So whoever has all of a stream in one span is whoever has its first event there, and
    none elsewhere with a later version; and its partial result needs no grouping.

    Args:
        derived: The read model over partial results.
        needed: The read models that it needs, each after those that it reads itself.
        registry: The event types that the program knows.
        chosen: What answers the question.
        asked: The moment.
        events: The relation of all events that count then.
    """
    if not (chosen.whole or chosen.none):
        return None
    names = [part_name(model.name, number) for number in range(len(derived.parts))]
    if any(
        name not in found.span.types or found.span.types[name] != chosen.whole[0].span.types.get(name)
        for found in chosen.whole
        for name in names
    ):
        return None  # a sum overflowed in one of them, or is of numbers whose order matters
    columns = ", ".join(quoted(name) for name in event_columns(registry.columns))
    raw = [
        f'SELECT {columns} FROM {events} WHERE "position" >= {first}' + (f' AND "position" <= {last}' if last else "")
        for first, last in chosen.raw
    ]
    late = parquet_files(found.paths[LATE] for found in (*chosen.whole, *chosen.none))
    raw.append(f"SELECT {columns} FROM {late} WHERE {limits(asked)}")
    several = ["SELECT stream_id FROM as_asked WHERE version > 1"]
    if chosen.whole:
        several.append(f"SELECT stream_id FROM {parquet_files(found.paths[CONTINUED] for found in chosen.whole)}")
    as_asked = "SELECT * FROM as_asked"
    parts = []
    for number, (name, part) in enumerate(zip(names, derived.parts, strict=True)):
        held = (*part.keys, *(column for column in part.columns if column != LAST))
        listed = ", ".join(map(quoted, held))
        made = inline(replace(model, sql=part.sql), as_asked, [(m, as_asked) for m in needed])
        always, begun, places, alone = [f"SELECT {listed} FROM ({made})"], None, "", None
        if chosen.whole:
            always.append(stored_rows(chosen.whole, name, CONTINUED, held))
            begun = stored_rows(chosen.whole, name, BEGUN, (*held, LAST))
            places = stored_rows(chosen.whole, name, BEGUN, ("stream_id", LAST))
            rows = (
                f"SELECT * FROM ({stored_rows(chosen.whole, name, BEGUN, held)}) ANTI JOIN {SEVERAL} USING (stream_id)"
            )
            alone = f"WITH orders_es_alone_{number} AS NOT MATERIALIZED ({rows}) {part.alone}"
        parts.append(Pieces(number, len(held), " UNION ALL ".join(always), begun, places, part.combining, alone))
    return OverStates(
        " UNION ALL ".join(several),
        parts,
        [(found.span.first, found.span.last) for found in chosen.whole],
        derived.sql,
        f"as_asked AS NOT MATERIALIZED ({' UNION ALL '.join(raw)})",
    )


def stored_rows(spans: Iterable[Found], part: str, which: str, columns: Iterable[str]) -> str:
    """SQL for the partial results that some spans hold of a part, with the types that they have in SQL.

    Args:
        spans: At least one; a part has the same types in all of them.
        which: `BEGUN` or `CONTINUED`.
        columns: Those that are wanted.
    """

    def alike(found: Found) -> list[tuple[str, str]]:
        return list(found.span.stored[part].items())

    columns, selects = list(columns), []
    for _, group in itertools.groupby(sorted(spans, key=alike), key=alike):
        files = list(group)
        types = files[0].span.types[part]
        listed = ", ".join(f"{quoted(name)}::{types[name]} AS {quoted(name)}" for name in columns)
        selects.append(f"SELECT {listed} FROM {parquet_files(found.paths[f'{part}.{which}'] for found in files)}")
    return " UNION ALL ".join(selects)
