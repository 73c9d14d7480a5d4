"""Waiting for a commit: woken by NOTIFY, and never relying on it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from orders_es.errors import LogError
from orders_es.log.postgres.writing import channel_of

if TYPE_CHECKING:
    import threading
    import uuid

    import psycopg

    from orders_es.log.postgres.connections import Connections

__all__ = ["Waiting"]

_LOOK_SECONDS = 0.25
"""A notification may be lost: the server was restarted, a pooler stands between. So the end is asked for that often anyway."""
_STOP_SECONDS = 0.05
"""How soon a wait on the connection notices that it is to stop."""


class Waiting:
    """What a subscription does while there is nothing new. It has a connection of its own, from the first wait on.

    Args:
        log_id: The log's identity, which names the channel.
        poll: Seconds between two looks where nobody wakes us.
        stop: Set, it ends the wait.
    """

    def __init__(self, connections: Connections, log_id: uuid.UUID, poll: float, stop: threading.Event | None) -> None:
        self._connections = connections
        self._channel = channel_of(log_id)
        self._poll = poll
        self._stop = stop
        self._listening: psycopg.Connection | None = None
        self._deaf = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.close()

    def for_news(self) -> None:
        """Return when something was committed, at the latest when it is time to look."""
        import psycopg

        if self._listening is None and not self._deaf:
            self._listen()
            return  # what was committed before we listened, nobody tells us
        if self._listening is None:
            self._rest(self._poll)
            return
        until = time.monotonic() + max(self._poll, _LOOK_SECONDS)
        try:
            while (left := until - time.monotonic()) > 0 and not (self._stop is not None and self._stop.is_set()):
                if list(self._listening.notifies(timeout=min(left, _STOP_SECONDS), stop_after=1)):
                    return
        except psycopg.Error:  # it broke; the next look says whether the server is there
            self._listening.close()
            self._listening = None

    def _listen(self) -> None:
        import psycopg

        connection = None
        with suppress(psycopg.Error, LogError):
            connection = self._connections.connect()
            connection.execute(f'LISTEN "{self._channel}"')
            self._listening = connection
            return
        self._deaf = True  # as on a standby; then by looking alone
        if connection is not None:
            connection.close()

    def _rest(self, seconds: float) -> None:
        if self._stop is None:
            time.sleep(seconds)
        else:
            self._stop.wait(seconds)
