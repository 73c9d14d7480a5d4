"""`LogCore`: what every log does alike, over the few things that a backend can do. For whoever builds one; docs/backends.md.

What a backend does is in `log/primitives`. Checking, batching, retries, placing, following and the answers' shapes are here.
`log/memory` is the smallest one.
"""

from __future__ import annotations

import os
import time
import uuid
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

from orders_es.errors import DuplicateEvent, InvalidArgument, InvalidSetting, ReadOnlyLog, VersionConflict
from orders_es.errors.calls import check_count
from orders_es.log.batch import pending_rows, with_events
from orders_es.log.bookkeeping import PRIVACY_STREAM
from orders_es.log.envelope import CURRENT_TYPE, ENVELOPE
from orders_es.log.event import Appended, Head, RecordedEvent, StreamAppend, from_micros, to_micros
from orders_es.log.expected import NO_STREAM, ExpectedVersion
from orders_es.log.limits import check_stream_id
from orders_es.log.primitives import Commit, Primitives, commit_of
from orders_es.log.retry import event_table, first_result

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log.batch import Batch, RowBatch
    from orders_es.log.registry import EventRegistry
    from orders_es.log.survey import Survey

__all__ = ["OPENED_TO_READ", "LogCore", "nothing_to_read", "schema_columns"]

OPENED_TO_LOOK = "its registry passes over events that it does not know (tolerate_unknown), which is for looking only"
OPENED_TO_READ = "it was opened with read_only=True"

NEEDED = ("position", "stream_id", "type", "schema_version", "payload")
"""What has to be known of an event to say what it is today."""


def schema_columns(columns: Sequence[str] | None, registry: EventRegistry) -> list[str]:
    """The columns that a read gives: those asked for, or the envelope, the payload and the registry's.

    Raises:
        ValueError: One of them does not exist.
    """
    known = [*ENVELOPE, *registry.columns]
    if columns is None:
        return known
    for name in columns:
        if name not in known and name != CURRENT_TYPE:
            raise InvalidArgument(f"columns: there is no column {name!r}; there are {', '.join(known)}")
    return list(columns)


class LogCore(Primitives):
    """A log over a backend's primitives; see `EventLog` for what it promises.

    Args:
        url: What `open_log` was called with.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
        read_only: Refuse whatever would change the log, or anything that is kept beside it.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__()
        registry.check()
        self._read_only = read_only
        self._url = os.fspath(url)
        self._registry = registry
        self._clock = clock

    # -- what every log says of itself

    @property
    def url(self) -> str:
        """What `open_log` was called with to get here."""
        return self._url

    @property
    def registry(self) -> EventRegistry:
        """The event types that this program knows."""
        return self._registry

    @property
    def read_only(self) -> bool:
        """Whether the log was opened to be read, so that nothing is written to it or beside it by this object."""
        return self._read_only or self._registry.tolerates

    def _check_writable(self) -> None:
        if self._registry.tolerates:
            raise ReadOnlyLog(self._url, OPENED_TO_LOOK)
        if self._read_only:
            raise ReadOnlyLog(self._url, OPENED_TO_READ)

    @property
    def many_processes(self) -> bool:
        """Whether other processes can open the log while this one has it open."""
        return False

    @property
    def may_have_entered(self) -> bool:
        """Whether some event may have an `entered_at`. A backend that can tell cheaply says False where none has."""
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, {self._end().tree.end:,} events)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held open."""

    # -- appending

    def append(self, stream_id: str, events: Sequence[Any], *, expected: ExpectedVersion) -> Appended:
        """Append events to one stream, if it is at the expected version. See `EventLog.append`."""
        return self.append_batch([StreamAppend(stream_id, events, expected)])

    def append_batch(self, batch: Sequence[StreamAppend]) -> Appended:
        """Append to many streams in one commit, all or nothing. See `EventLog.append_batch`."""
        self._check_writable()
        rows = pending_rows(self._registry, batch)
        appended = with_events(self, rows, self._commit_rows(rows))
        if not appended.duplicate:
            self._keep(appended)
        return appended

    def append_table(
        self, table: Any, *, expected: ExpectedVersion | Mapping[str, ExpectedVersion] = NO_STREAM
    ) -> Appended:
        """Append a table of events in one commit, all or nothing. See `EventLog.append_table`."""
        from orders_es.log.bulk import table_batch

        self._check_writable()
        return self._commit_table(table_batch(self._registry, table, expected))

    def append_restored(self, table: pa.Table) -> Appended:
        """Append events as another log recorded them. For `orders_es.log.restoring` alone, which proves what comes of it.

        Args:
            table: The envelope, the payload and shredded columns; its positions and versions go on where this log ends.

        Raises:
            InvalidEvent, VersionConflict: They do not.
        """
        from orders_es.log.restored_batch import RestoredBatch

        self._check_writable()
        batch = RestoredBatch(table, self._registry)

        def place(first: int, _recorded_at: int, bases: Sequence[int]) -> Commit:  # the clock has no say in it
            return self._placed(batch, batch.place(first, self._end().recorded_at), batch.recorded_at, first, bases)

        return self._commit(batch, place)

    def _commit_rows(self, rows: RowBatch) -> Appended:
        """A few events in one commit. A backend may have a faster way than by a table."""
        from orders_es.log.bulk import table_of_rows

        return self._commit_table(table_of_rows(rows, self._registry.columns))

    def _commit_table(self, batch: Any) -> Appended:
        def place(first: int, recorded_at: int, bases: Sequence[int]) -> Commit:
            return self._placed(batch, batch.place(first, recorded_at, bases), recorded_at, first, bases)

        return self._commit(batch, place)

    def _placed(self, batch: Batch, table: pa.Table, recorded_at: int, first: int, bases: Sequence[int]) -> Commit:
        """A table of events at its place, ready for `_put`."""
        from orders_es.log.hashing import range_of

        return commit_of(batch, first, recorded_at, bases, table, range_of(table, first))

    def _commit(self, batch: Batch, place: Callable[[int, int, Sequence[int]], Commit]) -> Appended:
        self._check_writable()
        started, attempts = time.monotonic(), 0
        with self._writing():
            while True:
                self._catch_up()
                bases = self._versions([part.stream_id for part in batch.parts])
                known = self._end().tree.end
                try:
                    earlier = first_result(
                        batch,
                        bases,
                        self._rows,
                        lambda first, last: event_table(self.read(after=first - 1, to=last)),
                        self._holder,
                    )
                except (VersionConflict, DuplicateEvent):
                    if self._is_certain(known):
                        raise
                    continue
                if earlier is not None:
                    return earlier
                end = self._end()
                if end.tree.end != known:
                    continue  # something of others came in with the looks above: the versions are those of before
                batch.happens(now := self._now())
                commit = place(end.tree.end + 1, max(now, end.recorded_at or 0), bases)
                commit_id = self._put(batch, commit)
                if commit_id is not None:
                    at = from_micros(commit.recorded_at)
                    return Appended(commit.first, commit.last, batch.count, at, commit_id, False, dict(commit.versions))
                attempts += 1
                self._lost(attempts, time.monotonic() - started)

    def _now(self) -> int:
        if self._clock is None:
            return time.time_ns() // 1000
        return to_micros(self._clock(), "clock()")

    # -- reading

    def load(self, stream_id: str, *, after_version: int = 0, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events in version order. See `EventLog.load`."""
        from orders_es.log.rows import require_moments

        check_stream_id(stream_id)
        with self._reading():
            return require_moments(self._stream(stream_id, after_version, to_version))

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream."""
        check_stream_id(stream_id)
        with self._reading():
            return self._versions([stream_id])[0]

    def stream_ids(self, *, prefix: str = "", limit: int | None = None) -> list[str]:
        """The ids of the streams, sorted. See `EventLog.stream_ids`."""
        if limit is not None and limit < 0:
            raise InvalidArgument(f"limit={limit}: give 0 or more, or None for all")
        with self._reading():
            return self._ids(prefix, limit)

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. See `EventLog.existing`."""
        with self._reading():
            versions = self._versions(stream_ids)
        return {name for name, version in zip(stream_ids, versions, strict=True) if version}

    def head(self) -> Head:
        """The end of the log now. See `EventLog.head`."""
        with self._reading():
            return self._known_head()

    def _known_head(self) -> Head:
        """The end of the log as this object knows it, without looking at what others have done."""
        tree, recorded_at = self._end()
        return Head(tree.end, None if recorded_at is None else from_micros(recorded_at), tree.root())

    def read(
        self,
        *,
        after: int = 0,
        to: int | None = None,
        batch_size: int = 65_536,
        columns: Sequence[str] | None = None,
        as_recorded: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, as Arrow batches. See `EventLog.read`."""
        names = schema_columns(columns, self._registry)
        _check_size(batch_size)
        end = self.head().position
        start, to = max(after, 0), end if to is None else min(to, end)
        return self._shown(start, to, batch_size, names, as_recorded=as_recorded)

    def _shown(
        self, after: int, to: int, batch_size: int, names: Sequence[str], *, as_recorded: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Pages as everybody sees them: the envelope as recorded, and typed columns of today."""
        if any(name not in ENVELOPE for name in names) and not (as_recorded and not self._registry.evolves):
            return self._as_of_today(after, to, batch_size, names, as_recorded=as_recorded)
        return self._pages(after, to, batch_size, names)

    def _as_of_today(
        self, after: int, to: int, batch_size: int, names: Sequence[str], *, as_recorded: bool
    ) -> Iterator[pa.RecordBatch]:
        """Pages in which the typed columns of events of old versions are those of today; the envelope is as recorded."""
        from orders_es.log.rows import with_recorded_columns, with_todays_columns

        wanted = [*(name for name in names if name != CURRENT_TYPE), *(name for name in NEEDED if name not in names)]
        changed = self._registry.changed(self.event_types()) & set(names)
        shown = with_recorded_columns if as_recorded else with_todays_columns
        for batch in self._pages(after, to, batch_size, wanted):
            yield shown(batch, self._registry, names, changed)

    def subscribe(
        self,
        *,
        after: int = 0,
        batch_size: int = 65_536,
        poll_interval: float = 0.02,
        stop: threading.Event | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, then every new commit, until stopped. See `EventLog.subscribe`."""
        names = schema_columns(columns, self._registry)
        _check_size(batch_size)
        if poll_interval <= 0:
            raise InvalidArgument(f"poll_interval={poll_interval}: give seconds above 0")
        return self._follow(max(after, 0), batch_size, poll_interval, stop, names)

    def _follow(
        self, after: int, batch_size: int, poll: float, stop: threading.Event | None, names: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        while stop is None or not stop.is_set():
            end = self.head().position
            if end > after:
                for batch in self._shown(after, end, batch_size, names):
                    yield batch
                    after += batch.num_rows
                    if stop is not None and stop.is_set():
                        return
            elif stop is not None:
                stop.wait(poll)
            else:
                time.sleep(poll)

    def bind(self, connection: Any, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection, over a copy of the events there. See `EventLog.bind`."""
        from orders_es.log.binding import copied_events
        from orders_es.log.known_columns import known_columns
        from orders_es.log.relation import event_columns, quoted
        from orders_es.log.reshredding import todays

        head = self.head()
        names = schema_columns(None, self._registry)
        table = copied_events(
            connection,
            self.log_id,
            self._registry.columns,
            head.position,
            lambda after, to: todays(self._registry, lambda a, b: self._pages(a, b, 65_536, names), after, to),
            as_read=self._registry.fingerprint if self._registry.evolves else "",
            erased=self._erasures(),
        )
        listed = ", ".join(map(quoted, event_columns(self._registry.columns)))
        events = f'SELECT {listed} FROM {table} WHERE "position" <= {head.position}'
        shown = known_columns(events, self._registry, self.event_types())
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {shown}")
        return head

    def _erasures(self) -> int:
        """How often something was erased from the log, or held: what was made of its events before may hold what is gone."""
        return self._versions([PRIVACY_STREAM])[0]

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        pairs = (batch.to_pydict() for batch in self.read(columns=["type", "schema_version"]))
        return frozenset(pair for pair in pairs for pair in zip(pair["type"], pair["schema_version"], strict=True))

    # -- verifying

    def survey(self) -> Survey:
        """The log as it is, read without believing it. See `EventLog.survey`."""
        from orders_es.log.survey import Stated, WholeSurvey

        tree, recorded_at = self._end()
        if recorded_at is None:
            return WholeSurvey(self, None)
        return WholeSurvey(self, Stated(1, tree.end, recorded_at, tree, uuid.UUID(int=0), tree))


def nothing_to_read() -> InvalidSetting:
    """The refusal to open a log in memory to be read."""
    return InvalidSetting("read_only", value=True, reason="a log in memory is new and empty whenever it is opened")


def _check_size(batch_size: int) -> None:
    check_count("batch_size", batch_size)
