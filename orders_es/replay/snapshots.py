"""Snapshots of long streams, so that one need not be folded from its first event. Derived: never needed, never trusted.

They lie under the log's folder `derived/`, may be deleted at any time, and are used where they help: a state as of a moment
is folded from the latest snapshot all of whose events count at that moment. What is not of this log, of another domain or
version of it, damaged, or ahead of the log is as good as not there. `orders-es verify` recomputes them all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload
from uuid import uuid4

from orders_es.errors import ReadOnlyLog, StorageError, WrongType
from orders_es.errors.calls import check_count
from orders_es.log.derived_lock import making, still_so
from orders_es.log.log_argument import check_log
from orders_es.log.protocol import check_writable, derived_folder
from orders_es.orders import ORDERS, AsOf
from orders_es.replay.moments import counts
from orders_es.replay.snapshot_file import STEP, Snapshot, made_by, read_snapshot, snapshot_bytes

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orders_es.decider import Decider
    from orders_es.log import EventLog, RecordedEvent
    from orders_es.orders import Order

__all__ = ["EVERY", "Found", "SnapshotFile", "Snapshots"]

State = TypeVar("State")

EVERY = 500
"""So many events of a stream lie between two snapshots, unless told otherwise."""
_RUNGS_MOST = 16
_NOW = AsOf()
_SUFFIX = ".snapshot"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One snapshot on disk.

    Args:
        made_by: The domain, its version and its event types: see `Snapshots.made_by`.
        version: After which event of the stream.
        size: Bytes.
    """

    path: Path
    made_by: str
    version: int
    size: int


class Found(NamedTuple, Generic[State]):
    """Where a load may begin.

    Args:
        state: The snapshot's state.
        events: The stream's events after it.
    """

    state: State
    version: int
    events: Sequence[RecordedEvent]


class Snapshots(Generic[State]):
    """The snapshots of one domain's streams in a log; of its orders, unless told otherwise.

    A stream gets one at about every `every` events, and keeps at most 16: from time to time every second one goes, so that
    they grow sparser towards the past of a very long stream. A domain whose decider cannot keep its states has none.

    Args:
        decider: The domain; orders if left out.
        every: The policy: so many events between two snapshots, and none for streams of fewer.

    Raises:
        InvalidSetting: `every` is below 2.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import DiscountApplied
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [DiscountApplied(amount=1)] * 25, expected=NO_STREAM)
        >>> Snapshots(log, every=10).take("A-1")
        2
    """

    @overload
    def __init__(self: Snapshots[Order], log: EventLog, *, every: int = ...) -> None: ...

    @overload
    def __init__(self, log: EventLog, *, decider: Decider[State], every: int = ...) -> None: ...

    def __init__(self, log: EventLog, *, decider: Decider[Any] = ORDERS, every: int = EVERY) -> None:
        check_log(log)
        check_count("every", every, least=2)  # a snapshot after every event is a second log
        if not hasattr(decider, "snapshots"):
            raise WrongType(f"decider={decider!r} is {type(decider).__name__}; give a Decider")
        self.log = log
        self.decider: Decider[State] = decider
        self.every = every
        self._codec = decider.snapshots
        derived = derived_folder(log)
        self._folder = (
            None if derived is None or self._codec is None else f"{derived}/snapshots"
        )  # text: on the way of every load

    def best(self, stream_id: str, asked: AsOf, *, without: uuid.UUID | None = None) -> Found[State] | None:
        """The latest usable snapshot's state for a question, and the stream's events after it; None where there is none.

        The log confirms it: the event that it ends with is read, too, and has to be that event.

        Args:
            asked: Which events are asked for.
            without: An event that has to be among those after the snapshot, if the stream has it at all.
        """
        rungs = self._rungs(stream_id)
        for path, version in reversed(rungs if without is not None else self._early_enough(rungs, stream_id, asked)):
            if asked.version is not None and version > asked.version:
                continue
            snapshot = self._read(path, stream_id, version, asked)
            if snapshot is None:
                continue
            if without is not None and snapshot.may_hold(without.bytes):
                continue
            events = self._that_may_count(rungs[-1], stream_id, version, asked) if without is None else None
            if events is None:
                events = self.log.load(stream_id, after_version=version - 1, to_version=asked.version)
            if events and _ends_with(snapshot, events[0]):
                return Found(snapshot.state, version, events[1:])
        events = self._that_may_count(rungs[-1], stream_id, 0, asked) if rungs and without is None else None
        if events and any(counts(event, asked) for event in events):
            return Found(self.decider.initial(stream_id), 0, events)
        return None

    def _early_enough(self, rungs: list[tuple[Path, int]], stream_id: str, asked: AsOf) -> list[tuple[Path, int]]:
        """Those that may serve: where one is too late, so are those after it."""
        if asked == _NOW:
            return rungs
        low, high = 0, len(rungs)
        while low < high:
            middle = (low + high) // 2
            path, version = rungs[middle]
            late = asked.version is not None and version > asked.version
            if late or self._read(path, stream_id, version, asked, whole=False) is None:
                high = middle
            else:
                low = middle + 1
        return rungs[:low]

    def _that_may_count(
        self, rung: tuple[Path, int], stream_id: str, version: int, asked: AsOf
    ) -> list[RecordedEvent] | None:
        """The event at a version, and those after it that may count; None where all have to be looked at.

        The newest snapshot knows how early the events before it are, so that those are not read which are all too late.

        Args:
            rung: The newest snapshot's file, and its version.
            version: That of an earlier one; 0 for none.
        """
        path, end = rung
        if asked.version is not None or end <= version or self._folder is None:
            return None
        try:
            newest = read_snapshot(path.read_bytes(), None)
        except OSError:
            return None
        if newest is None or (newest.log_id, newest.stream_id, newest.version) != (
            str(self.log.log_id),
            stream_id,
            end,
        ):
            return None
        last = self.log.load(stream_id, after_version=end - 1)
        if not (last and _ends_with(newest, last[0])):
            return None
        ranges = newest.counting(version, lambda *earliest: not _beyond(asked, *earliest))
        if version and ranges and ranges[0][0] == version:
            ranges[0] = version - 1, ranges[0][1]
        elif version:
            ranges.insert(0, (version - 1, version))
        found: list[RecordedEvent] = []
        for after, to in ranges:
            if after < min(to, end - 1):
                found += self.log.load(stream_id, after_version=after, to_version=min(to, end - 1))
        return [*found, *last]

    def newest_version(self, stream_id: str) -> int | None:
        """The version of a stream's newest snapshot on disk; None where there is none. Not held against the log."""
        rungs = self._rungs(stream_id)
        return rungs[-1][1] if rungs else None

    def take(self, stream_id: str) -> int:
        """How many snapshots a stream got that were due and missing. Reads all its events.

        Raises:
            UnknownEventType: The stream holds other things than the domain's events.
            ReadOnlyLog, StorageError: They cannot be written.
        """
        check_writable(self.log)
        if self._folder is None:
            return 0
        events = self.log.load(stream_id)
        have = {version for _, version in self._rungs(stream_id)}
        due = [v for v in range(self.every, len(events) + 1, self.every) if v not in have]
        due = _thinned(sorted({*have, *due}), due)
        state = self.decider.initial(stream_id)
        done = 0
        for version in due:
            state = self.decider.after(events[done:version], state)
            done = version
            self._write(state, events[:version])
        if due:
            self._thin(stream_id)
        return len(due)

    def after_append(self, stream_id: str, version: int, version_before: int) -> None:
        """Take a snapshot where an append has carried a stream over the next step of the policy.

        The append is done, whatever comes of this: a disk that refuses a snapshot is no reason to say otherwise.
        """
        if self._folder is None or version // self.every == version_before // self.every:
            return
        with suppress(ReadOnlyLog, StorageError):
            self.take(stream_id)

    def files(self) -> Iterator[SnapshotFile]:
        """All snapshots on disk, of this domain and of others, as they come."""
        if self._folder is None or not Path(self._folder).is_dir():
            return
        for path in sorted(Path(self._folder).glob(f"*/*/*{_SUFFIX}")):
            name = path.name.removesuffix(_SUFFIX)
            if name.isdigit():
                with suppress(FileNotFoundError):
                    yield SnapshotFile(path, path.parent.parent.name, int(name), path.stat().st_size)

    def stale(self, file: SnapshotFile) -> bool:
        """Whether a snapshot is of this domain, or of nobody's, and never used any more."""
        domain = file.made_by.partition("-")[0] if "-" in file.made_by else self.decider.name
        return domain == self.decider.name and file.made_by != self.made_by

    def stream_of(self, file: SnapshotFile) -> str | None:
        """The stream that a snapshot is of; None where it is damaged."""
        try:
            snapshot = self._decoded(file.path)
        except OSError:
            return None
        return None if snapshot is None else snapshot.stream_id

    def wrong_with(self, file: SnapshotFile) -> str | None:
        """What is wrong with a snapshot that this program would use, after recomputing it from the log; None if nothing."""
        snapshot = self._decoded(file.path)
        if snapshot is None:
            return "it is damaged, and not used; `orders-es snapshots drop` removes it"
        if snapshot.log_id != str(self.log.log_id):
            return f"it belongs to the log {snapshot.log_id}, and is not used"
        events = self.log.load(snapshot.stream_id, to_version=snapshot.version)
        if (
            not events
            or self._snapshot(self.decider.after(events, self.decider.initial(snapshot.stream_id)), events) != snapshot
        ):
            return f"{snapshot.stream_id!r} at version {snapshot.version} is another one in the log; drop the snapshots"
        return None

    def drop(self) -> int:
        """Remove all snapshots, of this domain and of others; how many there were."""
        check_writable(self.log)
        count = 0
        for file in self.files():
            file.path.unlink(missing_ok=True)
            count += 1
        if self._folder is not None:
            place = Path(self._folder)
            for folder in (*place.glob("*/*"), *place.glob("*"), place):
                with suppress(OSError):  # somebody is taking one
                    folder.rmdir()
        return count

    @property
    def made_by(self) -> str:
        """The name under which the snapshots lie that are used: the domain, its version and its event types."""
        return _made_by(self.decider, self.log.registry, self.log.registry.revision)

    def _stream_folder(self, stream_id: str) -> str:
        assert self._folder is not None
        return f"{self._folder}/{self.made_by}/{sha256(stream_id.encode()).hexdigest()[:32]}"

    def _rungs(self, stream_id: str) -> list[tuple[Path, int]]:
        if self._folder is None:
            return []
        folder = self._stream_folder(stream_id)
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are enough, and this is on the way of every load
        except OSError:
            return []
        stems = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
        return [(Path(folder, f"{v:010d}{_SUFFIX}"), v) for v in sorted(int(stem) for stem in stems if stem.isdigit())]

    def _decoded(self, path: Path) -> Snapshot | None:
        return None if self._codec is None else read_snapshot(path.read_bytes(), self._codec)

    def _read(self, path: Path, stream_id: str, version: int, asked: AsOf, *, whole: bool = True) -> Snapshot | None:
        """The snapshot in a file, if it is of this stream and all its events count for a question; without its state if not `whole`."""
        assert self._codec is not None
        try:
            snapshot = read_snapshot(path.read_bytes(), self._codec if whole else None, partial(_beyond, asked))
        except OSError:
            return None
        if snapshot is None or snapshot.log_id != str(self.log.log_id):
            return None
        return snapshot if (snapshot.stream_id, snapshot.version) == (stream_id, version) else None

    def _snapshot(self, state: State, events: Sequence[RecordedEvent]) -> Snapshot:
        last = events[-1]
        return Snapshot(
            log_id=str(self.log.log_id),
            stream_id=last.stream_id,
            version=last.version,
            position=last.position,
            event_id=last.event_id.bytes,
            occurred_at=max(event.occurred_at for event in events),
            recorded_at=last.recorded_at,
            known_at=max(event.known_at for event in events),
            ids=b"".join(event.event_id.bytes[:8] for event in events),
            earliest=[_earliest(events[begin : begin + STEP]) for begin in range(0, len(events), STEP)],
            state=state,
        )

    def _write(self, state: State, events: Sequence[RecordedEvent]) -> None:
        assert self._codec is not None
        snapshot = self._snapshot(state, events)
        data = snapshot_bytes(snapshot, self._codec)
        folder = Path(self._stream_folder(snapshot.stream_id))
        assert self._folder is not None
        temporary = folder / f"{uuid4().hex}.tmp"
        try:
            with making(Path(self._folder).parent):
                if not still_so(
                    self.log, events
                ):  # erased since it was read; the next one who loads it has it as it is now
                    return
                folder.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(data)  # no fsync: what a power cut takes was derived
                temporary.replace(folder / f"{snapshot.version:010d}{_SUFFIX}")
        except PermissionError as error:
            raise ReadOnlyLog(str(folder)) from error
        except OSError as error:
            raise StorageError(str(folder), error.strerror or str(error)) from error

    def _thin(self, stream_id: str) -> None:
        rungs = self._rungs(stream_id)
        keep = set(_thinned([version for _, version in rungs], [version for _, version in rungs]))
        for path, version in rungs:
            if version not in keep:
                path.unlink(missing_ok=True)


def _beyond(asked: AsOf, occurred: datetime, known: datetime, recorded_at: datetime, position: int) -> bool:
    """Whether something of these times is beyond what was asked for."""
    return (
        (asked.at is not None and occurred > asked.at)
        or (asked.known_at is not None and known > asked.known_at)
        or (asked.recorded_by is not None and recorded_at > asked.recorded_by)
        or (asked.position is not None and position > asked.position)
    )


def _earliest(events: Sequence[RecordedEvent]) -> tuple[datetime, datetime, datetime, int]:
    return (
        min(event.occurred_at for event in events),
        min(event.known_at for event in events),
        events[0].recorded_at,
        events[0].position,
    )


def _thinned(versions: list[int], wanted: list[int]) -> list[int]:
    """Those of `wanted` that stay when, of all versions, every second one goes until they are few enough."""
    while len(versions) > _RUNGS_MOST:
        versions = sorted({*versions[1::2], versions[-1]})
    return [version for version in wanted if version in set(versions)]


def _ends_with(snapshot: Snapshot, event: RecordedEvent) -> bool:
    """Whether this is the event that a snapshot ends with."""
    return (snapshot.version, snapshot.position, snapshot.event_id, snapshot.recorded_at) == (
        event.version,
        event.position,
        event.event_id.bytes,
        event.recorded_at,
    )


@lru_cache(maxsize=16)
def _made_by(decider: object, registry: object, revision: int) -> str:
    del revision  # what was registered since makes another name
    return made_by(decider, registry)  # type: ignore[arg-type]
