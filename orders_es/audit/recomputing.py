"""What is known while a log is read from its first event to its last, and what of it contradicts what the log says."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from orders_es.audit.restating import restated
from orders_es.errors import EventError
from orders_es.log.bookkeeping import PERSONAL_DATA_ERASED
from orders_es.log.describing import describe_event
from orders_es.log.event import RawEvent
from orders_es.log.hashing import range_beside
from orders_es.log.ids import id_keys
from orders_es.log.leaf import leaf_hashes, uuid_bytes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange
from orders_es.log.personal import check_mark, is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import numpy.typing as npt

    from orders_es.log import EventRegistry
    from orders_es.log.hashing import Beside
    from orders_es.log.survey import Stated, Stretch

__all__ = ["Recomputing"]

_MANY = 64
"""Of fewer events in a batch each is looked at by itself."""
_WORTH_IT = 4_096
_WAITING_MOST = 8
"""So many batches wait for another process to hash them before this one hashes some itself."""

_ODD = (EventError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What a payload that no program of ours has written may bring about."""


class Recomputing:
    """Takes in a log stretch by stretch.

    Args:
        registry: The event types that this program knows.
        wrong: Is called with each place and what is wrong there.
    """

    def __init__(self, registry: EventRegistry, wrong: Callable[[str, str], None]) -> None:
        self._registry = registry
        self._wrong = wrong
        self.events = self.heads = self.values = self.unprotected = 0
        self._tree: CompactRange | None = EMPTY_RANGE
        self._recorded_at: int | None = None
        self._versions: dict[str, int] = {}
        self._gap = False
        self._ids: list[npt.NDArray[np.void]] = []
        self._positions: list[
            npt.NDArray[np.int64] | range
        ] = []  # as ranges: of a hundred million, that is most of a gigabyte
        self._commits: dict[UUID, str] = {}
        self.erased: list[int] = []
        self._erasures: list[tuple[int, int]] = []

    def take(self, stretch: Stretch) -> None:
        """Read a stretch and hold it to what is said of it."""
        if self._tree is not None and self._tree.end != stretch.first - 1:
            self._tree, self._gap = None, True
        hashing = _Hashing(stretch.first - 1)
        position = stretch.first - 1
        streams: dict[str, int] = {}
        whole = True
        for batch in stretch.read():
            if not batch.num_rows:
                continue
            place = batch.column("position")[0].as_py()
            if place != position + 1:
                whole = False
                self._gap = self._gap or place > position + 1
            if whole:
                hashing.begin(batch)
            streams |= self._order(batch, position if whole else place - 1)
            self._columns(batch, stretch.nulls)
            hashing.go_on()
            position = batch.column("position")[-1].as_py()
            self.events += batch.num_rows
        leaves = hashing.end()
        if not stretch.protected:
            self.unprotected += stretch.last - stretch.first + 1
        for finding in stretch.found:
            self._wrong(finding.where, finding.what)
        if leaves.end != stretch.last:
            whole = False
            self._gap = True
            if not stretch.found:
                self._wrong(stretch.where, f"it does not hold the positions {leaves.end + 1} to {stretch.last}")
        self._stated(stretch, leaves if whole else None, streams)

    def skim(self, stretch: Stretch) -> None:
        """Hold what is said of a stretch to what is said of those before it, without reading its events."""
        if self._tree is not None and self._tree.end != stretch.first - 1:
            self._tree = None
        self._gap = True  # nobody knows which versions it has where it does not say so
        for finding in stretch.found:
            self._wrong(finding.where, finding.what)
        if not stretch.protected:
            self.unprotected += stretch.last - stretch.first + 1
        stated = stretch.stated
        if stated is None or stated.last != stretch.last:
            self._tree = None
            return
        if stated.range is not None and self._tree is not None and stated.range.begin == self._tree.end:
            self.heads += 1
            tree = self._tree.merge(stated.range)
            if tree != stated.tree:
                self._wrong(
                    f"position {stretch.last}",
                    f"the tree's root is stated as {stated.tree.root().hex()} and the hashes stated before it give {tree.root().hex()}",
                )
        if self._recorded_at is not None and stated.recorded_at < self._recorded_at:
            self._wrong(stretch.where, "it says that it was recorded before the file in front of it")
        before = self._commits.setdefault(stated.commit_id, stretch.where)
        if before != stretch.where:
            self._wrong(stretch.where, f"it has the commit id of {before}")
        self._versions |= stated.streams or {}
        self._tree, self._recorded_at = stated.tree, stated.recorded_at

    def _stated(self, stretch: Stretch, leaves: CompactRange | None, streams: dict[str, int]) -> None:
        stated = stretch.stated
        if stated is None or stated.last != stretch.last:
            whole = leaves is not None and self._tree is not None
            self._tree = self._tree.merge(leaves) if whole and self._tree is not None and leaves is not None else None
            return
        found = leaves
        if found is None and stated.range is not None:
            found = stated.range  # what is damaged is reported; what comes after it can be held to the rest
        if self._tree is not None and found is not None and found.begin == self._tree.end:
            self.heads += 1
            tree = self._tree.merge(found)
            if tree != stated.tree:
                self._wrong(
                    f"position {stretch.last}",
                    f"the tree's root is stated as {stated.tree.root().hex()} and the events give {tree.root().hex()}",
                )
        if leaves is not None:
            if stated.range is not None and stated.range != leaves:
                self._wrong(stretch.where, "its events do not have the hashes that are stated for them")
            self._footer(stretch, stated, streams)
        self._tree = stated.tree
        if self._recorded_at is None or leaves is None:
            self._recorded_at = stated.recorded_at

    def _footer(self, stretch: Stretch, stated: Stated, streams: dict[str, int]) -> None:
        if stated.recorded_at != self._recorded_at:
            self._wrong(stretch.where, "the time of recording that is stated is not that of its last event")
        if stated.streams is not None and dict(stated.streams) != streams:
            odd = sorted(name for name in {*stated.streams, *streams} if stated.streams.get(name) != streams.get(name))
            name = odd[0]
            said, is_at = stated.streams.get(name, 0), streams.get(name, 0)
            self._wrong(stretch.where, f"stream {name!r} is stated to be at version {said} and is at {is_at}")
        before = self._commits.setdefault(stated.commit_id, stretch.where)
        if before != stretch.where:
            self._wrong(stretch.where, f"it has the commit id of {before}")

    def _order(self, batch: pa.RecordBatch, position: int) -> dict[str, int]:
        """Hold places, versions and times to one another; the streams of a batch, each with its last version there."""
        ids: Any = uuid_bytes(batch.column("event_id"))
        self._ids.append(ids.copy())
        positions = batch.column("position").to_numpy()
        first, count = int(positions[0]) if len(positions) else 0, len(positions)
        in_line = np.array_equal(positions, np.arange(first, first + count))
        self._positions.append(range(first, first + count) if in_line else positions.copy())
        encoded = batch.column("stream_id").dictionary_encode()
        names: list[str] = encoded.dictionary.to_pylist()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        versions = batch.column("version").to_numpy()
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(names))) - 1
        begins = np.concatenate(([0], ends[:-1] + 1))
        steps = np.diff(versions[order].astype(np.int64), prepend=0)
        steps[begins] = 1
        firsts, lasts = versions[order[begins]].tolist(), versions[order[ends]].tolist()
        times = batch.column("recorded_at").cast("int64").to_numpy()
        before = times[0] if self._recorded_at is None else self._recorded_at
        known = self._versions
        sound = (
            np.array_equal(positions, np.arange(position + 1, position + 1 + len(positions)))
            and bool((steps == 1).all())
            and all(known.get(name, 0) + 1 == first for name, first in zip(names, firsts, strict=True))
            and int(times[0]) >= before
            and bool((times[1:] >= times[:-1]).all())
        )
        streams = dict(zip(names, lasts, strict=True))
        if not sound:
            self._one_by_one(batch, position)
        else:
            known |= streams
            self._recorded_at = int(times[-1])
        return streams

    def _one_by_one(self, batch: pa.RecordBatch, position: int) -> None:
        """Hold each event's place, version and time to the one before it, and say which is wrong."""
        rows = zip(
            batch.column("position").to_pylist(),
            batch.column("stream_id").to_pylist(),
            batch.column("version").to_pylist(),
            batch.column("recorded_at").cast("int64").to_pylist(),
            strict=True,
        )
        versions, before = self._versions, self._recorded_at
        for found, stream_id, version, recorded_at in rows:
            position += 1
            if found != position:
                self._wrong(f"position {position}", f"position {found} stands in its place")
            expected = versions.get(stream_id, 0) + 1
            if version != expected and not (self._gap and version > expected):
                self._wrong(f"position {found}", f"it is version {version} of {stream_id!r}, after {expected - 1}")
            versions[stream_id] = version
            if before is not None and recorded_at < before:
                self._wrong(f"position {found}", "it was recorded before the event in front of it")
            before = recorded_at
        self._recorded_at = before

    def _columns(self, batch: pa.RecordBatch, nulls: frozenset[str]) -> None:
        """Hold typed columns to the payloads, nulls included, but where views read the payload then."""
        known = self._registry.columns
        names = [name for name in batch.schema.names if name in known]
        if batch.num_rows >= _MANY:
            certain = restated(batch, self._registry)
            if certain.any():
                plain = batch if certain.all() else batch.filter(pa.array(certain))
                self.values += sum(plain.num_rows - plain.column(name).null_count for name in names)
                batch = batch.filter(pa.array(~certain))
        columns = {name: batch.column(name).to_pylist() for name in names}
        rows = zip(
            *(batch.column(n).to_pylist() for n in ("position", "type", "schema_version", "payload")),
            _marks(batch),
            strict=True,
        )
        for index, (position, name, schema_version, payload, mark) in enumerate(rows):
            found = {c: value for c, values in columns.items() if (value := values[index]) is not None}
            try:
                said = self._said(position, name, schema_version, payload, mark)
            except _ODD as error:
                self._wrong(f"position {position}", str(error) or type(error).__name__)
                continue
            if self._registry.upcasts(name, schema_version):
                continue  # nobody reads the columns of an event of an old version; its payload has a meaning, as just seen
            self.values += len(found)
            if found == said:
                continue
            for column in sorted({*found, *said}):
                value, right = found.get(column), said.get(column)
                if value != right and not (value is None and name in nulls):
                    self._wrong(
                        f"position {position}", f"column {column} holds {value!r} and the payload says {right!r}"
                    )

    def _said(self, position: int, name: str, schema_version: int, payload: str, mark: str | None) -> dict[str, Any]:
        """What a payload says; what was erased of it need not be of the form that the door asks for."""
        if mark is not None:
            check_mark(mark, payload)
            if not is_live(mark):
                self.erased.append(position)
                if self._registry.is_today(name, schema_version):
                    return self._registry.encode(self._registry.decode(name, schema_version, payload))[2]
                return {}
        columns = describe_event(self._registry, RawEvent(name, payload, schema_version))[3]
        if name == PERSONAL_DATA_ERASED:
            self._erasures += [(position, at) for at in json.loads(payload)["positions"]]
        return columns

    def finish(self, said: Collection[int] | None = None) -> None:
        """Look at what only the whole log shows: event ids that stand twice, and erasures that nobody recorded.

        Args:
            said: Where not all was read, the positions that the log records as erased.
        """
        known = {at for position, at in self._erasures if at < position}
        if said is not None:
            known = set(said).intersection(int(at) for positions in self._positions for at in positions)
        for position in sorted(known - set(self.erased)):
            self._wrong(f"position {position}", "its personal data were to be erased, and are still there: erase again")
        for position in sorted(set(self.erased) - known):
            self._wrong(f"position {position}", "its personal data are erased, and no event in the log says so")
        self._find_twice()

    def _find_twice(self) -> None:
        """Name the event ids that stand more than once."""
        self._versions = {}  # whatever it knew of streams is behind; what follows is as large as that
        keys = np.empty(sum(map(len, self._ids)), np.uint64)
        begin = 0
        for ids in self._ids:
            keys[begin : begin + len(ids)] = id_keys(ids.tobytes())
            begin += len(ids)
        keys.sort()
        alike = np.unique(keys[1:][keys[1:] == keys[:-1]])  # the only ones that can be the same
        if not len(alike):
            return
        places: dict[bytes, list[int]] = {}
        for ids, positions in zip(self._ids, self._positions, strict=True):
            for row in np.flatnonzero(np.isin(id_keys(ids.tobytes()), alike)).tolist():
                places.setdefault(ids[row].tobytes(), []).append(int(positions[row]))
        for at, here in sorted(places.items()):
            if len(here) > 1:
                here.sort()
                shown = ", ".join(f"{p}" for p in here[:5])
                self._wrong(f"position {here[1]}", f"event id {UUID(bytes=at)} is there {len(here)} times: at {shown}")


class _Hashing:
    """The leaves of batches that follow one another, hashed by other processes while this one looks at them.

    Args:
        begin: Index of the first leaf.
    """

    def __init__(self, begin: int) -> None:
        self._leaves = CompactRange(begin, begin, ())
        self._next = begin
        self._waiting: deque[tuple[pa.RecordBatch, Beside | None]] = deque()

    def begin(self, batch: pa.RecordBatch) -> None:
        beside = range_beside(batch, self._next + 1) if batch.num_rows >= _WORTH_IT else None
        self._waiting.append((batch, beside))
        self._next += batch.num_rows

    def go_on(self) -> None:
        """Take in what other processes have done; where much waits for them, hash the oldest here."""
        while self._waiting:
            beside = self._waiting[0][1]
            if len(self._waiting) <= _WAITING_MOST and not (beside is not None and beside.done()):
                return
            self._take()

    def end(self) -> CompactRange:
        while self._waiting:
            self._take()
        return self._leaves

    def _take(self) -> None:
        batch, beside = self._waiting.popleft()
        found = CompactRange.of_leaves(self._leaves.end, leaf_hashes(batch)) if beside is None else beside.range()
        self._leaves = self._leaves.merge(found)


def _marks(batch: pa.RecordBatch) -> list[str | None]:
    if "personal" not in batch.schema.names:
        return [None] * batch.num_rows
    marks: list[str | None] = batch.column("personal").to_pylist()
    return marks
