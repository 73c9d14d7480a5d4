"""Erasing personal data from a log's folder, so that every leaf stays and it happens as a whole; docs/format.md has the protocol.

`erasing.json` says what is being erased, from before that is recorded in the log until it is done. Who dies in between has either
recorded nothing, and then nothing was erased; or has recorded it, and then the next one who opens the log for writing goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from orders_es.errors import CannotErase, DamagedLog, ErasureUnfinished, StorageError
from orders_es.log.derived_lock import nobody_making
from orders_es.log.erasing import without_personal
from orders_es.log.parquet import by_stream, upcast_copies
from orders_es.log.parquet.chain import COMMITS, MARKER, SEGMENTS, list_chain
from orders_es.log.parquet.compaction import merge
from orders_es.log.parquet.storage import alone, explained, remove, sync_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.registry import EventRegistry

__all__ = ["Intent", "begun", "finish", "unfinished", "withdraw"]

_PATIENCE_SECONDS = 60.0
_LEFTOVER_SECONDS = 60.0
_LOOKED_INTO = frozenset({by_stream.FOLDER, upcast_copies.FOLDER, os.path.join("derived", "snapshots")})
"""Derived files of which those that hold nothing of the erased events may stay."""
_NAME = re.compile(r"([0-9]{20})-([0-9]{20})[.-].*")


class Intent(NamedTuple):
    """What is being erased.

    Args:
        event_id: The event that records it: the erasure is decided once the log holds that.
        positions: The events whose personal data go.
        streams: Their streams.
    """

    event_id: uuid.UUID
    positions: Sequence[int]
    streams: Sequence[str]


@contextmanager
def begun(folder: str, intent: Intent) -> Iterator[None]:
    """A block in which the folder says what is being erased; nobody else begins to, or takes it for the trace of a dead one.

    Whoever ends the block with an error that comes before the erasure is recorded removes the marker (`withdraw`).

    Raises:
        CannotErase: Somebody else is erasing.
        StorageError, ReadOnlyLog: The operating system refused.
    """
    path = os.path.join(folder, MARKER)
    said = json.dumps(
        {"event_id": str(intent.event_id), "positions": list(intent.positions), "streams": list(intent.streams)}
    )
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise explained(error, folder) from error
    try:
        if not _taken(fd, path) or os.fstat(fd).st_size:
            raise CannotErase(folder, "somebody else is erasing something in it; try again when that is done")
        os.write(fd, said.encode())
        os.fsync(fd)
        sync_folder(folder)
    except OSError as error:
        os.close(fd)
        raise explained(error, folder) from error
    except BaseException:
        os.close(fd)
        raise
    try:
        yield
    finally:
        os.close(fd)


@contextmanager
def unfinished(folder: str) -> Iterator[Intent | None]:
    """What somebody who died has left to be erased; None where nobody has, or somebody is at it. Nobody else takes it meanwhile."""
    path = os.path.join(folder, MARKER)
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:  # there is none, or this one may not write here
        yield None
        return
    try:
        yield _intent(fd, path) if _taken(fd, path) else None
    finally:
        os.close(fd)


def withdraw(folder: str) -> None:
    """Nothing is being erased any more."""
    remove(os.path.join(folder, MARKER))
    sync_folder(folder)


def _taken(fd: int, path: str) -> bool:
    """Whether the open marker is this process's now, and still the one at its place."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(fd).st_ino == os.stat(path).st_ino
    except OSError:
        return False


def _intent(fd: int, path: str) -> Intent:
    raw = os.pread(fd, os.fstat(fd).st_size, 0)
    if not raw:  # its writer died before a word was written
        return Intent(uuid.UUID(int=0), (), ())
    try:
        said = json.loads(raw)
        return Intent(
            uuid.UUID(said["event_id"]), [int(p) for p in said["positions"]], [str(s) for s in said["streams"]]
        )
    except (ValueError, LookupError, TypeError):
        # Written in one piece and not trusted: cut short, it was never acknowledged, so nothing was recorded either.
        if not raw.endswith(b"}"):
            return Intent(uuid.UUID(int=0), (), ())
        raise DamagedLog(path, "it does not say what is being erased; erase again, and remove it then") from None


def finish(folder: str, checked: Checked, registry: EventRegistry, intent: Intent) -> None:
    """Erase what is decided, as far as it is not erased already, and say so by removing the marker.

    Nobody appends while the lock of `commits` is held alone. What is erased is gone from all files, superseded ones too.

    Raises:
        ErasureUnfinished: The lock could not be had.
        DamagedLog, StorageError, ReadOnlyLog: A file could not be read, or written; whoever calls again goes on.
    """
    positions = frozenset(intent.positions)
    commits = os.path.join(folder, COMMITS)
    with alone(commits, _PATIENCE_SECONDS) as held:
        if not held:
            raise ErasureUnfinished(folder, "writers or a compaction kept the folder busy all the time")
        for file in list_chain(folder, checked.log_id).chain:
            if _holds(file, positions) and not merge(
                folder, checked, [file], change=lambda table: without_personal(table, positions, registry)
            ):
                raise StorageError(file.path, "it vanished while it was rewritten; erase again")
        for file in list_chain(folder, checked.log_id).superseded:
            if _holds(file, positions):
                remove(file.path)
        _sweep(folder)
        for place in (commits, os.path.join(folder, SEGMENTS)):
            sync_folder(place)
    with nobody_making(os.path.join(folder, "derived"), _PATIENCE_SECONDS) as free:
        if not free:
            raise ErasureUnfinished(
                folder, "somebody was making copies, states or snapshots of its events all the time"
            )
        _derived(folder, positions, intent.streams)
    withdraw(folder)


def _holds(file: LogFile, positions: Collection[int]) -> bool:
    return any(file.first <= position <= file.last for position in positions)


def _sweep(folder: str) -> None:
    """Remove temporary files that nobody has written to for a minute: of writers that died, with who knows what in them."""
    for place in (folder, os.path.join(folder, COMMITS), os.path.join(folder, SEGMENTS)):
        for name in os.listdir(place):
            path = os.path.join(place, name)
            with suppress(FileNotFoundError):
                if name.endswith(".tmp") and time.time() - os.stat(path).st_mtime >= _LEFTOVER_SECONDS:
                    remove(path)


def _derived(folder: str, positions: Collection[int], streams: Sequence[str]) -> None:
    """Remove what was made from these events: sorted copies, copies of old versions, snapshots of the streams, and whatever else is derived.

    What this does not know how to look into goes as a whole: all of it can be made again.
    """
    derived = os.path.join(folder, "derived")
    with suppress(FileNotFoundError):
        for name in os.listdir(derived):
            if os.path.join("derived", name) not in _LOOKED_INTO:
                shutil.rmtree(os.path.join(derived, name))
    places = [os.path.join(folder, by_stream.FOLDER)]
    upcast = os.path.join(folder, upcast_copies.FOLDER)
    with suppress(FileNotFoundError):
        places += [os.path.join(upcast, name) for name in os.listdir(upcast)]
    for place in places:
        with suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(place):
                found = _NAME.fullmatch(name)
                if found is None or any(int(found[1]) <= position <= int(found[2]) for position in positions):
                    remove(os.path.join(place, name))
    snapshots = os.path.join(folder, "derived", "snapshots")
    names = [sha256(stream.encode()).hexdigest()[:32] for stream in streams]
    with suppress(FileNotFoundError):
        for made_by in os.listdir(snapshots):
            for name in names:
                place = os.path.join(snapshots, made_by, name)
                with suppress(FileNotFoundError, NotADirectoryError):
                    for file in os.listdir(place):
                        remove(os.path.join(place, file))
