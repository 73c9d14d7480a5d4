"""A log's events as a table in somebody's DuckDB connection, for backends that DuckDB cannot read by itself."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.log.columns import event_schema
from orders_es.log.envelope import ENVELOPE
from orders_es.log.relation import event_columns, quoted, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["copied_events"]

_SCHEMA = "orders_es_logs"


def copied_events(
    connection: Any,
    log_id: uuid.UUID,
    kinds: Mapping[str, str],
    end: int,
    read: Callable[[int, int], Iterator[pa.RecordBatch]],
    *,
    as_read: str = "",
    erased: int = 0,
    beside: bool = False,
) -> str:
    """The name of a table in the connection that holds a log's events, at least up to a position; only what is new is copied.

    Args:
        kinds: The registry's columns.
        read: Gives the events after a position up to another, with all columns, as they are today.
        as_read: What decides how events are read, where that can be otherwise than they were recorded: another one, another
            copy.
        erased: How often something was erased from the log: after one more, what was copied before is copied anew.
        beside: Whether it has to be a temporary table, since nothing of it belongs in the connection's own database.
    """
    name = f"log_{log_id.hex}{as_read[:16] and '_'}{as_read[:16]}"
    schema = "temp.main" if beside else quoted(_SCHEMA)
    table = f"{schema}.{quoted(name)}"
    wanted = event_columns(kinds)
    there = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            f"WHERE database_name = {text('temp') if beside else 'current_database()'} "
            f"AND schema_name = {text('main' if beside else _SCHEMA)} AND table_name = {text(name)} ORDER BY column_index"
        ).fetchall()
    )
    said = f"as of {erased} records of erasures and holds" if erased else None
    known_as = connection.execute(
        f"SELECT comment FROM duckdb_tables() WHERE database_name = {text('temp') if beside else 'current_database()'} "
        f"AND schema_name = {text('main' if beside else _SCHEMA)} AND table_name = {text(name)}"
    ).fetchall()
    # Nothing is there yet, or the registry has learnt since, or something was erased.
    if list(there.items()) != list(wanted.items()) or known_as != [(said,)]:
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in wanted.items())
        if not beside:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        connection.execute(f"CREATE OR REPLACE {'TEMP ' if beside else ''}TABLE {table} ({columns})")
        if said:
            connection.execute(f"COMMENT ON TABLE {table} IS {text(said)}")
    # Not how many there are, for retired events are left out.
    [(known,)] = connection.execute(f'SELECT coalesce(max("position"), 0) FROM {table}').fetchall()
    if known < end:
        given = f"orders_es_given_{uuid.uuid4().hex}"
        names = ", ".join(quoted(column) for column in (*ENVELOPE, *kinds))
        raised: list[Exception] = []
        batches = _noting(raised, read(known, end))
        connection.register(given, pa.RecordBatchReader.from_batches(event_schema(kinds), batches))
        try:
            connection.execute(f"INSERT INTO {table} SELECT {names} FROM {given}")
        except Exception as error:
            if raised:  # DuckDB makes an error of its own of it
                raise raised[0] from error.__cause__
            raise
        finally:
            connection.unregister(given)
    return table


def _noting(raised: list[Exception], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as error:
        raised.append(error)
        raise
