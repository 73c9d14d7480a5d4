"""`PostgresTable`: somebody else's events table in PostgreSQL, row by row, as rows are committed there.

Numbers from a sequence become visible out of order: a transaction that took number 7 may commit after the one that took 8, and
a reader that went by the numbers would never see 7. So rows are read in the order of the transactions that wrote
them, and only those of transactions older than any that is still running on the server (the horizon); what is younger waits for the next
look. So a transaction that is left open, in whatever database of the server, holds everything back until it ends. A table that is
written by one writer, or under a lock, may be read by its numbers alone.

Source: PostgreSQL documentation, "System Information Functions" (pg_current_snapshot, pg_snapshot_xmin, xid8) and "System Columns" (xmin).
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, InvalidSetting, LogUnavailable, SourceUnavailable
from orders_es.log.postgres.address import address_of
from orders_es.log.postgres.connections import Connections
from orders_es.log.postgres.failures import is_lost, words
from orders_es.log.relation import quoted
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

__all__ = ["XMIN", "PostgresTable"]

XMIN = "xmin"
"""The transaction that wrote a row, as PostgreSQL itself keeps it."""

# The transaction of a row in full: PostgreSQL keeps 32 bits of it, and a row is not older than two thousand million transactions, or
# it has been frozen, and then it is settled whatever it was.
_FULL_XMIN = """(CASE
    WHEN xmin::text::bigint < 3 THEN 0
    WHEN xmin::text::bigint > horizon.next & 4294967295 THEN (horizon.next & ~4294967295) - 4294967296 + xmin::text::bigint
    ELSE (horizon.next & ~4294967295) + xmin::text::bigint
END)"""


class PostgresTable:
    """A table of events, read in an order that never changes.

    Args:
        url: `postgresql://user@host/database`, as libpq takes it.
        table: The table or view; with its schema, `shop.events`, where that is not `public`.
        position: The column that tells rows of one transaction apart and puts them in order: a number, as a rule.
        transaction: The column of type `xid8` that holds the transaction that wrote the row (`DEFAULT pg_current_xact_id()`; with an
            index on it and the position, each look is short); `xmin` for PostgreSQL's own mark, which needs no column and
            reads the whole table at each look; None for a table whose positions become visible in their order, because one
            writer at a time writes it.
        channel: A channel on which the table's writers NOTIFY; it only makes things quicker.

    Raises:
        BadSource: There is no such table or column, or no right to read it.
        InvalidSetting: The URL or the table's name makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(
        self, url: str, table: str, *, position: str = "id", transaction: str | None = XMIN, channel: str | None = None
    ) -> None:
        self._address = address_of(url)
        schema, _, name = table.rpartition(".")
        if not name:
            raise InvalidSetting("table", table, "name a table, with its schema if that is not public: shop.events")
        self._table = f"{quoted(schema or 'public')}.{quoted(name)}"
        self._position, self._transaction, self._channel = position, transaction, channel
        self.name = f"{self._address.shown.partition('?')[0]} {schema or 'public'}.{name}"
        self._connections = Connections(self._address)
        self._connection: psycopg.Connection | None = None
        try:
            self._kind = self._look()
        except BaseException:
            self.close()
            raise
        self._query = self._asked()

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """What stands after a place, of all that is settled. See `Source.read`."""
        transaction, position = (None, None) if after is None else json.loads(after)
        parameters = {"transaction": transaction, "position": position, "limit": limit}
        rows = self._ask(self._query, parameters)
        return [
            Delivered(json.dumps([None if row[0] is None else str(row[0]), row[1]]), row[2].encode()) for row in rows
        ]

    def committed(self, place: str) -> None:
        """Nothing: a table keeps its rows. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether there is a NOTIFY within so long. See `Source.wait`."""
        import psycopg

        self._ask("SELECT 1", {})
        assert self._connection is not None
        with suppress(psycopg.Error):  # the next look says what is wrong
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        return False

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()

    def _look(self) -> str:
        """The type of the position's column."""
        relation = {"relation": self._table}
        [(oid,)] = self._ask("SELECT to_regclass(%(relation)s)::oid", relation)
        if oid is None:
            raise BadSource(self.name, None, "there is no such table; name it with its schema, as in shop.events")
        columns = dict(
            self._ask(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%(relation)s) AND NOT attisdropped",
                relation,
            )
        )
        for column in (self._position, self._transaction):
            if column is not None and column not in columns:
                listed = ", ".join(
                    sorted(name for name, kind in columns.items() if kind not in ("xid", "cid", "tid", "oid"))
                )
                raise BadSource(self.name, None, f"it has no column {column!r}; its columns are {listed}")
        if self._transaction not in (None, XMIN) and columns[self._transaction] != "xid8":
            raise BadSource(
                self.name,
                None,
                f"{self._transaction} is {columns[self._transaction]}, and a transaction is told by xid8: ALTER TABLE {self._table} "
                "ADD COLUMN transaction_id xid8 DEFAULT pg_current_xact_id(); or read by xmin, which needs no column",
            )
        if self._transaction == XMIN and self._position == XMIN:
            raise InvalidSetting(
                "position", XMIN, "rows of one transaction have the same; name a column that tells them apart"
            )
        return str(columns[self._position])

    def _asked(self) -> str:
        position = f"t.{quoted(self._position)}"
        given = f"%(position)s::text::{self._kind}"
        if self._transaction is None:
            return (
                f"SELECT NULL, {position}::text, row_to_json(t)::text FROM {self._table} AS t "
                f"WHERE %(position)s::text IS NULL OR {position} > {given} ORDER BY {position} LIMIT %(limit)s"
            )
        if self._transaction == XMIN:
            return f"""
                SELECT transaction, place::text, line FROM (
                    SELECT {_FULL_XMIN} AS transaction, {position} AS place, row_to_json(t)::text AS line, horizon.oldest
                    FROM {self._table} AS t, (
                        SELECT pg_snapshot_xmin(s)::text::bigint AS oldest, pg_snapshot_xmax(s)::text::bigint AS next
                        FROM pg_current_snapshot() AS s
                    ) AS horizon
                ) AS rows
                WHERE transaction < oldest AND (
                    %(transaction)s::text IS NULL OR (transaction, place) > (%(transaction)s::text::bigint, {given})
                )
                ORDER BY rows.transaction, rows.place LIMIT %(limit)s"""
        column = f"t.{quoted(self._transaction)}"
        return f"""
            SELECT {column}::text, {position}::text, row_to_json(t)::text FROM {self._table} AS t
            WHERE {column} < pg_snapshot_xmin(pg_current_snapshot()) AND (
                %(transaction)s::text IS NULL OR {column} > %(transaction)s::text::xid8
                OR ({column} = %(transaction)s::text::xid8 AND {position} > {given})
            )
            ORDER BY {column}, {position} LIMIT %(limit)s"""

    def _ask(self, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connections.connect()
                if self._channel is not None:
                    self._connection.execute(f"LISTEN {quoted(self._channel)}")
            return self._connection.execute(query, parameters).fetchall()
        except LogUnavailable as error:
            raise SourceUnavailable(self.name, error.reason) from error
        except psycopg.Error as error:
            if is_lost(error, self._connection):
                self.close()
                raise SourceUnavailable(self.name, words(error)) from error
            raise BadSource(self.name, None, f"it cannot be read: {words(error)}") from error
