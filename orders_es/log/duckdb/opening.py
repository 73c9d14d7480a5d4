"""The open databases of this process: each file opened once for all its handles, and closed with the last of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, NotALog, ReadOnlyLog, StorageError
from orders_es.log.duckdb.database_file import connect, sync_folder
from orders_es.log.duckdb.failures import cannot_read
from orders_es.log.duckdb.store import MEMORY, Store, every_store
from orders_es.log.duckdb.tables import (
    create_tables,
    is_empty,
)
from orders_es.log.scan import no_database

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["finish_erasing", "open_store", "release"]

_opening = threading.RLock()
_stores: dict[tuple[int, int], Store] = {}
"""The open files of this process, by device and inode, so that one file under two names is one store."""


def open_store(
    path: str, *, create: bool, origin: str | None, columns: Mapping[str, str], read_only: bool = False
) -> Store:
    """The database of the log in a file, shared with the other handles of this process. `release` it when done.

    Args:
        path: The file, or `:memory:`.
        create: Make a log there if there is nothing yet.
        origin: The log's name if it is made now.
        columns: The shredded columns to begin with.
        read_only: Open the file to be read; who has it open here for writing already shares it all the same.

    Raises:
        NotALog: There is no file, or it holds no log.
        LogInUse: Another process holds it.
        ReadOnlyLog, StorageError: It cannot be made.
        UnreadableLog, DamagedLog: It cannot be read.
    """
    import duckdb

    if path == MEMORY:
        connection = duckdb.connect(MEMORY)
        create_tables(connection, origin or "memory", columns)
        store = Store(MEMORY, connection, read_only=False)
        store.users = 1
        return store
    unfit = None if Path(path).is_dir() else no_database(path)
    if unfit is not None:
        raise NotALog(path, unfit)
    with _opening:
        new = not _exists(path)
        if new:
            if not create:
                raise NotALog(path, "there is no such file; create a log there with open_log(url, create=True)")
            _make_folder(Path(path).parent)
        else:
            known = _stores.get(_key(path))
            if known is not None:
                known.check_shared(read_only=read_only)
                known.users += 1
                if not known.closed:  # else the last handle was collected, and gave it back, a moment ago
                    return known
        if any(store.path == path and store.pid == os.getpid() for store in _stores.values()):
            raise DamagedLog(path, "it was removed or replaced while this process has it open; close the log first")
        try:
            return _opened(path, create=create, origin=origin, columns=columns, to_read=read_only)
        except DamagedLog as error:
            if not new:
                raise
            Path(path).unlink(missing_ok=True)  # what little of it came to be
            raise StorageError(path, f"it could not be made: {error.reason.partition(';')[0]}") from error


def _opened(path: str, *, create: bool, origin: str | None, columns: Mapping[str, str], to_read: bool) -> Store:
    import duckdb

    connection, read_only = connect(path, to_read=to_read)
    try:
        try:
            if create and not read_only and is_empty(connection):
                create_tables(connection, origin or Path(path).stem, columns)
                sync_folder(Path(path).parent)
            store = Store(path, connection, read_only=read_only, opened_to_read=to_read)
        except duckdb.Error as error:
            raise cannot_read(path, error) from error
    except BaseException:
        connection.close()
        raise
    store.key = _key(path)
    store.users = 1
    _stores[store.key] = store
    if not read_only and store.is_erasing:
        try:
            finish_erasing(store)
        except BaseException:
            release(store)
            raise
    return store


def finish_erasing(store: Store) -> None:
    """Write a log's file anew, without what was erased. The caller holds the store's lock, or nobody else has the store.

    Raises:
        ErasureUnfinished: It is to be done yet.
    """
    if store.path == MEMORY:
        return
    with _opening:
        before = store.key
        try:
            store.finish_erasing()
        finally:
            if before is not None and store.key != before and store.key is not None:
                _stores.pop(before, None)
                _stores[store.key] = store


def release(store: Store) -> None:
    """Give a store back; the last one closes the file."""
    with _opening:
        store.users -= 1
        if store.users:
            return
        store.closed = True
        if store.key is not None and _stores.get(store.key) is store:
            del _stores[store.key]
        store.close()


def _exists(path: str) -> bool:
    if Path(path).is_dir():
        raise NotALog(path, "it is a folder; a DuckDB log is a file")
    return Path(path).exists()


def _key(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise ReadOnlyLog(str(folder)) from error
    except OSError as error:
        raise StorageError(str(folder), error.strerror or str(error)) from error


def _after_fork() -> None:
    global _opening  # noqa: PLW0603 - the parent may have held it
    _opening = threading.RLock()
    for store in list(every_store):
        store.leak()


os.register_at_fork(after_in_child=_after_fork)
