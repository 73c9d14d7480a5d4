"""What an import of a table may be given: a file, a frame, or a query with its connection; for `…sources.order_tables`."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.order_tables.several_files import files_of, joined
from orders_es.sources.tables.databases import answer, is_connection, is_database, open_database
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.headers import match_columns, missing_columns, require_columns
from orders_es.sources.tables.source import SourceTable
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orders_es.sources.order_tables.mapping import Rule, TableMapping
    from orders_es.sources.tables.options import TableOptions

__all__ = ["Given", "frame_source", "given_as", "read_mapped"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array


def read_mapped(
    source: Any,
    mapping: TableMapping,
    rules: Mapping[str, Rule],
    options: TableOptions,
    *,
    query: Any = None,
    table: str | None = None,
    progress: bool = False,
) -> SourceTable:
    """The rows of a source, or of several as one, with all the columns that a mapping names.

    Args:
        source: Files, patterns, frames, relations or connections, or a list of them.
        rules: The columns that it has to have, and for each a field that comes from it.
        query: For a connection or a database, what to ask it.
        table: For a connection or a database, which table to read.
        progress: Whether to show a bar while a workbook is read.

    Raises:
        BadSource: It cannot be read, or lacks a column; with the line of the mapping.
    """
    columns: dict[str, tuple[str, ...]] = {name: (name,) for name in rules}
    sources = files_of(source)
    _check_asked(sources, query, table)
    found = []
    for one in sources:
        with given_as(one, query=query, table=table) as given:
            # A quarantine file has all columns, and of several files no row can be fetched again.
            alone = len(sources) == 1
            found.append(_read_one(given, mapping, rules, columns, options, alone=alone, progress=progress))
    return joined(found)


def _read_one(
    given: Given,
    mapping: TableMapping,
    rules: Mapping[str, Rule],
    columns: dict[str, tuple[str, ...]],
    options: TableOptions,
    *,
    alone: bool,
    progress: bool,
) -> SourceTable:
    if given.table is not None:
        table = given.table
        header = table.table.column_names
        _require(mapping, rules, table.path, header, columns)
        table.columns.update(match_columns(table.path, header, columns))
        for name in options.verbatim:
            require_columns(table.path, header, match_columns(table.path, header, {name: (name,)}), {name: (name,)})
        if table.table.num_rows == 0:
            raise BadSource(str(table.path), None, "it has no rows; there is nothing to import")
        return table
    try:
        return read_source(
            given.path,
            columns,
            options=options,
            only_wanted=alone,
            progress=progress,
            at=given.at,
            pieces=True,
        )
    except BadSource:
        try:
            loose = read_source(
                given.path, columns, options=options, optional=list(columns), rows_required=False, at=given.at
            )
        except BadSource:
            loose = None
        # Where no column at all is there, the trouble is with the file (titles, its delimiter) and the first error says it.
        if loose is not None and loose.columns:
            _require(mapping, rules, loose.path, loose.table.column_names, columns)
        raise


def _check_asked(sources: list[Any], query: Any, table: str | None) -> None:
    if query is not None and table is not None:
        raise BadSource("query", None, "query= and table= were both given; give the one that says what to read")
    if len(sources) > 1 and (query is not None or table is not None):
        raise BadSource("query", None, "query= and table= go with one database; import several one after the other")


@dataclass(frozen=True, slots=True)
class Given:
    """A source that is ready to be read.

    Args:
        path: The file, as it is to be named.
        at: Where its bytes lie, where that is not there.
        table: What it says, if it is no file.
    """

    path: Path
    at: Path | None = None
    table: SourceTable | None = None


@contextlib.contextmanager
def given_as(source: Any, *, query: Any = None, table: str | None = None) -> Iterator[Given]:
    """One source, so that it can be read more than once: what comes through a pipe is kept in a temporary file.

    Args:
        source: A file, `-` for standard input, a database, a frame, a relation or a connection.
        query: For a database or a connection, what to ask it.
        table: For a database or a connection, which table to read.

    Raises:
        BadSource: It is none of these, or a question was asked of what cannot be asked.
    """
    if not isinstance(source, str | os.PathLike):
        yield Given(Path(type(source).__name__), table=frame_source(source, query, table=table))
        return
    name = os.fspath(source)
    if is_database(name):
        with open_database(name) as connection:
            found = frame_source(connection, query, table=table)
        label = Path(name) if "://" not in name else Path(name.partition(":")[0])
        yield Given(label, table=dataclasses.replace(found, path=label))
        return
    if query is not None or table is not None:
        raise BadSource(name, None, "query= (--query) and table= (--table) go with a database, and this is a file")
    path = Path(name)
    if name != "-":
        refuse_special(path, pipes=True)
    if name != "-" and not path.is_fifo():
        yield Given(path)
        return
    with tempfile.NamedTemporaryFile(prefix="orders-es-") as file:
        if name == "-":
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, file)
        file.flush()
        yield Given(path, at=Path(file.name))


def _require(
    mapping: TableMapping,
    rules: Mapping[str, Rule],
    path: Path,
    header: Sequence[str],
    columns: dict[str, tuple[str, ...]],
) -> None:
    missing = missing_columns(header, columns, ())
    if missing:
        rule = rules[missing[0]]
        more = f" (nor {', '.join(map(repr, missing[1:]))})" if missing[1:] else ""
        raise mapping.wrong(
            rule.where,
            f"{rule.where} comes from the column {missing[0]!r}, and {path} has none{more}; it has "
            f"{', '.join(map(repr, header)) or 'none'}",
        )


def frame_source(source: Any, query: Any = None, *, table: str | None = None) -> SourceTable:
    """A frame, a relation or the answer of a database as a table, with a fingerprint of what its cells say.

    Args:
        source: Anything with columns: Arrow, pandas, Polars, a DuckDB relation; or a connection of DuckDB, SQLite,
            SQLAlchemy or any other of PEP 249.
        query: For a connection, what to ask it.
        table: For a connection, which table to read, in the order of its key or of all its values.

    Raises:
        BadSource: It is none of these.

    Example:
        >>> frame_source(pa.table({"No": ["A-1"]})).table.num_rows
        1
    """
    kind = type(source).__name__
    connection = isinstance(source, duckdb.DuckDBPyConnection) or is_connection(source)
    if connection != (query is not None or table is not None):
        why = (
            "a database needs query= (--query), with ORDER BY so that the rows always come alike, or table= (--table)"
            if connection
            else "query= and table= go with a connection"
        )
        raise BadSource(kind, None, why)
    try:
        frame = _as_arrow(source, query, table)
        frame = pa.table([_plain(column) for column in frame.columns], names=frame.column_names)
        digest = _digest(frame)
    except (pa.ArrowException, duckdb.Error) as error:
        raise BadSource(kind, None, f"it cannot be read as a table: {error}") from error
    return SourceTable(Path(kind), digest, frame, {}, np.arange(1, frame.num_rows + 1))


def _as_arrow(source: Any, query: Any, table: str | None) -> pa.Table:
    if isinstance(source, duckdb.DuckDBPyConnection):
        asked = source.table(table).order("ALL") if table is not None else source.sql(query)
        if asked is None:
            raise BadSource("query", None, f"{query!r} answers with no rows; give a SELECT")
        return asked.to_arrow_table()
    if is_connection(source):
        return answer(source, query, table)
    if isinstance(source, pa.Table):
        return source
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        if twice := [str(name) for name in source.columns[source.columns.duplicated()]]:
            raise BadSource(
                type(source).__name__, None, f"it has more than one column {twice[0]!r}; rename or remove all but one"
            )
        return pa.Table.from_pandas(source, preserve_index=False)
    if type(source).__module__.partition(".")[0] == "polars" and hasattr(source, "collect"):
        source = source.collect()
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    raise BadSource(
        type(source).__name__,
        None,
        "it is no table; give a file, an Arrow, pandas or Polars frame, a DuckDB relation, or a connection with query= or table=",
    )


def _plain(column: Any) -> Any:
    """A column that is neither in pieces nor encoded."""
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(values, pa.ExtensionArray):
        values = pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_run_end_encoded(values.type):
        values = pc.run_end_decode(values)
    if pa.types.is_dictionary(values.type):
        if pa.types.is_string_view(values.type.value_type):  # Polars' categories, which Arrow does not decode
            values = pa.DictionaryArray.from_arrays(values.indices, values.dictionary.cast(pa.string()))
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
