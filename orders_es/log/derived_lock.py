"""Making what is derived from a log, and erasing from it, exclude each other: a lock on the folder that derived files lie in.

Whoever makes a derived file of events holds the lock together with others who do, from before the events are read until the file is
in its place. Whoever erases holds it alone while derived files are removed, so that nobody puts one there afterwards that was made
of what is gone. A process that dies lets go of it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.log.personal import is_live

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders_es.log.event import RecordedEvent
    from orders_es.log.protocol import EventLog

__all__ = ["making", "nobody_making", "still_so"]


@contextmanager
def making(folder: str | os.PathLike[str]) -> Iterator[None]:
    """A block in which files are made under a folder of derived files; nothing is erased meanwhile. Waits where somebody erases.

    Args:
        folder: `derived` beside the log; made if it is missing.

    Raises:
        OSError: The folder cannot be made, or opened.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(fd, fcntl.LOCK_SH)
        yield
    finally:
        _unlock(fd)


@contextmanager
def nobody_making(folder: str | os.PathLike[str], patience: float) -> Iterator[bool]:
    """A block in which nobody makes files under a folder of derived files; whether that came about within `patience` seconds.

    Where there is no such folder, nobody does.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    until = time.monotonic() + patience
    try:
        while not (held := _lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)) and time.monotonic() < until:
            time.sleep(0.01)
        yield held
    finally:
        _unlock(fd)


def still_so(log: EventLog, events: Sequence[RecordedEvent]) -> bool:
    """Whether nothing was erased of some events of one stream since they were read. Asks the log only where something can be."""
    if not any(is_live(event.personal) for event in events):
        return True
    now = log.load(events[0].stream_id, after_version=events[0].version - 1, to_version=events[-1].version)
    return [event.personal for event in now] == [event.personal for event in events]


def _lock(fd: int, how: int) -> bool:
    """Whether the lock was had; a file system that knows none has one process at a time, as the docs say, and it is as if it was."""
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _unlock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_UN)  # closing would not do where another thread has forked just now
    except OSError:
        pass
    finally:
        os.close(fd)
