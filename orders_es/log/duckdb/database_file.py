"""The file of a DuckDB log as the system sees it: opened, weighed, and its name made durable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import StorageError
from orders_es.files import sync
from orders_es.log.duckdb.failures import cannot_open

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect", "sync_folder", "weight"]


def connect(path: str, *, to_read: bool = False) -> tuple[duckdb.DuckDBPyConnection, bool]:
    """A connection to a file, and whether it can only read.

    Args:
        path: The file.
        to_read: Whether it is to.

    Raises:
        LogInUse, NotALog, UnreadableLog, DamagedLog: DuckDB did not open it.
    """
    import duckdb

    try:
        if not to_read:
            return duckdb.connect(path), False
    except duckdb.Error as error:
        if "Permission denied" not in str(error) and "Read-only file system" not in str(error):
            raise cannot_open(path, error) from error
    try:
        return duckdb.connect(path, read_only=True), True
    except duckdb.Error as error:
        raise cannot_open(path, error) from error


def weight(path: str) -> tuple[int, int] | None:
    """A file's size and time of change; None if it is not there.

    Example:
        >>> weight("nowhere.duckdb") is None
        True
    """
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        StorageError: The disk refused.
    """
    try:
        sync(folder)
    except OSError as error:
        raise StorageError(str(folder), error.strerror or str(error)) from error
