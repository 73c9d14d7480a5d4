"""Copies of large files sorted by stream, so that one order out of ten million events is one small read. Derived.

`derived/by-stream/<first>-<last>.blocks` stands beside the data file of the same positions: its envelope rows sorted by
stream and version, in blocks that are read one at a time, and a directory of blocks and streams at the end. It can be
deleted at any time: whatever is missing, cut short, altered, or of another log is as good as not there, and the data file
itself is read instead. docs/format.md has the layout.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_left
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
import pyarrow as pa

from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.parquet.stream_directory import (
    WORD,
    Directory,
    StreamKeys,
    array_kinds,
    directory_arrays,
    read_directory,
)
from orders_es.log.stream_index import stream_key

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    import numpy.typing as npt

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.footer import Footer

__all__ = ["FOLDER", "ByStream", "DamagedCopy", "block_name", "fingerprint"]

FOLDER = os.path.join("derived", "by-stream")
_NONE = pa.Table.from_batches([], ENVELOPE_SCHEMA)  # `empty_table()` would load pandas


def block_name(file: LogFile) -> str:
    """What the sorted copy of a data file is called.

    Example:
        >>> from orders_es.log.event import LogFile
        >>> block_name(LogFile("commits/1.parquet", "commit", 1, 4000))
        '00000000000000000001-00000000000000004000.blocks'
    """
    return f"{file.first:020d}-{file.last:020d}.blocks"


def fingerprint(footer: Footer) -> str:
    """What ties a sorted copy to the file that it copies: a hash of its events' compact range and of its digest."""
    return sha256(b"".join(footer.range.hashes) + footer.check.encode()).hexdigest()


class ByStream:
    """One sorted copy. Made by `of`.

    Args:
        path: The file, which is opened for each block: a map of it would kill the process where the file is cut short.
        directory: Its end.
        arrays: The arrays in front of it.
        schema: The columns of its blocks.
    """

    def __init__(self, path: str, directory: Directory, arrays: bytes, schema: pa.Schema) -> None:
        self._schema = schema
        self._path = path
        self._arrays = arrays
        self._first_ids = directory.ids
        at = 0
        found = []
        for kind, count in array_kinds(directory.blocks, directory.streams, len(directory.ids)):
            found.append(np.frombuffer(arrays, kind, count, at))
            at += np.dtype(kind).itemsize * count
        self._offsets, self._id_offsets, self._first_keys, self._keys, self._low, *found = found
        self._first_versions, self._versions, self._checks, self._id_checks = found

    @classmethod
    def of(cls, path: str, log_id: uuid.UUID, file: LogFile, events: str) -> Self | None:
        """The sorted copy of a data file, or None where there is none that can be used.

        Args:
            path: Where it would be.
            events: The data file's `fingerprint`.
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            found = read_directory(fd)
        except OSError:
            return None
        finally:
            os.close(fd)
        if found is None:
            return None
        directory, arrays, schema = found
        if (directory.log_id, directory.first, directory.last, directory.events) != (
            str(log_id),
            file.first,
            file.last,
            events,
        ):
            return None
        return cls(path, directory, arrays, schema)

    def arrays(self) -> bytes:
        """The arrays as they stand in the file."""
        return self._arrays

    def arrays_of(self, rows: pa.Table) -> bytes:
        """What the arrays have to be if the blocks hold these rows."""
        streams = StreamKeys.of(rows)
        checks = (self._checks, self._id_checks)
        return directory_arrays((self._offsets, self._id_offsets), streams, rows.column("version").to_numpy(), checks)

    def all_rows(self) -> pa.Table | None:
        """All rows as they stand in the file; None where a block is damaged."""
        batches = [self._block(number) for number in range(len(self._checks))]
        if any(batch is None for batch in batches):
            return None
        return pa.Table.from_batches([_whole(batch) for batch in batches if batch is not None], ENVELOPE_SCHEMA)

    def ids(self, prefix: str = "") -> Iterator[str] | None:
        """The ids of the streams that begin with a prefix, sorted; None where a piece of them is damaged.

        What is not taken is not read.
        """
        begin = max(bisect_left(self._first_ids, prefix) - 1, 0)
        first = self._ids(begin) if self._first_ids else []
        return None if first is None else self._ids_from(begin, first, prefix)

    def all_ids(self) -> list[str] | None:
        """All ids of streams, sorted; None where a piece of them is damaged."""
        found = self.ids()
        try:
            return None if found is None else list(found)
        except DamagedCopy:
            return None

    def _ids_from(self, number: int, piece: list[str] | None, prefix: str) -> Iterator[str]:
        while piece is not None:
            for stream_id in piece[bisect_left(piece, prefix) :]:
                if not stream_id.startswith(prefix):
                    return
                yield stream_id
            number += 1
            if number >= len(self._first_ids):
                return
            piece = self._ids(number)
        raise DamagedCopy(self._path)

    def _ids(self, number: int) -> list[str] | None:
        data = self._read(self._id_offsets, self._id_checks, number)
        try:
            return None if data is None else msgspec.msgpack.decode(data, type=list[str])
        except msgspec.DecodeError:  # forged, for it has its checksum
            return None

    def versions(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
        """Of every stream the two halves of its key and its last version here."""
        return self._keys, self._low, self._versions

    def holds(self, stream_id: str) -> bool:
        """Whether the file may hold events of a stream; a wrong yes is one in 10¹³, a wrong no cannot be."""
        return self._has(_key(stream_id))

    def hold(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Of each of some keys, as `keys_of` gives them, what `holds` says."""
        at = np.searchsorted(self._keys, keys)
        inside = at < len(self._keys)
        found = np.zeros(len(keys), bool)
        found[inside] = self._keys[at[inside]] == keys[inside]
        return found

    def _has(self, key: np.uint64) -> bool:
        at = self._keys.searchsorted(key)
        return bool(at < len(self._keys) and self._keys[at] == key)

    def rows(
        self, stream_id: str, after_version: int = 0, to_version: int | None = None, key: np.uint64 | None = None
    ) -> pa.Table | None:
        """A stream's envelope rows in version order, with `after_version < version <= to_version`; without columns that are empty throughout.

        None where a block does not hold what it should: the data file has to be asked.

        Args:
            key: The stream's, for whoever asks many files.
        """
        key = _key(stream_id) if key is None else key
        if not self._has(key):
            return _NONE
        # The last block that begins before what is wanted may hold the first of it.
        low = int(np.searchsorted(self._first_keys, key))
        high = int(np.searchsorted(self._first_keys, key, side="right"))
        if high > low:  # blocks that begin in this stream: begin with the last one that is early enough
            low += bisect_left(self._first_versions[low:high].tolist(), after_version + 1)
        parts = []
        for number in range(max(low - 1, 0), high):
            if to_version is not None and number >= low and int(self._first_versions[number]) > to_version:
                break
            batch = self._block(number)
            if batch is None:
                return None
            part = _of_stream(batch, stream_id, after_version, to_version)
            if part.num_rows:
                parts.append(part)
        return pa.Table.from_batches(parts, self._schema)

    def _block(self, number: int) -> pa.RecordBatch | None:
        plain = self._read(self._offsets, self._checks, number)
        try:
            return None if plain is None else pa.ipc.read_record_batch(plain, self._schema)
        except (pa.ArrowException, OSError, ValueError, MemoryError):  # forged, for it has its checksum
            return None

    def _read(self, offsets: npt.NDArray[Any], checks: npt.NDArray[Any], number: int) -> pa.Buffer | None:
        """What lies between two offsets, decompressed; None where it is not what was written."""
        start, end = int(offsets[number]), int(offsets[number + 1])
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                data = os.pread(fd, end - start, start)
            finally:
                os.close(fd)
        except OSError:  # removed meanwhile, for one
            return None
        if zlib.crc32(data) != int(checks[number]):
            return None
        try:
            return pa.Codec("zstd").decompress(memoryview(data)[4:], int.from_bytes(data[:4], "little"))
        except (pa.ArrowException, OSError, ValueError, MemoryError):
            return None


class DamagedCopy(Exception):
    """A piece of a sorted copy is not what was written, and others before it were used already."""


def _whole(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch with all columns of the envelope, those it lacks as nulls."""
    if batch.schema is ENVELOPE_SCHEMA or batch.num_columns == len(ENVELOPE_SCHEMA):
        return batch
    names = batch.schema.names
    columns = [
        batch.column(field.name) if field.name in names else pa.nulls(batch.num_rows, field.type)
        for field in ENVELOPE_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ENVELOPE_SCHEMA)


def _key(stream_id: str) -> np.uint64:
    # Of the array's own type: with a Python int, NumPy would search a copy of it in floats, which are not exact.
    return np.uint64(int.from_bytes(stream_key(stream_id)[:WORD], "big"))


def _of_stream(batch: pa.RecordBatch, stream_id: str, after: int, to: int | None) -> pa.RecordBatch:
    """The rows of one stream, which lie side by side and in version order."""
    import pyarrow.compute as pc  # the package's own name, not its first import

    mine = np.flatnonzero(pc.equal(batch.column("stream_id"), stream_id).to_numpy(zero_copy_only=False))
    if not len(mine):
        return batch.slice(0, 0)
    # StreamKeys that share a key may be mixed by version; each one's rows stay in order.
    part = (
        batch.slice(int(mine[0]), len(mine)) if int(mine[-1] - mine[0]) == len(mine) - 1 else batch.take(pa.array(mine))
    )
    versions = part.column("version").to_numpy()
    begin = int(np.searchsorted(versions, after, side="right"))
    end = len(versions) if to is None else int(np.searchsorted(versions, to, side="right"))
    return part.slice(begin, max(end - begin, 0))
