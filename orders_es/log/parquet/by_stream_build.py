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
from orders_es.log.derived_lock import making
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import CompactRange
from orders_es.log.parquet.by_stream import FOLDER, ByStream, block_name, fingerprint
from orders_es.log.parquet.reader import file_batches
from orders_es.log.parquet.storage import publish, remove
from orders_es.log.parquet.stream_directory import BLOCK_ROWS, IDS, MARKS, Directory, StreamKeys, directory_arrays

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.digest_check import Checked
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
    os.makedirs(place, exist_ok=True)
    with making(os.path.dirname(place)):
        return _built(folder, checked, file, footer)


def _built(folder: str, checked: Checked, file: LogFile, footer: Footer) -> bool:
    place = os.path.join(folder, FOLDER)
    rows, streams = _sorted(file, checked, footer)
    events = fingerprint(footer)
    remove(os.path.join(place, block_name(file)))  # one that cannot be used
    return publish(place, block_name(file), lambda out: _write(out, rows, streams, file, checked.log_id, events))


def orphans(folder: str, chain: Iterable[LogFile]) -> list[str]:
    """The sorted copies whose data files are no part of the log any more."""
    place = os.path.join(folder, FOLDER)
    wanted = {block_name(file) for file in chain}
    try:
        return [os.path.join(place, name) for name in os.listdir(place) if name not in wanted]
    except FileNotFoundError:
        return []


def _sorted(file: LogFile, checked: Checked, footer: Footer) -> tuple[pa.RecordBatch, StreamKeys]:
    """A data file's envelope rows sorted by the streams' keys and version, in one piece, and their streams."""
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
    streams = StreamKeys.of(table)
    order = np.lexsort((table.column("version").to_numpy(), streams.of_row))
    rows = table.take(pa.array(order)).combine_chunks().to_batches()[0]
    return rows, streams._replace(of_row=streams.of_row[order])


def _write(
    out: BinaryIO, rows: pa.RecordBatch, streams: StreamKeys, file: LogFile, log_id: uuid.UUID, events: str
) -> None:
    mark, schema = next(
        (mark, schema)
        for mark, schema in MARKS.items()
        if all(rows.column(name).null_count == rows.num_rows for name in set(rows.schema.names) - set(schema.names))
    )
    rows = rows.select(schema.names)
    codec = pa.Codec("zstd", 2)  # a tenth smaller than level 1, and hardly slower
    blocks = _Pieces(0)
    for start in range(0, rows.num_rows, BLOCK_ROWS):
        plain = rows.slice(start, BLOCK_ROWS).serialize()
        blocks.add(out, plain.size, codec.compress(plain, asbytes=True))
    pieces = _Pieces(blocks.offsets[-1])
    for start in range(0, len(streams.ids), IDS):
        listed = msgspec.msgpack.encode(streams.ids[start : start + IDS])
        pieces.add(out, len(listed), codec.compress(listed, asbytes=True))
    arrays = directory_arrays(
        (blocks.offsets, pieces.offsets), streams, rows.column("version").to_numpy(), (blocks.checks, pieces.checks)
    )
    digest = sha256(arrays).hexdigest()
    facts = (str(log_id), file.first, file.last, events, len(blocks.checks), len(streams.ids), streams.ids[::IDS])
    end = msgspec.json.encode(Directory(*facts, digest))
    out.write(arrays + end + len(end).to_bytes(4, "little") + mark)


class _Pieces:
    """Where pieces that were written begin and end, and their CRC-32.

    Args:
        begin: Where the first one begins.
    """

    def __init__(self, begin: int) -> None:
        self.offsets = [begin]
        self.checks: list[int] = []

    def add(self, out: BinaryIO, size: int, compressed: bytes) -> None:
        """Write one, behind its length once decompressed."""
        data = size.to_bytes(4, "little") + compressed
        out.write(data)
        self.offsets.append(self.offsets[-1] + len(data))
        self.checks.append(zlib.crc32(data))
