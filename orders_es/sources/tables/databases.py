"""Answers of databases as Arrow tables: SQLite files, SQLAlchemy, and any connection of PEP 249; for importers.

What a database says is kept to the last digit: decimals become texts, and so does a column whose values are of several kinds.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orders_es.errors import BadSource
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["answer", "is_connection", "is_database", "open_database"]

_STEP = 65_536
_SQLITE, _DUCKDB = b"SQLite format 3\x00", b"DUCK"
_array: Any = pa.array


def is_database(source: Any) -> bool:
    """Whether a text names a database: a URL, or a file of SQLite or DuckDB."""
    text = str(source)
    if "://" in text:
        return True
    path = Path(text)
    try:
        if not path.is_file():  # of a pipe, whatever is read here is lost to whoever reads it next
            return False
        with path.open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError):
        return False
    return head == _SQLITE or head[8:12] == _DUCKDB


def is_connection(source: Any) -> bool:
    """Whether it can be asked: a connection of PEP 249, or an engine or a connection of SQLAlchemy."""
    return _of_sqlalchemy(source) or (
        callable(getattr(source, "cursor", None)) and callable(getattr(source, "commit", None))
    )


def _of_sqlalchemy(source: Any) -> bool:
    library = sys.modules.get("sqlalchemy")
    return library is not None and isinstance(source, library.engine.Engine | library.engine.Connection)


@contextlib.contextmanager
def open_database(source: Any) -> Iterator[Any]:
    """A connection to a database that a text names; it is only read.

    Args:
        source: A file of SQLite or DuckDB, or a URL as SQLAlchemy has it.

    Raises:
        BadSource: It is no URL of a database, or what reads it is not installed.
    """
    text = str(source)
    if "://" not in text:
        with Path(text).open("rb") as file:
            is_sqlite = file.read(16) == _SQLITE
        if not is_sqlite:
            try:
                opened = duckdb.connect(text, read_only=True)
            except duckdb.Error as error:
                why = str(error).partition("\n")[0]
                raise BadSource(
                    text, None, f"it cannot be opened: {why}; close it where it is open for writing"
                ) from error
            with opened as connection:
                yield connection
            return
        with contextlib.closing(sqlite3.connect(f"{Path(text).resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
        return
    shown = text.partition("://")[0] + "://…"
    try:
        import sqlalchemy
    except ImportError as error:
        raise BadSource(shown, None, "databases need SQLAlchemy: pip install 'orders_es[databases]'") from error
    url = "postgresql+psycopg" + text.removeprefix("postgresql") if text.startswith("postgresql://") else text
    try:
        engine = sqlalchemy.create_engine(url)
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise BadSource(shown, None, f"{error}; is it a URL such as postgresql://user@host/shop?") from error
    except sqlalchemy.exc.ArgumentError as error:
        raise BadSource(shown, None, "it is no URL of a database, such as postgresql://user@host/shop") from error
    except ImportError as error:
        raise BadSource(
            shown,
            None,
            f"its driver is missing ({error.name}); PostgreSQL's comes with pip install 'orders_es[databases]'",
        ) from error
    if engine.dialect.driver == "psycopg":
        sqlalchemy.event.listen(engine, "connect", _json_as_text)
    try:
        yield engine
    finally:
        engine.dispose()


def _json_as_text(connection: Any, _record: Any) -> None:
    """Let psycopg hand out JSON as it stands: parsed, 21.00 would be the float 21.0."""
    from psycopg.types.json import set_json_loads

    set_json_loads(lambda given: given if isinstance(given, str) else bytes(given).decode(), connection)


def answer(connection: Any, query: Any, table: str | None) -> pa.Table:
    """What a connection answers, in pieces, so that the whole of it is there only as columns.

    Args:
        connection: Of `sqlite3`, SQLAlchemy, or any other of PEP 249.
        query: A SELECT, as text or as SQLAlchemy has it.
        table: A table instead, whose rows come in the order of their key, or else of all their values.

    Raises:
        BadSource: It answers with no rows, or refuses.
    """
    name = type(connection).__name__
    try:
        if _of_sqlalchemy(connection):
            return _of_alchemy(connection, query, table)
        cursor = connection.cursor()
        try:
            if table is not None:
                cursor.execute(f"SELECT * FROM {_quoted(table)} WHERE 1 = 0")
                width = len(cursor.description)
                query = f"SELECT * FROM {_quoted(table)} ORDER BY {', '.join(map(str, range(1, width + 1)))}"
            cursor.execute(query)
            if cursor.description is None:
                raise BadSource("query", None, f"{query!r} answers with no rows; give a SELECT")
            return _table([column[0] for column in cursor.description], lambda: cursor.fetchmany(_STEP))
        finally:
            cursor.close()
    except BadSource:
        raise
    except Exception as error:
        # Each driver has errors of its own, and PEP 249 gives them no common class.
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise BadSource(name, None, f"it cannot be read as a table: {first}") from error


def _quoted(table: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def _of_alchemy(source: Any, query: Any, table: str | None) -> pa.Table:
    import sqlalchemy

    with contextlib.ExitStack() as stack:
        connection = source
        if isinstance(source, sqlalchemy.engine.Engine):
            connection = stack.enter_context(source.connect())
        if table is not None:
            schema, _, name = table.rpartition(".")
            found = sqlalchemy.Table(name, sqlalchemy.MetaData(), schema=schema or None, autoload_with=connection)
            query = sqlalchemy.select(found).order_by(*(found.primary_key.columns or found.columns))
        elif isinstance(query, str):
            query = sqlalchemy.text(query)
        result = connection.execution_options(stream_results=True, yield_per=_STEP).execute(query)
        if not result.returns_rows:
            raise BadSource("query", None, f"{str(query)!r} answers with no rows; give a SELECT")
        return _table(list(result.keys()), lambda: result.fetchmany(_STEP))


def _table(names: list[str], fetch: Callable[[], Sequence[Any]]) -> pa.Table:
    pieces: list[list[Any]] = [[] for _ in names]
    while rows := fetch():
        for i, column in enumerate(zip(*rows, strict=True)):
            pieces[i].append(_piece(column))
    return pa.table([_joined(column) for column in pieces], names=names)


def _piece(values: Sequence[Any]) -> Any:
    """A column's values of one kind as Arrow has them, and otherwise as texts."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and not kinds & {Decimal, bytes, memoryview}:
        if kinds == {dt.datetime}:
            zoned = {value.tzinfo is not None for value in values if value is not None}
            if len(zoned) == 1:
                return _array(values, pa.timestamp("us", "UTC" if zoned.pop() else None))
        elif not kinds or kinds <= {int, str, float, bool, dt.date}:
            with contextlib.suppress(pa.ArrowException, OverflowError):
                return _array(values)
    return pa.array([_spelt(value) for value in values], pa.string())


def _spelt(value: Any) -> str | None:
    if isinstance(value, bytes | memoryview):
        raise BadSource("query", None, "a column of bytes holds no single values; leave it out of the query")
    if isinstance(value, dict | list):
        raise BadSource(
            "query", None, "a column of JSON came parsed, and its numbers with it; ask for its text, as in record::text"
        )
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else as_text(value)


def _joined(pieces: list[Any]) -> Any:
    kinds = {piece.type for piece in pieces} - {pa.null()}
    if len(kinds) <= 1:
        kind = kinds.pop() if kinds else pa.string()
        return pa.chunked_array([piece.cast(kind) for piece in pieces], kind)
    return pa.chunked_array([_array([_spelt(value) for value in piece.to_pylist()], pa.string()) for piece in pieces])
