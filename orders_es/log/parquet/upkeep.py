"""Keeping a folder in shape without anybody asking for it: small files are merged beside the appends, in a thread of their own.

A log that is only ever appended to would be one file per commit, and every question would open them all. So a writer that notices
that there are many begins to merge them, by the protocol of `compact`: readers and writers go on, and no append waits for it.
`ripe` says what is worth it. It merges files of about one size, eight into one, as log-structured merge trees do: each event is
written anew once for each factor of eight, and few files are left. Source: O'Neil et al., "The Log-Structured Merge-Tree", 1996.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from orders_es.errors import OrdersEsError
from orders_es.log.event import LogFile
from orders_es.log.parquet.chain import SEGMENTS, list_chain, segment_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orders_es.log.parquet.digest_check import Checked

__all__ = ["FAN_OUT", "FULL", "LOOSE", "SWITCH", "Upkeep", "ripe"]

LOOSE = 256
"""So many neighbouring files of fewer events than this are merged into one."""
FAN_OUT = 8
"""So many neighbouring files of one size above that."""
FULL = 500_000
"""Files of so many events stay as they are."""
SWITCH = "ORDERS_ES_UPKEEP"
"""The environment variable that turns all of this off, where it is `off`."""

_LOOKED_AT = 64
_SCANS = 3
_FILES_MOST = 4_096
_REST_SECONDS = 60.0
_VACUUM_SECONDS = 600.0
_GRACE = timedelta(hours=1)


def ripe(chain: Sequence[LogFile]) -> list[LogFile]:
    """The neighbouring files that are to be merged next; none where the log is in shape.

    Files are of one size if they have fewer than 256 events, or else lie between the same powers of eight times that.

    Args:
        chain: The files that make up the log, in order.

    Example:
        >>> one_by_one = [LogFile(f"{i}", "commit", i, i) for i in range(1, 300)]
        >>> len(ripe(one_by_one)), ripe(one_by_one[:255])
        (299, [])
    """
    best: tuple[int, list[LogFile]] | None = None
    for full, run in groupby(chain, lambda file: file.count >= FULL):
        ready = None if full else _ready(list(run))
        if ready is not None and (best is None or ready[0] < best[0]):
            best = ready  # the smallest first: what comes of them may count towards the next size
    return [] if best is None else best[1]


def _ready(run: Sequence[LogFile]) -> tuple[int, list[LogFile]] | None:
    """Of neighbours, those to be merged that are of the smallest size that has enough of them; and that size."""
    sizes = [_size(file.count) for file in run]
    for size in sorted(set(sizes)):
        for fits, places in groupby(range(len(run)), lambda i: sizes[i] <= size):  # noqa: B023 - used up in here
            near = list(places) if fits else []
            alike = [i for i in near if sizes[i] == size]
            if len(alike) >= (FAN_OUT if size else LOOSE):
                return size, _as_many_as_fit(run[near[0] : alike[-1] + 1])
    return None


def _as_many_as_fit(run: Sequence[LogFile]) -> list[LogFile]:
    taken: list[LogFile] = []
    for file in run[:_FILES_MOST]:
        if file.last - run[0].first >= 2 * FULL:
            break
        taken.append(file)
    return taken


def _size(events: int) -> int:
    size = 0
    while events >= LOOSE:
        events //= FAN_OUT
        size += 1
    return size


class Upkeep:
    """What keeps one log in shape. Nothing that goes wrong here concerns whoever appends or reads; the log stays as it is.

    Args:
        folder: The log's folder.
        checked: Holds files to their digests.
        read_only: Never do anything, whatever anybody turns on: reading, too, may be a reason to.
    """

    def __init__(self, folder: str, checked: Checked, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        self._checked = checked
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._stopped = threading.Event()
        self._appended = _LOOKED_AT
        self._scanned = 0
        self._rests_until = self._vacuums_from = 0.0
        self.on = os.environ.get(SWITCH, "").lower() not in ("off", "0", "no", "false")
        self.merged: deque[LogFile] = deque()
        """Segments that were put in place here, which the log's handle has not taken in yet."""

    def appended(self, chain: Callable[[], Sequence[LogFile]], events: int) -> None:
        """Take in that a commit was appended; the log is looked at from time to time.

        Args:
            chain: Gives the files that make up the log.
            events: How many the commit has.
        """
        self._appended += 1
        if events < LOOSE and self._appended < _LOOKED_AT:
            return
        self._appended = 0
        if self._may() and ripe(chain()):
            self._start(copies=False)

    def scanned(self) -> None:
        """Take in that somebody searched large files for one stream; after a few times, they get copies sorted by stream."""
        self._scanned += 1
        if self._scanned >= _SCANS and self._may():
            self._scanned = 0
            self._start(copies=True)

    def stop(self) -> None:
        """Begin nothing new, and wait until what is being merged is in place."""
        self._stopped.set()
        self.wait()
        self._stopped.clear()

    def wait(self) -> None:
        """Wait until all is done that was begun."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join()

    def _may(self) -> bool:
        if self._read_only or not self.on or time.monotonic() < self._rests_until:
            return False
        if self._pid != os.getpid():  # no thread survives a fork
            self._thread, self._pid = None, os.getpid()
        return self._thread is None or not self._thread.is_alive()

    def _start(self, *, copies: bool) -> None:
        self._thread = threading.Thread(target=self._work, args=(copies,), name="orders_es upkeep")
        with suppress(RuntimeError):  # no threads to be had, or the interpreter is on its way out
            self._thread.start()
            return
        self._thread = None

    def _work(self, copies: bool) -> None:  # noqa: FBT001 - a thread's argument
        try:
            with _turn(os.path.join(self._folder, SEGMENTS)) as mine:
                if mine:
                    self._merge()
                    if copies:
                        self._sort()
                    self._vacuum()
        except (OrdersEsError, OSError, MemoryError):
            # Damage is for whoever reads the file, a full disk for whoever appends; here it is only a reason to wait.
            self._rests_until = time.monotonic() + _REST_SECONDS
        except RuntimeError:  # the program ends without having closed the log, and no threads are to be had any more
            if threading.main_thread().is_alive():
                raise

    def _merge(self) -> None:
        from orders_es.log.parquet.by_stream_build import build
        from orders_es.log.parquet.compaction import merge

        while True:  # at least once: a program that appends one event and ends does its part, too
            run = ripe(list_chain(self._folder, self._checked.log_id).chain)
            if not run:
                return
            if not merge(self._folder, self._checked, run):
                return  # somebody else is at it
            first, last = run[0].first, run[-1].last
            path = os.path.join(self._folder, SEGMENTS, segment_name(first, last))
            segment = LogFile(path, "segment", first, last)
            build(self._folder, self._checked, segment)
            self.merged.append(segment)
            if self._stopped.is_set():
                return

    def _sort(self) -> None:
        from orders_es.log.parquet.by_stream_build import build
        from orders_es.log.parquet.streams import is_small

        for file in list_chain(self._folder, self._checked.log_id).chain:
            if self._stopped.is_set():
                return
            if not is_small(file):
                build(self._folder, self._checked, file)

    def _vacuum(self) -> None:
        """Remove what has been superseded for an hour: a little at a time, since writers wait while it goes."""
        from orders_es.log.parquet.vacuuming import vacuum

        if time.monotonic() < self._vacuums_from:
            return
        self._vacuums_from = time.monotonic() + _VACUUM_SECONDS
        while not self._stopped.is_set():
            if vacuum(self._folder, self._checked.log_id, _GRACE, patience=0.0, most=LOOSE).files < LOOSE:
                return


@contextmanager
def _turn(folder: str) -> Iterator[bool]:
    """Whether nobody else keeps this log in shape just now; while the block lasts, nobody else begins to."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    held = False
    try:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        yield held
    finally:
        if held:
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing would not do where another thread has forked just now
        os.close(fd)
