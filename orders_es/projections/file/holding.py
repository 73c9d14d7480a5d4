"""Holding the read-model file for a moment: DuckDB lets one process write it and then nobody else open it at all."""

from __future__ import annotations

import glob
import os
import re
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotWriteReadModels, DamagedReadModels, InvalidSetting, NoReadModels, ReadModelsInUse
from orders_es.log.interrupts import interruptible
from orders_es.log.relation import text
from orders_es.log.scan import no_database
from orders_es.projections.file.tables import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CATALOG", "held"]

CATALOG = "models"
"""The name under which the file is attached, whatever it is called on disk."""
_PAUSE = 0.01
_MAKING_SECONDS = 60.0
_turns: dict[str, threading.RLock] = {}
_turns_lock = threading.Lock()


@contextmanager
def held(connection: Any, path: Path, *, write: bool, patience: float) -> Iterator[None]:
    """A block in which the file is attached to an in-memory connection and is its current database.

    Args:
        path: The read-model file; it is made if the block writes and there is none.
        write: Whether the block writes.
        patience: How many seconds to wait while others hold it.

    Raises:
        NoReadModels: The block only reads and there is no file.
        ReadModelsInUse: Others held it all that time.
        InvalidSetting: DuckDB cannot open a file at such a path, or what is there is no file.
        DamagedReadModels: It is no DuckDB file, or not a sound one.
        CannotWriteReadModels: The system refuses to open it.
        KeyboardInterrupt: Ctrl-C was pressed while DuckDB worked; nothing of an unfinished transaction stays.
    """
    started = time.monotonic()
    turn = _turn(path)
    # DuckDB refuses to open a file twice in one process, so threads of this one take turns.
    if not turn.acquire(timeout=max(patience, 0)):
        raise ReadModelsInUse(str(path), None, "another thread of this program", time.monotonic() - started)
    try:
        with interruptible():
            _attach(connection, path, write=write, until=started + patience, started=started)
            try:
                connection.execute(f"USE {CATALOG}")
                yield
            finally:
                _let_go(connection, path)
    finally:
        turn.release()


def _turn(path: Path) -> threading.RLock:
    with _turns_lock:
        return _turns.setdefault(os.path.realpath(path), threading.RLock())


def _attach(connection: Any, path: Path, *, write: bool, until: float, started: float) -> None:
    import duckdb

    unfit = no_database(str(path))
    if unfit is not None:
        raise InvalidSetting("models", str(path), unfit)
    if write and not path.exists():
        _create(path)
    options = "TYPE duckdb" if write else "TYPE duckdb, READ_ONLY"
    while True:
        if not write and not path.exists():
            raise NoReadModels(str(path))
        try:
            connection.execute(f"ATTACH {text(str(path))} AS {CATALOG} ({options})")
        except duckdb.Error as error:
            told = str(error)
            busy = "Could not set lock" in told or "Unique file handle conflict" in told
            if not busy:
                raise _refused(path, told) from error
            if time.monotonic() >= until:
                raise _in_use(path, told, time.monotonic() - started) from error
            time.sleep(_PAUSE)
        else:
            return


def _create(path: Path) -> None:
    """Make the file, with the runner's own tables in it, under another name first: nobody ever meets half of one."""
    import duckdb

    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        with duckdb.connect(str(new)) as connection:
            connection.execute(SCHEMA)
        # Of a file that somebody removed, what DuckDB had written beside it may be left; it belongs to nothing now.
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        path.hardlink_to(new)
    except FileExistsError:  # another runner was first
        return
    except (duckdb.Error, OSError) as error:
        raise CannotWriteReadModels(str(path), " ".join(str(error).split())) from error
    finally:
        new.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what runners left that were killed here; one that is at work is done sooner."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 32}*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _MAKING_SECONDS:
                left.unlink()


def _let_go(connection: Any, path: Path) -> None:
    import duckdb

    try:
        connection.execute("ROLLBACK")
    except duckdb.Error as error:
        if "no transaction is active" not in str(error):
            raise
    connection.execute("USE memory")
    try:
        connection.execute(f"DETACH {CATALOG}")
    except duckdb.IOException as error:  # it is let go all the same; what was committed is in the write-ahead log
        raise CannotWriteReadModels(str(path), " ".join(str(error).split())) from error


def _refused(path: Path, told: str) -> DamagedReadModels | CannotWriteReadModels:
    reason = " ".join(told.partition("See also")[0].split())
    system = ("Cannot open file", "No space left", "Permission denied", "Read-only file system", "Is a directory")
    if any(mark in told for mark in system):
        return CannotWriteReadModels(str(path), reason)
    return DamagedReadModels(str(path), reason)


def _in_use(path: Path, told: str, waited: float) -> ReadModelsInUse:
    found = re.search(r"held in (.*?) \(PID (\d+)\)", told)
    if found is None:
        return ReadModelsInUse(str(path), None, "", waited)
    return ReadModelsInUse(str(path), int(found[2]), found[1], waited)
