"""Events into the table of a DuckDB log: a few as parameters of one INSERT, many as an Arrow table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from orders_es.log.envelope import SPARSE
from orders_es.log.event import to_micros
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

__all__ = ["added_names", "in_turn", "insert_rows", "insert_table"]

_GIVEN = "orders_es_events_to_append"


def insert_rows(columns: Mapping[str, tuple[str, list[Any]]]) -> Callable[[DuckDBPyConnection], None]:
    """A function that inserts placed rows: of each column its kind and its values."""
    names = ", ".join(quoted(name) for name in columns)
    places = ", ".join("make_timestamptz(?::BIGINT)" if kind == "timestamp" else "?" for kind, _ in columns.values())
    values = [_parameters(kind, values) for kind, values in columns.values()]
    parameters = [value for row in zip(*values, strict=True) for value in row]
    rows = ", ".join([f"({places})"] * len(values[0]))

    def insert(connection: DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO events ({names}) VALUES {rows}", parameters)

    return insert


def _parameters(kind: str, values: list[Any]) -> list[Any]:
    if kind == "uuid":
        return [UUID(bytes=value) for value in values]
    if (
        kind == "timestamp"
    ):  # as microseconds: the way of a datetime through DuckDB's parameters is not exact at the ends
        return [to_micros(value, "value") if isinstance(value, datetime) else value for value in values]
    return values


def insert_table(table: pa.Table) -> Callable[[DuckDBPyConnection], None]:
    """A function that inserts a placed table, in its order."""
    names = ", ".join(quoted(name) for name in table.column_names)

    def insert(connection: DuckDBPyConnection) -> None:
        # No filter may ever be pushed into this scan: DuckDB 2.0.0 gets some filtered scans of Arrow tables wrong.
        connection.register(_GIVEN, table)
        try:
            connection.execute(f"INSERT INTO events ({names}) SELECT {names} FROM {_GIVEN}")
        finally:
            connection.unregister(_GIVEN)

    return insert


def in_turn(steps: Sequence[Callable[[DuckDBPyConnection], None]]) -> Callable[[DuckDBPyConnection], None]:
    """A function that does one thing after the other."""

    def do(connection: DuckDBPyConnection) -> None:
        for step in steps:
            step(connection)

    return do


def added_names(names: list[str], kinds: Mapping[str, str]) -> list[str]:
    """Which of some columns a table of events does not have from the beginning: shredded and sparse ones."""
    return [name for name in names if name in kinds or name in SPARSE]
