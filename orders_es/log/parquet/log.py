"""`ParquetLog`: appending, with the file name as the version check. docs/format.md has the protocol in full."""

from __future__ import annotations

import os
import random
import time
import uuid
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orders_es.errors import ForeignFile, LogBusy, LogError, RegistrationClash
from orders_es.log.event import LogFile
from orders_es.log.merkle import CompactRange
from orders_es.log.packages import types_written
from orders_es.log.parquet import small_encoding
from orders_es.log.parquet.chain import commit_name, what_it_is
from orders_es.log.parquet.digests import sealed
from orders_es.log.parquet.footer import KEY, Footer, format_of
from orders_es.log.parquet.grouping import ROWS_MOST, GroupCommit
from orders_es.log.parquet.identity import IDENTITY_FILE
from orders_es.log.parquet.maintaining import FolderMaintenance
from orders_es.log.parquet.reader import columns_of_other_types
from orders_es.log.parquet.storage import publish
from orders_es.log.parquet.streams import SMALL_FILE
from orders_es.log.parquet.turns import Turns
from orders_es.log.parquet.writer import table_writer
from orders_es.log.primitives import Commit, commit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log.batch import Batch, RowBatch
    from orders_es.log.event import Appended
    from orders_es.log.packages import TypeWritten
    from orders_es.log.registry import EventRegistry

__all__ = ["ParquetLog"]

_PATIENCE_SECONDS = 60.0
_COMMITS_ASKED = 16
_CLASH = (
    "nothing was written. A field name has one type in the whole log: rename the field, or, if an older version of its event had "
    "it so, raise the class's __schema_version__ and register an upcaster from that version"
)


class ParquetLog(FolderMaintenance):
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
        super().__init__(url, registry=registry, clock=clock, read_only=read_only)
        self._turns = Turns(os.path.join(self._folder, IDENTITY_FILE))
        self._group = GroupCommit(self._commits)
        self._columns_checked = -1
        registry.ask_writers(self)
        if not read_only:
            self.finish_erasing()

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
        if rows.count > ROWS_MOST:
            return super()._commit_rows(rows)
        if rows.given_ids():  # it may be a retry, which is looked for before it is this writer's turn
            return self._commit_few(rows)
        self._check_writable()
        self._check_columns()
        return self._group.append(rows, self._commit_few)

    def _commit_few(self, rows: RowBatch) -> Appended:
        def place(first: int, recorded_at: int, bases: Sequence[int]) -> Commit:
            columns, hashes = rows.place(first, recorded_at, bases, self._registry.columns)
            leaves = CompactRange.of_leaves(first - 1, hashes)
            commit = commit_of(rows, first, recorded_at, bases, None, leaves)
            types = types_written(self._registry, {(row.type, row.schema_version) for row in rows.rows})
            footer = self._footer(leaves, recorded_at, commit.versions, format_of(columns), types)
            written = sealed(small_encoding.encode(columns, {KEY: footer.to_bytes()})), lambda: footer
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
            place = bisect_left(self._chain, appended.first_position, key=lambda file: file.first)
            file = self._chain[place] if place < len(self._chain) else None
            # A commit with events of other threads is not kept by halves.
            if file is not None and (file.first, file.last) == (appended.first_position, appended.last_position):
                self._streams.remember(file.first, appended.events)

    def _may_link(self, first: int, directory: int) -> bool:
        """Whether a commit may begin at a position; asked while the lock of `commits` is held, right before it does.

        A name can be free again after a compaction and a vacuum that this process slept through. The segment that covers it
        is there, though, and under the lock no vacuum can take a name away. And the folder must still be the log.
        """
        if self._covered(first):
            return False
        if self._standing.holds(directory):
            return True
        self._examine()
        return self._tree.end == first - 1 and self._standing.holds(directory)


def _reopen(
    folder: str,
    registry: EventRegistry,
    clock: Callable[[], datetime] | None,
    read_only: bool = False,  # noqa: FBT001, FBT002 - as pickle hands it over
) -> ParquetLog:
    return ParquetLog(folder, registry=registry, clock=clock, read_only=read_only)
