"""The bytes of a Merkle leaf: what the tree commits to for each event. Specified in docs/format.md.

::

    leaf = header ‖ entered ‖ stream_id ‖ type ‖ actor ‖ correlation_id ‖ causation_id      (strings as UTF-8, null as nothing)
    header, big-endian, 105 bytes:
        u8   leaf format: 1, and 1 more where the event has an entered_at, and 2 more where it has personal data
        u64  position        u64 version       u32 schema_version
        i64  occurred_at     i64 recorded_at   (microseconds since 1970-01-01 UTC)
        16   event_id        32  payload hash: SHA-256(payload bytes), and `orders_es.log.personal.sealed_hash` where it has such
        5 × u32  the byte lengths of the five strings, 0xFFFFFFFF for null
    entered: in formats 2 and 4, i64 entered_at in microseconds; in 1 and 3, nothing
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import TYPE_CHECKING

from orders_es.log.envelope import OPTIONAL_TEXTS
from orders_es.log.merkle import LEAF_PREFIX
from orders_es.log.personal import sealed_hash

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["HASHED", "leaf_bytes", "leaf_hashes", "leaves_of", "payload_hash"]

_FORMAT, _WITH_ENTERED, _WITH_PERSONAL = 1, 1, 2
"""The first format, and what is added for each of what an event may have."""
NULL_LENGTH = 0xFFFFFFFF
_HEADER = struct.Struct(">BQQIqq16s32s5I")
_ENTERED = struct.Struct(">q")
_STRINGS = ("stream_id", "type", *OPTIONAL_TEXTS)
HASHED = frozenset(
    (
        *_STRINGS,
        "position",
        "version",
        "schema_version",
        "event_id",
        "occurred_at",
        "recorded_at",
        "entered_at",
        "personal",
        "payload",
    )
)
"""The columns that a leaf is made of."""


def payload_hash(payload: bytes, personal: str | None = None) -> bytes:
    """What a leaf holds in a payload's stead.

    Args:
        payload: Its bytes.
        personal: What the column `personal` says of it.
    """
    return sha256(payload).digest() if personal is None else sealed_hash(payload, personal)


def leaf_bytes(
    position: int,
    version: int,
    schema_version: int,
    occurred_at: int,
    recorded_at: int,
    event_id: bytes,
    hashed_payload: bytes,
    stream_id: str,
    type: str,  # noqa: A002 - the column's own name
    actor: str | None,
    correlation_id: str | None,
    causation_id: str | None,
    *,
    entered_at: int | None = None,
    personal: bool = False,
) -> bytes:
    """The leaf of one event.

    Args:
        position: Place in the log.
        version: Place in the stream.
        schema_version: Version of the payload's shape.
        occurred_at: Microseconds since 1970-01-01 UTC.
        recorded_at: The same.
        event_id: 16 bytes.
        hashed_payload: `payload_hash` of the payload's bytes.
        type: The event type's name.
        actor: Who, or None.
        correlation_id: The conversation, or None.
        causation_id: The cause, or None.
        entered_at: Microseconds: when the source says that it learned of it; None where it says nothing.
        personal: Whether the payload has a personal part, or had one.
    """
    strings = [None if s is None else s.encode() for s in (stream_id, type, actor, correlation_id, causation_id)]
    lengths = [NULL_LENGTH if s is None else len(s) for s in strings]
    header = _HEADER.pack(
        _FORMAT + _WITH_ENTERED * (entered_at is not None) + _WITH_PERSONAL * personal,
        position,
        version,
        schema_version,
        occurred_at,
        recorded_at,
        event_id,
        hashed_payload,
        *lengths,
    )
    entered = b"" if entered_at is None else _ENTERED.pack(entered_at)
    return header + entered + b"".join(s for s in strings if s)


def leaf_hashes(events: pa.Table | pa.RecordBatch) -> list[bytes]:
    """The leaf hash of every event of a table, in its order.

    Args:
        events: A table with the envelope's columns, one row per event.

    Returns:
        One hash of 32 bytes per row: SHA-256(0x00 ‖ leaf).
    """
    return [sha256(leaf).digest() for leaf in _prefixed(events)]


def leaves_of(events: pa.Table | pa.RecordBatch) -> list[bytes]:
    """The leaf of every event of a table, in its order: the bytes themselves, as `leaf_bytes` gives them."""
    return [leaf[1:] for leaf in _prefixed(events)]


def _prefixed(events: pa.Table | pa.RecordBatch) -> list[bytes]:
    """The leaves with the prefix that they are hashed with."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    n = events.num_rows
    if not n:
        return []

    def column(name: str) -> pa.Array:
        values = events.column(name)
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

    strings = [column(name).cast(pa.binary()) for name in _STRINGS]
    header = np.empty(
        n,
        dtype=[
            ("prefix", "u1"),
            ("format", "u1"),
            ("position", ">u8"),
            ("version", ">u8"),
            ("schema_version", ">u4"),
            ("occurred_at", ">i8"),
            ("recorded_at", ">i8"),
            ("event_id", "V16"),
            ("payload", "V32"),
            ("lengths", ">u4", (5,)),
        ],
    )
    header["prefix"] = LEAF_PREFIX[0]
    header["format"] = _FORMAT
    for name in ("position", "version", "schema_version"):
        header[name] = column(name).to_numpy(zero_copy_only=False)
    for name in ("occurred_at", "recorded_at"):
        header[name] = column(name).cast(pa.int64()).to_numpy(zero_copy_only=False)
    header["event_id"] = uuid_bytes(column("event_id"))
    payloads = column("payload").cast(pa.binary()).to_pylist()
    personal = column("personal") if "personal" in events.schema.names else None
    if personal is None or personal.null_count == n:
        digests = [sha256(payload).digest() for payload in payloads]
    else:
        digests = list(map(payload_hash, payloads, personal.to_pylist()))
        header["format"] += _WITH_PERSONAL * pc.is_valid(personal).to_numpy(zero_copy_only=False).astype("u1")
    header["payload"] = np.frombuffer(b"".join(digests), dtype="V32")
    for i, array in enumerate(strings):
        header["lengths"][:, i] = pc.fill_null(pc.binary_length(array), -1).to_numpy(zero_copy_only=False).astype("u4")
    entered = column("entered_at").cast(pa.int64()) if "entered_at" in events.schema.names else None
    if entered is not None and entered.null_count < n:
        header["format"] += _WITH_ENTERED * pc.is_valid(entered).to_numpy(zero_copy_only=False).astype("u1")
        strings.insert(0, _big_endian(entered))
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(header.dtype.itemsize), n, [None, pa.py_buffer(header)]
    ).cast(pa.binary())
    leaves = pc.binary_join_element_wise(fixed, *(pc.fill_null(s, b"") for s in strings), b"")
    joined: list[bytes] = leaves.to_pylist()
    return joined


def _big_endian(values: pa.Array) -> pa.Array:
    """Each whole number as its 8 bytes, null where it is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    eight = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(">i8")
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(values), [None, pa.py_buffer(eight)])
    return pc.if_else(pc.is_valid(values), raw.cast(pa.binary()), pa.scalar(None, pa.binary()))


def uuid_bytes(array: pa.Array) -> bytes | memoryview | object:
    """A column of 16-byte ids as a numpy array of `V16`."""
    import numpy as np
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    buffer = array.buffers()[1]
    return np.frombuffer(buffer, dtype="V16", count=array.offset + len(array))[array.offset :]
