"""What a process knows of a log's files, kept up with what other processes commit, compact and remove."""

from __future__ import annotations

import os
import stat
import threading
import time
from bisect import bisect_left, bisect_right
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog, ForeignFile, LogChanged, LogError, NotALog
from orders_es.errors.system import no_file
from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.event import LogFile
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange
from orders_es.log.parquet.chain import COMMITS, SEGMENTS, list_chain, segments_reach
from orders_es.log.parquet.digest_check import Checked
from orders_es.log.parquet.footer import damaged
from orders_es.log.parquet.identity import IDENTITY_FILE, read_identity
from orders_es.log.parquet.reader import file_batches
from orders_es.log.parquet.same_folder import Mark, Standing, mark_of
from orders_es.log.parquet.streams import Streams

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Sequence

    from orders_es.log.parquet.footer import Footer
    from orders_es.log.registry import EventRegistry

__all__ = ["KnownChain"]

_STALE_MOST = 10
_VANISHING = "its files keep vanishing while they are read; is somebody else removing them?"
_HASHED_AT_ONCE = 32_768
_TICK = 2_000_000_000
"""So many nanoseconds a file system may take to give a later time to what is changed later."""
_OTHER_EVENTS = (
    "up to position {} it does not hold the events any more that were seen in it: another copy was put in its place, or "
    "files were exchanged"
)


class KnownChain:
    """The chain of files that make up a log, the tree over it, and its streams, as of the last look.

    Args:
        folder: The log's folder, an absolute path.
        registry: The event types that this program knows.
    """

    def __init__(self, folder: str, log_id: uuid.UUID, registry: EventRegistry) -> None:
        self._folder = folder
        self._commits = os.path.join(folder, COMMITS)
        self._segments = os.path.join(folder, SEGMENTS)
        self._segments_changed_at = -1
        self._reach = 0
        self._reach_at: tuple[int, int, int, int] | None = None
        self._log_id = log_id
        self._lock = threading.RLock()
        self.checked = Checked(log_id)
        self._streams = Streams(self.checked, registry)
        self._chain: list[LogFile] = []
        self._tree = EMPTY_RANGE
        self._recorded_at: int | None = None
        self._checked = 0
        self._whole: set[LogFile] = set()
        self._standing = Standing(os.path.join(folder, IDENTITY_FILE), self._commits)
        self._standing.settle()
        self._relist()

    def refresh(self) -> None:
        """Take in what other processes committed or compacted since the last look. Cheap where nothing changed.

        Raises:
            LogChanged: The folder is not the log any more that was opened, or lacks something that was seen in it.
        """
        with self._lock:
            self._hold()
            if not self._catch_up() and self._covered(self._tree.end + 1):
                self._relist()
            elif self._segments_changed_at != self._segments_change():
                self._relist()  # others merged files, and reading fewer is faster

    def _covered(self, position: int) -> bool:
        """Whether a segment reaches to or past a position; the folder is listed again only where it may have changed since.

        A change within the same tick of the clock might leave its time as it is, so that time has to be some time ago.
        """
        try:
            status = os.stat(self._segments)
        except OSError:  # listing it says what is wrong
            return segments_reach(self._folder) >= position
        mark = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
        if mark != self._reach_at:
            settled = 0 <= status.st_mtime_ns < time.time_ns() - _TICK
            self._reach = segments_reach(self._folder)
            self._reach_at = mark if settled else None
        return self._reach >= position

    def _segments_change(self) -> int:
        try:
            return os.stat(self._segments).st_mtime_ns
        except OSError:  # whoever lists it says what is wrong
            return -1

    def _catch_up(self) -> bool:
        """Whether there were new commits at the end of the log as it is known; they are taken in.

        Looks at the next name only. A writer needs no more: if what it knows is stale, its own name turns out taken, or
        covered by a segment. Whoever only reads asks for segments too.
        """
        known = self._tree.end
        found: list[tuple[LogFile, Footer]] = []
        position = known + 1
        tree = self._tree
        mark: Mark | None = None
        while True:
            path = f"{self._commits}/{position:020d}.parquet"
            next_one = self._commit_at(path)
            if next_one is None:
                break
            looked_at, footer = next_one
            if footer.first == position:  # else `_extend` says what is wrong
                tree = tree.merge(footer.range)
                if footer.tree != tree:
                    raise LogChanged(self._folder, _OTHER_EVENTS.format(position - 1))
            found.append((LogFile(path, "commit", position, footer.last), footer))
            mark = looked_at
            position = footer.last + 1
        if not found:
            return False
        if self._covered(known + 1):  # after the commits, as rule 2 of `chain` has it
            self._relist()
            return True
        for file, footer in found:
            self._extend(file, footer)
            self._streams.added(file, footer.streams)
        self._standing.note(self._chain[-1], mark)
        return True

    def _commit_at(self, path: str) -> tuple[Mark, Footer] | None:
        """The mark and the footer of a commit, if there is one of that name."""
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise ForeignFile(path, f"{no_file(status.st_mode)}; move it out of the log's folder")
            return mark_of(status), self.checked.footer(path)
        except FileNotFoundError:
            return None
        except LogError:
            raise
        except OSError as error:
            raise damaged(path, error) from error

    def _hold(self) -> None:
        """Make sure that the folder is still the log that was opened, and holds what was seen in it.

        Raises:
            LogChanged: It is not, or does not.
        """
        if not self._standing.holds():
            self._examine()

    def _examine(self) -> None:
        """As `_hold`, from the files themselves. An equal copy in the place of the log is as good as the log."""
        try:
            identity = read_identity(self._folder)
        except NotALog as error:
            raise LogChanged(self._folder, error.reason.partition(";")[0]) from error
        if identity.log_id != self._log_id:
            raise LogChanged(self._folder, f"another log is in its place now ({identity.origin!r}, {identity.log_id})")
        self._standing.settle()
        if not self._chain:
            self._standing.note(None)
            return
        last = self._chain[-1]
        try:
            mark = mark_of(os.stat(last.path))
            footer = self.checked.footer(last.path)
        except FileNotFoundError:  # removed, or compacted and vacuumed
            self._relist()
            return
        if footer.tree != self._tree:
            raise LogChanged(self._folder, _OTHER_EVENTS.format(self._tree.end))
        self._standing.note(last, mark)

    def _continues(self, chain: Sequence[LogFile]) -> bool:
        """Whether a chain of files begins with the very events that are known.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
        """
        known = self._tree
        begin = known.end - (known.end & -known.end)  # of the last perfect subtree
        first = bisect_left(chain, begin + 1, key=lambda file: file.last)
        found = CompactRange(begin, begin, ())
        for file in chain[first:]:
            if file.last == known.end:
                return self.checked.footer(file.path).tree == known
            if file.first > known.end:
                break
            for batch in file_batches(
                file,
                self.checked,
                after=begin,
                to=known.end,
                columns=ENVELOPE_SCHEMA.names,
                schema=ENVELOPE_SCHEMA,
                batch_size=_HASHED_AT_ONCE,
            ):
                found = found.merge(CompactRange.of_leaves(found.end, leaf_hashes(batch)))
        return found.hashes == known.hashes[-1:]

    def _extend(self, file: LogFile, footer: Footer) -> None:
        if footer.first != file.first:
            raise DamagedLog(file.path, "it does not hold the positions that its name says; restore it from a backup")
        self._chain.append(file)
        self._whole.add(file)
        if self._checked == file.first - 1:
            self._checked = file.last
        self._tree = footer.tree
        self._recorded_at = footer.recorded_at

    def _replace(self, segment: LogFile) -> None:
        """Take in that a segment stands for neighbouring files that are known, without listing the folder."""
        begin = bisect_left(self._chain, segment.first, key=lambda file: file.first)
        end = bisect_right(self._chain, segment.last, key=lambda file: file.last)
        gone = self._chain[begin:end]
        if len(gone) > 1 and gone[0].first == segment.first and gone[-1].last == segment.last:
            self._chain = [*self._chain[:begin], segment, *self._chain[end:]]
            self._streams.replaced(self._chain)
            self._whole.difference_update(gone)

    def _relist(self) -> None:
        """Take in the log's files afresh."""
        for _ in range(_STALE_MOST):
            with suppress(FileNotFoundError):  # compacted and vacuumed between listing and reading
                self._list_anew()
                return
        raise DamagedLog(self._folder, _VANISHING)

    def _list_anew(self) -> None:
        sure = self._standing.holds()
        changed_at = self._segments_change()
        listing = list_chain(self._folder, self._log_id)
        end = listing.chain[-1].last if listing.chain else 0
        if end < self._tree.end:
            raise LogChanged(
                self._folder,
                f"it ends at position {end} now and ended at {self._tree.end} before: an older copy was put in its place, "
                "or its last files were removed",
            )
        first_time = not self._chain
        if not (first_time or sure or self._continues(listing.chain)):
            raise LogChanged(self._folder, _OTHER_EVENTS.format(self._tree.end))
        self._standing.doubt()
        self._segments_changed_at = changed_at
        self._chain = listing.chain
        self._checked = 0
        if listing.end is not None:
            self._tree = listing.end.tree
            self._recorded_at = listing.end.recorded_at
        if first_time:
            self._streams.reset(self._chain)
        else:
            self._streams.replaced(self._chain)
            self._whole.intersection_update(self._chain)

    def _check_chain(self) -> None:
        """Make sure that no commit is missing in the middle: each one's own footer must end where the next begins.

        Each footer is read once, and what it says of streams is handed on.
        """
        if self._checked == self._tree.end:
            return
        start = bisect_right(self._chain, self._checked, key=lambda file: file.last)
        for file in self._chain[start:]:
            if file.kind == "commit" and file not in self._whole:
                footer = self.checked.footer(file.path)
                if (footer.first, footer.last) != (file.first, file.last):
                    raise DamagedLog(
                        self._folder,
                        f"the events from position {footer.last + 1} to {file.last} are missing; restore their files",
                    )
                self._whole.add(file)
                self._streams.told(file, footer.streams)
            self._checked = file.last

    def _fresh(self, ask: Callable[[], Any]) -> Any:
        """The answer to a question that reads files; asked again where compaction and vacuum took one away meanwhile."""
        for _ in range(_STALE_MOST):
            try:
                self._check_chain()
                return ask()
            except FileNotFoundError:
                self._relist()
        raise DamagedLog(self._folder, _VANISHING)

    def file_at(self, position: int) -> LogFile:
        """The file that holds a position, as of the last look."""
        with self._lock:
            return self._chain[bisect_right(self._chain, position, key=lambda file: file.first) - 1]

    def relist(self) -> None:
        """Take in the log's files afresh, after one of them vanished or did not fit."""
        with self._lock:
            self._relist()
            self._check_chain()
