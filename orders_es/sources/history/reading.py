"""An export of a history as records in DuckDB, whatever its shape; for `orders_es.sources.history`."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.log.relation import quoted
from orders_es.sources.bad_rows import BadRows
from orders_es.sources.history.documents import documents, keys_of
from orders_es.sources.history.shapes import SHAPES
from orders_es.sources.tables.cells import as_texts
from orders_es.sources.tables.databases import answer, is_connection, is_database, open_database
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.source import SourceTable
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from orders_es.sources.history.records import Record, Row, Settings
    from orders_es.sources.history.shapes import Shape
    from orders_es.sources.tables.source import DamagedRow

__all__ = ["Source", "open_source", "read_records"]

_BATCH = 20_000
_ROW = "orders_es_row"
_LINES = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".json.gz", ".ndjson.gz")
_INSTANT = pa.timestamp("us", tz="UTC")
_RECORD = pa.schema(
    [
        ("place", pa.int64()),
        *((name, pa.string()) for name in ("source_table", "row_key", "op")),
        ("entered", _INSTANT),
        *((name, pa.string()) for name in ("after", "before")),
        ("whole", pa.bool_()),
        ("closed", pa.bool_()),
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
            "transaction_user_id",
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
        *("username", "tcode", "unit_old", "unit_new", "cuky_old", "cuky_new"),
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


def open_source(
    source: Any, shape: str | None, settings: Settings, query: str | None, transactions: Any = None
) -> Source:
    """An export, its shape named or told by its columns, or by the keys of its documents. Read-only.

    Args:
        source: A file, `-` for standard input, a table, or a database or a connection to one with a query.
        shape: What it is, if somebody said so.
        transactions: The table in which times stand, where that is another: a file or a frame.

    Raises:
        BadSource: It is no history that is known, or cannot be read.
    """
    digest = hashlib.sha256()
    damaged: tuple[DamagedRow, ...] = ()
    if isinstance(source, str | os.PathLike) and is_database(source):
        # Not a URL with its password.
        path = Path(str(source).partition("://")[0] if "://" in str(source) else source)
        if query is None:
            raise BadSource(str(path), None, "a database needs query= (--query), a SELECT of the history")
        with open_database(source) as connection:
            given = _as_arrow(connection, query)
    elif query is not None and isinstance(source, str | os.PathLike):
        raise BadSource(
            str(source), None, "a query (query=, --query) asks a database: a file of SQLite or DuckDB, or a URL"
        )
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        if str(source) == "-" or path.name.lower().endswith(_LINES):
            return _of_documents(path, shape, digest)
        table = read_source(path, {}, options=settings.options)
        digest.update(table.digest)
        given, damaged = table.table, table.damaged
    else:
        given, path = _as_arrow(source, query), Path(type(source).__name__)
    if transactions is not None:
        given = _joined(path, given, transactions, settings)
    kind = _shape(path, given.column_names, shape)
    names = list(given.column_names)
    return Source(path, kind, _cells(_gathered(given, kind), kind), damaged, names, digest)


def _gathered(table: pa.Table, shape: Shape) -> pa.Table:
    """The rows that say one thing beside each other, where the first of them stood, each with its number."""
    if not shape.together:
        return table
    import duckdb

    names = {name.lower(): name for name in table.column_names}
    by = ", ".join(f"trim({quoted(names[name])}::VARCHAR)" for name in shape.together)
    with duckdb.connect() as connection:
        connection.register("given", table.append_column(_ROW, pa.array(range(1, table.num_rows + 1))))
        connection.execute("CREATE TABLE rows AS FROM given")
        return connection.sql(
            f"SELECT * FROM rows ORDER BY min({_ROW}) OVER (PARTITION BY {by}), {_ROW}"
        ).to_arrow_table()


def _of_documents(path: Path, shape: str | None, digest: Any) -> Source:
    kinds = [SHAPES[shape]] if shape else [one for one in SHAPES.values() if one.lines]
    if not kinds[0].lines:
        raise BadSource(str(path), None, f"{kinds[0].name} comes as a table: a .csv, .parquet or .xlsx file")
    found = documents(path, digest, tuple(key for kind in kinds for key in kind.pages))
    first = next(found, None)
    kind = kinds[0]
    if first is not None and shape is None:
        # An envelope may be wrapped, and a line damaged: what is none of the others is read as the first of them.
        keys = keys_of(first)
        kind = next((one for one in kinds if keys.issuperset(one.columns)), kind)
        if {"verb", "subject_id"} <= keys:
            kind = SHAPES["shopify"]
    rows: Iterator[Row] = ({"line": text} for text in itertools.chain(() if first is None else (first,), found))
    return Source(path, kind, rows, (), ["line"], digest)


def _joined(path: Path, given: pa.Table, transactions: Any, settings: Settings) -> pa.Table:
    """The table with, in each row, the columns of its transaction that it does not have itself."""
    if isinstance(transactions, str | os.PathLike):
        other = read_source(transactions, {}, options=settings.options).table
    else:
        other = _as_arrow(transactions, None)
    here, there = ({name.lower(): name for name in table.column_names} for table in (given, other))
    shape = next((s for s in SHAPES.values() if s.link and all(b in here and a in there for a, b in s.link)), None)
    if shape is None:
        raise BadSource(
            str(path),
            None,
            f"the table of transactions ({', '.join(other.column_names)}) and this one share no columns by which a shape that is "
            "known joins them",
        )
    import duckdb

    beside = [
        name
        for name in other.column_names
        if (name.lower() not in here or (shape.name, name.lower()) == ("sqlalchemy-continuum", "user_id"))
        and name.lower() not in {a for a, _ in shape.link}
    ]
    on = " AND ".join(
        f"trim(g.{quoted(here[b])}::VARCHAR) = trim(o.{quoted(there[a])}::VARCHAR)" for a, b in shape.link
    )
    beside.sort(key=lambda name: name.lower() != "issued_at")
    # Who did it, and not a column of the row that is called so, too.
    columns = "".join(
        f", o.{quoted(name)} AS {quoted('transaction_user_id' if name.lower() == 'user_id' else name)}"
        for name in beside
    )
    keys = ", ".join(quoted(there[a]) for a, _ in shape.link)
    with duckdb.connect() as connection:
        for name, table in (("given", given), ("other", other)):
            connection.register(f"{name}_frame", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS {_ROW} FROM {name}_frame")
        twice = connection.execute(f"SELECT {keys} FROM other GROUP BY ALL HAVING count(*) > 1 LIMIT 1").fetchone()
        if twice:
            raise BadSource(str(path), None, f"the table of transactions has {', '.join(map(str, twice))} twice")
        return connection.sql(
            f"SELECT g.* EXCLUDE ({_ROW}){columns} FROM given AS g LEFT JOIN other AS o ON {on} ORDER BY g.{_ROW}"
        ).to_arrow_table()


def _as_arrow(source: Any, query: str | None) -> pa.Table:
    if is_connection(source):
        if query is None:
            raise BadSource("Connection", None, "a connection needs query=, a SELECT of the history")
        found = answer(source, query, None)
        return pa.table([as_texts(column) for column in found.columns], names=found.column_names)
    if type(source).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(source, preserve_index=False)
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise BadSource(
        type(source).__name__, None, "it is no table; give a file, a frame, or a connection to a database with query="
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
    spaces: dict[str, str] = {}
    bad: list[tuple[int, Row, str]] = []
    place = 0
    records = itertools.count(1)  # one row of an export may say several things, in their order
    for rows in _together(source):
        place = rows[-1][0]
        try:
            if source.shape.read_many is None:
                found = source.shape.read(rows[0][1], settings)
            else:
                found = source.shape.read_many([row for _, row in rows], settings)
            part += [_tuple(next(records), one, settings, occurred) for one in _of_one_table(found, spaces)]
        except ValueError as error:
            bad += [(number, row, str(error)) for number, row in rows]
        except (AttributeError, KeyError, TypeError, OverflowError) as error:
            # A part of it is of another kind than the format says; which one, only the error knows.
            why = f"is not as {source.shape.of} writes it ({type(error).__name__}: {error})"
            bad += [(number, row, f"the row {why}") for number, row in rows]
        if len(part) >= _BATCH:
            _write(work, part)
    _write(work, part)
    if settings.instants is not None:
        settings.instants.check(str(source.path))
    if not bad and not source.damaged:
        return place, None
    names = source.columns
    lowered = {name: name.lower() for name in names}
    cells = {
        name: pa.array([row.get(name, row.get(lowered[name])) for _, row, _ in bad], pa.string()) for name in names
    }
    numbers = np.array([number for number, _, _ in bad], dtype=np.int64)
    aside = BadRows(SourceTable(source.path, b"", pa.table(cells), {}, numbers, source.damaged))
    aside.add({i: reason for i, (_, _, reason) in enumerate(bad)})
    return place + len(source.damaged), aside


def _together(source: Source) -> Iterator[list[tuple[int, Row]]]:
    """Each row with its number; where several say one thing, they stand together in an export that is sorted by what they share."""
    if not source.shape.together:
        return ([one] for one in enumerate(source.rows, 1))
    by = source.shape.together
    groups = itertools.groupby(source.rows, key=lambda row: tuple(row[name] for name in by))
    return ([(int(row.pop(_ROW) or 0), row) for row in rows] for _, rows in groups)


def _of_one_table(records: Iterable[Record], spaces: dict[str, str]) -> Iterator[Record]:
    """The records, if no other table of the same name, in another schema, was spoken of before."""
    for record in records:
        known = record.space if record.space is None else spaces.setdefault(record.table, record.space)
        if known != record.space:
            raise ValueError(
                f"the table {record.table!r} is that of {record.space}, and in rows before it that of {known}; give the records of each "
                "schema in an export of its own, with table= (--table)"
            )
        yield record


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
            record.closed,
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
