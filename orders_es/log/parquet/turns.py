"""Writers taking turns, so that few of them write a file in vain. Politeness only: the link decides who commits.

Without it, of eight writers that write and fsync at once seven do so for nothing, and a large commit, which takes long to
write, never finds the end of the log where it was when it began. So writers queue up, by numbers that they draw as in a shop: each
holds a lock on its own number, and has its turn when nobody holds a lower one, which the system tells it. Whoever dies in
the queue takes its lock along. The numbers are bytes past the end of `log.json` (`tickets`): nothing is written.

Whoever waits goes on without a turn where the writer in front shows no sign of life (it may have been stopped), and so does
everybody where the file system knows no such locks.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from orders_es.log.parquet.ticket_queue import Tickets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Turns"]

_PATIENCE_SECONDS = 3.0
"""For how long nothing may be heard of the writer in front."""
_PULSE_SECONDS = 0.5
_LOOK_SECONDS = 0.25
_LONGEST_SECONDS = 60.0
"""A turn for which somebody waited so long is one that will not end."""


class Turns:
    """One writer's turns at a log.

    Args:
        path: A file of the log that stays as long as the log does; writers lock bytes past its end.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._tickets: Tickets | None = None
        self._pid = 0
        self._none_here = False
        self._ignored: tuple[int, int] | None = None
        self._ends: threading.Event | None = None

    @contextmanager
    def take(self, meanwhile: Callable[[], object]) -> Iterator[bool]:
        """A block in which the other writers wait; yields whether they do.

        Args:
            meanwhile: Called now and then before it is our turn: what can be done while waiting need not be done while
                others wait.

        Turns come in the order in which they were asked for. Of a writer in front that was given up nothing is expected until
        it shows a sign of life, so that one that has been stopped slows the others down once and not at every commit.
        """
        tickets = self._open()
        mine = tickets is not None and (tickets.at_once() or self._wait(tickets, meanwhile))
        try:
            yield mine
        finally:
            if self._ends is not None:
                self._ends.set()
                self._ends = None
            if mine and tickets is not None:
                tickets.give_back()

    def lasts(self) -> None:
        """Show those who wait signs of life from now to the end of this turn, which takes long because there is much to write."""
        tickets = self._tickets
        if tickets is None or self._ends is not None:
            return
        ends = self._ends = threading.Event()

        def show() -> None:
            while not ends.wait(_PULSE_SECONDS):
                tickets.pulse()

        threading.Thread(target=show, name="orders-es-turn", daemon=True).start()

    def close(self) -> None:
        """Let go of the file; the next turn opens it again."""
        if self._pid == os.getpid():
            self._leave()
        self._tickets = None

    def __del__(self) -> None:
        self.close()

    def _open(self) -> Tickets | None:
        """The open file; a fork opens its own, since locks belong to the opening and not to the process."""
        if self._pid != os.getpid() and self._tickets is not None:
            self._tickets.forget()
            self._tickets = self._ends = None
        if self._tickets is None and not self._none_here:
            self._pid = os.getpid()
            with suppress(OSError):  # whatever is wrong with the folder, the append itself will say
                self._tickets = Tickets(self._path)
        return self._tickets

    def _wait(self, tickets: Tickets, meanwhile: Callable[[], object]) -> bool:
        """Whether it is this writer's turn now, after those who came before."""
        if self._ignored is not None and tickets.in_front() == self._ignored:
            return False
        self._ignored = None
        try:
            meanwhile()
            if tickets.soon():
                return True
        except BaseException:
            self._leave()
            raise
        is_turn = threading.Lock()
        is_turn.acquire()
        try:
            tickets.wait(is_turn.release)
        except RuntimeError:
            self._leave()
            return False
        try:
            if self._called(tickets, is_turn, meanwhile):
                if tickets.number:
                    return True
                self._none_here = True
        except BaseException:
            self._leave()
            raise
        self._leave()
        return False

    def _called(self, tickets: Tickets, is_turn: threading.Lock, meanwhile: Callable[[], object]) -> bool:
        """Whether the wait came to its end; False where the writer in front shows no sign of life."""
        begun = heard = time.monotonic()
        last: tuple[int, int] | None = None
        while not is_turn.acquire(timeout=_LOOK_SECONDS):
            now, sign = time.monotonic(), tickets.in_front()
            if sign != last:
                last, heard = sign, now
            if now - heard >= _PATIENCE_SECONDS or now - begun >= _LONGEST_SECONDS:
                self._ignored = sign
                return False
            meanwhile()
        return True

    def _leave(self) -> None:
        if self._tickets is not None:
            self._tickets.leave()
        self._tickets = None
