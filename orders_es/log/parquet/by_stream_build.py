"""Making the sorted copies that `by_stream` reads; done by compaction. Nothing depends on them being there."""

from __future__ import annotations

import os
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.parquet.by_stream import BLOCK_ROWS, FOLDER, MARK, ByStream, Directory, block_name, fingerprint
from orders_es.log.parquet.footer import read_footer
from orders_es.log.parquet.index import stream_key
from orders_es.log.parquet.reader import file_batches
from orders_es.log.parquet.storage import publish, remove

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    import numpy.typing as npt

    from orders_es.log.event import LogFile

__all__ = ["build", "orphans"]

_READ_ROWS = 65_536


def build(folder: str, log_id: uuid.UUID, file: LogFile) -> bool:
    """Whether the sorted copy of a data file was missing, and is there now.

    The data file's page checksums are verified on the way.

    Raises:
        FileNotFoundError: The data file was superseded and vacuumed.
        DamagedLog: The data file cannot be read, or does not hold what its name says.
        ReadOnlyLog: The folder cannot be written.
        StorageError: The disk refused.
    """
    footer = read_footer(file.path, log_id)
    place = os.path.join(folder, FOLDER)
    path = os.path.join(place, block_name(file))
    events = fingerprint(footer.range)
    if ByStream.of(path, log_id, file, events) is not None:
        return False
    rows, keys = _sorted(file, log_id)
    os.makedirs(place, exist_ok=True)
    remove(path)  # one that cannot be used
    return publish(place, block_name(file), lambda out: _write(out, rows, keys, file, log_id, events))


def orphans(folder: str, chain: Iterable[LogFile]) -> list[str]:
    """The sorted copies whose data files are no part of the log any more."""
    place = os.path.join(folder, FOLDER)
    wanted = {block_name(file) for file in chain}
    try:
        return [os.path.join(place, name) for name in os.listdir(place) if name not in wanted]
    except FileNotFoundError:
        return []


def _sorted(file: LogFile, log_id: uuid.UUID) -> tuple[pa.RecordBatch, npt.NDArray[np.uint64]]:
    """A data file's envelope rows sorted by the streams' keys and version, in one piece, and the key of each."""
    table = pa.Table.from_batches(
        file_batches(
            file,
            log_id,
            after=0,
            to=file.last,
            columns=ENVELOPE_SCHEMA.names,
            schema=ENVELOPE_SCHEMA,
            batch_size=_READ_ROWS,
        ),
        ENVELOPE_SCHEMA,
    ).combine_chunks()
    ids = pc.unique(table.column("stream_id"))
    keys = np.fromiter(
        (int.from_bytes(stream_key(stream_id)[:8], "big") for stream_id in ids.to_pylist()), np.uint64, len(ids)
    )
    of_row = keys[pc.index_in(table.column("stream_id"), ids).to_numpy()]
    order = np.lexsort((table.column("version").to_numpy(), of_row))
    return table.take(pa.array(order)).combine_chunks().to_batches()[0], of_row[order]


def _write(
    out: BinaryIO, rows: pa.RecordBatch, keys: npt.NDArray[np.uint64], file: LogFile, log_id: uuid.UUID, events: str
) -> None:
    codec = pa.Codec("zstd")
    starts = np.arange(0, rows.num_rows, BLOCK_ROWS)
    offsets, checks = [0], []
    for start in starts.tolist():
        plain = rows.slice(start, BLOCK_ROWS).serialize()
        data = plain.size.to_bytes(4, "little") + codec.compress(plain, asbytes=True)
        out.write(data)
        offsets.append(offsets[-1] + len(data))
        checks.append(zlib.crc32(data))
    streams = np.unique(keys)
    arrays = b"".join(
        (
            np.array(offsets, "<u8").tobytes(),
            keys[starts].astype("<u8").tobytes(),
            streams.astype("<u8").tobytes(),
            rows.column("version").to_numpy()[starts].astype("<i4").tobytes(),
            np.array(checks, "<u4").tobytes(),
        )
    )
    digest = sha256(arrays).hexdigest()
    end = msgspec.json.encode(Directory(str(log_id), file.first, file.last, events, len(checks), len(streams), digest))
    out.write(arrays + end + len(end).to_bytes(4, "little") + MARK)
