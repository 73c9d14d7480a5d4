"""Recomputing all that a log says of itself: its order, its hashes, its typed columns and its snapshots. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog, EventError
from orders_es.log.batch import describe_event
from orders_es.log.event import RawEvent
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange
from orders_es.orders import ORDERS
from orders_es.replay.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from orders_es.decider import Decider
    from orders_es.log import EventLog, Head

__all__ = ["Problem", "Verified", "verify"]

_NAMED_MOST = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Args:
        where: The position, file or snapshot.
        what: What is wrong with it.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Args:
        head: The head that the log states.
        events: How many events were read and hashed.
        heads: How many stated tree heads were recomputed.
        values: How many values of typed columns were held to their payloads.
        snapshots: How many snapshots were recomputed.
        problems: What is wrong, at most 100 of them; none if all is well.
    """

    head: Head
    events: int
    heads: int
    values: int
    snapshots: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(log: EventLog, *, domains: Sequence[Decider[Any]] = (ORDERS,), progress: bool = False) -> Verified:
    """What comes of reading and hashing every event of a log anew. Nothing is written.

    Positions and versions run without gaps, `recorded_at` never decreases, every tree head that a file states (RFC 6962,
    section 2.1) is the one that the events give, typed columns say what payloads say, and every snapshot that this
    program would use is the state that the log gives. Memory grows with the number of streams, not with that of events.

    It shows that a log is sound, not that it is the log of last year: for that, compare roots that were kept elsewhere.

    Args:
        log: The log.
        domains: The domains whose snapshots are recomputed.
        progress: Show a progress bar.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> verify(log).ok
        True
    """
    from tqdm.auto import tqdm  # noqa: PLC0415 - loads what a short call does without

    head = log.head()
    reading = _Reading(log)
    with tqdm(total=head.position, unit=" events", unit_scale=True, desc="verifying", disable=not progress) as bar:
        for before, stated in pairwise([None, *_stated(log, reading)]):
            if stated is None or stated.position > head.position:
                break
            start = 0 if before is None else before.position
            bar.update(reading.stretch(start, stated))
    snapshots = sum(_snapshots(Snapshots(log, decider=decider), reading) for decider in domains)
    return Verified(
        head, reading.events, reading.heads, reading.values, snapshots, tuple(reading.problems[:_NAMED_MOST])
    )


class _Reading:
    """What is known while a log is read from its first event to its last."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.problems: list[Problem] = []
        self.events = self.heads = self.values = 0
        self._tree: CompactRange | None = EMPTY_RANGE
        self._recorded_at: Any = None
        self._versions: dict[str, int] = {}

    def wrong(self, where: str, what: str) -> None:
        if len(self.problems) <= _NAMED_MOST:
            self.problems.append(Problem(where, what))

    def stretch(self, after: int, stated: Head) -> int:
        """Read the events up to a head that the log states, and hold them to it; how many there are."""
        position = after
        try:
            for batch in self.log.read(after=after, to=stated.position):
                self._order(batch, position)
                self._columns(batch)
                if self._tree is not None:
                    self._tree = self._tree.merge(CompactRange.of_leaves(self._tree.end, leaf_hashes(batch)))
                position += batch.num_rows
                self.events += batch.num_rows
        except DamagedLog as error:
            self.wrong(f"positions {position + 1} to {stated.position}", str(error))
            self._tree = None  # from here on no root can be computed
        if self._tree is not None:
            self.heads += 1
            if self._tree.root() != stated.root:
                self.wrong(
                    f"position {stated.position}",
                    f"the tree's root is stated as {stated.root.hex()} and the events give {self._tree.root().hex()}",
                )
        return stated.position - after

    def _order(self, batch: pa.RecordBatch, position: int) -> None:
        rows = zip(
            batch.column("position").to_pylist(),
            batch.column("stream_id").to_pylist(),
            batch.column("version").to_pylist(),
            batch.column("recorded_at").cast("int64").to_pylist(),
            strict=True,
        )
        versions, recorded = self._versions, self._recorded_at
        for found, stream_id, version, recorded_at in rows:
            position += 1
            if found != position:
                self.wrong(f"position {position}", f"position {found} stands in its place")
            expected = versions.get(stream_id, 0) + 1
            if version != expected:
                self.wrong(f"position {found}", f"it is version {version} of {stream_id!r}, after {expected - 1}")
            versions[stream_id] = version
            if recorded is not None and recorded_at < recorded:
                self.wrong(f"position {found}", "it was recorded before the event in front of it")
            recorded = recorded_at
        self._recorded_at = recorded

    def _columns(self, batch: pa.RecordBatch) -> None:
        """Hold typed columns to the payloads. A null is fine: who wrote it did not know the type; views read the payload."""
        registry = self.log.registry
        columns = {name: batch.column(name) for name in registry.columns if name in batch.schema.names}
        typed = {name: values.to_pylist() for name, values in columns.items() if values.null_count < len(values)}
        if not typed:
            return
        rows = zip(*(batch.column(n).to_pylist() for n in ("type", "schema_version", "payload")), strict=True)
        for index, (name, schema_version, payload) in enumerate(rows):
            found = {column: values[index] for column, values in typed.items() if values[index] is not None}
            if not found:
                continue
            where = f"position {batch.column('position')[index].as_py()}"
            try:
                said = describe_event(registry, RawEvent(name, payload, schema_version))[3]
            except EventError as error:
                self.wrong(where, str(error))
                continue
            self.values += len(found)
            for column, value in found.items():
                if said.get(column) != value:
                    self.wrong(where, f"column {column} holds {value!r} and the payload says {said.get(column)!r}")


def _stated(log: EventLog, reading: _Reading) -> Iterator[Head]:
    try:
        yield from log.heads()
    except DamagedLog as error:
        reading.wrong(log.url, str(error))


def _snapshots(snapshots: Snapshots[Any], reading: _Reading) -> int:
    """Recompute the snapshots that this program would use; how many. Those of other versions are never used by it."""
    count = 0
    for file in snapshots.files():
        if file.made_by == snapshots.made_by:
            count += 1
            what = snapshots.wrong_with(file)
            if what is not None:
                reading.wrong(f"snapshot {file.path.name} in {file.path.parent.name}", what)
    return count
