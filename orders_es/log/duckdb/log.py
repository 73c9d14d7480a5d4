"""`DuckDBLog`: the same promises as the folder log, in one file for one process, or in memory."""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from orders_es.errors import NotALog
from orders_es.log.batch import pending_rows, with_events
from orders_es.log.duckdb.binding import Lacking, bind_view
from orders_es.log.duckdb.reading import (
    follow,
    id_holder,
    ids_after,
    pages,
    retry_rows,
    schema_columns,
    stream_events,
    types_in,
)
from orders_es.log.duckdb.store import MEMORY, Store, open_store, release
from orders_es.log.duckdb.tables import moment
from orders_es.log.duckdb.versions import version_of
from orders_es.log.duckdb.writing import insert_rows, insert_table, leaves_of, shredded_names
from orders_es.log.event import Appended, Head, LogFile, RecordedEvent, StreamAppend, from_micros, to_micros
from orders_es.log.expected import NO_STREAM, ExpectedVersion
from orders_es.log.limits import check_stream_id
from orders_es.log.maintenance import Compacted, Vacuumed
from orders_es.log.merkle import CompactRange
from orders_es.log.retry import event_table, recorded_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from orders_es.log.batch import Batch
    from orders_es.log.duckdb.survey import TableSurvey
    from orders_es.log.registry import EventRegistry

__all__ = ["DuckDBLog"]

_ROWS_MOST = 64
"""Up to so many events a commit go in as parameters of one statement; from there on an Arrow table is faster."""


class DuckDBLog:
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
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        create: bool = False,
        origin: str | None = None,
    ) -> None:
        self._url = os.fspath(url)
        self._path = MEMORY if self._url == MEMORY else os.path.realpath(self._url)
        self._registry = registry
        self._clock = clock
        self._lacking = Lacking(registry)
        self._opening = threading.RLock()
        self._store: Store | None = None
        self._hold(open_store(self._path, create=create, origin=origin, columns=registry.columns))

    url = property(lambda self: self._url, doc="The file, as it was given.")

    @property
    def derived(self) -> Path | None:
        """For what can be made again, beside the file; nothing beside memory. See `EventLog.derived`."""
        return None if self._path == MEMORY else Path(f"{self._path}.derived")

    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")
    registry = property(lambda self: self._registry, doc="The event types that this program knows.")
    many_processes = property(lambda _: False, doc="No other process can open the log while this one has it open.")

    def __repr__(self) -> str:
        store = self._store
        return f"DuckDBLog({self._url!r}, {'closed' if store is None else f'{store.state.tree.end:,} events'})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path == MEMORY:
            raise TypeError("a log in memory cannot be pickled, for no other process could reach it; use a folder log")
        return _reopen, (self._path, self._registry, self._clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
                store = open_store(self._path, create=False, origin=None, columns={})
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

    def append(self, stream_id: str, events: Sequence[Any], *, expected: ExpectedVersion) -> Appended:
        """Append events to one stream, if it is at the expected version. See `EventLog.append`."""
        return self.append_batch([StreamAppend(stream_id, events, expected)])

    def append_batch(self, batch: Sequence[StreamAppend]) -> Appended:
        """Append to many streams in one commit, all or nothing. See `EventLog.append_batch`."""
        rows = pending_rows(self._registry, batch)
        kinds = self._registry.columns
        if rows.count > _ROWS_MOST:
            from orders_es.log.bulk import table_of_rows  # noqa: PLC0415 - pandas-sized work only

            return with_events(self, rows, self._commit_table(table_of_rows(rows, kinds)))

        def place(first: int, recorded: int, bases: Sequence[int]) -> _Placed:
            columns, leaves = rows.place(first, recorded, bases, kinds)
            needs = shredded_names(list(columns), kinds)
            return CompactRange.of_leaves(first - 1, leaves), recorded, insert_rows(columns), needs

        return with_events(self, rows, self._commit(rows, place))

    def append_table(
        self, table: Any, *, expected: ExpectedVersion | Mapping[str, ExpectedVersion] = NO_STREAM
    ) -> Appended:
        """Append a table of events in one commit, all or nothing. See `EventLog.append_table`."""
        from orders_es.log.bulk import table_batch  # noqa: PLC0415

        return self._commit_table(table_batch(self._registry, table, expected))

    def append_recorded(self, table: pa.Table) -> Appended:
        """Append events as another log recorded them. For `orders_es.log.recorded` alone, which proves what comes of it.

        Args:
            table: The envelope, the payload and shredded columns; its positions and versions go on where this log ends.

        Raises:
            InvalidEvent, VersionConflict: They do not.
        """
        from orders_es.log.recorded_batch import RecordedBatch  # noqa: PLC0415

        batch = RecordedBatch(table, self._registry)

        def place(first: int, _recorded: int, _bases: Sequence[int]) -> _Placed:  # the clock has no say in it
            with self._using() as store:
                placed = batch.place(first, store.state.recorded_at)
            names = shredded_names(placed.column_names, self._registry.columns)
            return leaves_of(placed, first), batch.recorded_at, insert_table(placed), names

        return self._commit(batch, place)

    def _commit_table(self, batch: Any) -> Appended:
        def place(first: int, recorded: int, bases: Sequence[int]) -> _Placed:
            placed = batch.place(first, recorded, bases)
            names = shredded_names(placed.column_names, self._registry.columns)
            return leaves_of(placed, first), recorded, insert_table(placed), names

        return self._commit(batch, place)

    def _commit(self, batch: Batch, place: Callable[[int, int, Sequence[int]], _Placed]) -> Appended:
        with self._locked() as store:
            bases = store.versions.of(store, [part.stream_id for part in batch.parts])
            earlier = recorded_before(
                batch,
                bases,
                lambda wanted: retry_rows(store, wanted),
                lambda first, last: event_table(self.read(after=first - 1, to=last)),
                lambda ids: store.ids.find(
                    ids,
                    store.state.tree.end,
                    lambda after: ids_after(store, after),
                    lambda *asked: id_holder(store, *asked),
                ),
            )
            if earlier is not None:
                return earlier
            first = store.state.tree.end + 1
            batch.happens(now := self._now())
            leaves, recorded, insert, names = place(first, max(now, store.state.recorded_at or 0), bases)
            versions = {part.stream_id: base + part.count for part, base in zip(batch.parts, bases, strict=True)}
            commit_id = store.commit(first, recorded, leaves, insert, (self._registry.columns, names), versions)
            if store.ids.follows(first):
                store.ids.appended(first, batch.all_ids())
        return Appended(first, leaves.end, batch.count, from_micros(recorded), commit_id, False, versions)

    def _now(self) -> int:
        if self._clock is None:
            return time.time_ns() // 1000
        return to_micros(self._clock(), "clock()")

    # -- reading

    def load(self, stream_id: str, *, after_version: int = 0, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events in version order. See `EventLog.load`."""
        check_stream_id(stream_id)
        with self._using() as store:
            return stream_events(store, self._registry, stream_id, after_version, to_version)

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream."""
        check_stream_id(stream_id)
        with self._using() as store:
            return version_of(store, stream_id)

    def stream_ids(self, *, prefix: str = "", limit: int | None = None) -> list[str]:
        """The ids of the streams, sorted. See `EventLog.stream_ids`."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit={limit}: give 0 or more, or None for all")
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

    def head(self) -> Head:
        """The end of the log now. See `EventLog.head`."""
        with self._using() as store:
            if store.stale:
                with self._locked():
                    pass
            state = store.state
        return Head(state.tree.end, moment(state), state.tree.root())

    def files(self) -> list[LogFile]:
        """Nothing: the data is in the one file that `url` names."""
        return []

    def read(
        self, *, after: int = 0, to: int | None = None, batch_size: int = 65_536, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, as Arrow batches. See `EventLog.read`."""
        names = schema_columns(columns, self._registry)
        end = self.head().position
        return self._pages(max(after, 0), end if to is None else min(to, end), batch_size, names)

    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return pages(self._using, self._registry.columns, after=after, to=to, batch_size=batch_size, names=names)

    def subscribe(
        self,
        *,
        after: int = 0,
        batch_size: int = 65_536,
        poll_interval: float = 0.02,
        stop: threading.Event | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, then every new commit of this process, until stopped. See `EventLog.subscribe`."""
        names = schema_columns(columns, self._registry)
        return follow(
            lambda after, to: self._pages(after, to, batch_size, names),
            lambda: self.head().position,
            after=max(after, 0),
            poll_interval=poll_interval,
            stop=stop,
        )

    def bind(self, connection: DuckDBPyConnection, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection. See `EventLog.bind`.

        A connection to the log's own file sees its table, through a temporary view. Any other one gets a copy of the
        events, in the schema `orders_es_logs`, and each call adds what is new: DuckDB lets no second database open a file.
        """
        head = self.head()
        names = schema_columns(None, self._registry)
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
                lambda after, to: self._pages(after, to, 65_536, names),
            )
        return head

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        with self._locked() as store:
            return types_in(store)

    # -- maintenance

    def survey(self) -> TableSurvey:
        """The tables as they are now, read without believing them. See `EventLog.survey`."""
        from orders_es.log.duckdb.survey import TableSurvey  # noqa: PLC0415 - only verifying needs it

        with self._locked() as store:
            return TableSurvey(store, self._registry, lambda: self._lacking.up_to(store, store.state.tree.end))

    def heads(self) -> Iterator[Head]:
        """What the log states of itself: its head. See `EventLog.heads`."""
        head = self.head()
        if head.position:
            yield head

    def unsorted_events(self) -> int:
        """None: the table's primary key finds a stream. See `EventLog.unsorted_events`."""
        return 0

    def compact(self) -> Compacted:
        """Write the write-ahead log into the file (CHECKPOINT), unless others are at work; there is nothing to merge."""
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
            raise ValueError(f"grace={grace}: give 0 or more")
        with self._locked() as store:
            before = _weight(store.path)
            store.checkpoint()
            return Vacuumed(0, 0, max(before - _weight(store.path), 0), 0)


_Placed = tuple["CompactRange", int, "Callable[[DuckDBPyConnection], None]", list[str]]


def _weight(path: str) -> int:
    return sum(file.stat().st_size for file in (Path(path), Path(f"{path}.wal")) if file.exists())


def _reopen(path: str, registry: EventRegistry, clock: Callable[[], datetime] | None) -> DuckDBLog:
    return DuckDBLog(path, registry=registry, clock=clock)
