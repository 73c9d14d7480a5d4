"""Whether a sorted copy is what its data file gives, recomputed whole: for `verify`. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange
from orders_es.log.parquet.by_stream import ByStream, fingerprint

if TYPE_CHECKING:
    import uuid

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.footer import Footer

__all__ = ["wrong_with_copy"]


def wrong_with_copy(path: str, log_id: uuid.UUID, file: LogFile, footer: Footer) -> str | None:
    """What is wrong with a sorted copy: it is damaged, of other events, or its directory leads astray; None if nothing is.

    Args:
        path: The copy.
        footer: The data file's footer, whose hashes the copy's events must have.
    """
    copy = ByStream.of(path, log_id, file, fingerprint(footer))
    if copy is None:
        return "it is damaged or of another file, and is not used"
    rows = copy.all_rows()
    if rows is None:
        return "a block of it is damaged, and is not used"
    ids = sorted(set(rows.column("stream_id").to_pylist()))
    if copy.arrays() != copy.arrays_of(rows) or copy.all_ids() != ids:
        return "its directory does not fit its blocks"
    positions = rows.column("position").to_numpy()
    order = np.argsort(positions, kind="stable")
    if len(order) != file.count or not np.array_equal(positions[order], np.arange(file.first, file.last + 1)):
        return "it does not hold the events of its data file"
    leaves: list[bytes] = []
    for start in range(0, len(order), 65_536):
        leaves += leaf_hashes(rows.take(pa.array(order[start : start + 65_536])))
    if CompactRange.of_leaves(file.first - 1, leaves) != footer.range:
        return "its events are not those of its data file: it is forged, or was made from a file that was"
    return None
