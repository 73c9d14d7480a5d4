"""Event ids that come from where an event was read, so that reading it again gives the same; for whoever writes an importer."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["derive_event_ids", "event_ids_of_places"]

_VERSION = 6
_VARIANT = 8


def derive_event_ids(digest: bytes, rows: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64]) -> Any:
    """A UUID for each event, from the file's fingerprint, the row's number and what was made of the row.

    The first 128 bits of `SHA-256(digest ‖ row, 8 bytes big-endian ‖ kind, 1 byte)`, with version 8 and the variant of
    RFC 9562 put in. Identity is a row's place in its file: equal rows get different ids.

    Args:
        digest: SHA-256 of the file's bytes.
        rows: The number of the row that each event comes from.
        kinds: A small number (0 to 255) that tells apart the events that come from one row.

    Example:
        >>> derive_event_ids(bytes(32), np.array([1]), np.array([0])).to_pylist()
        [UUID('86cc5452-f325-8785-a0f7-90dd4066172f')]
    """
    parts = np.empty((len(rows), 9), dtype=np.uint8)
    parts[:, :8] = rows.astype(">u8").view(np.uint8).reshape(-1, 8)
    parts[:, 8] = kinds
    keys = parts.tobytes()
    hashes = b"".join([sha256(digest + keys[i : i + 9]).digest() for i in range(0, len(keys), 9)])
    ids = np.frombuffer(hashes, dtype=np.uint8).reshape(-1, 32)[:, :16].copy()
    ids[:, _VERSION] = ids[:, _VERSION] & 0x0F | 0x80
    ids[:, _VARIANT] = ids[:, _VARIANT] & 0x3F | 0x80
    storage = pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(ids.tobytes())])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def event_ids_of_places(
    files: list[tuple[bytes, int, npt.NDArray[np.bool_]]], rows: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64]
) -> Any:
    """A UUID for each event that spells out where it was read: nothing is hashed, and neighbours compress well.

    Version 8 and the variant of RFC 9562 aside, it is 64 bits of the file's fingerprint, 50 of the row's number and 8 of
    what was made of the row.

    Args:
        files: For each file, its fingerprint, how much of the row numbers is before it, and which rows are its own; as
            `SourceTable.digests` gives it.
        rows: The number of the row that each event comes from.
        kinds: A small number (0 to 255) that tells apart the events that come from one row.

    Example:
        >>> event_ids_of_places([(bytes(range(32)), 0, np.array([True]))], np.array([1]), np.array([3])).to_pylist()
        [UUID('00010203-0405-8060-9c00-000000000103')]
    """
    ids = np.zeros((len(rows), 16), dtype=np.uint8)
    place = rows.astype(np.uint64) << np.uint64(8) | kinds.astype(np.uint64)
    for digest, before, own in files:
        ids[own, :6] = np.frombuffer(digest, dtype=np.uint8, count=6)
        # The version stands between the sixth and the seventh byte of the fingerprint.
        ids[own, 6], ids[own, 7] = 0x80 | digest[6] >> 4, (digest[6] & 0x0F) << 4 | digest[7] >> 4
        place[own] -= np.uint64(before << 8)
        place[own] |= np.uint64((digest[7] & 0x0F) << 58)
    ids[:, 8:] = place.astype(">u8").view(np.uint8).reshape(-1, 8)
    ids[:, _VARIANT] = ids[:, _VARIANT] & 0x3F | 0x80
    storage = pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(ids.tobytes())])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)
