"""What an import of a table may be given: a file, a frame, or a query with its connection; for `…sources.order_tables`."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.headers import match_columns, missing_columns, require_columns
from orders_es.sources.tables.source import SourceTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.sources.order_tables.mapping import TableMapping
    from orders_es.sources.tables.options import TableOptions

__all__ = ["frame_source", "read_mapped"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array


def read_mapped(
    source: Any, mapping: TableMapping, options: TableOptions, *, query: str | None, progress: bool
) -> SourceTable:
    """The rows of a source that has all the columns that a mapping names.

    Args:
        source: A file, a frame, a relation or a connection.
        query: For a connection, what to ask it.
        progress: Whether to show a bar while a workbook is read.

    Raises:
        BadSource: It cannot be read, or lacks a column; with the line of the mapping.
    """
    columns: dict[str, tuple[str, ...]] = {name: (name,) for name in mapping.columns}
    if not isinstance(source, str | os.PathLike):
        table = frame_source(source, query)
        header = table.table.column_names
        names = match_columns(table.path, header, columns)
        _require(mapping, table.path, header, columns)
        table.columns.update(names)
        for name in options.verbatim:
            require_columns(table.path, header, match_columns(table.path, header, {name: (name,)}), {name: (name,)})
        if table.table.num_rows == 0:
            raise BadSource(str(table.path), None, "it has no rows; there is nothing to import")
        return table
    if query is not None:
        raise BadSource(os.fspath(source), None, "query= goes with a connection, and this is a file")
    try:
        return read_source(source, columns, options=options, progress=progress)
    except BadSource:
        try:
            loose = read_source(source, columns, options=options, optional=list(columns), rows_required=False)
        except BadSource:
            loose = None
        # Where no column at all is there, the trouble is with the file (titles, its delimiter) and the first error says it.
        if loose is not None and loose.columns:
            _require(mapping, loose.path, loose.table.column_names, columns)
        raise


def _require(mapping: TableMapping, path: Path, header: Sequence[str], columns: dict[str, tuple[str, ...]]) -> None:
    missing = missing_columns(header, columns, ())
    if missing:
        rule = mapping.columns[missing[0]]
        more = f" (nor {', '.join(map(repr, missing[1:]))})" if missing[1:] else ""
        raise mapping.wrong(
            rule.where,
            f"{rule.where} comes from the column {missing[0]!r}, and {path} has none{more}; it has "
            f"{', '.join(map(repr, header)) or 'none'}",
        )


def frame_source(source: Any, query: str | None = None) -> SourceTable:
    """A frame, a relation or the answer of a query as a table, with a fingerprint of what its cells say.

    Args:
        source: Anything with columns: Arrow, pandas, Polars, a DuckDB relation; or a connection of DuckDB or SQLite.
        query: For a connection, what to ask it.

    Raises:
        BadSource: It is none of these.

    Example:
        >>> frame_source(pa.table({"No": ["A-1"]})).table.num_rows
        1
    """
    kind = type(source).__name__
    connection = isinstance(source, sqlite3.Connection | duckdb.DuckDBPyConnection)
    if connection != (query is not None):
        why = (
            "a connection needs query=, with ORDER BY so that the rows always come alike"
            if connection
            else "query= goes with a connection"
        )
        raise BadSource(kind, None, why)
    try:
        table = _as_arrow(source, query)
        table = pa.table([_plain(column) for column in table.columns], names=table.column_names)
        digest = _digest(table)
    except (pa.ArrowException, duckdb.Error, sqlite3.Error) as error:
        raise BadSource(kind, None, f"it cannot be read as a table: {error}") from error
    return SourceTable(Path(kind), digest, table, {}, np.arange(1, table.num_rows + 1))


def _as_arrow(source: Any, query: str | None) -> pa.Table:
    if isinstance(source, sqlite3.Connection):
        cursor = source.execute(query or "")
        if cursor.description is None:
            raise BadSource("query", None, f"{query!r} answers with no rows; give a SELECT")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        return pa.table([_array([row[i] for row in rows]) for i in range(len(names))], names=names)
    if isinstance(source, duckdb.DuckDBPyConnection):
        answer = source.sql(query or "")
        if answer is None:
            raise BadSource("query", None, f"{query!r} answers with no rows; give a SELECT")
        return answer.to_arrow_table()
    if isinstance(source, pa.Table):
        return source
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return pa.Table.from_pandas(source, preserve_index=False)
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise BadSource(
        type(source).__name__,
        None,
        "it is no table; give a file, an Arrow, pandas or Polars frame, a DuckDB relation, or a connection with query=",
    )


def _plain(column: Any) -> Any:
    """A column that is neither in pieces nor encoded."""
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type) or pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        raise pa.ArrowInvalid(f"a column of {values.type} holds no single values")
    return values


def _digest(table: pa.Table) -> bytes:
    """SHA-256 of the names, the types and what every cell says, however the table is cut into pieces."""
    digest = hashlib.sha256()
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
        texts = pc.fill_null(column.cast(pa.large_string()), "").combine_chunks()
        texts = texts.chunk(0) if isinstance(texts, pa.ChunkedArray) else texts
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        digest.update(pc.binary_length(texts).to_numpy(zero_copy_only=False).tobytes())
        for start in range(0, len(texts), 65_536):
            digest.update("".join(texts.slice(start, 65_536).to_pylist()).encode())
    return digest.digest()
