"""Which package wrote which type of event into a PostgreSQL log: a table beside the events, which logs from before it do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from orders_es.log.packages import TypeWritten
    from orders_es.log.postgres.address import Address
    from orders_es.log.postgres.connections import Connections

__all__ = ["note_writers", "writers_of", "writers_table"]


def writers_table(address: Address) -> str:
    """SQL that makes the table."""
    return f"""
CREATE TABLE {address.name("writers")} (
    type text NOT NULL, schema_version integer NOT NULL, fingerprint text NOT NULL, package text NOT NULL,
    PRIMARY KEY (type, schema_version, fingerprint, package)
);
"""


def note_writers(connection: psycopg.Connection, address: Address, types: Sequence[TypeWritten]) -> None:
    """Note who wrote some types, within the transaction that writes the first of them; nothing where the log or its role cannot.

    Raises:
        psycopg.Error: PostgreSQL refused.
    """
    table = address.name("writers")
    may = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'INSERT'), false)"
    if connection.execute(may, [table]).fetchall() != [(True,)]:
        return
    for one in types:
        connection.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", list(one))


def writers_of(connections: Connections, address: Address, name: str, schema_version: int) -> set[str]:
    """The packages, with their versions, that wrote events of a type and version that they knew. Read-only.

    Raises:
        LogUnavailable, UnreadableLog: PostgreSQL did not answer.
    """
    table = address.name("writers")

    def look(connection: psycopg.Connection) -> set[str]:
        may = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), false)"
        if connection.execute(may, [table]).fetchall() != [(True,)]:
            return set()
        rows: list[Any] = connection.execute(
            f"SELECT package FROM {table} WHERE type = %s AND schema_version = %s", [name, schema_version]
        ).fetchall()
        return {package for (package,) in rows}

    return connections.asked(look)
