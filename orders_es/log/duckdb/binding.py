"""A DuckDB log as a view in somebody's DuckDB connection."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.log.columns import event_schema
from orders_es.log.duckdb.store import MEMORY
from orders_es.log.registry import ENVELOPE
from orders_es.log.relation import event_columns, quoted, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orders_es.log.duckdb.store import Store

__all__ = ["bind_view"]

_SCHEMA = "orders_es_logs"


def bind_view(
    connection: Any,
    name: str,
    store: Store,
    kinds: Mapping[str, str],
    end: int,
    read: Callable[[int, int], Iterator[pa.RecordBatch]],
) -> None:
    """Make the view `name` in a connection, over the log up to a position.

    A connection to the log's own file looks at its table, through a temporary view, for nothing of it belongs in the file.
    Any other one gets a copy of the events, to which each call adds what is new, for DuckDB lets no second database of a
    process open a file.

    Args:
        connection: The connection.
        name: The view's name.
        store: The log's database.
        kinds: The registry's columns.
        end: The last position.
        read: Gives the events after a position up to another, with all columns.
    """
    own = _own_database(connection, store.path)
    table = f"{quoted(own)}.main.events" if own is not None else _copied(connection, store, kinds, end, read)
    there = store.columns if own is not None else event_columns(kinds)
    chosen = ", ".join(
        f"{quoted(column)}::{kind} AS {quoted(column)}" if column in there else f"NULL::{kind} AS {quoted(column)}"
        for column, kind in event_columns(kinds).items()
    )
    kind_of = "VIEW" if own is None else "TEMPORARY VIEW"
    connection.execute(
        f"CREATE OR REPLACE {kind_of} {quoted(name)} AS SELECT {chosen} FROM {table} WHERE position <= {end}"
    )


def _own_database(connection: Any, path: str) -> str | None:
    """The name under which a connection knows the log's own file, if it does."""
    if path == MEMORY:
        return None
    for name, other in connection.execute("SELECT database_name, path FROM duckdb_databases()").fetchall():
        with suppress(OSError):
            if other and Path(other).samefile(path):
                return str(name)
    return None


def _copied(
    connection: Any,
    store: Store,
    kinds: Mapping[str, str],
    end: int,
    read: Callable[[int, int], Iterator[pa.RecordBatch]],
) -> str:
    """The name of a table in the connection that holds the log's events, at least up to a position."""
    schema = f"{quoted(_SCHEMA)}"
    table = f"{schema}.{quoted(f'log_{store.identity.log_id.hex}')}"
    wanted = event_columns(kinds)
    there = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
            f"AND schema_name = {text(_SCHEMA)} AND table_name = {text(f'log_{store.identity.log_id.hex}')} "
            "ORDER BY column_index"
        ).fetchall()
    )
    if list(there.items()) != list(wanted.items()):  # nothing is there yet, or the registry has learnt since
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in wanted.items())
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE OR REPLACE TABLE {table} ({columns})")
    [(known,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    if known < end:
        given = f"orders_es_given_{uuid.uuid4().hex}"
        names = ", ".join(quoted(column) for column in (*ENVELOPE, *kinds))
        connection.register(given, pa.RecordBatchReader.from_batches(event_schema(kinds), read(known, end)))
        try:
            connection.execute(f"INSERT INTO {table} SELECT {names} FROM {given}")
        finally:
            connection.unregister(given)
    return table
