"""Writers taking turns, so that few of them write a file in vain. Politeness only: the link decides who commits.

Without it, of eight writers that write and fsync at once seven do so for nothing, and a large commit, which takes long to
write, hardly ever finds the end of the log where it was when it began. An advisory lock on the log's open folder costs
some microseconds, leaves nothing on disk, and is gone with its holder. Whoever waits too long (the holder may be stopped)
goes on without it, and so does everybody where the file system knows no such locks.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Turns"]

_PATIENCE_SECONDS = 3.0
_IMPATIENT_SECONDS = 30.0
_SHORTEST = 0.0001
_LONGEST = 0.002


class Turns:
    """One writer's turns at a log.

    Args:
        folder: The log's folder, on which every writer takes the lock.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._waits_again = 0.0
        self._descriptor = -1
        self._pid = 0

    @contextmanager
    def take(self, meanwhile: Callable[[], object]) -> Iterator[bool]:
        """A block in which the other writers wait; yields whether they do.

        Args:
            meanwhile: Called between two looks whether it is our turn: what can be done while waiting need not be done
                while others wait.

        A writer that once waited in vain does not wait at all for a while, so that a holder that has been stopped slows
        the others down once and not at every commit.
        """
        descriptor = self._open()
        mine = descriptor >= 0 and self._wait(descriptor, meanwhile)
        try:
            yield mine
        finally:
            if mine:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the folder; the next turn opens it again."""
        if self._descriptor >= 0 and self._pid == os.getpid():
            os.close(self._descriptor)
        self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def _open(self) -> int:
        """The open folder; a fork opens its own, since the lock belongs to the opening and not to the process."""
        if self._descriptor < 0 or self._pid != os.getpid():
            try:
                self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:  # whatever is wrong with the folder, the append itself will say
                self._descriptor = -1
            self._pid = os.getpid()
        return self._descriptor

    def _wait(self, descriptor: int, meanwhile: Callable[[], object]) -> bool:
        deadline = 0.0
        pause = _SHORTEST
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
                deadline = deadline or now + _PATIENCE_SECONDS
                if now < self._waits_again:
                    return False
                if now >= deadline:
                    self._waits_again = now + _IMPATIENT_SECONDS
                    return False
                meanwhile()
                time.sleep(random.uniform(_SHORTEST, pause))  # noqa: S311 - spreads waiters, guards nothing
                pause = min(pause * 2, _LONGEST)
            except OSError:  # no such locks here
                return False
            else:
                return True
