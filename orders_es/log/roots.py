"""The root of a log's tree as it was at an earlier position, from the events themselves. Read-only."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from orders_es.log.envelope import ENVELOPE
from orders_es.log.event import Head
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange
from orders_es.log.protocol import HasFiles

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.log.protocol import EventLog

__all__ = ["head_at", "head_by", "root_at"]


def head_by(log: EventLog, recorded_by: datetime) -> Head:
    """The end that a log had at a moment by its own clock: its last event that had been recorded by then, and the tree's root.

    Args:
        recorded_by: The moment; an event recorded at it counts.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> head_by(log, datetime(2020, 1, 1, tzinfo=UTC)).position
        0
    """
    head = log.head()
    if head.recorded_at is None or head.recorded_at <= recorded_by:
        return head
    position, recorded_at = 0, None
    for batch in log.read(columns=["position", "recorded_at"]):
        times = batch.column("recorded_at").to_pylist()
        count = bisect_right(times, recorded_by)
        if count:
            position, recorded_at = batch.column("position")[count - 1].as_py(), times[count - 1]
        if count < len(times):
            break
    return _stated(log, position) or Head(position, recorded_at, root_at(log, position))


def head_at(log: EventLog, position: int) -> Head:
    """The end that a log had when it held so many events: when its last one was recorded, and the tree's root.

    Args:
        position: How many events; where the log holds fewer, its end is given as it is.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced(), OrderPlaced()], expected=NO_STREAM)
        >>> head_at(log, 1).position, head_at(log, 5) == log.head()
        (1, True)
    """
    head = log.head()
    if position >= head.position:
        return head
    found = _stated(log, position)
    if found is not None:
        return found
    batches = log.read(after=position - 1, to=position, columns=["recorded_at"]) if position else ()
    times = [moment for batch in batches for moment in batch.column("recorded_at").to_pylist()]
    return Head(position, times[0] if times else None, root_at(log, position))


def _stated(log: EventLog, position: int) -> Head | None:
    """The same as a file's footer says it, where one ends there."""
    stated = log.heads() if isinstance(log, HasFiles) else ()
    return next((head for head in stated if head.position == position), None)


def root_at(log: EventLog, position: int, *, progress: bool = False) -> bytes:
    """The root of the tree of a log's events up to a position, every one of them hashed anew.

    Args:
        position: The last event that counts; the log holds at least so many.
        progress: Show a progress bar.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced(), OrderPlaced()], expected=NO_STREAM)
        >>> root_at(log, 2) == log.head().root, root_at(log, 1) == log.head().root
        (True, False)
    """
    from tqdm.auto import tqdm

    tree = EMPTY_RANGE
    with tqdm(total=position, unit=" events", unit_scale=True, desc="hashing", disable=not progress) as bar:
        for batch in log.read(to=position, columns=ENVELOPE):
            tree = tree.merge(CompactRange.of_leaves(tree.end, leaf_hashes(batch)))
            bar.update(batch.num_rows)
    return tree.root()
