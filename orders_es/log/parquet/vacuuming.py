"""Removing what compaction superseded, once nobody can be reading it any more. docs/format.md has the protocol."""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from typing import TYPE_CHECKING

from orders_es.errors import InvalidArgument
from orders_es.log.maintenance import Vacuumed
from orders_es.log.parquet.by_stream_build import orphans
from orders_es.log.parquet.chain import COMMITS, SEGMENTS, list_chain
from orders_es.log.parquet.footer import read_footer
from orders_es.log.parquet.storage import alone, remove, sync_folder

if TYPE_CHECKING:
    import uuid
    from datetime import timedelta

    from orders_es.log.event import LogFile

__all__ = ["vacuum"]

_PATIENCE_SECONDS = 5.0
"""So long vacuum waits for a moment without writers; each keeps it out for some microseconds, a stopped one for good."""
_LEFTOVER_SECONDS = 3600.0
"""A temporary file that nobody wrote to for so long belongs to nobody."""


def vacuum(
    folder: str, log_id: uuid.UUID, grace: timedelta, *, patience: float = _PATIENCE_SECONDS, most: int | None = None
) -> Vacuumed:
    """Remove what has been superseded for the grace period. The files of the log itself are never touched.

    Args:
        patience: So many seconds it waits for a moment without writers; without one, superseded files stay.
        most: At most so many of these, for writers wait meanwhile; all if left out. With it, nothing is done where none is due.

    Raises:
        ValueError: The grace period is negative.
        DamagedLog: A segment whose inputs would go cannot be read.
    """
    seconds = grace.total_seconds()
    if seconds < 0:
        raise InvalidArgument(f"grace={grace}: give a duration of 0 or more")
    if most is not None and not _due(folder, log_id, seconds):
        return Vacuumed(0, 0, 0, 0)
    with alone(os.path.join(folder, COMMITS), patience) as held:
        files, freed, waiting = _remove_superseded(folder, log_id, seconds, held=held, most=most)
    now = time.time()
    leftovers, room = _sweep(folder, now, max(seconds, _LEFTOVER_SECONDS))
    copies, copied = _remove_orphans(folder, log_id, now, seconds)
    leftovers, room = leftovers + copies, room + copied
    if files or leftovers:
        sync_folder(os.path.join(folder, COMMITS))
        sync_folder(os.path.join(folder, SEGMENTS))
    return Vacuumed(files, leftovers, freed + room, waiting)


def _due(folder: str, log_id: uuid.UUID, seconds: float) -> bool:
    """Whether some superseded file may go. A look without a lock, which nothing relies on."""
    listing = list_chain(folder, log_id)
    segments = {file.path for old in listing.superseded if (file := _cover(listing.chain, old)) is not None}
    now = time.time()
    return any(now - os.stat(path).st_ctime >= seconds for path in segments)


def _cover(chain: list[LogFile], old: LogFile) -> LogFile | None:
    """The file of the chain in which a superseded one has gone up."""
    at = bisect_right(chain, old.first, key=lambda file: file.first) - 1
    return chain[at] if at >= 0 and old.first <= chain[at].last else None


def _remove_superseded(
    folder: str, log_id: uuid.UUID, seconds: float, *, held: bool, most: int | None
) -> tuple[int, int, int]:
    """How many superseded files went, their bytes, and how many stay; all stay where the lock is not `held`."""
    listing = list_chain(folder, log_id)
    if not held:
        return 0, 0, len(listing.superseded)
    now = time.time()
    since: dict[str, float] = {}
    files = freed = waiting = 0
    for old in listing.superseded:
        cover = _cover(listing.chain, old)
        if cover is None:
            continue
        if cover.path not in since:  # a segment must be sound before what it stands for goes
            read_footer(cover.path, log_id)
            since[cover.path] = os.stat(cover.path).st_ctime
        if now - since[cover.path] < seconds or (most is not None and files >= most):
            waiting += 1
            continue
        size = _size(old.path)
        if remove(old.path):
            files += 1
            freed += size
    return files, freed, waiting


def _sweep(folder: str, now: float, age: float) -> tuple[int, int]:
    """Remove temporary files that nobody wrote to for `age` seconds; how many, and their bytes."""
    count = freed = 0
    for place in (folder, os.path.join(folder, COMMITS), os.path.join(folder, SEGMENTS)):
        for name in os.listdir(place):
            path = os.path.join(place, name)
            if name.endswith(".tmp") and now - _changed(path, now) >= age:
                size = _size(path)
                if remove(path):
                    count += 1
                    freed += size
    return count, freed


def _remove_orphans(folder: str, log_id: uuid.UUID, now: float, age: float) -> tuple[int, int]:
    """Remove the sorted copies of data files that are no part of the log any more; how many, and their bytes."""
    count = freed = 0
    for path in orphans(folder, list_chain(folder, log_id).chain):
        if now - _changed(path, now) >= age:
            size = _size(path)
            if remove(path):
                count += 1
                freed += size
    return count, freed


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _changed(path: str, otherwise: float) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return otherwise
