"""Whether a sorted copy is what its data file gives, recomputed whole: for `verify`. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.log.columns import ENVELOPE_SCHEMA, conform
from orders_es.log.hashing import range_of
from orders_es.log.parquet.by_stream import ByStream, fingerprint
from orders_es.log.parquet.footer import READING_FAILS

if TYPE_CHECKING:
    import uuid

    import numpy.typing as npt

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.footer import Footer

__all__ = ["wrong_with_copy"]


def wrong_with_copy(path: str, log_id: uuid.UUID, file: LogFile, footer: Footer, *, sound: bool) -> str | None:
    """What is wrong with a sorted copy: it is damaged, of other events, or its directory leads astray; None if nothing is.

    Args:
        path: The copy.
        footer: The data file's footer, whose hashes the copy's events must have.
        sound: Whether the data file was held to its digests, so that it can be read: then its events are those of the copy.
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
    if not (sound and _same(rows, order, file)) and range_of(rows.take(pa.array(order)), file.first) != footer.range:
        return "its events are not those of its data file: it is forged, or was made from a file that was"
    return None


def _same(rows: pa.Table, order: npt.NDArray[np.int64], file: LogFile) -> bool:
    """Whether a copy has its data file's rows, which `verify` hashes anyway; False also where that cannot be told."""
    try:
        with pq.ParquetFile(file.path, page_checksum_verification=True) as parquet:
            start = 0
            for group in range(parquet.num_row_groups):
                names = [name for name in ENVELOPE_SCHEMA.names if name in parquet.schema_arrow.names]
                found = conform(parquet.read_row_group(group, names), ENVELOPE_SCHEMA.names, ENVELOPE_SCHEMA)
                if not rows.take(pa.array(order[start : start + found.num_rows])).equals(found):
                    return False
                start += found.num_rows
            return start == len(order)
    except READING_FAILS:
        return False
