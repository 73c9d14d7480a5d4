"""`ParquetLog`: appending, with the file name as the version check. docs/format.md has the protocol in full."""

from __future__ import annotations

import os
import random
import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import ForeignFile, LogBusy, LogError, RegistrationClash
from orders_es.log.core import Commit, End, LogCore, commit_of
from orders_es.log.event import Head, LogFile, from_micros
from orders_es.log.maintenance import Reshredded
from orders_es.log.merkle import CompactRange
from orders_es.log.packages import types_written
from orders_es.log.parquet import compaction, small
from orders_es.log.parquet.binding import relation_of
from orders_es.log.parquet.by_stream_build import build
from orders_es.log.parquet.chain import MARKER, commit_name, covering_segments, what_it_is
from orders_es.log.parquet.digests import sealed
from orders_es.log.parquet.direct import DirectReads
from orders_es.log.parquet.follow import read_events
from orders_es.log.parquet.footer import FORMAT, KEY, Footer, format_of
from orders_es.log.parquet.identity import IDENTITY_FILE, read_identity
from orders_es.log.parquet.ids import FileIds
from orders_es.log.parquet.known import KnownChain
from orders_es.log.parquet.reader import columns_of_other_types
from orders_es.log.parquet.storage import publish
from orders_es.log.parquet.streams import SMALL_FILE, is_small
from orders_es.log.parquet.turns import Turns
from orders_es.log.parquet.upcast_copies import UpcastCopies
from orders_es.log.parquet.upkeep import Upkeep
from orders_es.log.parquet.vacuuming import vacuum
from orders_es.log.parquet.writer import table_writer
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log.batch import Batch, RowBatch
    from orders_es.log.event import Appended, NewEvent, RecordedEvent
    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.ids import Holder
    from orders_es.log.maintenance import Compacted, Vacuumed
    from orders_es.log.packages import TypeWritten
    from orders_es.log.parquet.survey import FolderSurvey
    from orders_es.log.registry import EventRegistry
    from orders_es.log.retry import EventPlace
    from orders_es.log.shredding import Reading
    from orders_es.log.sql_forms import Direct

__all__ = ["ParquetLog"]

_ROWS_MOST = 64
"""Up to so many events a commit is encoded row by row; from there on pyarrow is faster."""
_PATIENCE_SECONDS = 60.0
_COMMITS_ASKED = 16
_CLASH = (
    "nothing was written. A field name has one type in the whole log: rename the field, or, if an older version of its event had "
    "it so, raise the class's __schema_version__ and register an upcaster from that version"
)


class ParquetLog(KnownChain, LogCore):
    """A log in a folder of Parquet files; see `EventLog` for what it promises. Made by `open_log`.

    Any number of processes on one machine's file systems may read and append. The file system must know hard links and
    fsync. One object may be used by several threads.

    Args:
        url: The folder.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
        read_only: Write nothing to the folder.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        read_only: bool = False,
    ) -> None:
        LogCore.__init__(self, url, registry=registry, clock=clock, read_only=read_only)
        folder = str(Path(self._url).absolute())
        self._identity = read_identity(folder)
        self._turns = Turns(os.path.join(folder, IDENTITY_FILE))
        KnownChain.__init__(self, folder, self._identity.log_id, registry)
        self._event_ids = FileIds(self._streams.scanner)
        self._columns_checked = -1
        self._copies = UpcastCopies(folder, self.checked, registry, read_only=read_only)
        self._direct = DirectReads(self._copies, self.checked, registry, self._streams.scanner, read_only=read_only)
        self._upkeep = Upkeep(folder, self.checked, read_only=read_only)
        self._streams.scanned = self._upkeep.scanned
        registry.ask_writers(self)
        if not read_only:
            self._finish_erasing()

    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")
    many_processes = property(lambda _: True, doc="Other processes can open the log while this one has it open.")
    derived = property(
        lambda self: Path(self._folder) / "derived", doc="For what can be made again. See `EventLog.derived`."
    )

    def __repr__(self) -> str:
        return f"ParquetLog({self._url!r}, {self._tree.end:,} events)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._folder, self._registry, self._clock, self._read_only)

    def close(self) -> None:
        """Let go of what is held open, once what is being merged is in place; the object can still be used."""
        self._upkeep.stop()
        with self._lock:
            self._turns.close()
            self._standing.close()

    # -- appending

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._turns.take(self._catch_up):
            yield

    def _check_columns(self) -> None:
        """Make sure that the log's files have the fields with the types that this program would write; once, before it writes.

        Looked at are all segments and the latest commits.

        Raises:
            RegistrationClash: A field is of another type there, and no upcaster leads from the version that it had then.
        """
        if self._columns_checked == self._registry.revision:
            return
        with self._lock:
            found = self._fresh(self._columns_of_other_types)  # which lists them anew where some were compacted away
            if found:
                changed = self._registry.changed(self.event_types())
                for name, (there, path) in found.items():
                    if name not in changed:
                        raise RegistrationClash(
                            name, f"it is {self._registry.columns[name]} here and {there} in {path}; {_CLASH}"
                        )
        self._columns_checked = self._registry.revision

    def _columns_of_other_types(self) -> dict[str, tuple[Any, str]]:
        segments = [file for file in self._chain if file.kind == "segment"]
        commits = [file for file in self._chain if file.kind == "commit"][-_COMMITS_ASKED:]
        return columns_of_other_types([*segments, *commits], self._registry)

    def _commit(self, batch: Batch, place: Callable[[int, int, Sequence[int]], Commit]) -> Appended:
        """As `LogCore` does, and held to the folder: what is not there may be elsewhere, with all the rest."""
        self._check_writable()
        self._check_columns()
        try:
            if batch.given_ids():  # before it is this writer's turn, for it may take a while
                with self._lock:
                    self._catch_up()
                    self._fresh(lambda: self._event_ids.prepare(batch, self._chain))
            appended = super()._commit(batch, place)
        except LogError:
            with self._lock:
                self._hold()
            raise
        if appended.duplicate:
            with self._lock:
                self._hold()
        return appended

    def _commit_rows(self, rows: RowBatch) -> Appended:
        if rows.count > _ROWS_MOST:
            return super()._commit_rows(rows)

        def place(first: int, recorded_at: int, bases: Sequence[int]) -> Commit:
            columns, hashes = rows.place(first, recorded_at, bases, self._registry.columns)
            leaves = CompactRange.of_leaves(first - 1, hashes)
            commit = commit_of(rows, first, recorded_at, bases, None, leaves)
            types = types_written(self._registry, {(row.type, row.schema_version) for row in rows.rows})
            footer = self._footer(leaves, recorded_at, commit.versions, format_of(columns), types)
            written = sealed(small.encode(columns, {KEY: footer.to_bytes()})), lambda: footer
            return replace(commit, events=written)

        return self._commit(rows, place)

    def _placed(self, batch: Batch, table: pa.Table, recorded_at: int, first: int, bases: Sequence[int]) -> Commit:
        """The leaves are hashed while the columns are written."""
        self._turns.lasts()
        commit = commit_of(batch, first, recorded_at, bases, None, None)
        streams = commit.versions if batch.count < SMALL_FILE else None
        kind = format_of(table.column_names)
        pairs = table.select(["type", "schema_version"]).group_by(["type", "schema_version"]).aggregate([])
        held = types_written(self._registry, zip(*(pairs.column(i).to_pylist() for i in range(2)), strict=True))
        written = table_writer(table, lambda leaves, at: self._footer(leaves, at, streams, kind, held), first)
        return replace(commit, events=written)

    def _footer(
        self,
        leaves: CompactRange,
        recorded_at: int,
        streams: Mapping[str, int] | None,
        format: int,  # noqa: A002 - the field's name
        types: Sequence[TypeWritten],
    ) -> Footer:
        return Footer(
            self._identity.log_id,
            "commit",
            leaves.begin + 1,
            leaves.end,
            uuid.uuid4(),
            recorded_at,
            leaves,
            self._tree.merge(leaves),
            streams,
            format=format,
            types=types,
        )

    def _put(self, batch: Batch, commit: Commit) -> uuid.UUID | None:
        content, footer_of = commit.events
        kept: list[int] = []
        if not publish(
            self._commits,
            commit_name(commit.first),
            content,
            lock=self._commits,
            vouch=lambda directory: self._may_link(commit.first, directory),
            keep=kept.append,
        ):
            return None
        footer = footer_of()
        file = LogFile(f"{self._commits}/{commit_name(footer.first)}", "commit", footer.first, footer.last)
        self._extend(file, footer)
        self._standing.note(file, descriptor=kept[0] if kept else -1)
        self._streams.appended(file, commit.versions)
        self._event_ids.appended(footer.first, batch)
        while self._upkeep.merged:
            self._replace(self._upkeep.merged.popleft())
        self._upkeep.appended(lambda: self._chain, batch.count)
        commit_id: uuid.UUID = footer.commit_id
        return commit_id

    def _is_certain(self, known: int) -> bool:
        self.refresh()  # there may be segments past what this process knew, and then its no came too early
        return self._tree.end == known

    def _lost(self, attempts: int, waited: float) -> None:
        self.refresh()
        path = f"{self._commits}/{commit_name(self._tree.end + 1)}"
        if os.path.islink(path) and not os.path.exists(path):
            raise ForeignFile(path, f"{what_it_is(path)}; remove it: the next commit has that name")
        if waited > _PATIENCE_SECONDS:
            raise LogBusy(self._url, attempts, waited)
        time.sleep(random.random() * min(0.0005 * attempts, 0.01))  # noqa: S311 - spreads losers, guards nothing

    def _keep(self, appended: Appended) -> None:
        with self._lock:
            self._streams.remember(appended.first_position, appended.events)

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

    # -- reading

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            self.refresh()
            yield

    def _end(self) -> End:
        return End(self._tree, self._recorded_at)

    def _versions(self, stream_ids: Sequence[str]) -> list[int]:
        versions: list[int] = self._fresh(lambda: self._streams.versions(stream_ids))
        return versions

    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        events: list[RecordedEvent] = self._fresh(lambda: self._streams.events(stream_id, after, to))
        return [event for event in events if event.version > after and (to is None or event.version <= to)]

    def _ids(self, prefix: str, limit: int | None) -> list[str]:
        found: set[str] = self._fresh(lambda: self._streams.ids(prefix, limit))
        return sorted(found)[:limit]

    def _rows(self, wanted: Mapping[str, tuple[int, int | None]]) -> list[EventPlace]:
        rows: list[EventPlace] = self._fresh(lambda: self._streams.rows(wanted))
        return rows

    def _holder(self, ids: bytes) -> Holder | None:
        holder: Holder | None = self._fresh(lambda: self._event_ids.find(ids, self._chain))
        return holder

    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return read_events(self, after=after, to=to, batch_size=batch_size, columns=names)

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. See `EventLog.existing`."""
        with self._reading():
            found: set[str] = self._fresh(lambda: self._streams.existing(stream_ids))
        return found

    def files(self) -> list[LogFile]:
        """The data files that make up the log now, in order, without gaps."""
        with self._lock:
            self.refresh()
            if not all(os.path.exists(file.path) for file in self._chain):  # compacted and vacuumed by somebody else
                self._relist()
            self._fresh(lambda: None)
            return list(self._chain)

    @property
    def may_have_entered(self) -> bool:
        """Whether some file has the column for it, as the footers say."""
        with self._lock:
            self.files()
            footers = self._fresh(lambda: [self.checked.footer(file.path) for file in self._chain])
        return any(footer.format != FORMAT for footer in footers)

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

    def bind(self, connection: Any, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection. See `EventLog.bind`."""
        with self._lock:
            self.files()
            held = self.event_types()  # looks into what is new since
            self._fresh(lambda: self.checked.whole(file.path for file in self._chain))
            files = list(self._chain)
            contents = self._streams.contents
            partly, readings = contents.from_payload(files), contents.readings
            direct: dict[str, Direct] = {}
            if old := contents.old(files):
                files, refused, more, direct = self._fresh(lambda: self._with_copies(files, old, held))
                partly, readings = (partly - old) | refused, readings | more
            relation = relation_of(files, self._registry, partly, readings, direct)
            head = self._known_head()  # not a fresh look: it has to be that of these very files
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {relation}")
        return head

    def _with_copies(
        self, files: Sequence[LogFile], old: Collection[str], held: Collection[tuple[str, int]]
    ) -> tuple[list[LogFile], set[str], dict[int, Reading], dict[str, Direct]]:
        """The files, in place of those with old events their copies; which of these have payloads that do not fit, and those.

        Last, of those files with old events that need no copy, how they are read.
        """
        found = [file for file in files if file.path not in old]
        refused: set[str] = set()
        readings: dict[int, Reading] = {}
        direct: dict[str, Direct] = {}
        for run in self._copies.runs(files, old):
            how = self._direct.of(run, held)
            copy = self._copies.found(run) if how is None or how.computes else None
            if how is not None and copy is None:
                found += run
                direct |= dict.fromkeys((file.path for file in run), how)
                continue
            if copy is None:
                copy, _ = self._copies.copy_of(run)
            found.append(copy.file)
            if copy.refusals:
                refused.add(copy.file.path)
                readings |= copy.refusals
        return sorted(found, key=lambda file: file.first), refused, readings, direct

    def reshred(self) -> Iterator[Reshredded]:
        """Make the copies of files with old event versions that SQL reads, those that are not there yet, one after the other.

        Files whose old events have today's columns as they are need none. Those that SQL forms read get one, too: it answers faster.

        Each that is yielded is done for good: whoever stops in between goes on from there the next time.

        Raises:
            UpcastFailed: An upcaster raised or gave rubbish.
            ReadOnlyLog, StorageError: A copy cannot be written.
        """
        self._check_writable()
        with self._lock:
            files = self.files()
            held = self.event_types()
            found = list(self._copies.runs(files, self._streams.contents.old(files)))
            runs = self._fresh(lambda: [run for run in found if self._needs_copy(run, held)])
        for run in runs:
            with self._lock:
                copy, made = self._copies.copy_of(run, lasting=True)
            yield Reshredded(Path(copy.file.path), run[0].first, run[-1].last, made, len(runs))

    def _needs_copy(self, run: Sequence[LogFile], held: Collection[tuple[str, int]]) -> bool:
        how = self._direct.of(run, held)
        return how is None or how.computes

    @property
    def stale_copies(self) -> list[Path]:
        """The folders of copies that were made for other registries, and that this program has no use for."""
        return [Path(place) for place in self._copies.others()]

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew, as the log's files say."""
        with self._lock:
            footers = self._fresh(lambda: [self.checked.footer(file.path) for file in self._chain])
        held = (one for footer in footers for one in footer.types or ())
        return {one.package for one in held if one[:2] == (name, schema_version) and one.fingerprint}

    @property
    def passing_copies(self) -> Path:
        """A folder of this process for copies that find no place beside the log; there only once it is needed."""
        return Path(self._copies.elsewhere)

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        with self._reading():
            found: frozenset[tuple[str, int]] = self._fresh(lambda: self._streams.types(self._chain))
        return found

    # -- erasing

    def erase_personal(
        self,
        stream_id: str,
        event: NewEvent,
        *,
        expected: ExpectedVersion,
        positions: Sequence[int],
        streams: Sequence[str],
    ) -> Appended:
        """Record an erasure, and erase the personal data of some events. See `CanErase.erase_personal`.

        Raises:
            CannotErase: Somebody else is erasing.
        """
        from orders_es.log.parquet import erasing

        self._check_writable()
        self._finish_erasing()
        assert event.event_id is not None
        intent = erasing.Intent(event.event_id, positions, streams)
        with self._lock, erasing.begun(self._folder, intent):
            try:
                done = self.append(stream_id, [event], expected=expected)
            except BaseException:
                if self._place_of(intent.event_id) is None:
                    erasing.withdraw(self._folder)
                raise
            erasing.finish(self._folder, self.checked, self._registry, intent)
            self._forget()
        return done

    def _finish_erasing(self) -> None:
        """Go on with what somebody has recorded as erased and died over; what was not recorded is as if it had never begun."""
        if not os.path.exists(os.path.join(self._folder, MARKER)):
            return
        from orders_es.log.parquet import erasing

        with self._lock, erasing.unfinished(self._folder) as intent:
            if intent is None:
                return
            self.refresh()
            if self._place_of(intent.event_id) is None:
                erasing.withdraw(self._folder)
            else:
                erasing.finish(self._folder, self.checked, self._registry, intent)
                self._forget()

    def _place_of(self, event_id: uuid.UUID) -> Holder | None:
        self.refresh()
        holder: Holder | None = self._fresh(lambda: self._event_ids.find(event_id.bytes, self._chain))
        return holder

    def _forget(self) -> None:
        """Read everything again: some of it is another one now."""
        self._relist()
        self._streams.reset(list(self._chain))

    # -- maintenance

    @property
    def upkeep(self) -> bool:
        """Whether this object merges small files beside its appends, and sorts what is searched often; True unless set.

        The environment variable `ORDERS_ES_UPKEEP=off` turns that off for a whole program.
        """
        return self._upkeep.on

    @upkeep.setter
    def upkeep(self, on: bool) -> None:
        self._upkeep.on = on

    def survey(self) -> FolderSurvey:
        """The folder as it is now, read without believing it. See `EventLog.survey`."""
        from orders_es.log.parquet.survey import FolderSurvey

        return FolderSurvey(self._folder, self._registry)

    def compact(self, *, target_events: int = 1_000_000) -> Compacted:
        """Merge runs of small files into segments of up to `target_events` events. See `EventLog.compact`.

        Large files that have no copy sorted by stream get one, which makes `load` fast; it takes about as much room again.
        """
        self._check_writable()
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
        self._check_writable()
        with self._lock:
            self.refresh()
            self._fresh(lambda: None)
            return vacuum(self._folder, self._identity.log_id, grace)


def _reopen(
    folder: str,
    registry: EventRegistry,
    clock: Callable[[], datetime] | None,
    read_only: bool = False,  # noqa: FBT001, FBT002 - as pickle hands it over
) -> ParquetLog:
    return ParquetLog(folder, registry=registry, clock=clock, read_only=read_only)
