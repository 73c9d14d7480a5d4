"""Making the sorted copies that `by_stream` reads; done by compaction. Nothing depends on them being there."""

from __future__ import annotations

import os
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from orders_es.errors import DamagedLog
from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange
from orders_es.log.parquet.by_stream import (
    BLOCK_ROWS,
    FOLDER,
    MARKS,
    ByStream,
    Directory,
    block_name,
    directory_arrays,
    fingerprint,
    stream_keys,
)
from orders_es.log.parquet.reader import file_batches
from orders_es.log.parquet.storage import publish, remove

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    import numpy.typing as npt

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.checked import Checked
    from orders_es.log.parquet.footer import Footer

__all__ = ["build", "orphans"]

_READ_ROWS = 65_536


def build(folder: str, checked: Checked, file: LogFile) -> bool:
    """Whether the sorted copy of a data file was missing, and is there now.

    The data file is held to its digests; one from before there were any, to the hashes in its footer.

    Raises:
        FileNotFoundError: The data file was superseded and vacuumed.
        DamagedLog: The data file cannot be read, or does not hold what its name says.
        ReadOnlyLog: The folder cannot be written.
        StorageError: The disk refused.
    """
    footer = checked.footer(file.path)
    place = os.path.join(folder, FOLDER)
    path = os.path.join(place, block_name(file))
    events = fingerprint(footer)
    if ByStream.of(path, checked.log_id, file, events) is not None:
        return False
    rows, keys = _sorted(file, checked, footer)
    os.makedirs(place, exist_ok=True)
    remove(path)  # one that cannot be used
    return publish(place, block_name(file), lambda out: _write(out, rows, keys, file, checked.log_id, events))


def orphans(folder: str, chain: Iterable[LogFile]) -> list[str]:
    """The sorted copies whose data files are no part of the log any more."""
    place = os.path.join(folder, FOLDER)
    wanted = {block_name(file) for file in chain}
    try:
        return [os.path.join(place, name) for name in os.listdir(place) if name not in wanted]
    except FileNotFoundError:
        return []


def _sorted(file: LogFile, checked: Checked, footer: Footer) -> tuple[pa.RecordBatch, npt.NDArray[np.uint64]]:
    """A data file's envelope rows sorted by the streams' keys and version, in one piece, and the key of each."""
    table = pa.Table.from_batches(
        file_batches(
            file,
            checked,
            after=0,
            to=file.last,
            columns=ENVELOPE_SCHEMA.names,
            schema=ENVELOPE_SCHEMA,
            batch_size=_READ_ROWS,
        ),
        ENVELOPE_SCHEMA,
    ).combine_chunks()
    # What has digests was held to them; `verify` recomputes the hashes of file and copy.
    if not footer.check and CompactRange.of_leaves(file.first - 1, leaf_hashes(table)) != footer.range:
        raise DamagedLog(file.path, "its events do not have the hashes in its footer; restore it from a backup")
    of_row = stream_keys(table.column("stream_id"))
    order = np.lexsort((table.column("version").to_numpy(), of_row))
    return table.take(pa.array(order)).combine_chunks().to_batches()[0], of_row[order]


def _write(
    out: BinaryIO, rows: pa.RecordBatch, keys: npt.NDArray[np.uint64], file: LogFile, log_id: uuid.UUID, events: str
) -> None:
    mark, schema = next(
        (mark, schema)
        for mark, schema in MARKS.items()
        if all(rows.column(name).null_count == rows.num_rows for name in set(rows.schema.names) - set(schema.names))
    )
    rows = rows.select(schema.names)
    codec = pa.Codec("zstd", 2)  # a tenth smaller than level 1, and hardly slower
    starts = np.arange(0, rows.num_rows, BLOCK_ROWS)
    offsets, checks = [0], []
    for start in starts.tolist():
        plain = rows.slice(start, BLOCK_ROWS).serialize()
        data = plain.size.to_bytes(4, "little") + codec.compress(plain, asbytes=True)
        out.write(data)
        offsets.append(offsets[-1] + len(data))
        checks.append(zlib.crc32(data))
    arrays = directory_arrays(offsets, keys, rows.column("version").to_numpy(), checks)
    digest = sha256(arrays).hexdigest()
    end = msgspec.json.encode(
        Directory(str(log_id), file.first, file.last, events, len(checks), len(np.unique(keys)), digest)
    )
    out.write(arrays + end + len(end).to_bytes(4, "little") + mark)
