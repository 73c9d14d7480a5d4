"""An export of a history as records in DuckDB, whatever its shape; for `orders_es.sources.history`."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.bad_rows import BadRows
from orders_es.sources.history.shapes import SHAPES
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.source import SourceTable
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from orders_es.sources.history.records import Record, Row, Settings
    from orders_es.sources.history.shapes import Shape
    from orders_es.sources.tables.source import DamagedRow

__all__ = ["Source", "open_source", "read_records"]

_BATCH = 20_000
_LINES = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".json.gz", ".ndjson.gz")
_INSTANT = pa.timestamp("us", tz="UTC")
_RECORD = pa.schema(
    [
        ("place", pa.int64()),
        *((name, pa.string()) for name in ("source_table", "row_key", "op")),
        ("entered", _INSTANT),
        *((name, pa.string()) for name in ("after", "before")),
        ("whole", pa.bool_()),
        ("ord", pa.int64()),
        *((name, pa.string()) for name in ("actor", "txn", "reason")),
        ("until", _INSTANT),
        ("interval", pa.bool_()),
        ("occurred", _INSTANT),
    ]
)
_BESIDE = frozenset(
    {
        *(
            "history_change_reason",
            "history_user_id",
            "model",
            "actor_id",
            "cid",
            "issued_at",
            "user_id",
            "remote_addr",
        ),
        *(
            "end_transaction_id",
            "revend",
            "revend_tstmp",
            "object",
            "item_type",
            "whodunnit",
            "table_name",
            "txid",
            "actor",
        ),
        *(
            "session_user_name",
            "dbt_is_deleted",
            "dbt_scd_id",
            "dbt_updated_at",
            "dbt_change_type",
            "_fivetran_synced",
            "id",
        ),
        "history_relation_id",
    }
)
"""Columns beside those by which a shape is told, which a history names in small letters whatever the export makes of them."""


@dataclass(slots=True)
class Source:
    """An export that is open.

    Args:
        path: What it is called.
        shape: What wrote it.
        rows: Its rows, each a dict of texts and nulls.
        damaged: Rows that could not be cut into cells.
        columns: The names of its columns.
        digest: SHA-256 of what was read; complete once all rows were.
    """

    path: Path
    shape: Shape
    rows: Iterator[Row]
    damaged: tuple[DamagedRow, ...]
    columns: list[str]
    digest: Any


def open_source(source: Any, shape: str | None, settings: Settings, query: str | None) -> Source:
    """An export, its shape named or told by its columns. Read-only.

    Args:
        source: A file, `-` for standard input, a table, or a connection of SQLite with a query.
        shape: What it is, if somebody said so.

    Raises:
        BadSource: It is no history that is known, or cannot be read.
    """
    digest = hashlib.sha256()
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if str(source) == "-" or path.name.lower().endswith(_LINES):
            kind = SHAPES[shape or "debezium"]
            if not kind.lines:
                raise BadSource(str(path), None, f"{kind.name} comes as a table: a .csv, .parquet or .xlsx file")
            return Source(path, kind, _lines(path, digest), (), ["line"], digest)
        table = read_source(path, {}, options=settings.options)
        digest.update(table.digest)
        kind = _shape(path, table.table.column_names, shape)
        return Source(path, kind, _cells(table.table, kind), table.damaged, list(table.table.column_names), digest)
    given = _as_arrow(source, query)
    path = Path(type(source).__name__)
    kind = _shape(path, given.column_names, shape)
    return Source(path, kind, _cells(given, kind), (), list(given.column_names), digest)


def _as_arrow(source: Any, query: str | None) -> pa.Table:
    if isinstance(source, sqlite3.Connection):
        if query is None:
            raise BadSource("Connection", None, "a connection needs query=, a SELECT of the history")
        cursor = source.execute(query)
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        return pa.table(
            {name: pa.array([as_text(row[i]) for row in rows], pa.string()) for i, name in enumerate(names)}
        )
    if type(source).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(source, preserve_index=False)
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise BadSource(
        type(source).__name__, None, "it is no table; give a file, a frame, or a connection of SQLite with query="
    )


def _shape(path: Path, names: list[str], said: str | None) -> Shape:
    there = {name.lower() for name in names}
    if said is not None:
        shape = SHAPES[said]
        missing = [] if shape.lines else [name for name in shape.columns if name not in there]
        if shape.lines or missing:
            raise BadSource(
                str(path),
                None,
                f"it is no history of {shape.of}: it lacks {', '.join(missing) or 'lines of JSON'}; it has {', '.join(names)}",
            )
        return shape
    found = [shape for shape in SHAPES.values() if not shape.lines and there.issuperset(shape.columns)]
    if len(found) != 1:
        which = "more than one shape" if found else "no shape that is known"
        raise BadSource(
            str(path),
            None,
            f"its columns ({', '.join(names)}) are those of {which}; say which it is with shape= (--shape): {', '.join(SHAPES)}",
        )
    return found[0]


def _lines(path: Path, digest: Any) -> Iterator[Row]:
    try:
        if str(path) == "-":
            yield from _each_line(sys.stdin.buffer, digest)
        else:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                yield from _each_line(file, digest)  # type: ignore[arg-type]
    except OSError as error:
        raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error


def _each_line(file: BinaryIO, digest: Any) -> Iterator[Row]:
    for line in file:
        digest.update(line)
        yield {"line": line.decode("utf-8", "replace").rstrip("\r\n")}


def _cells(table: pa.Table, shape: Shape) -> Iterator[Row]:
    names = [name.lower() if name.lower() in (*shape.columns, *_BESIDE) else name for name in table.column_names]
    for batch in table.to_batches(_BATCH):
        columns = [[as_text(cell) for cell in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            yield dict(zip(names, cells, strict=True))


def read_records(
    work: duckdb.DuckDBPyConnection, source: Source, settings: Settings, occurred: str | None
) -> tuple[int, BadRows | None]:
    """How many rows there are, good and bad, and the bad ones; fills `record`.

    Args:
        occurred: The column of the rows' own times.
    """
    work.register("nothing", pa.table([pa.array([], one.type) for one in _RECORD], schema=_RECORD))
    work.execute("CREATE OR REPLACE TABLE record AS FROM nothing")
    work.unregister("nothing")
    part: list[tuple[Any, ...]] = []
    bad: list[tuple[int, Row, str]] = []
    place = 0
    for place, row in enumerate(source.rows, 1):
        try:
            part += [_tuple(place, record, settings, occurred) for record in source.shape.read(row, settings)]
        except ValueError as error:
            bad.append((place, row, str(error)))
        except (AttributeError, KeyError, TypeError, OverflowError) as error:
            # A part of it is of another kind than the format says; which one, only the error knows.
            why = f"is not as {source.shape.of} writes it ({type(error).__name__}: {error})"
            bad.append((place, row, f"the row {why}"))
        if len(part) >= _BATCH:
            _write(work, part)
    _write(work, part)
    if not bad and not source.damaged:
        return place, None
    names = source.columns
    lowered = {name: name.lower() for name in names}
    cells = {
        name: pa.array([row.get(name, row.get(lowered[name])) for _, row, _ in bad], pa.string()) for name in names
    }
    numbers = np.array([number for number, _, _ in bad], dtype=np.int64)
    found = BadRows(SourceTable(source.path, b"", pa.table(cells), {}, numbers, source.damaged))
    found.add({i: reason for i, (_, _, reason) in enumerate(bad)})
    return place + len(source.damaged), found


def _tuple(place: int, record: Record, settings: Settings, occurred: str | None) -> tuple[Any, ...]:
    said = None if occurred is None else (record.after or {}).get(occurred)
    return (
        *(
            place,
            record.table,
            record.key,
            record.op,
            record.at,
            _text(record.after),
            _text(record.before),
            record.whole,
        ),
        *(record.order, record.actor, record.transaction, record.reason, record.until, record.interval),
        None if said is None or occurred is None else settings.instant(said, occurred),
    )


def _text(row: Row | None) -> str | None:
    return None if row is None else json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _write(work: duckdb.DuckDBPyConnection, part: list[tuple[Any, ...]]) -> None:
    if not part:
        return
    columns = list(zip(*part, strict=True))
    work.register(
        "part", pa.table([pa.array(list(c), one.type) for c, one in zip(columns, _RECORD, strict=True)], schema=_RECORD)
    )
    work.execute("INSERT INTO record FROM part")
    work.unregister("part")
    part.clear()
