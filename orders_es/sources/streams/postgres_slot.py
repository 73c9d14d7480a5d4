"""`PostgresSlot`: what is written to somebody else's tables, from a logical replication slot of PostgreSQL.

A slot gives transactions in the order of their commits, each whole, and keeps them until it is told that they are recorded. It is
read by looking without taking (peek) and moved on (advance) after our own commit: a crash in between repeats what is then known by
its place, and never loses anything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, LogUnavailable, SourceUnavailable
from orders_es.log.postgres.address import address_of
from orders_es.log.postgres.connections import Connections
from orders_es.log.postgres.failures import is_lost, words
from orders_es.sources.streams.pgoutput import transactions
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

__all__ = ["PostgresSlot"]

_IN_USE = "55006"
_IDLE_BYTES = 16 << 20
"""How much of the server's log may wait behind a slot in which nothing of ours came, before it is moved on."""


class PostgresSlot:
    """What a publication's tables are given, read from a logical replication slot of the plugin `pgoutput`.

    A row is a line with a field for each column, and `_committed_at` and `_transaction` beside them.

    Args:
        url: `postgresql://user@host/database`, as libpq takes it; the user needs REPLICATION.
        slot: The slot's name.
        publication: The publication's name, whose tables are read.

    Raises:
        BadSource: There is no such slot or publication, or it is of another plugin.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(self, url: str, slot: str, publication: str) -> None:
        address = address_of(url)
        self._slot, self._publication = slot, publication
        self.name = f"{address.shown.partition('?')[0]} slot {slot}"
        self._connections = Connections(address)
        self._connection: psycopg.Connection | None = None
        self._ends: dict[str, int] = {}
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """What was committed after a place. See `Source.read`."""
        end, row = (0, -1) if after is None else json.loads(after)
        while True:
            found_slot = self._ask(
                "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint, (confirmed_flush_lsn - '0/0')::bigint "
                "FROM pg_replication_slots WHERE slot_name = %(slot)s",
                {"slot": self._slot},
            )
            if not found_slot:
                raise BadSource(
                    self.name,
                    None,
                    "there is no such slot any more: it was dropped, and the server has kept nothing since. What was written since then is lost here; make a slot, and follow it "
                    "into a log of its own",
                )
            [(flushed, slot_at)] = found_slot
            if end > flushed:
                raise BadSource(
                    self.name,
                    None,
                    "the server's log ends before the place that was read already: it is another server, or was put back from a backup. "
                    "Follow it into a log of its own",
                )
            found = self._peek(limit)
            delivered = self._after(found, end, row, limit)
            if delivered:
                return delivered
            settled = max((each.end for each in found), default=flushed if flushed - slot_at > _IDLE_BYTES else 0)
            if settled > slot_at and (found or settled == flushed):
                self._advance(settled)
            if not found:
                return []

    def committed(self, place: str) -> None:
        """Let the server forget what is recorded. See `Source.committed`."""
        settled = self._ends.get(place)
        if settled:
            self._advance(settled)
        self._ends.clear()

    def wait(self, seconds: float) -> bool:
        """Wait so long: a slot that is looked into does not say that there is something new. See `Source.wait`."""
        self._ask("SELECT pg_sleep(%(seconds)s)", {"seconds": seconds})
        return False

    def close(self) -> None:
        """Let go of the connection. The slot stays, and the server keeps what it has not been told is recorded."""
        if self._connection is not None:
            self._connection.close()

    def _look(self) -> None:
        how = (
            f"CREATE PUBLICATION {self._publication} FOR TABLE shop.events WITH (publish = 'insert'); "
            f"SELECT pg_create_logical_replication_slot('{self._slot}', 'pgoutput')"
        )
        found = self._ask(
            "SELECT plugin, database = current_database() FROM pg_replication_slots WHERE slot_name = %(slot)s",
            {"slot": self._slot},
        )
        if not found:
            raise BadSource(self.name, None, f"there is no such slot; make one, with wal_level = logical: {how}")
        [(plugin, here)] = found
        if plugin != "pgoutput" or not here:
            what = f"of the plugin {plugin}" if plugin != "pgoutput" else "another database's"
            raise BadSource(
                self.name,
                None,
                f"the slot is {what}, and this reads pgoutput of this database; make another one: {how}",
            )
        if not self._ask("SELECT 1 FROM pg_publication WHERE pubname = %(name)s", {"name": self._publication}):
            raise BadSource(
                self.name, None, f"there is no publication {self._publication!r}; make one: {how.partition(';')[0]}"
            )

    def _peek(self, limit: int) -> list[Any]:
        rows = self._ask(
            "SELECT data FROM pg_logical_slot_peek_binary_changes(%(slot)s, NULL, %(limit)s, 'proto_version', '1', "
            "'publication_names', %(publication)s)",
            {"slot": self._slot, "limit": limit, "publication": self._publication},
        )
        return list(transactions(bytes(data) for (data,) in rows))

    def _after(self, found: Sequence[Any], end: int, row: int, limit: int) -> list[Delivered]:
        """What stands after a place, and for each place up to where the server may forget once it is recorded."""
        delivered: list[Delivered] = []
        self._ends, before = {}, 0
        for transaction in found:
            for number, change in enumerate(transaction.changes):
                if transaction.end < end or (transaction.end == end and number <= row):
                    continue
                place = json.dumps([transaction.end, number])
                if change.line is None:
                    raise BadSource(
                        self.name,
                        None,
                        f"at {place}: rows of {change.table} were {change.what}, and events never are; publish inserts alone: "
                        f"ALTER PUBLICATION {self._publication} SET (publish = 'insert')",
                    )
                whole = number == len(transaction.changes) - 1
                self._ends[place] = transaction.end if whole else before
                delivered.append(Delivered(place, change.line))
                if len(delivered) == limit:
                    return delivered
            before = transaction.end
        return delivered

    def _advance(self, to: int) -> None:
        self._ask(
            "SELECT pg_replication_slot_advance(slot_name, '0/0'::pg_lsn + %(to)s::numeric) FROM pg_replication_slots "
            "WHERE slot_name = %(slot)s AND confirmed_flush_lsn < '0/0'::pg_lsn + %(to)s::numeric",
            {"slot": self._slot, "to": to},
        )

    def _ask(self, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connections.connect()
            return self._connection.execute(query, parameters).fetchall()
        except LogUnavailable as error:
            raise SourceUnavailable(self.name, error.reason) from error
        except psycopg.Error as error:
            if error.sqlstate == _IN_USE:
                raise SourceUnavailable(self.name, f"somebody else reads the slot ({words(error)})") from error
            if is_lost(error, self._connection):
                self.close()
                raise SourceUnavailable(self.name, words(error)) from error
            raise BadSource(self.name, None, f"it cannot be read: {words(error)}") from error
