"""The connections of one handle: as many as its threads use at a time, kept for the next, never shared with a fork."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from orders_es.errors import LogUnavailable
from orders_es.log.postgres.failures import LOCK_SECONDS, cannot_connect, cannot_read, is_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from orders_es.log.postgres.address import Address

__all__ = ["Connections", "T"]


T = TypeVar("T")

_OLDEST_SERVER = 140_000
"""From 14 on, `extract` gives exact numbers; before, a time far from today lost its microseconds."""
_KEPT = 4
_CONNECT_SECONDS = 10
_IDLE_MINUTES = 5
"""A writer that is stopped (SIGSTOP, a laptop that sleeps) with the log in its hand loses it after this time."""
_SESSION = f"""
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET lock_timeout = '{LOCK_SECONDS}s';
SET idle_in_transaction_session_timeout = '{_IDLE_MINUTES}min';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
_READING = "SET default_transaction_read_only = on"


class Connections:
    """Connections to the database of a log.

    Args:
        address: Where it is.
        read_only: Whether no transaction may write, whatever it says.
    """

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self._address = address
        self._session = f"{_SESSION}; {_READING}" if read_only else _SESSION
        self._new_process()
        self._pinned = threading.local()

    def _new_process(self) -> None:
        self._idle: deque[psycopg.Connection] = deque()
        self._pid = os.getpid()
        self._closing = weakref.finalize(self, _close, self._idle, self._pid)

    def connect(self) -> psycopg.Connection:
        """A new connection, which commits each statement by itself.

        Raises:
            LogUnavailable: The server does not answer, or does not let this user in, or is too old.
        """
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        given = conninfo_to_dict(self._address.conninfo)
        defaults = {
            "connect_timeout": os.environ.get("PGCONNECT_TIMEOUT", str(_CONNECT_SECONDS)),
            "application_name": os.environ.get("PGAPPNAME", "orders_es"),
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
        }
        options = {name: value for name, value in defaults.items() if name not in given}
        try:
            connection = psycopg.connect(
                make_conninfo(self._address.conninfo, client_encoding="utf8", **options), autocommit=True
            )
        except psycopg.Error as error:
            raise cannot_connect(self._address, error) from error
        try:
            if connection.info.server_version < _OLDEST_SERVER:
                version = connection.info.server_version // 10_000
                raise LogUnavailable(
                    self._address.shown, f"it is PostgreSQL {version}", "Logs need PostgreSQL 14 or newer"
                )
            connection.execute(self._session)
        except psycopg.Error as error:
            connection.close()
            raise cannot_connect(self._address, error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def one(self) -> Iterator[psycopg.Connection]:
        """A connection for this thread alone; inside a `pinned` block the one that is pinned."""
        held = self.mine()
        if held is not None:
            yield held
            return
        if self._pid != os.getpid():  # a fork: what is open belongs to the parent, and is left alone
            self._closing.detach()
            self._new_process()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    @contextmanager
    def pinned(self) -> Iterator[psycopg.Connection]:
        """A block in which all that this thread asks goes over one connection, as a transaction needs it."""
        with self.one() as connection:
            self._pinned.connection = connection
            try:
                yield connection
            finally:
                last, self._pinned.connection = self._pinned.connection, None
                if last is not connection:
                    self._give_back(last)

    def mine(self) -> psycopg.Connection | None:
        """The connection that is pinned for this thread, if one is."""
        connection: psycopg.Connection | None = getattr(self._pinned, "connection", None)
        return connection

    def repin(self, connection: psycopg.Connection) -> None:
        """Go on over another connection in a `pinned` block, since the one before broke."""
        self._pinned.connection = connection

    def _give_back(self, connection: psycopg.Connection) -> None:
        import psycopg

        if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                connection.rollback()
        idle = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if idle and len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def forget(self) -> None:
        """Close what is idle: the server went, and all that was open with it."""
        _close(self._idle, self._pid)

    def asked(self, ask: Callable[[psycopg.Connection], T]) -> T:
        """What a question gives that changes nothing; asked a second time over a new connection where an old one had died.

        Raises:
            LogUnavailable, DamagedLog, UnreadableLog, LogBusy: PostgreSQL did not answer it.
        """
        import psycopg

        again = self.mine() is None
        while True:
            with self.one() as connection:
                try:
                    return ask(connection)
                except psycopg.Error as error:
                    if not again or not is_lost(error, connection):
                        raise cannot_read(self._address, error, connection) from error
                    connection.close()
            again = False
            self.forget()

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT. Raises as `asked` does."""
        return self.asked(lambda connection: connection.execute(query, parameters).fetchall())


def _close(idle: deque[psycopg.Connection], pid: int) -> None:
    """Close what is idle, unless it is a parent's, whose server would take it for a goodbye."""
    while idle and pid == os.getpid():
        with suppress(IndexError):
            idle.pop().close()
