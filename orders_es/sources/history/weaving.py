"""Records of rows into events, row by row, with what is odd about each row's history; for `orders_es.sources.history`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.sources.history.records import JOINED, LEFT
from orders_es.sources.rows.gaps import KINDS
from orders_es.sources.rows.landing import start_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    import duckdb

    from orders_es.sources.history.records import Row

__all__ = ["Oddities", "start_woven_changes", "weave"]

_BATCH = 20_000
_INSTANT = pa.timestamp("us", tz="UTC")
_WOVEN = pa.schema(
    [
        *((name, pa.string()) for name in ("source_table", "row_key")),
        ("version", pa.int32()),
        *((name, pa.string()) for name in ("type", "row_before", "row_after")),
        ("occurred_at", _INSTANT),
        ("entered_at", _INSTANT),
        ("sort_at", _INSTANT),
        ("opening", pa.bool_()),
        *(
            (name, pa.string())
            for name in ("reason", "actor", "correlation_id", "identity", "image_before", "image_after")
        ),
    ]
)
_LEFT = pa.schema(
    [("source_table", pa.string()), ("row_key", pa.string()), ("alive", pa.bool_()), ("row", pa.string())]
)


@dataclass(slots=True)
class Oddities:
    """What was found, by kind and table: how often, when first, and three examples."""

    found: dict[tuple[str, str], tuple[int, datetime, list[str]]] = field(default_factory=dict)

    def note(self, kind: str, record: _Record, told: str = "") -> None:
        """Count one.

        Args:
            kind: Which; one of `KINDS`.
            record: Where it was seen.
            told: What is to be seen there.
        """
        assert kind in KINDS, kind
        example = f"{record.key} at {record.at:%Y-%m-%d %H:%M:%S}{told}"
        count, first, examples = self.found.get((kind, record.table), (0, record.at, []))
        if len(examples) < 3:  # noqa: PLR2004 - as many as are shown
            examples.append(example)
        self.found[kind, record.table] = (count + 1, min(first, record.at), examples)

    def keep(self, work: duckdb.DuckDBPyConnection) -> None:
        """Write them down where the report is read from."""
        for (kind, table), (count, first, examples) in self.found.items():
            work.execute("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", [kind, table, count, first, examples])


@dataclass(slots=True)
class _Record:
    table: str
    key: str
    op: str
    at: datetime
    after: Row | None
    before: Row | None
    whole: bool
    closed: bool
    order: int | None
    actor: str | None
    transaction: str | None
    reason: str | None
    interval: bool
    occurred: datetime | None
    identity: str
    seen: bool
    some_seen: bool


class _Life:
    """One row, as far as it is known while its records are gone through."""

    def __init__(self, record: _Record, version: int, standing: Row | None, odd: Oddities) -> None:
        # Records that the log has already tell the row's life from its beginning; others go on where the log stands. That the table was
        # emptied before a row was there made no event of the row, so it is not among those that the log has; it comes before them all the same.
        from_beginning = record.seen or (record.op == "truncate" and record.some_seen)
        self.values: Row = {} if from_beginning or standing is None else standing
        self.alive: bool | None = None if from_beginning or version == 0 else standing is not None
        self._version, self._odd = version, odd
        self._last: datetime | None = None
        self._sort: datetime | None = None
        self._anew = False
        self._ordered = False

    def take(self, record: _Record) -> tuple[Any, ...] | None:
        """The event that a record is; None if it is none, or is there already."""
        self._judge_time(record)
        was = self.values
        made = self._event(record)
        if record.seen:
            self._anew = False
            return None
        if made is None:
            return None
        kind, before, after = made
        self._version += 1
        occurred = record.at
        if record.occurred is not None and (kind == "RowInserted" or self._timed):
            if record.occurred > record.at:
                self._odd.note("ahead of its record", record)
            else:
                occurred = record.occurred
        self._sort = record.at if self._sort is None else max(self._sort, record.at)
        return (
            *(
                record.table,
                record.key,
                self._version,
                kind,
                _text(before),
                _text(after),
                occurred,
                record.at,
                self._sort,
            ),
            *(True if self._opening else None, record.reason, record.actor, record.transaction, record.identity),
            *(_text({**was, **(record.before or {})}), _text(self.values)),
        )

    _timed = False
    _opening = False

    def _judge_time(self, record: _Record) -> None:
        if self._last is not None:
            if record.at < self._last:
                self._odd.note("time runs backwards", record, f", after {self._last:%Y-%m-%d %H:%M:%S}")
            elif record.at == self._last and record.order is None and not record.interval:
                self._odd.note("same time", record)
        self._last = record.at

    def _event(self, record: _Record) -> tuple[str, Row | None, Row | None] | None:
        self._opening = record.op == "snapshot" and not self.alive
        if record.op in ("delete", "truncate"):
            return self._gone(record)
        after = _with_members(record.after or {}, self.values if self.alive else {})
        if not self.alive:
            return self._there(record, after)
        if record.op == "insert":
            self._note("inserted twice", record)
        self._compare(record)
        if record.op == "snapshot":
            self._compare(record, after)
        if record.closed:
            gone: Row = {name: None for name, value in self.values.items() if value is not None}
            after = gone | after
        new = {name: value for name, value in after.items() if name not in self.values or self.values[name] != value}
        if not new:
            if record.op == "update":
                self._note("changed nothing", record)
            return None
        old = {
            name: (record.before or {}).get(name, self.values.get(name))
            for name in new
            if name in self.values or (record.before is not None and name in record.before)
        }
        self._timed = record.occurred is not None
        self.values = {**self.values, **new}
        return "RowChanged", old or None, new

    def _there(self, record: _Record, after: Row) -> tuple[str, Row | None, Row | None]:
        if self.alive is False:
            self._note("after the end" if record.op == "update" and not record.interval else "came back", record)
        elif record.op == "update" and not record.interval:
            self._note("begins in the middle", record)
            self._opening = True
        self.values = after if record.whole else {**(record.before or {}), **after}
        self.alive = True
        return "RowInserted", None, self.values

    def _gone(self, record: _Record) -> tuple[str, Row | None, Row | None] | None:
        if record.op == "truncate" and not self.alive:
            return None
        if self.alive is False:
            self._note("after the end", record)
            return None
        if self.alive is None:
            self._note("begins in the middle", record)
        self._compare(record)
        before = {**self.values, **(record.before or {})}
        self.alive, self.values = False, {}
        return "RowDeleted", before or None, None

    def _compare(self, record: _Record, seen: Row | None = None) -> None:
        """Note where a row was not as it is known, by what a record says of what was before, or by what a second look has seen."""
        said = (record.before or {}) if seen is None else seen
        for name, value in said.items():
            if self.alive and name in self.values and self.values[name] != value:
                self._note("before differs", record, f": {name} was {value!r}, and last {self.values[name]!r}")
                break

    def _note(self, kind: str, record: _Record, told: str = "") -> None:
        # What the log has already was found before, and is told again; but it need not begin where this export does.
        if not (record.seen and kind == "begins in the middle"):
            self._odd.note(kind, record, told)


def _with_members(after: Row, was: Row) -> Row:
    """What a record says, with a relation's members put together out of those that were there and those that joined or left."""
    if not any(name.endswith((JOINED, LEFT)) for name in after):
        return after
    row = {name: value for name, value in after.items() if not name.endswith((JOINED, LEFT))}
    for name, value in after.items():
        for end in (JOINED, LEFT):
            if name.endswith(end):
                column = name.removesuffix(end)
                members, named = (json.loads(text or "[]") for text in (row.get(column, was.get(column)), value))
                kept = [one for one in members if one not in named]
                row[column] = json.dumps(
                    kept + named if end == JOINED else kept, ensure_ascii=False, separators=(",", ":")
                )
    return row


def _text(values: Row | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def weave(work: duckdb.DuckDBPyConnection, odd: Oddities) -> None:
    """Fill `woven` with the events of all records, and `left` with each row as its last record leaves it.

    Reads `record` and, for where the log stands, `known_rows`; row by row, so that no more than one is in memory.

    Args:
        odd: Where what is odd is noted.
    """
    work.register("nothing", pa.table([pa.array([], one.type) for one in _WOVEN], schema=_WOVEN))
    work.execute("CREATE OR REPLACE TABLE woven AS FROM nothing")
    work.unregister("nothing")
    work.execute(
        "CREATE OR REPLACE TABLE left_rows (source_table VARCHAR, row_key VARCHAR, alive BOOLEAN, row VARCHAR)"
    )
    reading = work.cursor()
    reading.execute("SET TimeZone = 'UTC'")
    # The source's own order comes first where it has one; then its clock, then the place in the export.
    found = reading.execute(
        "SELECT r.source_table, r.row_key, op, entered, after, before, whole, closed, ord, actor, txn, reason, interval, occurred, identity, seen, "
        "bool_or(seen) OVER (PARTITION BY r.source_table, r.row_key), coalesce(k.version, 0), k.row FROM record AS r "
        "LEFT JOIN known_rows AS k ON k.source_table = r.source_table AND k.row_key = r.row_key "
        "ORDER BY r.source_table, r.row_key, ord NULLS LAST, entered, place"
    )
    events: list[tuple[Any, ...]] = []
    ends: list[tuple[Any, ...]] = []
    life: _Life | None = None
    at: tuple[str, str] | None = None
    for row in _rows(found):
        after, before = (None if text is None else json.loads(text) for text in row[4:6])
        record = _Record(*(*row[:4], after, before, *row[6:17]))
        if (record.table, record.key) != at:
            if life is not None and at is not None:
                ends.append((*at, bool(life.alive), _text(life.values)))
            at = (record.table, record.key)
            life = _Life(record, row[17], None if row[18] is None else json.loads(row[18]), odd)
        assert life is not None
        made = life.take(record)
        if made is not None:
            events.append(made)
        if len(events) + len(ends) >= _BATCH:
            _flush(work, events, ends)
    if life is not None and at is not None:
        ends.append((*at, bool(life.alive), _text(life.values)))
    _flush(work, events, ends)
    reading.close()


def start_woven_changes(work: duckdb.DuckDBPyConnection, actor: str, run: str) -> None:
    """Make the table `change` out of `woven`.

    Args:
        actor: Who is the cause where a record names nobody.
        run: The conversation where a record names no transaction.
    """
    start_changes(work)
    work.execute(
        "INSERT INTO change BY NAME SELECT row_number() OVER (ORDER BY sort_at, source_table, row_key, version) AS seq, "
        "* EXCLUDE (sort_at) REPLACE (coalesce(actor, $1) AS actor, coalesce(correlation_id, $2) AS correlation_id) FROM woven",
        [actor, run],
    )


def _rows(found: Any) -> Iterator[tuple[Any, ...]]:
    while batch := found.fetchmany(_BATCH):
        yield from batch


def _flush(work: duckdb.DuckDBPyConnection, events: list[tuple[Any, ...]], ends: list[tuple[Any, ...]]) -> None:
    for rows, schema, table in ((events, _WOVEN, "woven"), (ends, _LEFT, "left_rows")):
        if rows:
            work.register("part", _table(rows, schema))
            work.execute(f"INSERT INTO {table} BY NAME FROM part")
            work.unregister("part")
            rows.clear()


def _table(rows: Iterable[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.table(
        [pa.array(list(column), one.type) for column, one in zip(columns, schema, strict=True)], schema=schema
    )
