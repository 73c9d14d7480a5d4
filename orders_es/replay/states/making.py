"""Making the states of one span: of its events, or of the states of the spans that it is put together from."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from orders_es.log.relation import event_columns, quoted, text
from orders_es.log.scan import parquet_files
from orders_es.replay.relations import KNOWN_AT, inline
from orders_es.replay.states.files import BEGUN, CONTINUED, LATE, Span, digest_of, part_name
from orders_es.replay.states.relation import stored_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.derive import Derived, Part
    from orders_es.replay.states.files import Found

__all__ = ["Made", "Maker"]

_LATE = 0.005
"""So many of a span's events, at each end of a clock, are kept as they are, so that its states end where most of it does."""
_CLOCKS = {"occurred": "occurred_at", "entered": "entered_at"}
"""The clocks on which an event may be late or early beside its neighbours."""
_NARROW = 18
"""So many digits go into a number of 64 bits."""


class Made(NamedTuple):
    """A span that was made.

    Args:
        files: Its files, which still have to be put in place.
    """

    span: Span
    files: dict[str, Path]


class Maker:
    """A connection that shows a log, and makes states of it.

    Args:
        model: The read model.
        derived: The same, taken apart.
        needed: The read models that it needs, each after those that it reads itself.
        place: Where temporary files may lie.
        memory_limit: How much memory DuckDB may use before it goes on in temporary files.
    """

    def __init__(
        self,
        log: EventLog,
        model: ReadModel,
        derived: Derived,
        needed: Sequence[ReadModel],
        place: Path,
        memory_limit: str,
    ) -> None:
        import duckdb

        from orders_es.replay.defining import set_memory_limit, set_time_zone

        self._model = model
        self._derived = derived
        self._needed = needed
        self._place = place
        self._columns = ", ".join(quoted(name) for name in event_columns(log.registry.columns))
        self._connection = duckdb.connect()
        set_time_zone(self._connection, None)
        set_memory_limit(self._connection, memory_limit)
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true; SET preserve_insertion_order = false")
        log.bind(self._connection, "events")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def making(self, first: int, last: int, parts: Sequence[Found | None] | None) -> Iterator[Made | None]:
        """What was made of a span, whose files are removed at the end where nobody moved them; None where it cannot be made.

        Args:
            first: Its first position.
            last: Its last position.
            parts: The spans that it is put together from, if there are any; None in it is one that could not be made.
        """
        import duckdb

        files: dict[str, Path] = {}
        try:
            try:
                if parts is None:
                    made = self._of_events(first, last, files)
                else:
                    found = [part for part in parts if part is not None]
                    made = self._of_states(first, last, found, files) if len(found) == len(parts) else None
            except duckdb.Error:  # an event of it cannot be read; whoever asks for it is told which
                made = None
            yield made
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)

    def _of_events(self, first: int, last: int, files: dict[str, Path]) -> Made | None:
        here = f'SELECT {self._columns} FROM events WHERE "position" BETWEEN {first} AND {last}'
        asked = ", ".join(f"quantile_disc(epoch_us({c}), [{_LATE}, {1 - _LATE}])" for c in _CLOCKS.values())
        bounds = dict(zip(_CLOCKS, self._row(f"SELECT {asked} FROM ({here})"), strict=True))
        core = _within(bounds)
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW as_asked AS {here} AND {core}")
        between = self._between("as_asked")
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CONTINUED} AS "
            "SELECT stream_id FROM as_asked GROUP BY stream_id HAVING min(version) > 1"
        )
        self._write(f"{here} AND NOT {core}", LATE, files)
        partial = {name: self._partial(part) for name, part in self._named()}
        return self._made(first, last, between, partial, files)

    def _of_states(self, first: int, last: int, spans: Sequence[Found], files: dict[str, Path]) -> Made | None:
        late = parquet_files(span.paths[LATE] for span in spans)
        bounds = self._widened(spans, late)
        core = _within(bounds)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE as_asked_now AS SELECT {self._columns} FROM {late} WHERE {core}"
        )
        self._connection.execute("CREATE OR REPLACE TEMP VIEW as_asked AS SELECT * FROM as_asked_now")
        between = self._between("as_asked")
        for clock in between:
            times = [span.span.between[clock] for span in spans] + [between[clock]]
            known = [time for time in times if time is not None]
            between[clock] = (min(t[0] for t in known), max(t[1] for t in known)) if known else None
        named = [(name, part) for name, part in self._named() if all(name in span.span.types for span in spans)]
        begun = " UNION ALL ".join(
            [
                "SELECT stream_id FROM as_asked WHERE version = 1",
                *(f"SELECT stream_id FROM {_files(spans, f'{name}.{BEGUN}')}" for name, _ in named),
            ]
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CONTINUED} AS SELECT DISTINCT stream_id FROM ("
            f"SELECT stream_id FROM as_asked UNION ALL SELECT stream_id FROM {_files(spans, CONTINUED)}) "
            f"ANTI JOIN ({begun}) USING (stream_id)"
        )
        self._write(f"SELECT {self._columns} FROM {late} WHERE NOT {core}", LATE, files)
        partial = {}
        for name, part in named:
            held = (*part.keys, *part.columns)
            stored = (stored_rows(spans, name, which, held) for which in (BEGUN, CONTINUED))
            rows = " UNION ALL ".join([self._partial(part), *stored])
            keys = ", ".join(map(quoted, part.keys))
            merged = ", ".join(f"{how} AS {quoted(column)}" for column, how in part.columns.items())
            partial[name] = f"SELECT {keys}, {merged} FROM ({rows}) GROUP BY {keys}"
        return self._made(first, last, between, partial, files)

    def _widened(self, spans: Sequence[Found], late: str) -> dict[str, Sequence[int] | None]:
        """The limits of a wider span: no more events are left out of it at each end than of one of those, on average."""
        clocks = {c: [t for span in spans if (t := span.span.between[c]) is not None] for c in _CLOCKS}
        spare = self._row(f"SELECT count(*) FROM {late}")[0]
        keep = spare // (2 * len(spans) * sum(1 for known in clocks.values() if known))
        bounds: dict[str, Sequence[int] | None] = {}
        for clock, column in _CLOCKS.items():
            (times,) = self._row(f"SELECT list_sort(list(epoch_us({column}))) FROM {late} WHERE {column} IS NOT NULL")
            lows, highs = [t[0] for t in clocks[clock]], [t[1] for t in clocks[clock]]
            if times and len(times) > keep:
                lows.append(times[keep])
                highs.append(times[-keep - 1])
            bounds[clock] = (min(lows), max(highs)) if lows else None
        return bounds

    def _between(self, events: str) -> dict[str, tuple[int, int] | None]:
        clocks = {"occurred": "occurred_at", "known": KNOWN_AT, "recorded": "recorded_at", "entered": "entered_at"}
        asked = ", ".join(f"min(epoch_us({clock})), max(epoch_us({clock}))" for clock in clocks.values())
        times = self._row(f"SELECT {asked} FROM {events}")
        pairs = zip(clocks, zip(times[::2], times[1::2], strict=True), strict=True)
        return {clock: pair if pair[0] is not None else None for clock, pair in pairs}

    def _named(self) -> list[tuple[str, Part]]:
        return [(part_name(self._model.name, number), part) for number, part in enumerate(self._derived.parts)]

    def _partial(self, part: Part) -> str:
        events = "SELECT * FROM as_asked"
        made = inline(replace(self._model, sql=part.sql), events, [(m, events) for m in self._needed])
        listed = ", ".join(map(quoted, (*part.keys, *part.columns)))
        return f"SELECT {listed} FROM ({made})"

    def _made(
        self,
        first: int,
        last: int,
        between: dict[str, tuple[int, int] | None],
        partial: Mapping[str, str],
        files: dict[str, Path],
    ) -> Made:
        types: dict[str, dict[str, str]] = {}
        stored: dict[str, dict[str, str]] = {}
        self._write(f"SELECT stream_id FROM {CONTINUED}", CONTINUED, files)
        for name, query in partial.items():
            self._part(name, query, files, types, stored)
        digests = {name: digest_of(path) for name, path in files.items()}
        return Made(Span(first, last, between, digests, types, stored), files)

    def _part(
        self,
        name: str,
        query: str,
        files: dict[str, Path],
        types: dict[str, dict[str, str]],
        stored: dict[str, dict[str, str]],
    ) -> None:
        """Write one part, if its figures are kept exactly: sums of floating point numbers depend on their order."""
        import duckdb

        kinds = {column[0]: column[1] for column in self._connection.execute(f"DESCRIBE {query}").fetchall()}
        if any(kind in ("DOUBLE", "FLOAT") for kind in kinds.values()):
            return
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE partial AS {query}")
            narrow = self._narrow(kinds)
            listed = ", ".join(f"{quoted(column)}::{kind} AS {quoted(column)}" for column, kind in narrow.items())
            for which, join in ((BEGUN, "ANTI"), (CONTINUED, "SEMI")):
                rows = f"SELECT {listed} FROM partial {join} JOIN {CONTINUED} USING (stream_id)"
                self._write(rows, f"{name}.{which}", files)
        except (duckdb.ConversionException, duckdb.OutOfRangeException):  # a sum that overflows: the events say which
            for which in (BEGUN, CONTINUED):
                if (path := files.pop(f"{name}.{which}", None)) is not None:
                    path.unlink(missing_ok=True)
            return
        types[name], stored[name] = kinds, narrow

    def _narrow(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """The types of columns in files: numbers of 128 bits are read slowly, and HUGEINT is none of Parquet's types."""
        wide = {}
        for column, kind in kinds.items():
            digits, _, after = kind.removeprefix("DECIMAL(").removesuffix(")").partition(",")
            if kind == "HUGEINT":
                wide[column] = 0
            elif kind.startswith("DECIMAL(") and int(digits) > _NARROW and int(after) < _NARROW:
                wide[column] = int(after)
        narrow = dict(kinds)
        if wide:
            asked = ", ".join(
                f"coalesce(max(abs({quoted(column)})) < {10 ** (_NARROW - scale)}, true)"
                for column, scale in wide.items()
            )
            for (column, scale), small in zip(wide.items(), self._row(f"SELECT {asked} FROM partial"), strict=True):
                whole = kinds[column] if kinds[column] != "HUGEINT" else "DECIMAL(38,0)"
                narrow[column] = (f"DECIMAL({_NARROW},{scale})" if scale else "BIGINT") if small else whole
        return narrow

    def _row(self, query: str) -> tuple[Any, ...]:
        row: Any = self._connection.execute(query).fetchone()
        return tuple(row)

    def _write(self, query: str, name: str, files: dict[str, Path]) -> None:
        path = files[name] = self._place / f".{uuid.uuid4().hex}.tmp"
        self._connection.execute(f"COPY ({query}) TO {text(str(path))} (FORMAT parquet, COMPRESSION zstd)")


def _files(spans: Sequence[Found], name: str) -> str:
    return parquet_files(span.paths[name] for span in spans)


def _within(bounds: Mapping[str, Sequence[int] | None]) -> str:
    """The condition that an event is within limits; always true or false, also where no source said when it knew."""
    parts = []
    for clock, column in _CLOCKS.items():
        pair = bounds[clock]
        if pair is not None:
            low, high = pair
            inside = f"epoch_us({column}) BETWEEN {low} AND {high}"
            parts.append(inside if clock == "occurred" else f"({column} IS NULL OR {inside})")
    return f"({' AND '.join(parts)})"
