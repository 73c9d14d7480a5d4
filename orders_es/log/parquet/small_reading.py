"""Reading the files that `small` writes, without a Parquet library: what makes thousands of one-event commits cheap to gather.

pyarrow takes 0.3 to 0.5 ms to open and read a file of one event and some fifteen columns, nearly all of it for setting up. What
`small_encoding.encode` wrote has one shape, so it is read in a tenth of that. Anything else, another writer's file or one that was altered,
is not recognised and left to pyarrow, which says what is wrong with it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from orders_es.log.parquet import small_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pyarrow as pa

__all__ = ["Columns", "decode", "table_of_files"]

Columns: TypeAlias = "dict[str, tuple[str, Sequence[Any]]]"
"""Name to kind and values: instants in microseconds, days since 1970, amounts in ten-thousandths, ids of 16 bytes."""

_END = 8
_KNOWN_MOST = 32
_CHECK = 5
_ROWS_FIELD = 0x16
_ROWS_MOST = 65_536
_known: list[tuple[bytes, tuple[tuple[str, str], ...]]] = []
"""Beginnings of footers that were met, and the columns that they say; the latest first."""


def decode(data: bytes, wanted: Collection[str] | None = None) -> Columns | None:
    """The columns of a file that `small_encoding.encode` wrote; None where it is another kind of file, or was altered.

    Args:
        data: The whole file.
        wanted: Only these columns; what the others hold is not looked at, so that it may be altered.

    Example:
        >>> decode(small_encoding.encode({"qty": ("int64", [3, None])}, {}))
        {'qty': ('int64', [3, None])}
    """
    begin = len(data) - _END - int.from_bytes(data[-_END:-4], "little")
    if begin < len(small_encoding.MAGIC) or data[:4] != small_encoding.MAGIC or data[-4:] != small_encoding.MAGIC:
        return None
    try:
        length, columns = _columns_of(data[begin : len(data) - _END])
        rows, _ = _unsigned(data, begin + length + 1)
        _require(data[begin + length] == _ROWS_FIELD and rows >> 1 <= _ROWS_MOST)
        return _pages(data, begin, columns, rows >> 1, wanted)
    except (IndexError, ValueError, struct.error):
        return None


def _require(truth: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not truth:
        raise ValueError("not as it is written")


def _pages(
    data: bytes, end: int, columns: Sequence[tuple[str, str]], rows: int, wanted: Collection[str] | None
) -> Columns:
    """The columns' values, from the pages between the file's first bytes and its footer."""
    tail = b"\x1c\x15" + small_encoding.zigzag(rows) + b"\x15\x00\x15\x06\x15\x06\x00\x00"
    at = len(small_encoding.MAGIC)
    found: Columns = {}
    left = len(columns) if wanted is None else sum(name in wanted for name, _ in columns)
    for name, kind in columns:
        if len(found) == left:
            return found
        size, after = _unsigned(data, at + 3)
        if wanted is not None and name not in wanted:
            at = after + (after - at - 3) + 1 + _CHECK + len(tail) + (size >> 1)
            continue
        sizes = b"\x15" + data[at + 3 : after]
        check = after + len(sizes) + 1
        start = check + _CHECK + len(tail)
        body = data[start : start + (size >> 1)]
        head = b"\x15\x00" + sizes + sizes + b"\x15" + small_encoding.checksum(body) + tail
        _require(data[at:start] == head and start + (size >> 1) <= end)
        found[name] = kind, _values(name, kind, body, rows)
        at = start + (size >> 1)
    _require(wanted is not None or at == end)
    return found


def _columns_of(footer: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    """The columns that a footer begins with, and how many bytes say so; most logs have a handful of them."""
    for known, columns in _known:
        if footer.startswith(known):
            return len(known), columns
    columns = _parsed(footer)
    said = small_encoding.schema(columns)
    _require(bool(columns) and footer.startswith(said))
    _known.insert(0, (said, columns))
    del _known[_KNOWN_MOST:]
    return len(said), columns


def _parsed(footer: bytes) -> tuple[tuple[str, str], ...]:
    at = len(b"\x15\x04\x19") + 1
    if footer[at - 1] >> 4 == 0xF:  # noqa: PLR2004 - a list of 15 and more says how many in what follows
        _, at = _unsigned(footer, at)
    at += len(b"\x48\x06schema\x15")
    count, at = _unsigned(footer, at)
    at += 1
    columns: list[tuple[str, str]] = []
    for _ in range(count >> 1):
        physical = footer[at + 1] >> 1
        at += 2
        if physical == small_encoding.PHYSICAL["uuid"]:
            at += 2
        at += 2 + 1  # whether it may be null, and what the name begins with
        length, at = _unsigned(footer, at)
        name = footer[at : at + length].decode()
        at += length
        kinds = [kind for kind, number in small_encoding.PHYSICAL.items() if number == physical]
        (kind,) = (kind for kind in kinds if footer.startswith(small_encoding.ANNOTATION[kind] + b"\x00", at))
        at += len(small_encoding.ANNOTATION[kind]) + 1
        columns.append((name, kind))
    return tuple(columns)


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last one
            return value, at
        shift += 7


def _values(name: str, kind: str, body: bytes, n: int) -> Sequence[Any]:
    if small_encoding.required(name):
        return _PLAIN[kind](body, n)
    length = int.from_bytes(body[:4], "little")
    run, plain = body[4 : 4 + length], body[4 + length :]
    head, at = _unsigned(run, 0)
    if not head & 1:  # one run of all rows
        _require(head >> 1 == n and len(run) == at + 1)
        return _PLAIN[kind](plain, n) if run[at] else [None] * n
    there = [bool(run[at + (i >> 3)] >> (i & 7) & 1) for i in range(n)]
    values = iter(_PLAIN[kind](plain, sum(there)))
    return [next(values) if is_there else None for is_there in there]


def _numbers(sign: str) -> Callable[[bytes, int], Sequence[Any]]:
    return lambda body, n: list(struct.unpack(f"<{n}{sign}", body))


def _texts(body: bytes, n: int) -> list[str]:
    found, at = [], 0
    for _ in range(n):
        end = at + 4 + int.from_bytes(body[at : at + 4], "little")
        found.append(body[at + 4 : end].decode())
        at = end
    _require(at == len(body))
    return found


def _ids(body: bytes, n: int) -> list[bytes]:
    _require(len(body) == 16 * n)
    return [body[i : i + 16] for i in range(0, 16 * n, 16)]


_PLAIN: Mapping[str, Callable[[bytes, int], Sequence[Any]]] = {
    "string": _texts,
    "uuid": _ids,
    "int32": _numbers("i"),
    "date": _numbers("i"),
    "int64": _numbers("q"),
    "timestamp": _numbers("q"),
    "decimal": _numbers("q"),
    "float64": _numbers("d"),
    "bool": lambda body, n: [bool(body[i >> 3] >> (i & 7) & 1) for i in range(n)],
}


def table_of_files(files: Sequence[Columns], schema: pa.Schema) -> pa.Table:
    """The rows of some files, one after the other, as a table of these columns; what a file lacks is null.

    Args:
        files: What `decode` gave.
        schema: The columns, each of the type of its kind.
    """
    import pyarrow as pa

    lengths = [len(next(iter(columns.values()))[1]) for columns in files]
    arrays = []
    for field in schema:
        values: list[Any] = []
        for columns, n in zip(files, lengths, strict=True):
            column = columns.get(field.name)
            values.extend([None] * n if column is None else column[1])
        arrays.append(_array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values as an Arrow array; from buffers, since `pa.array` would load pandas."""
    import numpy as np
    import pyarrow as pa

    n = len(values)
    missing = values.count(None)
    valid = None
    if missing:
        valid = pa.py_buffer(np.packbits([value is not None for value in values], bitorder="little"))
    buffers: list[Any] = [valid]
    if pa.types.is_string(kind):
        texts = [b"" if value is None else value.encode() for value in values]
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        buffers += [pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    elif isinstance(kind, pa.UuidType):
        ids = b"".join([bytes(16) if value is None else value for value in values])
        storage = pa.Array.from_buffers(kind.storage_type, n, [valid, pa.py_buffer(ids)], missing)
        return pa.ExtensionArray.from_storage(kind, storage)
    elif pa.types.is_boolean(kind):
        buffers.append(pa.py_buffer(np.packbits([bool(value) for value in values], bitorder="little")))
    elif pa.types.is_decimal(kind):
        words = np.zeros((n, 2), np.int64)  # 128 bits each, of which the upper half is the sign
        words[:, 0] = [value or 0 for value in values]
        words[:, 1] = words[:, 0] >> 63
        buffers.append(pa.py_buffer(words))
    else:
        buffers.append(
            pa.py_buffer(
                np.array(
                    [value or 0 for value in values],
                    "<f8" if pa.types.is_floating(kind) else f"<i{kind.bit_width // 8}",
                )
            )
        )
    return pa.Array.from_buffers(kind, n, buffers, missing)
