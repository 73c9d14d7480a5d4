"""Ctrl-C while DuckDB works: for everything that asks it something."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["interruptible", "is_interrupt"]

AGAIN_SECONDS = 0.05
"""How soon a query is told again that it has to end."""


def is_interrupt(error: BaseException) -> bool:
    """Whether it was Ctrl-C: of which DuckDB makes a RuntimeError or an error of its own, and Arrow an OSError of that.

    Args:
        error: What was raised.

    Example:
        >>> is_interrupt(RuntimeError("Query interrupted"))
        True
    """
    if type(error) is RuntimeError:
        return "interrupted" in str(error).lower()
    return type(error).__name__ == "InterruptException" or (
        isinstance(error, OSError) and error.errno is None and "INTERRUPT Error" in str(error)
    )


@contextmanager
def interruptible(connection: Any = None) -> Iterator[None]:
    """A block that queries DuckDB, out of which Ctrl-C comes as everywhere else in Python, at once and at the first time.

    Args:
        connection: The connection, or cursor, that is asked. Without it, Ctrl-C waits as long as DuckDB does not look.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed while a query ran.
    """
    try:
        with _watched(connection):
            yield
    except Exception as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        raise


class _Watch:
    """A thread that hears of signals while the main thread is in DuckDB, where Python runs no handlers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.connection: Any = None
        self.block = 0  # counts the blocks that were entered and left
        self.before = -1
        # What is heard in a block is told to that block's query or, once it is left, to none: never to the next one.
        self.lock = threading.Lock()
        self._hears, self._tells = socket.socketpair()
        self._hears.setblocking(False)
        self._tells.setblocking(False)
        threading.Thread(target=self._listen, name="orders_es-interrupts", daemon=True).start()

    @property
    def number(self) -> int:
        """What a signal is told to, by its number as one byte."""
        return self._tells.fileno()

    def heard(self) -> bytes:
        """The signals since the last time. The caller holds the lock."""
        try:
            signals = self._hears.recv(64)
        except BlockingIOError:
            return b""
        if signals and self.before >= 0:  # somebody else listens as well, such as the loop of a notebook
            with suppress(OSError):
                os.write(self.before, signals)
        return signals

    def _listen(self) -> None:
        aimed_at = -1  # the block whose query has to end, as long as it has not
        while True:
            # DuckDB forgets an interrupt that comes before its query runs: so it is told again, until the block is left.
            select.select([self._hears], (), (), AGAIN_SECONDS if aimed_at == self.block else None)
            with self.lock:
                if signal.SIGINT in self.heard():
                    aimed_at = self.block
                if self.connection is not None and aimed_at == self.block:
                    with suppress(Exception):  # it was closed meanwhile
                        self.connection.interrupt()


def _raises(handler: Any) -> bool:
    """Whether Ctrl-C raises KeyboardInterrupt: by Python's own handler, or by that of `orders_es.__main__`."""
    return handler is signal.default_int_handler or getattr(handler, "raises", None) is KeyboardInterrupt


_watch: _Watch | None = None


@contextmanager
def _watched(connection: Any) -> Iterator[None]:
    global _watch  # noqa: PLW0603 - one thread is enough, and a forked process has none
    ours = threading.current_thread() is threading.main_thread()
    # Whoever handles Ctrl-C otherwise, as a runner that finishes its batch, does not want the query to end.
    if connection is None or not ours or not _raises(signal.getsignal(signal.SIGINT)):
        yield
        return
    if _watch is None or _watch.pid != os.getpid():
        _watch = _Watch()
    watch, outer = _watch, _watch.connection
    before = signal.set_wakeup_fd(watch.number, warn_on_full_buffer=False)
    if before != watch.number:
        watch.before = before
    with watch.lock:
        watch.connection = connection
        watch.block += 1
    try:
        yield
    finally:
        with watch.lock:
            watch.heard()  # in this block: Python's own handler raises what nobody told its query
            watch.block += 1
            watch.connection = outer
            if outer is None:
                watch.before = -1
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
