"""Streams of a Parquet log: at which version each stands, and its events, without reading the whole log for one of them.

Three kinds of knowledge, each brought up to date with the chain of files when asked: which small files hold events of a
stream (from reading them once), the versions met so far, and, once enough streams were asked for, the versions of all.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.parquet.index import StreamIndex
from orders_es.log.parquet.reader import Scanner, events_of, small_file

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    from orders_es.log.event import LogFile, RecordedEvent
    from orders_es.log.registry import EventRegistry

__all__ = ["SMALL_FILE", "Streams"]

SMALL_FILE = 1024
"""A commit of fewer events than this is read whole when one of its events is needed."""
_FEW_EVENTS = 300_000
_PROBES_MOST = 16
_CACHED_EVENTS = 50_000
_SCAN_FROM = 48


class Streams:
    """What a `ParquetLog` knows of its streams. The caller holds the log's lock.

    Args:
        log_id: The log's identity.
        registry: Given to the events that come out.
    """

    def __init__(self, log_id: uuid.UUID, registry: EventRegistry) -> None:
        self._log_id = log_id
        self._registry = registry
        self._scanner = Scanner()
        self.reset([])

    def reset(self, chain: list[LogFile]) -> None:
        """Start again from a chain of files that replaced the one before."""
        self._unseen = list(chain)
        self._large: list[LogFile] = []
        self._small: dict[int, LogFile] = {}
        self._where: dict[str, list[int]] = {}
        self._cache: OrderedDict[int, list[RecordedEvent]] = OrderedDict()
        self._cached = 0
        self._index = StreamIndex()
        self._met: dict[str, int] = {}
        self._complete = False
        self._probes = 0

    def replaced(self, chain: list[LogFile]) -> None:
        """Take in that compaction replaced files; no version has changed, and those known stay known."""
        index, complete = self._index, self._complete
        seen = sum(f.count for f in self._small.values()) + sum(f.count for f in self._large)
        self.reset([])
        for file in chain:
            if file.last > seen or (file.kind == "commit" and file.count < SMALL_FILE):
                self._unseen.append(file)
            else:
                self._large.append(file)
        self._index, self._complete = index, complete

    def added(self, file: LogFile) -> None:
        """Take in a commit of another process; it is read when somebody asks."""
        self._unseen.append(file)

    def appended(self, file: LogFile, versions: Mapping[str, int]) -> None:
        """Take in a commit of this process, whose streams and versions are known."""
        if self._unseen:  # keep their order: what is unseen comes first
            self._see()
        if file.count < SMALL_FILE:
            self._small[file.first] = file
            for stream_id in versions:
                self._where.setdefault(stream_id, []).append(file.first)
        else:
            self._large.append(file)
        self._know(versions)

    def versions(self, stream_ids: Sequence[str]) -> list[int]:
        """Each stream's version; 0 where there is none.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
            DamagedLog: A file cannot be read.
        """
        self._see()
        if not self._complete:
            events = sum(file.count for file in self._large)
            if events <= _FEW_EVENTS or len(stream_ids) + self._probes > _PROBES_MOST:
                self._learn_all()
            else:
                return [self._probe(stream_id) for stream_id in stream_ids]
        if len(stream_ids) == 1:
            return [self._index.get(stream_ids[0])]
        found: list[int] = self._index.get_many(stream_ids).tolist()
        return found

    def events(self, stream_id: str) -> list[RecordedEvent]:
        """A stream's events in version order. Raises as `versions` does."""
        self._see()
        events: list[RecordedEvent] = []
        if self._large and not (self._complete and self._index.get(stream_id) == 0):
            events = events_of(self._scanner.stream_rows(self._large, [stream_id]), self._registry)
        for first in self._where.get(stream_id, ()):
            events += [event for event in self._events_in(first) if event.stream_id == stream_id]
        events.sort(key=lambda event: event.position)
        return events

    def rows(self, stream_ids: Sequence[str]) -> pa.Table:
        """The envelope of every event of some streams, in position order. Raises as `versions` does."""
        self._see()
        tables = [self._scanner.stream_rows(self._large, stream_ids)]
        firsts = sorted({first for stream_id in stream_ids for first in self._where.get(stream_id, ())})
        wanted = pa.array(stream_ids, pa.string())
        for first in firsts:
            table = small_file(self._small[first], self._log_id)
            tables.append(table.filter(pa.compute.is_in(table.column("stream_id"), wanted)))
        return pa.concat_tables(tables).sort_by("position")

    def ids(self, prefix: str) -> set[str]:
        """The ids of all streams that begin with a prefix. Raises as `versions` does."""
        self._see()
        found = {stream_id for stream_id in self._where if stream_id.startswith(prefix)}
        if self._large:
            table = self._scanner.query(
                self._large, "SELECT DISTINCT stream_id FROM {events} WHERE starts_with(stream_id, ?)", [prefix]
            )
            found.update(table.column(0).to_pylist())
        return found

    def close(self) -> None:
        """Let go of what is held open."""
        self._scanner.close()

    def _see(self) -> None:
        """Read the small ones among the files not seen yet, and note the large ones."""
        if not self._unseen:
            return
        small = [file for file in self._unseen if file.kind == "commit" and file.count < SMALL_FILE]
        large = [file for file in self._unseen if not (file.kind == "commit" and file.count < SMALL_FILE)]
        found = self._contents(small)
        # What a large file follows may hold later versions of the same streams.
        last_large = max((file.first for file in (*self._large, *large)), default=0)
        before = {stream_id: version for stream_id, first, version in found if first < last_large}
        versions = {stream_id: version for stream_id, first, version in found if first > last_large}
        keys = [self._scanner.stream_versions([file]) for file in large] if self._complete else []
        # Nothing above changed anything; from here on nothing can fail.
        for stream_id, first in dict.fromkeys((stream_id, first) for stream_id, first, _ in found):
            self._where.setdefault(stream_id, []).append(first)
        self._small.update((file.first, file) for file in small)
        self._large += large
        for key, version in keys:
            self._index.put_keys(key, version)
        if self._complete:
            self._index.put_any(before)
        elif large:
            self._met.clear()
        self._know(versions)
        self._unseen = []

    def _contents(self, small: Sequence[LogFile]) -> list[tuple[str, int, int]]:
        """Stream, file (its first position) and version of every event of some small files, in position order."""
        if len(small) >= _SCAN_FROM:
            table = self._scanner.query(small, "SELECT position, stream_id, version FROM {events} ORDER BY position")
            firsts = np.array([file.first for file in small])
            owners = firsts[np.searchsorted(firsts, table.column("position").to_numpy(), side="right") - 1]
            streams, versions = table.column("stream_id").to_pylist(), table.column("version").to_pylist()
            return list(zip(streams, owners.tolist(), versions, strict=True))
        contents: list[tuple[str, int, int]] = []
        for file in small:
            events = events_of(small_file(file, self._log_id), self._registry)
            self._keep(file.first, events)
            contents += [(event.stream_id, file.first, event.version) for event in events]
        return contents

    def _know(self, versions: Mapping[str, int]) -> None:
        if self._complete:
            self._index.put(versions)
        else:
            self._met.update(versions)

    def _learn_all(self) -> None:
        keys = self._scanner.stream_versions(self._large) if self._large else None
        small: dict[str, int] = {}
        for file in self._small.values():
            for event in self._events_in(file.first) if file.first in self._cache else ():
                small[event.stream_id] = max(event.version, small.get(event.stream_id, 0))
        missing = [file for file in self._small.values() if file.first not in self._cache]
        if missing:
            table = self._scanner.query(missing, "SELECT stream_id, max(version) AS v FROM {events} GROUP BY stream_id")
            for stream_id, version in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
                small[stream_id] = max(version, small.get(stream_id, 0))
        self._index = StreamIndex()
        if keys is not None:
            self._index.put_keys(*keys)
        self._index.put_any(small)
        self._index.put_any(self._met)
        self._met = {}
        self._complete = True

    def _probe(self, stream_id: str) -> int:
        version = self._met.get(stream_id)
        if version is None:
            self._probes += 1
            events = self.events(stream_id)
            version = self._met[stream_id] = events[-1].version if events else 0
        return version

    def _events_in(self, first: int) -> list[RecordedEvent]:
        events = self._cache.get(first)
        if events is None:
            events = events_of(small_file(self._small[first], self._log_id), self._registry)
            self._keep(first, events)
        else:
            self._cache.move_to_end(first)
        return events

    def _keep(self, first: int, events: list[RecordedEvent]) -> None:
        self._cache[first] = events
        self._cached += len(events)
        while self._cached > _CACHED_EVENTS and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached -= len(dropped)


def schema_columns(columns: Sequence[str] | None, registry: EventRegistry) -> list[str]:
    """The columns that a read gives: those asked for, or the envelope, the payload and the registry's."""
    known = [*ENVELOPE_SCHEMA.names, *registry.columns]
    if columns is None:
        return known
    for name in columns:
        if name not in known:
            raise ValueError(f"columns: there is no column {name!r}; there are {', '.join(known)}")
    return list(columns)
