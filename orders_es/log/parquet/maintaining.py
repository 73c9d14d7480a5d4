"""A folder log as it is kept in shape: copies for SQL, merging and removing files, and erasing what may not stay."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import ErasureUnfinished
from orders_es.log.maintenance import Reshredded
from orders_es.log.parquet import compaction
from orders_es.log.parquet.by_stream_build import build
from orders_es.log.parquet.chain import MARKER
from orders_es.log.parquet.streams import is_small
from orders_es.log.parquet.upkeep import Upkeep
from orders_es.log.parquet.vacuuming import vacuum

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    from orders_es.log.event import Appended, LogFile, NewEvent
    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.ids import Holder
    from orders_es.log.maintenance import Compacted, Vacuumed
    from orders_es.log.parquet import erasing
    from orders_es.log.parquet.survey import FolderSurvey
    from orders_es.log.registry import EventRegistry

from orders_es.log.parquet.reading import FolderReading

__all__ = ["FolderMaintenance"]


class FolderMaintenance(FolderReading):
    """What is done to a folder log beside appending; the arguments are those of `ParquetLog`."""

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(url, registry=registry, clock=clock, read_only=read_only)
        self._upkeep = Upkeep(self._folder, self.checked, read_only=read_only)
        self._streams.scanned = self._upkeep.scanned

    # -- copies for SQL

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

    @property
    def passing_copies(self) -> Path:
        """A folder of this process for copies that find no place beside the log; there only once it is needed."""
        return Path(self._copies.elsewhere)

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
        self.finish_erasing()
        assert event.event_id is not None
        intent = erasing.Intent(event.event_id, positions, streams)
        with self._lock, erasing.begun(self._folder, intent):
            try:
                done = self.append(stream_id, [event], expected=expected)
            except BaseException:
                if self._place_of(intent.event_id) is None:
                    erasing.withdraw(self._folder)
                raise
            self._erase(intent)
        return done

    def _erase(self, intent: erasing.Intent) -> None:
        from orders_es.log.parquet import erasing

        try:
            erasing.finish(self._folder, self.checked, self._registry, intent)
        except ErasureUnfinished:
            raise
        except OSError as error:  # StorageError and ReadOnlyLog among them, whose words are that nothing was written
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            raise ErasureUnfinished(self._folder, reason) from error
        finally:
            self._forget()

    def finish_erasing(self) -> None:
        """Go on with what somebody has recorded as erased and died over; what was not recorded is as if it had never begun.

        See `CanErase.finish_erasing`.
        """
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
                self._erase(intent)

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
