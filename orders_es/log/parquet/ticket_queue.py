"""A queue of processes, made of locks on single bytes of one file: whoever comes draws the next number, and waits for all lower ones.

Byte 0 of the queue is held while a number is drawn, some microseconds. A number is the byte at that place, held from drawing until
the end of its holder's turn, so that it goes with a holder that is killed, whether it waits or has its turn. A holder waits by
asking for a shared lock on all bytes before its own: the system grants it when the last of them was let go. New numbers are
higher than all that are held, so nobody overtakes. Nothing is read from the file or written to it.

The locks are those of an open file description (Linux, `fcntl(2)`): unlike POSIX's they hold between threads and handles of one
process, too. Where Python does not know them (macOS), `flock` on the same file stands in: the system wakes whoever waits, in an order
of its own.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tickets"]

_FLOCK = struct.Struct("hhqqi0q")
"""`struct flock`: type, whence, start, length, process."""
_QUEUE = 1 << 40
"""Where in the file the queue begins: past the end of any that has bytes of its own."""
_LAST = (1 << 61) - 1
_FIRST_MOST = 1 << 60
_PULSE = 1 << 61
_MOMENT_SECONDS = 0.002
_NAP_SECONDS = 0.0001
_SET = getattr(fcntl, "F_OFD_SETLK", None)
_WAIT = getattr(fcntl, "F_OFD_SETLKW", None)
_ASK = getattr(fcntl, "F_OFD_GETLK", None)


class Tickets:
    """One place to stand in the queue, free or taken; from then on it belongs to one turn at a time.

    Args:
        path: The file, which has to be there.

    Raises:
        OSError: It cannot be opened for writing.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._guard = threading.Lock()
        self._waits = self._left = False
        self._beats = self._behind = 0
        self.number = 0
        """The number that is held; 0 for none."""

    def at_once(self) -> bool:
        """Whether nobody was in the queue, so that it is this one's turn already."""
        if _SET is None:
            return self._flock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            self._lock(_SET, fcntl.F_WRLCK, 0, 0)
        except OSError:  # somebody draws just now; or no such locks here, which waiting finds out
            return False
        try:
            if self._found(1, _LAST) is not None:
                return False
            self._hold(_first())
            return True
        finally:
            self._lock(_SET, fcntl.F_UNLCK, 0, 0)

    def soon(self) -> bool:
        """Whether the only writer in front was done within a moment; a number is drawn and kept, unless others draw just now.

        Its turn takes about as long as it takes to be put to sleep and woken, so looking again costs less than sleeping.
        """
        if _SET is None or _ASK is None:
            return False
        try:
            self._draw(_SET)
        except OSError:
            return False
        alone = self._behind <= 1 or self._found(1, self._behind - 1, fcntl.F_RDLCK) is None  # of numbers alone
        return self.number > 0 and (not self._behind or (alone and self._look(_SET)))

    def _look(self, how: int) -> bool:
        """Whether nobody is in front any more within a moment."""
        until = time.monotonic() + _MOMENT_SECONDS
        while True:
            with suppress(OSError):
                self._lock(how, fcntl.F_RDLCK, 1, self._behind)
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(_NAP_SECONDS)

    def _sleep(self, how: int) -> None:
        """Wait until nobody is in front: asleep until one is, then for a moment awake."""
        assert _SET is not None
        if self._behind > 1:
            self._lock(how, fcntl.F_RDLCK, 1, self._behind - 1)
        if self._behind and not self._left and not self._look(_SET):
            self._lock(how, fcntl.F_RDLCK, 1, self._behind)

    def wait(self, then: Callable[[], None]) -> None:
        """Draw a number, unless one is drawn, and wait until it is called, in a thread of its own, since nothing but the turn ends this.

        Args:
            then: Called at the end; `number` is 0 then where the file system knows no such locks.

        Raises:
            RuntimeError: This process can start no threads, or not any more.
        """
        self._waits = True

        def run() -> None:
            with suppress(OSError):
                if _WAIT is None:
                    self._flock(fcntl.LOCK_EX)
                else:
                    if not self.number:
                        self._draw(_WAIT)
                    self._sleep(_WAIT)
            with self._guard:
                self._waits = False
                if self._left:
                    os.close(self._fd)
            then()

        try:
            threading.Thread(target=run, name="orders-es-waits", daemon=True).start()
        except RuntimeError:
            self._waits = False
            raise

    def _draw(self, how: int) -> None:
        self._lock(how, fcntl.F_WRLCK, 0, 0)
        try:
            last = 0
            while (found := self._found(last + 1, _LAST)) is not None:
                last = found[1]
            with self._guard:
                if self._left:
                    return
                self._hold(last + 1 if last else _first())
                self._behind = last
        finally:
            self._lock(how, fcntl.F_UNLCK, 0, 0)

    def in_front(self) -> tuple[int, int]:
        """The number whose turn it is, as far as it is before this one's, and its holder's pulse: what changes as long as there is life."""
        if _ASK is None:
            return 0, 0
        first, upper = 0, (self.number or _LAST + 1) - 1
        while upper >= 1 and (found := self._found(1, upper, fcntl.F_RDLCK)) is not None:
            first = found[0]
            upper = first - 1
        pulse = self._found(_PULSE, None)
        return first, pulse[0] if pulse else 0

    def pulse(self) -> None:
        """Show whoever asks `in_front` that this holder is alive."""
        with self._guard:
            if _SET is None or not self.number:
                return
            self._beats += 1
            self._lock(_SET, fcntl.F_WRLCK, _PULSE + self._beats, _PULSE + self._beats)
            self._lock(_SET, fcntl.F_UNLCK, _PULSE + self._beats - 1, _PULSE + self._beats - 1)

    def give_back(self) -> None:
        """End the turn."""
        with self._guard:
            self.number = 0
            if _SET is None:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            else:
                self._lock(_SET, fcntl.F_UNLCK, 0, None)

    def leave(self) -> None:
        """Leave the queue for good: nobody waits for this one any more, and the file is closed when its thread has come to its end."""
        with self._guard:
            self._left = True
            if not self._waits:
                os.close(self._fd)
            elif _SET is not None and self.number:
                self._lock(_SET, fcntl.F_UNLCK, 0, None)

    def forget(self) -> None:
        """Let go of the file in a process that inherited it, and leave the queue as it is to the one that is in it."""
        os.close(self._fd)

    def _hold(self, number: int) -> None:
        assert _SET is not None
        self._lock(_SET, fcntl.F_WRLCK, number, number)
        self.number = number

    def _flock(self, how: int) -> bool:
        try:
            fcntl.flock(self._fd, how)
        except OSError:
            return False
        self.number = 1
        return True

    def _lock(self, command: int, kind: int, first: int, last: int | None) -> None:
        length = 0 if last is None else last - first + 1
        fcntl.fcntl(self._fd, command, _FLOCK.pack(kind, os.SEEK_SET, _QUEUE + first, length, 0))

    def _found(self, first: int, last: int | None, kind: int = fcntl.F_WRLCK) -> tuple[int, int] | None:
        """From where to where one of the others' locks that keep one of this kind away reaches, within these bytes; None if there is none."""
        assert _ASK is not None
        length = 0 if last is None else last - first + 1
        asked = _FLOCK.pack(kind, os.SEEK_SET, _QUEUE + first, length, 0)
        found, _, start, size, _ = _FLOCK.unpack(fcntl.fcntl(self._fd, _ASK, asked))
        if found == fcntl.F_UNLCK:
            return None
        begin = max(start - _QUEUE, first)
        return begin, start - _QUEUE + size - 1 if size else _LAST


def _first() -> int:
    """A number to begin an empty queue with; another one each time, so that two turns of the same number are one turn."""
    return random.randint(1, _FIRST_MOST)  # noqa: S311 - guards nothing
