"""`ParquetLog`: appending, with the file name as the version check. docs/format.md has the protocol in full."""

from __future__ import annotations

import os
import random
import time
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from orders_es.errors import DuplicateEvent, ForeignFile, LogBusy, LogError, VersionConflict
from orders_es.log.batch import Batch, RowBatch, pending_rows, with_events
from orders_es.log.core import schema_columns
from orders_es.log.event import Appended, Head, LogFile, RecordedEvent, StreamAppend, from_micros, to_micros
from orders_es.log.expected import NO_STREAM, ExpectedVersion
from orders_es.log.limits import check_stream_id
from orders_es.log.merkle import CompactRange
from orders_es.log.parquet import compaction, small
from orders_es.log.parquet.binding import relation_of
from orders_es.log.parquet.by_stream_build import build
from orders_es.log.parquet.chain import commit_name, covering_segments, what_it_is
from orders_es.log.parquet.digests import sealed
from orders_es.log.parquet.follow import follow, read_events
from orders_es.log.parquet.footer import KEY, Footer
from orders_es.log.parquet.identity import read_identity
from orders_es.log.parquet.ids import FileIds
from orders_es.log.parquet.known import KnownChain
from orders_es.log.parquet.storage import publish
from orders_es.log.parquet.streams import SMALL_FILE, is_small
from orders_es.log.parquet.turns import Turns
from orders_es.log.parquet.writer import table_writer
from orders_es.log.relation import quoted
from orders_es.log.retry import event_table, recorded_before
from orders_es.log.rows import require_moments

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from orders_es.log.maintenance import Compacted, Vacuumed
    from orders_es.log.parquet.survey import FolderSurvey
    from orders_es.log.registry import EventRegistry

__all__ = ["ParquetLog"]

_ROWS_MOST = 64
"""Up to so many events a commit is encoded row by row; from there on pyarrow is faster."""
_PATIENCE_SECONDS = 60.0


class ParquetLog(KnownChain):
    """A log in a folder of Parquet files; see `EventLog` for what it promises. Made by `open_log`.

    Any number of processes on one machine's file systems may read and append. The file system must know hard links and
    fsync. One object may be used by several threads.

    Args:
        url: The folder.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
    """

    def __init__(
        self, url: str | os.PathLike[str], *, registry: EventRegistry, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._url = os.fspath(url)
        self._registry = registry
        self._clock = clock
        folder = str(Path(self._url).absolute())
        self._identity = read_identity(folder)
        self._turns = Turns(folder)
        super().__init__(folder, self._identity.log_id, registry)
        self._event_ids = FileIds(self._streams.scanner)

    url = property(lambda self: self._url, doc="The folder, as it was given.")
    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")
    registry = property(lambda self: self._registry, doc="The event types that this program knows.")
    many_processes = property(lambda _: True, doc="Other processes can open the log while this one has it open.")
    derived = property(
        lambda self: Path(self._folder) / "derived", doc="For what can be made again. See `EventLog.derived`."
    )

    def __repr__(self) -> str:
        return f"ParquetLog({self._url!r}, {self._tree.end:,} events)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._folder, self._registry, self._clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is held open; the object can still be used."""
        with self._lock:
            self._streams.close()
            self._turns.close()
            self._standing.close()

    # -- appending

    def append(self, stream_id: str, events: Sequence[Any], *, expected: ExpectedVersion) -> Appended:
        """Append events to one stream, if it is at the expected version. See `EventLog.append`."""
        return self.append_batch([StreamAppend(stream_id, events, expected)])

    def append_batch(self, batch: Sequence[StreamAppend]) -> Appended:
        """Append to many streams in one commit, all or nothing. See `EventLog.append_batch`."""
        rows = pending_rows(self._registry, batch)
        if rows.count <= _ROWS_MOST:
            done = self._commit(rows, lambda first, recorded, bases: self._encode_rows(rows, first, recorded, bases))
        else:
            from orders_es.log.bulk import table_of_rows  # noqa: PLC0415 - pandas-sized work only

            done = self._commit_table(table_of_rows(rows, self._registry.columns))
        appended = with_events(self, rows, done)
        if not appended.duplicate:
            with self._lock:
                self._streams.remember(appended.first_position, appended.events)
        return appended

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

        def encode(first: int, _recorded: int, bases: Sequence[int]) -> Any:  # the clock has no say in it
            streams = _versions_after(batch, bases) if batch.count < SMALL_FILE else None
            placed = batch.place(first, self._recorded_at)
            return table_writer(placed, lambda leaves, at: self._footer(leaves, at, streams), first)

        return self._commit(batch, encode)

    def _commit_table(self, batch: Any) -> Appended:
        def encode(first: int, recorded: int, bases: Sequence[int]) -> Any:
            streams = _versions_after(batch, bases) if batch.count < SMALL_FILE else None
            return table_writer(
                batch.place(first, recorded, bases), lambda leaves, at: self._footer(leaves, at, streams), first
            )

        return self._commit(batch, encode)

    def _encode_rows(
        self, batch: RowBatch, first: int, recorded: int, bases: Sequence[int]
    ) -> tuple[bytes, Callable[[], Footer]]:
        columns, leaves = batch.place(first, recorded, bases, self._registry.columns)
        footer = self._footer(CompactRange.of_leaves(first - 1, leaves), recorded, _versions_after(batch, bases))
        return sealed(small.encode(columns, {KEY: footer.to_bytes()})), lambda: footer

    def _footer(self, leaves: CompactRange, recorded: int, streams: Mapping[str, int] | None) -> Footer:
        return Footer(
            self._identity.log_id,
            "commit",
            leaves.begin + 1,
            leaves.end,
            uuid.uuid4(),
            recorded,
            leaves,
            self._tree.merge(leaves),
            streams,
        )

    def _commit(self, batch: Batch, encode: Callable[[int, int, Sequence[int]], Any]) -> Appended:
        """Place a batch at the end of the log: check, write, link; and again, where somebody else was first."""
        try:
            if batch.given_ids():
                self._learn_ids(batch)  # before it is this writer's turn, for it may take a while
            with self._lock, self._turns.take(self._catch_up):
                appended = self._place(batch, encode)
                if appended.duplicate:
                    self._hold()
                return appended
        except LogError:  # a stream elsewhere, a file that is not there: perhaps because all of it is elsewhere
            with self._lock:
                self._hold()
            raise

    def _place(self, batch: Batch, encode: Callable[[int, int, Sequence[int]], Any]) -> Appended:
        started = time.monotonic()
        attempts = 0
        names = [part.stream_id for part in batch.parts]
        while True:
            self._catch_up()
            bases = self._fresh(lambda: self._streams.versions(names))
            known = self._tree.end
            try:
                earlier = recorded_before(
                    batch,
                    bases,
                    lambda wanted: self._fresh(lambda: self._streams.rows(wanted)),
                    lambda first, last: event_table(self.read(after=first - 1, to=last)),
                    lambda ids: self._fresh(lambda: self._event_ids.find(ids, self._chain)),
                )
            except (VersionConflict, DuplicateEvent):
                self.refresh()
                if self._tree.end == known:
                    raise
                continue  # there are segments past what this process knew, and its no may have been too early
            if earlier is not None:
                return earlier
            if self._tree.end != known:
                continue  # a file was gone and all were listed anew: the versions are those of before
            first = known + 1
            batch.happens(now := self._now())
            recorded = max(now, self._recorded_at or 0)
            content, footer_of = encode(first, recorded, bases)
            kept: list[int] = []
            if publish(
                self._commits,
                commit_name(first),
                content,
                lock=self._commits,
                vouch=lambda directory, first=first: self._may_link(first, directory),  # type: ignore[misc]
                keep=kept.append,
            ):
                return self._committed(batch, footer_of(), bases, kept)
            self.refresh()
            if os.path.islink(path := f"{self._commits}/{commit_name(first)}") and not os.path.exists(path):
                raise ForeignFile(path, f"{what_it_is(path)}; remove it: the next commit has that name")
            attempts += 1
            waited = time.monotonic() - started
            if waited > _PATIENCE_SECONDS:
                raise LogBusy(self._url, attempts, waited)
            time.sleep(random.random() * min(0.0005 * attempts, 0.01))  # noqa: S311 - spreads losers, guards nothing

    def _may_link(self, first: int, directory: int) -> bool:
        """Whether a commit may begin at a position; asked while the lock of `commits` is held, right before it does.

        A name can be free again after a compaction and a vacuum that this process slept through. The segment that covers it
        is there, though, and under the lock no vacuum can take a name away. And the folder must still be the log.
        """
        if covering_segments(self._folder, first):
            return False
        if self._standing.holds(directory):
            return True
        self._examine()
        return self._tree.end == first - 1 and self._standing.holds(directory)

    def _committed(self, batch: Batch, footer: Footer, bases: Sequence[int], kept: Sequence[int]) -> Appended:
        file = LogFile(f"{self._commits}/{commit_name(footer.first)}", "commit", footer.first, footer.last)
        versions = footer.streams or _versions_after(batch, bases)
        self._extend(file, footer)
        self._standing.note(file, descriptor=kept[0] if kept else -1)
        self._streams.appended(file, versions)
        self._event_ids.appended(footer.first, batch)
        return Appended(
            footer.first,
            footer.last,
            batch.count,
            from_micros(footer.recorded_at),
            footer.commit_id,
            False,
            dict(versions),
        )

    def _learn_ids(self, batch: Batch) -> None:
        with self._lock:
            self._catch_up()
            self._fresh(lambda: self._event_ids.prepare(batch, self._chain))

    def _now(self) -> int:
        if self._clock is None:
            return time.time_ns() // 1000
        return to_micros(self._clock(), "clock()")

    # -- reading

    def load(self, stream_id: str, *, after_version: int = 0, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events in version order. See `EventLog.load`."""
        check_stream_id(stream_id)
        with self._lock:
            self.refresh()
            events: list[RecordedEvent] = self._fresh(
                lambda: self._streams.events(stream_id, after_version, to_version)
            )
        return require_moments(
            [e for e in events if e.version > after_version and (to_version is None or e.version <= to_version)]
        )

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream."""
        check_stream_id(stream_id)
        with self._lock:
            self.refresh()
            version: int = self._fresh(lambda: self._streams.versions([stream_id]))[0]
        return version

    def stream_ids(self, *, prefix: str = "", limit: int | None = None) -> list[str]:
        """The ids of the streams, sorted. See `EventLog.stream_ids`."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit={limit}: give 0 or more, or None for all")
        with self._lock:
            self.refresh()
            found: set[str] = self._fresh(lambda: self._streams.ids(prefix, limit))
        return sorted(found)[:limit]

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. See `EventLog.existing`."""
        with self._lock:
            self.refresh()
            found: set[str] = self._fresh(lambda: self._streams.existing(stream_ids))
        return found

    def head(self) -> Head:
        """The end of the log now. See `EventLog.head`."""
        with self._lock:
            self.refresh()
            return self._head()

    def _head(self) -> Head:
        recorded = None if self._recorded_at is None else from_micros(self._recorded_at)
        return Head(self._tree.end, recorded, self._tree.root())

    def files(self) -> list[LogFile]:
        """The data files that make up the log now, in order, without gaps."""
        with self._lock:
            self.refresh()
            if not all(os.path.exists(file.path) for file in self._chain):  # compacted and vacuumed by somebody else
                self._relist()
            self._fresh(lambda: None)
            return list(self._chain)

    def heads(self) -> Iterator[Head]:
        """What each data file's footer states of the log up to its end. See `EventLog.heads`."""
        with self._lock:
            self.files()
            footers = self._fresh(lambda: [self.checked.footer(file.path) for file in self._chain])
        yield from (Head(f.last, from_micros(f.recorded_at), f.tree.root()) for f in footers)

    def unsorted_events(self) -> int:
        """How many events lie in large files without a sorted copy. See `EventLog.unsorted_events`."""
        with self._lock:
            return sum(
                file.count for file in self.files() if not is_small(file) and self._streams.sorted_copy(file) is None
            )

    def read(
        self, *, after: int = 0, to: int | None = None, batch_size: int = 65_536, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The log in position order, as Arrow batches. See `EventLog.read`."""
        names = schema_columns(columns, self._registry)
        end = self.head().position
        return read_events(
            self, after=after, to=end if to is None else min(to, end), batch_size=batch_size, columns=names
        )

    def bind(self, connection: Any, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection. See `EventLog.bind`."""
        with self._lock:
            self.files()
            self.event_types()  # looks into what is new since
            self._fresh(lambda: self.checked.whole(file.path for file in self._chain))
            files = list(self._chain)
            contents = self._streams.contents
            relation = relation_of(files, self._registry, contents.from_payload(files), contents.readings)
            head = self._head()
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {relation}")
        return head

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        with self._lock:
            self.refresh()
            found: frozenset[tuple[str, int]] = self._fresh(lambda: self._streams.types(self._chain))
        return found

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
        return follow(self, after=after, batch_size=batch_size, poll_interval=poll_interval, stop=stop, columns=names)

    # -- maintenance

    def survey(self) -> FolderSurvey:
        """The folder as it is now, read without believing it. See `EventLog.survey`."""
        from orders_es.log.parquet.survey import FolderSurvey  # noqa: PLC0415 - only verifying needs it

        return FolderSurvey(self._folder, self._registry)

    def compact(self, *, target_events: int = 1_000_000) -> Compacted:
        """Merge runs of small files into segments of up to `target_events` events. See `EventLog.compact`.

        Large files that have no copy sorted by stream get one, which makes `load` fast; it takes about as much room again.
        """
        started = time.monotonic()
        with self._lock:
            done: Compacted = self._fresh(
                lambda: compaction.compact(self._folder, self.checked, self.files(), target_events)
            )
            self.refresh()
            self._relist()
            sorted_copies = sum(self._sorted_copy(file) for file in self._chain if not is_small(file))
            self._relist()
        return replace(done, sorted_copies=sorted_copies, seconds=time.monotonic() - started)

    def _sorted_copy(self, file: LogFile) -> bool:
        try:
            return build(self._folder, self.checked, file)
        except FileNotFoundError:  # merged by somebody else, who makes the copy of what took its place
            return False

    def vacuum(self, *, grace: timedelta = timedelta(hours=1)) -> Vacuumed:
        """Remove superseded files after a grace period. See `EventLog.vacuum`."""
        with self._lock:
            self.refresh()
            self._fresh(lambda: None)
            return compaction.vacuum(self._folder, self._identity.log_id, grace)


def _versions_after(batch: Batch, bases: Sequence[int]) -> dict[str, int]:
    """Each stream's version after a batch."""
    return {part.stream_id: base + part.count for part, base in zip(batch.parts, bases, strict=True)}


def _reopen(folder: str, registry: EventRegistry, clock: Callable[[], datetime] | None) -> ParquetLog:
    return ParquetLog(folder, registry=registry, clock=clock)
