"""Whether a row group's statistics and Bloom filters say what its rows say: readers skip rows by them. For `verify`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh64_intdigest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["wrong_statistics"]

_HEADER_MOST = 64
_BLOCK = 32
_SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
"""Of the split-block Bloom filter, as the Parquet format specifies it."""


def wrong_statistics(path: str, group: Any, table: pa.Table) -> Iterator[str]:
    """What the metadata of a row group says of its columns and is not so.

    Args:
        group: The row group's metadata.
        table: Its rows.
    """
    if table.num_rows != group.num_rows:
        yield f"there are {table.num_rows} rows and the footer says {group.num_rows}"
    for i in range(group.num_columns):
        chunk = group.column(i)
        name = chunk.path_in_schema
        if chunk.num_values != table.num_rows:
            yield f"column {name}: the footer says {chunk.num_values} values of {table.num_rows}"
        values = table.column(i)
        statistics = chunk.statistics
        if statistics is not None:
            what = _differs(statistics, values)
            if what is not None:
                yield f"column {name}: {what}"
        if chunk.bloom_filter_offset is not None:
            missing = _not_in_filter(path, chunk, values)
            if missing is not None:
                yield f"column {name}: its Bloom filter says that {missing!r} is not there"


def _differs(statistics: Any, values: pa.ChunkedArray) -> str | None:
    if statistics.has_null_count and statistics.null_count != values.null_count:
        return f"its statistics say {statistics.null_count} nulls and there are {values.null_count}"
    if not statistics.has_min_max or values.null_count == len(values):
        return None
    if isinstance(values.type, pa.BaseExtensionType):
        values = pa.chunked_array([chunk.storage for chunk in values.chunks])
    text = _is_bytes(values.type)
    if text:
        values = values.cast(pa.binary())
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        return None
    actual = pc.min_max(values).as_py()
    low, high = statistics.min, statistics.max
    if text:
        low, high = (value.encode() if isinstance(value, str) else value for value in (low, high))
        # Both may be cut short: the smallest to what it begins with, the largest to something above it.
        cut = len(high) < len(actual["max"]) and high > actual["max"]
        right = actual["min"].startswith(low) and (high == actual["max"] or cut)
    else:
        right = (low, high) == (actual["min"], actual["max"])
    if right:
        return None
    return f"its statistics say {low!r} to {high!r} and its values are {actual['min']!r} to {actual['max']!r}"


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_large_string(kind)
    )


def _not_in_filter(path: str, chunk: Any, values: pa.ChunkedArray) -> str | None:
    """A text of the column of which its Bloom filter says that it is not there."""
    length = chunk.bloom_filter_length or 0
    with open(path, "rb") as file:
        file.seek(chunk.bloom_filter_offset)
        data = file.read(length or os.fstat(file.fileno()).st_size - chunk.bloom_filter_offset)
    start, size = _filter_bytes(data)
    blocks = size // _BLOCK
    if not blocks or start + size > len(data):
        return "anything"
    words = np.frombuffer(data, "<u4", size // 4, start)
    texts = pc.unique(values).drop_null()
    digests = np.fromiter(
        (xxh64_intdigest(text) for text in texts.cast(pa.binary()).to_pylist()), np.uint64, len(texts)
    )
    block = ((digests >> np.uint64(32)) * np.uint64(blocks) >> np.uint64(32)).astype(np.int64) * 8
    keys = digests.astype(np.uint32)
    found = np.ones(len(texts), np.bool_)
    for i, salt in enumerate(_SALTS):
        found &= (words[block + i] >> (keys * np.uint32(salt) >> np.uint32(27)) & np.uint32(1)).astype(np.bool_)
    return None if found.all() else str(texts[int(np.argmin(found))].as_py())


def _filter_bytes(data: bytes) -> tuple[int, int]:
    """Where a filter's bitset begins and how long it is: after a Thrift struct whose first field is the length."""
    if data[:1] != b"\x15":
        return 0, 0
    size = shift = 0
    at = 1
    while at < min(len(data), _HEADER_MOST):
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the varint's last byte
            break
        shift += 7
    size >>= 1  # zigzag
    # Then three unions, each of one empty struct: algorithm, hash and compression.
    rest = b"\x1c\x1c\x00\x00" * 3 + b"\x00"
    return (at + len(rest), size) if data[at : at + len(rest)] == rest else (0, 0)
