"""DuckDB's refusals in the words of `orders_es.errors`: what happened, to which file, and what to do."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, LogError, LogInUse, NotALog, StorageError, UnreadableLog
from orders_es.log.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

__all__ = ["cannot_open", "cannot_read", "cannot_write", "reading"]

_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")


def _why(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].rstrip(".")


def cannot_open(path: str, error: duckdb.Error) -> LogError:
    """The error for a file that DuckDB did not open."""
    import duckdb

    text = str(error)
    if "Could not set lock" in text:
        found = _HOLDER.search(text)
        return LogInUse(path, int(found[2]), Path(found[1]).name) if found else LogInUse(path, None)
    if isinstance(error, duckdb.ConnectionException):
        return LogInUse(
            path, os.getpid(), "this one, which opened it with other settings or holds the file it replaced"
        )
    if "not a valid DuckDB database file" in text:
        return NotALog(path, "the file is there, and it is no DuckDB database; name another file")
    if "version number" in text or "storage version" in text.lower():
        return NotALog(path, f"this DuckDB cannot read it ({_why(error)}); use a newer duckdb")
    if "Permission denied" in text:
        return UnreadableLog(path, "Permission denied")
    return DamagedLog(path, f"DuckDB cannot open it ({_why(error)}); restore the file, and its .wal, from a backup")


def cannot_write(path: str, error: duckdb.Error) -> LogError:
    """The error for an append that DuckDB did not commit."""
    import duckdb

    if isinstance(error, duckdb.ConstraintException):
        return DamagedLog(
            path, f"its tables hold what no commit tells of ({_why(error)}); has another program written into them?"
        )
    return StorageError(path, _why(error))


def cannot_read(path: str, error: duckdb.Error) -> LogError:
    """The error for a query that DuckDB did not answer."""
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return UnreadableLog(path, _why(error))
    return DamagedLog(path, f"it cannot be read ({_why(error)}); restore the file from a backup")


@contextmanager
def reading(path: str) -> Iterator[None]:
    """A block that queries: DuckDB's errors come out in our words, and Ctrl-C as KeyboardInterrupt.

    Raises:
        DamagedLog, UnreadableLog: DuckDB did not answer.
    """
    import duckdb

    try:
        with interruptible():
            yield
    except duckdb.Error as error:
        raise cannot_read(path, error) from error
