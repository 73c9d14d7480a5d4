"""Which package wrote which type of event into a DuckDB log: a table beside the events, which logs from before it do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

    from orders_es.log.duckdb.store import Store
    from orders_es.log.packages import TypeWritten

__all__ = ["note_writers", "writers_of"]

_TABLE = """CREATE TABLE IF NOT EXISTS writers (type VARCHAR, schema_version INTEGER, fingerprint VARCHAR, package VARCHAR,
    PRIMARY KEY (type, schema_version, fingerprint, package))"""


def note_writers(types: Sequence[TypeWritten]) -> Callable[[DuckDBPyConnection], None]:
    """A function that notes who wrote some types, within the transaction that writes the first of them."""

    def note(connection: DuckDBPyConnection) -> None:
        connection.execute(_TABLE)
        connection.executemany("INSERT OR IGNORE INTO writers VALUES (?, ?, ?, ?)", [list(one) for one in types])

    return note


def writers_of(store: Store, name: str, schema_version: int) -> set[str]:
    """The packages, with their versions, that wrote events of a type and version that they knew. Read-only."""
    there = "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND table_name = 'writers'"
    if not store.ask(there):
        return set()
    query = "SELECT package FROM writers WHERE type = ? AND schema_version = ?"
    return {package for (package,) in store.ask(query, [name, schema_version])}
