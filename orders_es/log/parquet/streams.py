"""Streams of a Parquet log: at which version each stands, and its events, without reading the whole log for one of them.

Three kinds of knowledge, each brought up to date with the chain of files when asked: which small files hold events of a
stream (from reading them once), the versions met so far, and, once enough streams were asked for, the versions of all.
Large files are looked into through their copies sorted by stream, where there are such, and scanned where not.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from orders_es.log.event import to_micros
from orders_es.log.parquet.binding import Contents
from orders_es.log.parquet.by_stream import FOLDER, ByStream, DamagedCopy, block_name, fingerprint
from orders_es.log.parquet.reader import Scanner, small_file
from orders_es.log.parquet.stream_directory import keys_of
from orders_es.log.retry import EventPlace
from orders_es.log.rows import events_of, rows_of
from orders_es.log.stream_index import StreamIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from orders_es.log.event import LogFile, RecordedEvent
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.registry import EventRegistry

__all__ = ["SMALL_FILE", "Streams", "is_small"]

SMALL_FILE = 1024
"""A commit of fewer events than this is read whole when one of its events is needed."""
_FEW_EVENTS = 300_000
_PROBES_MOST = 16
_SORTED_PROBES_MOST = 4_096
"""So many streams are looked up one by one, without and with sorted copies, before the versions of all are learnt."""
_CACHED_EVENTS = 50_000


class Streams:
    """What a `ParquetLog` knows of its streams. The caller holds the log's lock.

    Args:
        checked: Holds files to their digests.
        registry: Given to the events that come out.
    """

    def __init__(self, checked: Checked, registry: EventRegistry) -> None:
        self._checked = checked
        self._registry = registry
        self.scanner = Scanner(checked)
        self.contents = Contents(registry)
        self.scanned: Callable[[], None] = lambda: None
        """Called when large files had to be searched for one stream."""
        self.reset([])

    def reset(self, chain: list[LogFile]) -> None:
        """Start again from a chain of files that replaced the one before."""
        self._unseen = list(chain)
        self._large: list[LogFile] = []
        self._copies: dict[str, ByStream | None] = {}
        self._small: dict[int, LogFile] = {}
        self._where: dict[str, list[tuple[int, int]]] = {}
        self._told: dict[int, Mapping[str, int]] = {}
        self._cache: OrderedDict[int, list[RecordedEvent]] = OrderedDict()
        self._cached = 0
        self._index = StreamIndex()
        self._met: dict[str, int] = {}
        self._complete = False
        self._probes = 0

    def replaced(self, chain: list[LogFile]) -> None:
        """Take in that compaction replaced files; no version has changed, and what is known stays known."""
        index, complete, small, where, told = self._index, self._complete, self._small, self._where, self._told
        seen = sum(f.count for f in small.values()) + sum(f.count for f in self._large)
        self.reset([])
        for file in chain:
            if small.get(file.first) == file:
                self._small[file.first] = file
            elif file.last > seen or is_small(file):
                self._unseen.append(file)
            else:
                self._large.append(file)
        for stream_id, places in where.items():
            kept = [place for place in places if place[0] in self._small]
            if kept:
                self._where[stream_id] = kept
        self._told = {file.first: told[file.first] for file in self._unseen if file.first in told}
        self._index, self._complete = index, complete

    def told(self, file: LogFile, streams: Mapping[str, int] | None) -> None:
        """Take in what a footer says of a commit's streams, so that it need not be read again."""
        if streams is not None and file.first not in self._small and is_small(file):
            self._told[file.first] = streams

    def added(self, file: LogFile, streams: Mapping[str, int] | None) -> None:
        """Take in a commit of another process, with the streams that its footer tells."""
        self._unseen.append(file)
        self.told(file, streams)

    def appended(self, file: LogFile, versions: Mapping[str, int]) -> None:
        """Take in a commit of this process, whose streams and versions are known."""
        if self._unseen:  # keep their order: what is unseen comes first
            self._see()
        if file.count < SMALL_FILE:
            self._small[file.first] = file
            for stream_id, version in versions.items():
                self._where.setdefault(stream_id, []).append((file.first, version))
        else:
            self._large.append(file)
        self._know(versions)

    def remember(self, first: int, events: Sequence[RecordedEvent]) -> None:
        """Keep the events of a small commit of this process, so that nobody here has to read them back.

        Args:
            first: The commit's first position.
            events: All its events, in order.
        """
        if len(events) < SMALL_FILE and first not in self._cache:
            self._keep(first, list(events))

    def versions(self, stream_ids: Sequence[str]) -> list[int]:
        """Each stream's version; 0 where there is none.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
            DamagedLog: A file cannot be read.
        """
        self._see()
        if not self._complete:
            events = sum(file.count for file in self._large)
            if all(self.sorted_copy(file) is not None for file in self._large):
                learn = len(stream_ids) + self._probes > _SORTED_PROBES_MOST
            else:
                learn = events <= _FEW_EVENTS or len(stream_ids) + self._probes > _PROBES_MOST
            if learn:
                self._learn_all()
            else:
                return [self._probe(stream_id) for stream_id in stream_ids]
        if len(stream_ids) == 1:
            return [self._index.get(stream_ids[0])]
        found: list[int] = self._index.get_many(stream_ids).tolist()
        return found

    def events(self, stream_id: str, after_version: int = 0, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events in version order, perhaps with some that are not asked for. Raises as `versions` does."""
        self._see()
        events: list[RecordedEvent] = []
        if self._large and not (self._complete and self._index.get(stream_id) == 0):
            for table in self._large_rows(stream_id, after_version, to_version):
                events += events_of(table, self._registry)
        for first in self._holding(stream_id, after_version, to_version):
            events += [event for event in self._events_in(first) if event.stream_id == stream_id]
        events.sort(key=lambda event: event.position)
        return events

    def _large_rows(self, stream_id: str, after_version: int, to_version: int | None) -> Iterator[pa.Table]:
        """A stream's rows in the large files: from their sorted copies, and by one scan of those that have none."""
        unsorted = []
        key = keys_of([stream_id])[0]
        for file in self._large:
            copy = self.sorted_copy(file)
            rows = None if copy is None else copy.rows(stream_id, after_version, to_version, key)
            if rows is None:
                unsorted.append(file)
            elif rows.num_rows:
                yield rows
        if unsorted:
            yield self.scanner.stream_rows(unsorted, [stream_id])
            self.scanned()

    def sorted_copy(self, file: LogFile) -> ByStream | None:
        """The copy of a large file that is sorted by stream, if there is one."""
        if file.path in self._copies:
            return self._copies[file.path]
        path = os.path.join(os.path.dirname(os.path.dirname(file.path)), FOLDER, block_name(file))
        if not os.path.exists(path):  # compaction may make one at any time
            return None
        footer = self._checked.footer(file.path)
        copy = self._copies[file.path] = ByStream.of(path, self._checked.log_id, file, fingerprint(footer))
        return copy

    def rows(self, wanted: Mapping[str, tuple[int, int | None]]) -> list[EventPlace]:
        """Events of some streams, each with `after < version <= to`, or to its end. Raises as `versions` does."""
        self._see()
        rows: list[EventPlace] = []
        if self._large:
            rows += rows_of(self.scanner.stream_rows(self._large, list(wanted)))
        firsts = {first for stream_id, (after, to) in wanted.items() for first in self._holding(stream_id, after, to)}
        for first in sorted(firsts):
            rows += [
                EventPlace(
                    e.stream_id, e.event_id.bytes, e.version, e.position, to_micros(e.recorded_at, "recorded_at")
                )
                for e in self._events_in(first)
                if e.stream_id in wanted
            ]
        return rows

    def _holding(self, stream_id: str, after: int, to: int | None) -> list[int]:
        """The small files that may hold a stream's events with `after < version <= to`."""
        places = self._where.get(stream_id, [])
        start = bisect_right(places, after, key=lambda place: place[1])
        end = len(places) if to is None else bisect_left(places, to, key=lambda place: place[1]) + 1
        return [first for first, _ in places[start:end]]

    def small_after(self, first: int, most: int) -> list[str]:
        """Some streams that have events in small files behind a position. Raises as `versions` does."""
        self._see()
        found = (stream_id for stream_id, places in self._where.items() if places[-1][0] > first)
        return list(islice(found, most))

    def ids(self, prefix: str, limit: int | None) -> set[str]:
        """The ids of the streams that begin with a prefix, or at least the first `limit`. Raises as `versions` does."""
        self._see()
        found = {stream_id for stream_id in self._where if stream_id.startswith(prefix)}
        unsorted = []
        for file in self._large:
            copy = self.sorted_copy(file)
            listed = None if copy is None else copy.ids(prefix)
            try:
                found.update([] if listed is None else islice(listed, limit))
            except DamagedCopy:
                listed = None
            if listed is None:
                unsorted.append(file)
        if unsorted:
            first = "" if limit is None else f"ORDER BY stream_id LIMIT {limit:d}"
            table = self.scanner.query(
                unsorted,
                f"SELECT DISTINCT stream_id FROM {{events}} WHERE starts_with(stream_id, ?) {first}",
                [prefix],
            )
            found.update(table.column(0).to_pylist())
        return found

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. Raises as `versions` does.

        The sorted copies are asked one by one for each, which reads nothing else; files without one are scanned once.
        """
        self._see()
        if self._complete or len(stream_ids) > _SORTED_PROBES_MOST:
            return {s for s, version in zip(stream_ids, self.versions(stream_ids), strict=True) if version}
        found = {stream_id for stream_id in stream_ids if stream_id in self._where}
        unsorted = []
        keys = keys_of(stream_ids)
        for file in self._large:
            copy = self.sorted_copy(file)
            if copy is None:
                unsorted.append(file)
            else:
                found.update(stream_ids[at] for at in copy.hold(keys).nonzero()[0].tolist())
        rest = [stream_id for stream_id in stream_ids if stream_id not in found]
        if unsorted and rest:
            table = self.scanner.query(
                unsorted,
                "SELECT DISTINCT stream_id FROM {events} WHERE stream_id IN (SELECT unnest(?::VARCHAR[]))",
                [rest],
            )
            found.update(table.column(0).to_pylist())
        return found

    def types(self, chain: Sequence[LogFile]) -> frozenset[tuple[str, int]]:
        """The event types in a chain of files, with their schema versions. Raises as `versions` does."""
        return self.contents.up_to_date(chain, self.scanner)

    def _see(self) -> None:
        """Read the small ones among the files not seen yet, and note the large ones."""
        if not self._unseen:
            return
        small = [file for file in self._unseen if is_small(file)]
        large = [file for file in self._unseen if not is_small(file)]
        found = self._contents(small)
        # What a large file follows may hold later versions of the same streams.
        last_large = max((file.first for file in (*self._large, *large)), default=0)
        before = {stream_id: version for stream_id, first, version in found if first < last_large}
        versions = {stream_id: version for stream_id, first, version in found if first > last_large}
        keys = [self.scanner.stream_versions([file]) for file in large] if self._complete else []
        # Nothing above changed anything; from here on nothing can fail.
        for stream_id, first, version in found:
            self._where.setdefault(stream_id, []).append((first, version))
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
        self._told = {}

    def _contents(self, small: Sequence[LogFile]) -> list[tuple[str, int, int]]:
        """Stream, file (its first position) and version after it, of every stream of some small files, in order."""
        contents: list[tuple[str, int, int]] = []
        for file in small:
            streams = self._told.get(file.first) or self._checked.footer(file.path).streams
            if streams is None:  # another implementation may leave them out
                events = self._events_in_file(file)
                streams = {event.stream_id: event.version for event in events}
            contents += [(stream_id, file.first, version) for stream_id, version in streams.items()]
        return contents

    def _know(self, versions: Mapping[str, int]) -> None:
        if self._complete:
            self._index.put(versions)
        else:
            self._met.update(versions)

    def _learn_all(self) -> None:
        copies = {file.path: self.sorted_copy(file) for file in self._large}
        unsorted = [file for file in self._large if copies[file.path] is None]
        keys = self.scanner.stream_versions(unsorted) if unsorted else None
        small = {stream_id: places[-1][1] for stream_id, places in self._where.items()}
        self._index = StreamIndex()
        if keys is not None:
            self._index.put_keys(*keys)
        known = [copy.versions() for copy in copies.values() if copy is not None]
        if known:
            high, low, versions = (np.concatenate(arrays) for arrays in zip(*known, strict=True))
            self._index.put_words(high, low, versions)
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
            return self._events_in_file(self._small[first])
        self._cache.move_to_end(first)
        return events

    def _events_in_file(self, file: LogFile) -> list[RecordedEvent]:
        events = events_of(small_file(file, self._checked), self._registry)
        self._keep(file.first, events)
        return events

    def _keep(self, first: int, events: list[RecordedEvent]) -> None:
        self._cache[first] = events
        self._cached += len(events)
        while self._cached > _CACHED_EVENTS and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached -= len(dropped)


def is_small(file: LogFile) -> bool:
    """Whether a file is read whole when one of its events is needed."""
    return file.kind == "commit" and file.count < SMALL_FILE
