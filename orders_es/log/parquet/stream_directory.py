"""The directory at the end of a sorted copy: which blocks and streams there are, and where each of them begins."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
import numpy as np
import pyarrow as pa

from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.envelope import SPARSE
from orders_es.log.stream_index import stream_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = [
    "BLOCK_ROWS",
    "IDS",
    "MARKS",
    "WORD",
    "Directory",
    "StreamKeys",
    "array_kinds",
    "arrays_size",
    "directory_arrays",
    "keys_of",
    "read_directory",
]

_PLAIN = pa.schema([field for field in ENVELOPE_SCHEMA if field.name not in SPARSE])
_ENTERED = pa.schema([field for field in ENVELOPE_SCHEMA if field.name != "personal"])
MARKS = {b"OESBLK11": _PLAIN, b"OESBLK12": _ENTERED, b"OESBLK13": ENVELOPE_SCHEMA}
"""What a copy ends with, and the columns of its blocks: `entered_at` and `personal` are there where an event of the file has them."""
BLOCK_ROWS = 256
IDS = 4096
"""So many ids of streams lie in one piece."""
WORD = 8
"""So many bytes of a stream's key stand in one word."""
_MARK = 8
_TAIL = 4 + _MARK


class Directory(msgspec.Struct, frozen=True):
    """The end of a sorted copy, as JSON: what it belongs to, and how long the arrays in front of it are.

    Args:
        first: Position of the first event.
        last: Position of the last event.
        events: What `fingerprint` gives for the data file.
        blocks: How many blocks there are.
        streams: How many streams there are.
        ids: The first id of each piece of ids.
        digest: SHA-256 of the arrays, in hex.
    """

    log_id: str
    first: int
    last: int
    events: str
    blocks: int
    streams: int
    ids: list[str]
    digest: str


class StreamKeys(NamedTuple):
    """The streams of some rows, each once, in the order of their keys.

    Args:
        of_row: The first half of the key of each row's stream.
        high: The first half of each stream's key.
        low: The second half.
        versions: The last version of each.
        ids: The ids, sorted, whatever their keys.
    """

    of_row: npt.NDArray[np.uint64]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    versions: npt.NDArray[np.int32]
    ids: list[str]

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Those of an envelope table."""
        import pyarrow.compute as pc  # the package's own name, not its first import

        column = rows.column("stream_id")
        ids = pc.unique(column)
        names = ids.to_pylist()
        keys = np.frombuffer(b"".join([stream_key(name) for name in names]), ">u8").astype(np.uint64).reshape(-1, 2)
        which = pc.index_in(column, ids).to_numpy()
        versions = np.zeros(len(names), np.int32)
        np.maximum.at(versions, which, rows.column("version").to_numpy())
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        return cls(keys[which, 0].copy(), keys[order, 0].copy(), keys[order, 1].copy(), versions[order], sorted(names))


def directory_arrays(
    offsets: tuple[npt.ArrayLike, npt.ArrayLike],
    streams: StreamKeys,
    versions: npt.NDArray[np.int32],
    checks: tuple[npt.ArrayLike, npt.ArrayLike],
) -> bytes:
    """Where blocks and streams of a sorted copy begin, as the bytes that stand at its end.

    Args:
        offsets: Where each block begins, and where the last one ends; the same of the pieces of ids.
        streams: What `StreamKeys.of` says of the rows, in the copy's order.
        versions: The version of each row.
        checks: The CRC-32 of each block, and of each piece of ids.
    """
    starts = np.arange(0, len(versions), BLOCK_ROWS)
    arrays = (*offsets, streams.of_row[starts], streams.high, streams.low, versions[starts], streams.versions, *checks)
    return b"".join(
        np.asarray(array, kind).tobytes() for array, (kind, _) in zip(arrays, array_kinds(0, 0, 0), strict=True)
    )


def keys_of(stream_ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """The first half of the key of each of some streams."""
    return np.frombuffer(b"".join([stream_key(name)[:WORD] for name in stream_ids]), ">u8").astype(np.uint64)


def read_directory(fd: int) -> tuple[Directory, bytes, pa.Schema] | None:
    """A sorted copy's directory, the arrays in front of it, and the columns of its blocks; None if the file is cut short or altered there."""
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _TAIL, max(size - _TAIL, 0))
    if len(tail) < _TAIL or tail[4:] not in MARKS:
        return None
    length = int.from_bytes(tail[:4], "little")
    end = size - _TAIL - length
    if end < 0:
        return None
    try:
        directory = msgspec.json.decode(os.pread(fd, length, end), type=Directory)
    except (msgspec.DecodeError, ValueError):
        return None
    start = end - arrays_size(directory)
    if min(directory.blocks, directory.streams, start) < 0:
        return None
    arrays = os.pread(fd, end - start, start)
    if sha256(arrays).hexdigest() != directory.digest:
        return None
    return directory, arrays, MARKS[tail[4:]]


def array_kinds(blocks: int, streams: int, pieces: int) -> tuple[tuple[str, int], ...]:
    """The type and the length of each array of a directory, in order."""
    return (
        ("<u8", blocks + 1),
        ("<u8", pieces + 1),
        ("<u8", blocks),
        ("<u8", streams),
        ("<u8", streams),
        ("<i4", blocks),
        ("<i4", streams),
        ("<u4", blocks),
        ("<u4", pieces),
    )


def arrays_size(directory: Directory) -> int:
    """How many bytes the arrays of a directory take."""
    kinds = array_kinds(directory.blocks, directory.streams, len(directory.ids))
    return sum(int(kind[-1]) * count for kind, count in kinds)
