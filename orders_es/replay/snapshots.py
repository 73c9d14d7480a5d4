"""Snapshots of long orders, so that one need not be folded from its first event. Derived: never needed, never trusted.

They lie under the log's folder `derived/`, may be deleted at any time, and are used where they help: an order as of a moment
is folded from the latest snapshot all of whose events count at that moment. What is not of this log, of another fold,
damaged, or ahead of the log is as good as not there. `orders-es verify` recomputes them all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from orders_es.errors import InvalidSetting, ReadOnlyLog, StorageError
from orders_es.orders import OrderFold, initial_state
from orders_es.replay.snapshot_file import Snapshot, fold_version, read_snapshot, snapshot_bytes

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orders_es.log import EventLog, RecordedEvent
    from orders_es.orders import AsOf, Order

__all__ = ["EVERY", "SnapshotFile", "Snapshots"]

EVERY = 500
"""So many events of an order lie between two snapshots, unless told otherwise."""
_RUNGS_MOST = 16
_SUFFIX = ".snapshot"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One snapshot on disk.

    Args:
        path: The file.
        fold: Which fold it was made with.
        version: After which event of the order.
        size: Bytes.
    """

    path: Path
    fold: str
    version: int
    size: int


class Snapshots:
    """The snapshots of a log's orders.

    An order gets one at about every `every` events, and keeps at most 16: from time to time every second one goes, so that
    they grow sparser towards the past of a very long order.

    Args:
        log: The log.
        every: The policy: so many events between two snapshots, and none for orders of fewer.

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

    def __init__(self, log: EventLog, *, every: int = EVERY) -> None:
        if every < 2:  # noqa: PLR2004 - a snapshot after every event is a second log
            raise InvalidSetting("every", every, "give 2 or more events between two snapshots")
        self.log = log
        self.every = every
        self._folder = None if log.derived is None else Path(log.derived) / "snapshots"

    def best(
        self, order_id: str, asked: AsOf, *, without: uuid.UUID | None = None
    ) -> tuple[Order, Sequence[RecordedEvent]] | None:
        """The latest usable snapshot for a question, and the order's events after it; None where there is none.

        The log confirms it: the event that it ends with is read, too, and has to be that event.

        Args:
            order_id: The order.
            asked: Which events are asked for.
            without: An event that has to be among those after the snapshot, if the order has it at all.
        """
        for path, version in reversed(self._rungs(order_id)):
            if asked.version is not None and version > asked.version:
                continue
            snapshot = self._read(path, order_id, version, asked)
            if snapshot is None:
                continue
            if without is not None and snapshot.may_hold(without.bytes):
                continue
            events = self.log.load(order_id, after_version=version - 1, to_version=asked.version)
            if events and _ends_with(snapshot, events[0]):
                return snapshot.order, events[1:]
        return None

    def newest_version(self, order_id: str) -> int | None:
        """The version of an order's newest snapshot on disk; None where there is none. Not held against the log."""
        rungs = self._rungs(order_id)
        return rungs[-1][1] if rungs else None

    def take(self, order_id: str) -> int:
        """How many snapshots an order got that were due and missing. Reads all its events.

        Raises:
            UnknownEventType: The stream holds other things than order events.
            ReadOnlyLog, StorageError: They cannot be written.
        """
        if self._folder is None:
            return 0
        events = self.log.load(order_id)
        have = {version for _, version in self._rungs(order_id)}
        due = [v for v in range(self.every, len(events) + 1, self.every) if v not in have]
        due = _thinned(sorted({*have, *due}), due)
        folding = OrderFold(initial_state(order_id))
        done = 0
        for version in due:
            folding.apply(events[done:version])
            done = version
            self._write(order_id, folding.order(), events[:version])
        if due:
            self._thin(order_id)
        return len(due)

    def after_append(self, order: Order, version_before: int) -> None:
        """Take a snapshot where an append has carried an order over the next step of the policy.

        The append is done, whatever comes of this: a disk that refuses a snapshot is no reason to say otherwise.
        """
        if self._folder is None or order.version // self.every == version_before // self.every:
            return
        with suppress(ReadOnlyLog, StorageError):
            self.take(order.order_id)

    def files(self) -> Iterator[SnapshotFile]:
        """All snapshots on disk, of this fold and of others, as they come."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"*/*/*{_SUFFIX}")):
            name = path.name.removesuffix(_SUFFIX)
            if name.isdigit():
                with suppress(FileNotFoundError):
                    yield SnapshotFile(path, path.parent.parent.name, int(name), path.stat().st_size)

    def order_of(self, file: SnapshotFile) -> str | None:
        """The order that a snapshot is of; None where it is damaged."""
        try:
            snapshot = read_snapshot(file.path.read_bytes())
        except OSError:
            return None
        return None if snapshot is None else snapshot.order.order_id

    def drop(self) -> int:
        """Remove all snapshots, of this fold and of others; how many there were."""
        count = 0
        for file in self.files():
            file.path.unlink(missing_ok=True)
            count += 1
        if self._folder is not None:
            for folder in (*self._folder.glob("*/*"), *self._folder.glob("*"), self._folder):
                with suppress(OSError):  # somebody is taking one
                    folder.rmdir()
        return count

    @property
    def fold(self) -> str:
        """The name of the fold whose snapshots are used."""
        return _fold(self.log.registry)

    def _stream_folder(self, order_id: str) -> Path:
        assert self._folder is not None
        return self._folder / self.fold / sha256(order_id.encode()).hexdigest()[:32]

    def _rungs(self, order_id: str) -> list[tuple[Path, int]]:
        if self._folder is None:
            return []
        folder = self._stream_folder(order_id)
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are enough, and this is on the way of every load
        except OSError:
            return []
        stems = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
        return [(folder / f"{v:010d}{_SUFFIX}", v) for v in sorted(int(stem) for stem in stems if stem.isdigit())]

    def _read(self, path: Path, order_id: str, version: int, asked: AsOf) -> Snapshot | None:
        """The snapshot in a file, if it is of this order and all its events count for a question."""

        def too_late(occurred: datetime | None, recorded: datetime, position: int) -> bool:
            return (
                (asked.at is not None and (occurred is None or occurred > asked.at))
                or (asked.known_at is not None and recorded > asked.known_at)
                or (asked.position is not None and position > asked.position)
            )

        try:
            snapshot = read_snapshot(path.read_bytes(), too_late)
        except OSError:
            return None
        if snapshot is None or snapshot.log_id != str(self.log.log_id):
            return None
        return snapshot if (snapshot.order.order_id, snapshot.order.version) == (order_id, version) else None

    def _write(self, order_id: str, order: Order, events: Sequence[RecordedEvent]) -> None:
        last = events[-1]
        data = snapshot_bytes(
            Snapshot(
                log_id=str(self.log.log_id),
                order=order,
                event_id=last.event_id.bytes,
                recorded_at=last.recorded_at,
                ids=b"".join(event.event_id.bytes[:8] for event in events),
            )
        )
        folder = self._stream_folder(order_id)
        temporary = folder / f"{uuid4().hex}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)  # no fsync: what a power cut takes was derived
            temporary.replace(folder / f"{order.version:010d}{_SUFFIX}")
        except PermissionError as error:
            raise ReadOnlyLog(str(folder)) from error
        except OSError as error:
            raise StorageError(str(folder), error.strerror or str(error)) from error

    def _thin(self, order_id: str) -> None:
        rungs = self._rungs(order_id)
        keep = set(_thinned([version for _, version in rungs], [version for _, version in rungs]))
        for path, version in rungs:
            if version not in keep:
                path.unlink(missing_ok=True)


def _thinned(versions: list[int], wanted: list[int]) -> list[int]:
    """Those of `wanted` that stay when, of all versions, every second one goes until they are few enough."""
    while len(versions) > _RUNGS_MOST:
        versions = sorted({*versions[1::2], versions[-1]})
    return [version for version in wanted if version in set(versions)]


def _ends_with(snapshot: Snapshot, event: RecordedEvent) -> bool:
    """Whether this is the event that a snapshot ends with."""
    order = snapshot.order
    return (order.version, order.position, snapshot.event_id, snapshot.recorded_at) == (
        event.version,
        event.position,
        event.event_id.bytes,
        event.recorded_at,
    )


@lru_cache(maxsize=16)
def _fold(registry: object) -> str:
    return fold_version(registry)  # type: ignore[arg-type]
