"""The database behind a DuckDB log: what is committed to it, and what is known of it. `opening` opens it once for a process.

DuckDB lets one process open a file, and connections of that process share it. So do the handles here: they share one
`Store`, whose lock makes appends follow one another, and whose knowledge of the log's end is therefore always right.

Durable: DuckDB writes a commit to `<file>.wal` and calls fdatasync before COMMIT returns (seen with strace on DuckDB
2.0.0). It never syncs the folder, so the names of the two files are made durable here.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
import uuid
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import ErasureUnfinished, LogChanged, LogInUse, ReadOnlyLog
from orders_es.log.duckdb import erasing
from orders_es.log.duckdb.database_file import connect, sync_folder, weight
from orders_es.log.duckdb.failures import cannot_read, cannot_write, reading
from orders_es.log.duckdb.tables import (
    INSERT_COMMIT,
    State,
    add_columns,
    commit_row,
    read_columns,
    read_identity,
    read_state,
)
from orders_es.log.duckdb.versions import Versions
from orders_es.log.ids import EventIds
from orders_es.log.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import duckdb

    from orders_es.log.merkle import CompactRange

__all__ = ["MEMORY", "Store"]

MEMORY = ":memory:"
"""The URL of a log that lives and dies with its handle."""
_PATIENCE_SECONDS = 30.0
"""How long an erasure waits until nobody reads the file any more that it takes the place of."""

every_store: weakref.WeakSet[Store] = weakref.WeakSet()
"""All open databases of this process, those in memory too."""


class Store:
    """One open database. Made by `open_store`.

    Args:
        path: The file's absolute path, or `:memory:`.
        connection: The connection that writes; readers take cursors of it.
        read_only: Whether the file could only be opened for reading.
        opened_to_read: Whether that is how it was asked for.
    """

    def __init__(
        self, path: str, connection: duckdb.DuckDBPyConnection, *, read_only: bool, opened_to_read: bool = False
    ) -> None:
        self.path = path
        self.opened_to_read = opened_to_read
        self.read_only = read_only
        self.pid = os.getpid()
        self.lock = threading.RLock()
        self._readers = 0
        self._gate = threading.Condition()
        self._exchanging = False
        self.users = 0
        self.closed = False
        self.key: tuple[int, int] | None = None
        self._connection = connection
        self.identity = read_identity(connection, path)
        self.stale = True
        self._recall()
        every_store.add(self)

    def _recall(self) -> None:
        """Learn from the tables what is kept in memory."""
        self.state = read_state(self._connection, self.path)
        self.columns = read_columns(self._connection)
        self.versions = Versions(self.state.tree.end)
        self.ids = EventIds()
        self.types: tuple[int, frozenset[tuple[str, int]]] = (0, frozenset())
        self.stale = self._writing = False
        self._wal = (0, 0)
        self._file: tuple[int, int] | None = None

    def check_place(self) -> None:
        """Make sure that the name still leads to the file that is open: what goes into any other, nobody would ever see.

        Raises:
            LogChanged: The file was removed, moved, or another one was put in its place.
        """
        if self.key is None or self._elsewhere() is None:
            return
        with self._gate:  # another thread of ours may be putting a new file in its place
            self._gate.wait_for(lambda: not self._exchanging)
            reason = self._elsewhere()
        if reason is not None:
            raise LogChanged(self.path, reason)

    def _elsewhere(self) -> str | None:
        """Why the name leads to another file than the one that is open; None where it leads there."""
        try:
            status = Path(self.path).stat()
        except FileNotFoundError:
            return "there is no such file any more"
        return None if (status.st_dev, status.st_ino) == self.key else "another file is in its place now"

    def check_write_ahead_log(self) -> None:
        """Make sure that what was committed last is still where DuckDB wrote it. The caller holds the lock.

        Raises:
            LogChanged: The write-ahead log was removed or exchanged, and DuckDB did not put it into the file either.
        """
        inode, size = self._wal
        if not inode or self._file != weight(self.path):  # nothing in it yet, or DuckDB may have made a checkpoint
            return
        try:
            wal = Path(f"{self.path}.wal").stat()
        except FileNotFoundError:
            raise LogChanged(self.path, "its write-ahead log, the .wal beside it, was removed") from None
        if wal.st_ino != inode or wal.st_size < size:
            raise LogChanged(self.path, "its write-ahead log, the .wal beside it, is another one now")

    def check_process(self) -> None:
        """Raise `LogInUse` in a forked process: it has its parent's memory, and must not touch its parent's file."""
        if self.pid != os.getpid():
            raise LogInUse(self.path, self.pid, "the one that this process was forked from; spawn processes instead")

    def check_shared(self, *, read_only: bool) -> None:
        """Raise `LogInUse` where one more handle cannot share this store.

        Args:
            read_only: Whether it would only read.
        """
        self.check_process()
        if self.opened_to_read and not read_only and not self.closed:
            raise LogInUse(self.path, self.pid, "this one, opened with read_only=True; close that first")

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of one's own to the same database, for one thread and as long as the block lasts."""
        self.check_process()
        with self._gate:
            self._gate.wait_for(lambda: not self._exchanging)
            self._readers += 1
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        finally:
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

    def ask(self, query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT.

        Raises:
            DamagedLog, UnreadableLog: DuckDB did not answer it.
        """
        with reading(self.path), self.cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def fresh(self) -> None:
        """Make sure that what is kept in memory is true, after a commit that failed. The caller holds the lock.

        Raises:
            LogInUse: This process was forked, or another one took the file meanwhile.
            DamagedLog: The tables contradict each other, or cannot be read.
        """
        import duckdb

        self.check_process()
        if not self.stale and not self._writing:
            return
        try:
            self._roll_back()
            self._recall()
        except duckdb.Error as error:
            if self.path == MEMORY:
                raise cannot_read(self.path, error) from error
            self._connection.close()  # DuckDB refuses to go on after some failures; a new connection may
            self._connection = connect(self.path, to_read=self.opened_to_read)[0]
            with reading(self.path):
                self._recall()
        except RuntimeError as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            raise

    def commit(
        self,
        first: int,
        recorded_at: int,
        leaves: CompactRange,
        insert: Callable[[duckdb.DuckDBPyConnection], None],
        needs: tuple[Mapping[str, str], Iterable[str]],
        versions: Mapping[str, int],
    ) -> uuid.UUID:
        """Write one commit: the id it has. The caller holds the lock, and `first` follows the end of the log.

        Args:
            first: Position of the first event.
            recorded_at: Microseconds: when the last event is recorded.
            leaves: Compact range of the events.
            insert: Puts the events into the table `events`.
            needs: The kinds of the registry's columns, and which of them the events have values for.
            versions: What the commit makes of its streams.

        Raises:
            RegistrationClash: The log holds a field of that name with another type.
            ReadOnlyLog, StorageError, DamagedLog: Nothing was written.
        """
        import duckdb

        if self.read_only:
            raise ReadOnlyLog(self.path)
        self.check_write_ahead_log()
        connection = self._connection
        state = State(self.state.tree.merge(leaves), recorded_at, uuid.uuid4())
        assert state.commit_id is not None
        self._writing = True  # until the end of it, what is kept in memory may not be what the tables say
        try:
            add_columns(connection, self.columns, *needs)
            connection.begin()
            insert(connection)
            connection.execute(INSERT_COMMIT, commit_row(state, first))
            connection.commit()
            self._sync_names()
            self.versions.put(versions)
            self.state = state
        except duckdb.Error as error:
            self._undo()
            with suppress(duckdb.Error):
                self.fresh()
            if self.stale or self.state.commit_id != state.commit_id:
                raise cannot_write(self.path, error) from error
            self._sync_names()
        except BaseException as error:  # an interrupt may come at any point: whether it was committed, the tables say
            self._undo()
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            raise
        self._writing = False
        return state.commit_id

    def _undo(self) -> None:
        self.stale = True
        with suppress(RuntimeError):  # interrupted once more; `fresh` rolls back, too
            self._roll_back()

    def _roll_back(self) -> None:
        import duckdb

        with suppress(duckdb.Error):  # there may be nothing to roll back
            self._connection.rollback()

    def _sync_names(self) -> None:
        """Make the name of a new write-ahead log durable; DuckDB makes a new one after every checkpoint."""
        if self.path == MEMORY:
            return
        self._file = weight(self.path)
        try:
            wal = Path(f"{self.path}.wal").stat()
        except FileNotFoundError:  # the commit grew it so large that DuckDB checkpointed
            self._wal = (0, 0)
            return
        inode, size = self._wal
        if wal.st_ino != inode or wal.st_size < size:  # a new file may get the number of the one before it
            sync_folder(Path(self.path).parent)
        self._wal = (wal.st_ino, wal.st_size)

    def checkpoint(self) -> bool:
        """Whether the write-ahead log is now part of the file; not while others read or write.

        Raises:
            StorageError: The disk refused.
        """
        import duckdb

        with self.lock:
            self.fresh()
            if self.read_only:
                return False
            try:
                self._connection.execute("CHECKPOINT")
                self._wal = (0, 0)
            except duckdb.TransactionException:
                return False
            except duckdb.Error as error:
                self.stale = True
                raise cannot_write(self.path, error) from error
            return True

    @property
    def is_erasing(self) -> bool:
        """Whether something was erased, and the file is still the one that held it. The caller holds the lock."""
        return self.path != MEMORY and erasing.is_unfinished(self._connection)

    def finish_erasing(self) -> None:
        """Put a file in this one's place that holds nothing of what was erased. The caller holds the lock.

        Raises:
            ErasureUnfinished: Somebody in this process reads the file all the time, or the disk refused.
        """
        import duckdb

        with self._nobody_reading():
            erasing.remove_derived(self.path, _PATIENCE_SECONDS)
            try:
                beside = erasing.copied_beside(self._connection, self.path)
                beside.replace(self.path)
            except duckdb.Error as error:
                self.stale = True
                raise ErasureUnfinished(self.path, str(error).splitlines()[0].rstrip(".")) from error
            except OSError as error:
                raise ErasureUnfinished(self.path, error.strerror or str(error)) from error
            self.stale = True  # until the new file is open
            self._connection.close()
            sync_folder(Path(self.path).parent)
            status = Path(self.path).stat()
            self.key = (status.st_dev, status.st_ino)  # whether it opens or not, that file is the log from now on
            self._connection = connect(self.path)[0]
            with reading(self.path):
                self._recall()

    @contextmanager
    def _nobody_reading(self) -> Iterator[None]:
        """A block in which this connection is the only one to the file; whoever wants to read waits.

        Raises:
            ErasureUnfinished: Somebody reads all the time.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        with self._gate:
            self._exchanging = True
        try:
            with self._gate:
                free = self._gate.wait_for(lambda: not self._readers, _PATIENCE_SECONDS)
            while free and self._connection.execute("FROM duckdb_connection_count()").fetchall() != [(1,)]:
                free = time.monotonic() < until
                time.sleep(0.05)
            if not free:
                reason = "this process has connections of its own to the file; close them"
                raise ErasureUnfinished(self.path, reason)
            yield
        finally:
            with self._gate:
                self._exchanging = False
                self._gate.notify_all()

    def close(self) -> None:
        """Close the database; DuckDB checkpoints it."""
        if self.pid == os.getpid():
            self._connection.close()

    def leak(self) -> None:
        """Never close the connection: in a forked process, closing it would write to the parent's file."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
