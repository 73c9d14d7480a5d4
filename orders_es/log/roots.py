"""The root of a log's tree as it was at an earlier position, from the events themselves. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.envelope import ENVELOPE
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange

if TYPE_CHECKING:
    from orders_es.log.protocol import EventLog

__all__ = ["root_at"]


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
