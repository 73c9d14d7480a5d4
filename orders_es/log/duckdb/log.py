"""`DuckDBLog`: the same promises as the folder log, in one file for one process, or in memory."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotErase, InvalidArgument, NotALog, WrongType
from orders_es.log.bookkeeping import PRIVACY_STREAM
from orders_es.log.core import nothing_to_read
from orders_es.log.database_upkeep import KeepingLog
from orders_es.log.duckdb.binding import Lacking, bind_view, of_one_type
from orders_es.log.duckdb.opening import finish_erasing, open_store, release
from orders_es.log.duckdb.reading import id_holder, ids_after, pages, retry_rows, stream_events, types_in
from orders_es.log.duckdb.store import MEMORY, Store
from orders_es.log.duckdb.versions import version_of
from orders_es.log.duckdb.writers import note_writers, writers_of
from orders_es.log.duckdb.writing import added_names, in_turn, insert_rows, insert_table
from orders_es.log.limits import check_stream_id
from orders_es.log.maintenance import Compacted, Vacuumed
from orders_es.log.merkle import CompactRange
from orders_es.log.packages import Writers
from orders_es.log.primitives import Commit, End, commit_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from orders_es.log.batch import Batch, RowBatch
    from orders_es.log.duckdb.survey import TableSurvey
    from orders_es.log.event import Appended, Head, NewEvent, RecordedEvent
    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.ids import Holder
    from orders_es.log.registry import EventRegistry
    from orders_es.log.retry import EventPlace

__all__ = ["DuckDBLog"]

_ROWS_MOST = 64
"""Up to so many events a commit go in as parameters of one statement; from there on an Arrow table is faster."""


class DuckDBLog(KeepingLog):
    """A log in one DuckDB file, or in memory; see `EventLog` for what it promises. Made by `open_log`.

    The threads of one process may share one object or have several; a second process gets `LogInUse` until the last object
    here is closed, for so DuckDB has it. Where several processes read or write, use a folder log. An append that has
    returned is on disk: DuckDB syncs its write-ahead log, `<file>.wal`, at every commit; move both files together.

    Args:
        url: The file, or `:memory:`.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
        create: Make the log if there is none yet.
        origin: Its name, if it is made now.
        read_only: Open the file to be read, as other processes can at the same time.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        create: bool = False,
        origin: str | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(url, registry=registry, clock=clock, read_only=read_only)
        self._path = MEMORY if self._url == MEMORY else os.path.realpath(self._url)
        self._lacking = Lacking(registry)
        self._writers = Writers(registry)
        self._opening = threading.RLock()
        self._changes: list[Callable[[DuckDBPyConnection], None]] = []
        self._store: Store | None = None
        if read_only and self._path == MEMORY:
            raise nothing_to_read()
        columns = registry.columns
        self._hold(open_store(self._path, create=create, origin=origin, columns=columns, read_only=read_only))
        registry.ask_writers(self)

    @property
    def derived(self) -> Path | None:
        """For what can be made again, beside the file; nothing beside memory. See `EventLog.derived`."""
        return None if self._path == MEMORY else Path(f"{self._path}.derived")

    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")

    def __repr__(self) -> str:
        store = self._store
        return f"DuckDBLog({self._url!r}, {'closed' if store is None else f'{store.state.tree.end:,} events'})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path == MEMORY:
            raise WrongType("a log in memory cannot be pickled, for no other process could reach it; use a folder log")
        return _reopen, (self._path, self._registry, self._clock, self._read_only)

    @property
    def may_have_entered(self) -> bool:
        """Whether the table has the column for it."""
        with self._locked() as store:
            return "entered_at" in store.columns

    def close(self) -> None:
        """Let go of the file, so that another process may open it. The object opens it again when it is next used.

        A log in memory is gone then.
        """
        with self._opening:
            self._store = None
            self._letting_go()

    def _hold(self, store: Store) -> None:
        self._store = store
        self._identity = store.identity
        self._letting_go = weakref.finalize(self, release, store)

    @contextmanager
    def _using(self) -> Iterator[Store]:
        """The store, opened again if this object was closed meanwhile."""
        with self._opening:
            store = self._store
            if store is None:
                if self._path == MEMORY:
                    raise NotALog(MEMORY, "it was closed, and a log in memory goes with its handle; open a new one")
                store = open_store(self._path, create=False, origin=None, columns={}, read_only=self._read_only)
                self._hold(store)
        store.check_process()
        store.check_place()
        yield store

    @contextmanager
    def _locked(self) -> Iterator[Store]:
        """The store, for this thread alone, and with all it knows true."""
        with self._using() as store, store.lock:
            store.fresh()
            yield store

    # -- appending

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._locked():
            yield

    def _commit_rows(self, rows: RowBatch) -> Appended:
        if rows.count > _ROWS_MOST:
            return super()._commit_rows(rows)

        def place(first: int, recorded_at: int, bases: Sequence[int]) -> Commit:
            columns, leaves = rows.place(first, recorded_at, bases, self._registry.columns)
            return commit_of(rows, first, recorded_at, bases, columns, CompactRange.of_leaves(first - 1, leaves))

        return self._commit(rows, place)

    def _put(self, batch: Batch, commit: Commit) -> uuid.UUID:
        events, kinds = commit.events, self._registry.columns
        if isinstance(events, Mapping):
            names, insert = list(events), insert_rows(events)
        else:
            names, insert = events.column_names, insert_table(events)
        assert commit.leaves is not None
        with self._using() as store:
            changed = self._registry.changed(types_in(store)) if self._registry.evolves else frozenset()
            apart = {name for name in changed & set(names) if name not in of_one_type(store.columns, kinds)}
            apart &= store.columns.keys()
            if apart:  # the table has it as an older version of the event had it; it is read from the payload
                names = [name for name in names if name not in apart]
                insert = (
                    insert_rows({name: events[name] for name in names})
                    if isinstance(events, Mapping)
                    else insert_table(events.select(names))
                )
            written = self._writers.new_in(events)
            insert = in_turn([*self._changes, *([note_writers(written)] if written else []), insert])
            needs = (kinds, added_names(names, kinds))
            commit_id = store.commit(commit.first, commit.recorded_at, commit.leaves, insert, needs, commit.versions)
            self._writers.noted(written)
            if store.ids.follows(commit.first):
                store.ids.appended(commit.first, batch.all_ids())
        return commit_id

    def _versions(self, stream_ids: Sequence[str]) -> list[int]:
        with self._locked() as store:
            return store.versions.of(store, stream_ids)

    def _rows(self, wanted: Mapping[str, tuple[int, int | None]]) -> list[EventPlace]:
        with self._using() as store:
            return retry_rows(store, wanted)

    def _holder(self, ids: bytes) -> Holder | None:
        with self._using() as store:
            return store.ids.find(
                ids,
                store.state.tree.end,
                lambda after: ids_after(store, after),
                lambda *asked: id_holder(store, *asked),
            )

    def erase_personal(
        self,
        stream_id: str,
        event: NewEvent,
        *,
        expected: ExpectedVersion,
        positions: Sequence[int],
        streams: Sequence[str],
    ) -> Appended:
        """Record an erasure, and erase the personal data of some events, in one transaction. See `CanErase.erase_personal`.

        The file is written anew afterwards, since DuckDB leaves what was there in free blocks: that takes its size once more for
        a while, and appends and reads wait.

        Raises:
            CannotErase: The file has another name, under which it would stay as it is.
            ErasureUnfinished: It is erased, and the old file could not be replaced yet.
        """
        from orders_es.log.duckdb import erasing

        del streams  # what is derived goes as a whole
        self._check_writable()
        with self._locked() as store:
            if store.path != MEMORY and Path(store.path).stat().st_nlink > 1:
                raise CannotErase(
                    self._url, "its file has a second name (a hard link), which would keep what is erased"
                )
            self._changes = erasing.changes(store, self._registry, positions)
            try:
                done = self.append(stream_id, [event], expected=expected)
            finally:
                self._changes = []
            finish_erasing(store)
        return done

    def finish_erasing(self) -> None:
        """Go on with what was erased and not carried through. See `CanErase.finish_erasing`."""
        self._check_writable()
        with self._locked() as store:
            if store.is_erasing:
                finish_erasing(store)

    # -- reading

    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        with self._using() as store:
            return stream_events(store, self._registry, stream_id, after, to)

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream."""
        check_stream_id(stream_id)
        with self._using() as store:
            return version_of(store, stream_id)

    def _ids(self, prefix: str, limit: int | None) -> list[str]:
        with self._using() as store:
            rows = store.ask(
                "SELECT DISTINCT stream_id FROM events WHERE starts_with(stream_id, ?) ORDER BY stream_id LIMIT ?",
                [prefix, limit],
            )
        return [stream_id for (stream_id,) in rows]

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. See `EventLog.existing`."""
        with self._using() as store:
            rows = store.ask(
                "SELECT DISTINCT stream_id FROM events WHERE stream_id IN (SELECT unnest(?::VARCHAR[]))",
                [list(stream_ids)],
            )
        return {stream_id for (stream_id,) in rows}

    def _end(self) -> End:
        with self._using() as store:
            if store.stale:
                with self._locked():
                    pass
            return End(store.state.tree, store.state.recorded_at)

    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return pages(self._using, self._registry.columns, after=after, to=to, batch_size=batch_size, names=names)

    def bind(self, connection: DuckDBPyConnection, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection. See `EventLog.bind`.

        A connection to the log's own file sees its table, through a temporary view. Any other one gets a copy of the
        events, in the schema `orders_es_logs`, and each call adds what is new: DuckDB lets no second database open a file.
        """
        head = self.head()
        with self._locked() as store:
            lacking = self._lacking.up_to(store, head.position)
        with self._using() as store:
            bind_view(
                connection,
                name,
                store,
                self._registry,
                head.position,
                lacking,
                self._lacking.readings,
                self.event_types() if self._registry.evolves else (),
                self._todays,
                erased=version_of(store, PRIVACY_STREAM),
            )
        return head

    def _copies_folder(self) -> Path | None:
        return None if self.derived is None else self.derived / "upcast"

    def _commit_end(self, position: int) -> tuple[int, bytes] | None:
        with self._using() as store:
            rows: list[Any] = store.ask(
                'SELECT "last", tree_root FROM commits WHERE "last" >= ? ORDER BY "last" LIMIT 1', [position]
            )
        return rows[0] if rows else None

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        with self._locked() as store:
            return types_in(store)

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew."""
        with self._locked() as store:
            return writers_of(store, name, schema_version)

    # -- maintenance

    def survey(self) -> TableSurvey:
        """The tables as they are now, read without believing them. See `EventLog.survey`."""
        from orders_es.log.duckdb.survey import TableSurvey

        with self._locked() as store:
            return TableSurvey(
                store,
                self._registry,
                lambda: self._lacking.up_to(store, store.state.tree.end),
                self._wrong_copies,
            )

    def compact(self) -> Compacted:
        """Write the write-ahead log into the file (CHECKPOINT), unless others are at work; there is nothing to merge."""
        self._check_writable()
        started = time.monotonic()
        with self._locked() as store:
            store.checkpoint()
        return Compacted(0, 0, 0, 0, time.monotonic() - started)

    def vacuum(self, *, grace: timedelta = timedelta(hours=1)) -> Vacuumed:
        """Do what `compact` does: nothing is ever superseded here. `bytes` is what the files shrank by.

        Args:
            grace: As for other logs; of no account here.
        """
        if grace < timedelta(0):
            raise InvalidArgument(f"grace={grace}: give 0 or more")
        self._check_writable()
        with self._locked() as store:
            before = _weight(store.path)
            store.checkpoint()
            return Vacuumed(0, 0, max(before - _weight(store.path), 0), 0)


def _weight(path: str) -> int:
    return sum(file.stat().st_size for file in (Path(path), Path(f"{path}.wal")) if file.exists())


def _reopen(
    path: str,
    registry: EventRegistry,
    clock: Callable[[], datetime] | None,
    read_only: bool = False,  # noqa: FBT001, FBT002 - as pickle hands it over
) -> DuckDBLog:
    return DuckDBLog(path, registry=registry, clock=clock, read_only=read_only)
