"""Logs in PostgreSQL that are made of events recorded elsewhere: whole and proven, or marked as unfinished and not to be opened."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, InvalidSetting, NotALog
from orders_es.log.postgres.address import address_of
from orders_es.log.postgres.connections import Connections
from orders_es.log.postgres.failures import cannot_write
from orders_es.log.postgres.log import PostgresLog
from orders_es.log.postgres.tables import create_log, drop_if_empty, identity_of
from orders_es.log.restoration import Restoration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log.event import Head
    from orders_es.log.registry import EventRegistry

__all__ = ["PostgresRestoration", "exists", "remove_if_empty", "restoring"]


class PostgresRestoration(Restoration):
    """A log in the making. Given by `restoring`.

    Args:
        log: The incomplete log.
    """

    def __init__(self, log: PostgresLog, connections: Connections) -> None:
        super().__init__(log)
        self._address = log.address
        self._connections = connections

    @property
    def place(self) -> str:
        """Where the log is, and will be."""
        return self._address.shown

    def finish(self, root: bytes) -> Head:
        """Let everybody open the log, if its tree has this root.

        Raises:
            DamagedLog: It has another one; the log stays incomplete.
            StorageError, ReadOnlyLog, LogUnavailable: PostgreSQL refused.
        """
        import psycopg

        head = self.head()
        if head.root != root:
            raise DamagedLog(
                self.place,
                f"its tree has the root {head.root.hex()} and should have {root.hex()}; drop its schema and begin again",
            )
        with self._connections.one() as connection:
            try:
                connection.execute(f"UPDATE {self._address.name('log')} SET complete = true")
            except psycopg.Error as error:
                raise cannot_write(self._address, error, connection) from error
        return head


@contextmanager
def restoring(url: str, *, registry: EventRegistry, origin: str | None) -> Iterator[PostgresRestoration]:
    """A new log at a place, to be filled with events that were recorded elsewhere. See `orders_es.log.restoring.restoring`."""
    address = address_of(url)
    connections = Connections(address)
    try:
        if not create_log(connections, address, origin, complete=False) and identity_of(connections, address).complete:
            raise InvalidSetting(
                "target",
                address.shown,
                "a log is there already; this makes a new one, so name another schema: ?schema=NAME",
            )
        try:
            with PostgresLog(url, registry=registry, incomplete=True) as log:
                yield PostgresRestoration(log, connections)
        finally:
            drop_if_empty(connections, address, only_incomplete=True)
    finally:
        connections.forget()


def exists(url: str) -> bool:
    """Whether there is a log at a place, whole; an unfinished copy is none."""
    address = address_of(url)
    connections = Connections(address)
    try:
        return identity_of(connections, address).complete
    except NotALog:
        return False
    finally:
        connections.forget()


def remove_if_empty(url: str) -> None:
    """Remove a log that nothing was ever appended to."""
    address = address_of(url)
    connections = Connections(address)
    with suppress(NotALog):
        identity_of(connections, address)
        drop_if_empty(connections, address, only_incomplete=False)
    connections.forget()
