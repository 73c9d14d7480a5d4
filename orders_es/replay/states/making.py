"""Making the states of one span: of its events, or of the states of the spans that it is put together from."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from orders_es.log.relation import event_columns, quoted, text
from orders_es.log.scan import parquet_files
from orders_es.replay.relations import KNOWN_AT, inline
from orders_es.replay.states.derive import LAST
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

_LATE = 0.01
"""So many of a span's events, at each end of a clock, are kept as they are, so that its states end where most of it does."""
_CLOCKS = {"occurred": "occurred_at", "entered": "entered_at"}
"""The clocks on which an event may be late or early beside its neighbours."""
_GROUP = 16_384
"""So many rows lie in one row group: streams that go on after a span stand at the end of its file, and are read without the others."""
_OFTEN = 1 << 20
"""Spans of so many events are read by nearly every question: their files are larger and are read in less time than the others."""
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
        self._codec = "zstd"
        self._columns = ", ".join(quoted(name) for name in event_columns(log.registry.columns))
        self._connection = duckdb.connect()
        set_time_zone(self._connection, None)
        set_memory_limit(self._connection, memory_limit)
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true")
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
        self._codec = "lz4_raw" if last - first + 1 >= _OFTEN else "zstd"
        try:
            try:
                made = self._make(first, last, parts, files)
            except duckdb.Error:  # an event of it cannot be read; whoever asks for it is told which
                made = None
            yield made
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)

    def wrong_with(self, found: Found, parts: Sequence[Found]) -> str | None:
        """What is wrong with the states of a span, beside the log or the spans that it is put together from; None if nothing is.

        Args:
            found: The span.
            parts: The spans that it is put together from, in which nothing is wrong; none if it is made of events.
        """
        return next(self._wrongs(found, parts), None)

    def _wrongs(self, found: Found, parts: Sequence[Found]) -> Iterator[str]:
        span, late = found.span, parquet_files([found.paths[LATE]])
        here = self._candidates(span.first, span.last, parts)
        if self._differ(
            f'SELECT * FROM ({here}) SEMI JOIN {late} USING ("position")', f"SELECT {self._columns} FROM {late}"
        ):
            yield "the events that it leaves out are not those of the log"
        between, partial = self._compute(here, parts, f'"position" NOT IN (SELECT "position" FROM {late})')
        if between != span.between:
            yield "its times are not those of its events"
        left = f"SELECT stream_id FROM {parquet_files([found.paths[CONTINUED]])}"
        if self._row(f"SELECT count(*) FROM (FROM {CONTINUED}) ANTI JOIN ({left}) USING (stream_id)")[0]:
            yield "streams that began before it are missing among those"
        for name, query in partial.items():
            if name not in span.types:
                continue  # whoever asks reads events
            if self._kinds(query) != span.types[name]:
                yield f"the columns of {name} are of other types"
            columns = list(span.types[name])
            begun, continued = (stored_rows([found], name, which, columns) for which in (BEGUN, CONTINUED))
            if self._row(f"SELECT count(*) FROM ({begun}) SEMI JOIN ({left}) USING (stream_id)")[0]:
                yield f"{name} has streams that began before it among the others"
            if self._differ(query, f"{begun} UNION ALL {continued}"):
                yield f"{name} is not what its events came to"

    def _differ(self, right: str, found: str) -> bool:
        """Whether two relations differ in their rows or in how many they have; no row of the first one is there twice.

        As many rows as in the first one, and each of those among them: so they are the same. One join, where EXCEPT ALL numbers all
        rows of both sides by all their columns, twice.
        """
        for name, query in (("right_rows", right), ("found_rows", found)):
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        names = [quoted(column) for column, *_ in self._connection.execute("FROM right_rows LIMIT 0").description or ()]
        alike = " AND ".join(f"one.{name} IS NOT DISTINCT FROM other.{name}" for name in names)
        wanted, there, same = self._row(
            "SELECT (SELECT count(*) FROM right_rows), (SELECT count(*) FROM found_rows), "
            f"(SELECT count(*) FROM right_rows AS one SEMI JOIN found_rows AS other ON {alike})"
        )
        return not wanted == there == same

    def _candidates(self, first: int, last: int, parts: Sequence[Found]) -> str:
        """SQL for the events of a span that are in no states yet."""
        if parts:
            return f"SELECT {self._columns} FROM {_files(parts, LATE)}"
        return f'SELECT {self._columns} FROM events WHERE "position" BETWEEN {first} AND {last}'

    def _make(self, first: int, last: int, parts: Sequence[Found | None] | None, files: dict[str, Path]) -> Made | None:
        spans = [part for part in parts or () if part is not None]
        if parts is not None and len(spans) < len(parts):
            return None
        here = self._candidates(first, last, spans)
        if spans:
            bounds = self._widened(spans, _files(spans, LATE))
        else:
            asked = ", ".join(f"quantile_disc(epoch_us({c}), [{_LATE}, {1 - _LATE}])" for c in _CLOCKS.values())
            bounds = dict(zip(_CLOCKS, self._row(f"SELECT {asked} FROM ({here})"), strict=True))
        core = _within(bounds)
        between, partial = self._compute(here, spans, core)
        self._write(f"SELECT * FROM ({here}) WHERE NOT {core}", LATE, files)
        types: dict[str, dict[str, str]] = {}
        stored: dict[str, dict[str, str]] = {}
        self._write(f"SELECT stream_id FROM {CONTINUED}", CONTINUED, files)
        for name, query in partial.items():
            self._part(name, query, files, types, stored)
        digests = {name: digest_of(path) for name, path in files.items()}
        return Made(Span(first, last, between, digests, types, stored), files)

    def _compute(
        self, here: str, spans: Sequence[Found], core: str
    ) -> tuple[dict[str, tuple[int, int] | None], dict[str, str]]:
        """The times of what states are made of, and SQL for each part; the streams that began before stand in a table.

        Args:
            here: SQL for the events that are in no states of a smaller span.
            spans: The smaller spans.
            core: The condition that one of these events is among what the states are made of.
        """
        events = f"SELECT * FROM ({here}) WHERE {core}"
        if spans:  # they are few
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE late_ones AS {events}")
            events = "FROM late_ones"
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW as_asked AS {events}")
        between = self._between("as_asked")
        for clock in between:
            times = [span.span.between[clock] for span in spans] + [between[clock]]
            known = [time for time in times if time is not None]
            between[clock] = (min(t[0] for t in known), max(t[1] for t in known)) if known else None
        named = [(name, part) for name, part in self._named() if all(name in span.span.types for span in spans)]
        began = [f"SELECT stream_id FROM {_files(spans, f'{name}.{BEGUN}')}" for name, _ in named if spans]
        held = [f"SELECT stream_id FROM {_files(spans, CONTINUED)}"] if spans else []
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {CONTINUED} AS SELECT DISTINCT stream_id "
            f"FROM ({' UNION ALL '.join(['SELECT stream_id FROM as_asked', *held])}) "
            f"ANTI JOIN ({' UNION ALL '.join(['SELECT stream_id FROM as_asked WHERE version = 1', *began])}) USING (stream_id)"
        )
        partial = {}
        for name, part in named:
            partial[name] = self._partial(part)
            if spans:
                columns = (*part.keys, *part.columns)
                stored = (stored_rows(spans, name, which, columns) for which in (BEGUN, CONTINUED))
                keys = ", ".join(map(quoted, part.keys))
                merged = ", ".join(f"{how} AS {quoted(column)}" for column, how in part.columns.items())
                rows = " UNION ALL ".join([partial[name], *stored])
                partial[name] = f"SELECT {keys}, {merged} FROM ({rows}) GROUP BY {keys}"
        return between, partial

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

        kinds = self._kinds(query)
        if any(kind in ("DOUBLE", "FLOAT") for kind in kinds.values()):
            return
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE partial AS {query}")
            narrow = self._narrow(kinds)
            listed = ", ".join(f"{quoted(column)}::{kind} AS {quoted(column)}" for column, kind in narrow.items())
            for which, join in ((BEGUN, "ANTI"), (CONTINUED, "SEMI")):
                rows = f"SELECT {listed} FROM partial {join} JOIN {CONTINUED} USING (stream_id) ORDER BY {LAST}"
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

    def _kinds(self, query: str) -> dict[str, str]:
        return {column[0]: column[1] for column in self._connection.execute(f"DESCRIBE {query}").fetchall()}

    def _row(self, query: str) -> tuple[Any, ...]:
        row: Any = self._connection.execute(query).fetchone()
        return tuple(row)

    def _write(self, query: str, name: str, files: dict[str, Path]) -> None:
        path = files[name] = self._place / f".{uuid.uuid4().hex}.tmp"
        self._connection.execute(
            f"COPY ({query}) TO {text(str(path))} (FORMAT parquet, COMPRESSION {self._codec}, ROW_GROUP_SIZE {_GROUP})"
        )


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
