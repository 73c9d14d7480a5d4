"""A folder log as it is read: streams, pages, files, and the view that SQL asks. `ParquetLog` appends to it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog
from orders_es.log.core import LogCore
from orders_es.log.event import Head, LogFile, from_micros
from orders_es.log.known_columns import known_columns
from orders_es.log.parquet.binding import relation_of
from orders_es.log.parquet.follow import read_events
from orders_es.log.parquet.footer import FORMAT
from orders_es.log.parquet.identity import read_identity
from orders_es.log.parquet.ids import FileIds
from orders_es.log.parquet.known_files import KnownChain
from orders_es.log.parquet.sql_form_files import DirectReads
from orders_es.log.parquet.streams import is_small
from orders_es.log.parquet.upcast_copies import UpcastCopies
from orders_es.log.primitives import End
from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log.event import RecordedEvent
    from orders_es.log.ids import Holder
    from orders_es.log.parquet.salvage import Salvage
    from orders_es.log.registry import EventRegistry
    from orders_es.log.retry import EventPlace
    from orders_es.log.shredding import Reading
    from orders_es.log.sql_forms import Direct

__all__ = ["FolderReading"]


class FolderReading(KnownChain, LogCore):
    """What a folder log says of itself and of its events; the arguments are those of `ParquetLog`."""

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
        self._derived = Path(folder) / "derived"
        KnownChain.__init__(self, folder, self._identity.log_id, registry)
        self._event_ids = FileIds(self._streams.scanner)
        self._salvage: Salvage | None = None
        self._copies = UpcastCopies(folder, self.checked, registry, read_only=read_only)
        self._direct = DirectReads(self._copies, self.checked, registry, self._streams.scanner, read_only=read_only)

    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")
    many_processes = property(lambda _: True, doc="Other processes can open the log while this one has it open.")
    derived = property(lambda self: self._derived, doc="For what can be made again. See `EventLog.derived`.")

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

    def stream_version(self, stream_id: str) -> int:
        """The version a stream is at now; 0 if there is no such stream. See `EventLog.stream_version`."""
        try:
            return super().stream_version(stream_id)
        except DamagedLog as error:
            with self._lock:
                return len(self._beside(error, stream_id, None))

    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        try:
            events: list[RecordedEvent] = self._fresh(lambda: self._streams.events(stream_id, after, to))
        except DamagedLog as error:
            events = self._beside(error, stream_id, to)
        return [event for event in events if event.version > after and (to is None or event.version <= to)]

    def _beside(self, error: DamagedLog, stream_id: str, to: int | None) -> list[RecordedEvent]:
        """A stream's events though a file is damaged, if it is certain that none of them is in it.

        Raises:
            DamagedLog: It is not.
        """
        from orders_es.log.parquet.salvage import Salvage

        try:
            if self._salvage is None or self._salvage.chain != self._chain:
                self._salvage = Salvage(self._chain, self.checked, self._registry)
            return self._salvage.load(stream_id, to)
        except FileNotFoundError:
            raise error from None

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
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {known_columns(relation, self._registry, held)}")
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

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew, as the log's files say."""
        with self._lock:
            footers = self._fresh(lambda: [self.checked.footer(file.path) for file in self._chain])
        held = (one for footer in footers for one in footer.types or ())
        return {one.package for one in held if one[:2] == (name, schema_version) and one.fingerprint}

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        with self._reading():
            found: frozenset[tuple[str, int]] = self._fresh(lambda: self._streams.types(self._chain))
        return found
