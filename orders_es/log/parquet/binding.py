"""A Parquet log as a view in somebody's DuckDB connection, and what its files hold as far as that concerns readers in SQL."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from orders_es.log.relation import ENVELOPE_TYPES, empty_relation, event_columns, quoted, text
from orders_es.log.scan import literal, parquet_files
from orders_es.log.shredding import Reading, columns_of, odd, readings_of, with_readings
from orders_es.log.sql_forms import read_directly

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from orders_es.log.event import LogFile
    from orders_es.log.event_type import EventType, Field
    from orders_es.log.registry import EventRegistry
    from orders_es.log.sql_forms import Direct

__all__ = ["Contents", "relation_of"]

_SCANS_MOST = 32


def relation_of(
    files: Sequence[LogFile],
    registry: EventRegistry,
    from_payload: Collection[str] = (),
    readings: Mapping[int, Reading] | None = None,
    direct: Mapping[str, Direct] | None = None,
) -> str:
    """SQL that gives all events of some data files, with the envelope and the registry's shredded columns.

    The columns are spelled out, so DuckDB need not open each file to find out what is in it (thousands of small files
    bind in the time that one takes), and a column that a file lacks comes as null, of the right type.

    Args:
        registry: The event types that the program knows.
        from_payload: Paths of those whose shredded columns lack values, which are then taken from the payload.
        readings: What the rule for such payloads makes of those that SQL might read otherwise.
        direct: How those files with old events are read that need no copy, by path.
    """
    names = ", ".join(quoted(name) for name in event_columns(registry.columns))
    parts = []
    for partly, how, run in _runs(files, from_payload, direct or {}):
        if how is not None:
            scan = parquet_files([file.path for file in run], schema=ENVELOPE_TYPES | dict(how.columns))
            parts.append(read_directly(registry, how, scan))
            continue
        if not partly:
            parts.append(f"SELECT {names} FROM {_scan(run, registry)}")
            continue
        here = {at: reading for at, reading in (readings or {}).items() if run[0].first <= at <= run[-1].last}
        columns = columns_of(registry, here, lambda name, _: f"event.{quoted(name)}")
        parts.append(f"SELECT {', '.join(columns)} FROM {with_readings(_scan(run, registry), here)}")
    return " UNION ALL ".join(parts) or empty_relation(registry.columns)


def _runs(
    files: Sequence[LogFile], from_payload: Collection[str], direct: Mapping[str, Direct]
) -> list[tuple[bool, Direct | None, list[LogFile]]]:
    """The files, those that are read alike together: in their order, as folds need it, unless that takes too many scans."""

    def alike(file: LogFile) -> tuple[bool, Direct | None]:
        return file.path in from_payload, direct.get(file.path)

    runs = [(*how, list(run)) for how, run in groupby(files, alike)]
    if len(runs) <= _SCANS_MOST:
        return runs
    together: dict[tuple[bool, Direct | None], list[LogFile]] = {}
    for file in files:
        together.setdefault(alike(file), []).append(file)
    return [(*how, run) for how, run in together.items()]


def _scan(files: Sequence[LogFile], registry: EventRegistry) -> str:
    return parquet_files([file.path for file in files], schema=event_columns(registry.columns))


class Contents:
    """What a log's files hold: types of events, and whether all their values are in columns. Each file is looked at once.

    A file written by a program that did not know a type has no values for it in its columns, only in the payload.

    Args:
        registry: The event types that the program knows.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._types: set[tuple[str, int]] = set()
        self._partly: list[tuple[int, int]] = []
        self._old: list[tuple[int, int]] = []
        self.readings: dict[int, Reading] = {}
        self._until = 0
        self._known = registry.revision

    def up_to_date(self, files: Sequence[LogFile], scanner: Any) -> frozenset[tuple[str, int]]:
        """The types in these files. Raises as `Scanner.query` does.

        Args:
            files: The chain of files, from the log's beginning.
            scanner: What scans files, a `Scanner` of `orders_es.log.parquet.reader`.
        """
        if self._known != self._registry.revision:  # something was registered meanwhile; look at everything again
            self._known, self._until, self._partly, self._old = self._registry.revision, 0, [], []
            self.readings = {}
        new = [file for file in files if file.last > self._until]
        if new:
            counts = scanner.query(
                new, "SELECT filename, type, schema_version, count(*) AS n FROM {events} GROUP BY ALL"
            ).to_pylist()
            old = {row["filename"] for row in counts if self._registry.upcasts(row["type"], row["schema_version"])}
            self._old += [(file.first, file.last) for file in new if file.path in old]
            # What has old events is read from a copy, whatever its own columns say.
            others = [file for file in new if file.path not in old]
            partly = self._without_values(others, [row for row in counts if row["filename"] not in old], scanner)
            self._types.update((row["type"], row["schema_version"]) for row in counts)
            self._partly += [(file.first, file.last) for file in new if file.path in partly]
            self.readings |= self._read_by_the_rule([file for file in new if file.path in partly], scanner)
            self._until = new[-1].last
        return frozenset(self._types)

    def from_payload(self, files: Sequence[LogFile]) -> set[str]:
        """Paths of those files, all of them seen, whose shredded columns lack values; a segment, if a part of it does."""
        return _overlapping(files, self._partly)

    def old(self, files: Sequence[LogFile]) -> set[str]:
        """Paths of those files, all of them seen, with events that upcasters read; a segment, if a part of it has some."""
        return _overlapping(files, self._old)

    def _without_values(self, files: Sequence[LogFile], counts: list[dict[str, Any]], scanner: Any) -> set[str]:
        """The files with fewer values in a column than they have events that must have one.

        The footers' statistics tell that without reading a column. Fields that may be absent tell nothing so; for types
        that have no others, the payloads are read, if the file has no value for any of them; not where the only one is
        shared with a type that the writer evidently knew.
        """
        if not files:
            return set()
        held = self._values(files, scanner)
        needed: dict[tuple[str, str], int] = {}
        known = [
            (row["filename"], self._registry[row["type"]], row["n"])
            for row in counts
            if self._registry.is_today(row["type"], row["schema_version"])
        ]
        for path, event_type, n in known:
            for f in _required(event_type):
                needed[path, f.name] = needed.get((path, f.name), 0) + n
        lacking = {at for at, count in needed.items() if held.get(at, 0) < count}
        # Fields that the writer of a file had a column for, as it had all values of another type with such a field.
        had = {
            (path, f.name)
            for path, event_type, _ in known
            if (required := _required(event_type)) and not any((path, f.name) in lacking for f in required)
            for f in event_type.fields
        }
        doubtful: dict[str, set[str]] = {}
        for path, event_type, _ in known:
            fields = [f for f in event_type.fields if f.kind != "json"]
            told_by_another = len(fields) == 1 and (path, fields[0].name) in had
            if fields and not told_by_another and not any(held.get((path, f.name), 0) for f in fields):
                doubtful.setdefault(event_type.name, set()).add(path)
        found = {path for path, _ in lacking}
        for name, paths in doubtful.items():
            unsure = [file for file in files if file.path in paths - found]
            if unsure:
                told = f"SELECT DISTINCT filename FROM {{events}} WHERE type = {_braced(text(name))} AND payload <> '{{{{}}}}'"
                found |= set(scanner.query(unsure, told).column(0).to_pylist())
        return found

    def _read_by_the_rule(self, files: Sequence[LogFile], scanner: Any) -> dict[int, Reading]:
        """What the rule for payloads makes of those in files without values that SQL might read otherwise."""
        if not files:
            return {}
        wanted = ("position", "stream_id", "type", "schema_version", "payload")
        rows = scanner.query(files, f"SELECT {', '.join(wanted)} FROM {{events}} WHERE {_braced(odd(self._registry))}")
        return readings_of(self._registry, zip(*(rows.column(name).to_pylist() for name in wanted), strict=True))

    def _values(self, files: Sequence[LogFile], scanner: Any) -> dict[tuple[str, str], int]:
        """How many values each shredded column of each file has; more than any event needs, where a footer does not say."""
        listed = ", ".join(text(name) for name in self._registry.columns) or "''"
        paths = ", ".join(text(literal(file.path)) for file in files)
        query = f"""
            SELECT file_name, path_in_schema, sum(num_values - coalesce(stats_null_count, 0))::BIGINT
            FROM parquet_metadata([{paths}]) WHERE path_in_schema IN ({listed}) GROUP BY ALL
        """
        table = scanner.query(files, _braced(query))
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return {(path, name): count for path, name, count in rows}


def _overlapping(files: Sequence[LogFile], spans: Sequence[tuple[int, int]]) -> set[str]:
    """Paths of the files that have a position in one of some spans; both are in order."""
    found, at = set(), 0
    for file in files:
        while at < len(spans) and spans[at][1] < file.first:
            at += 1
        if at < len(spans) and spans[at][0] <= file.last:
            found.add(file.path)
    return found


def _required(event_type: EventType) -> list[Field]:
    """The fields that every event of a type has a value for, in a column of its own."""
    return [f for f in event_type.fields if f.always]


def _braced(sql: str) -> str:
    """SQL as `Scanner.query` wants it, which looks for `{events}` in it."""
    return sql.replace("{", "{{").replace("}", "}}")
