"""Rows of a read model as texts and as JSON, a column at a time: what the outlets put into systems that have no types of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.json_text import json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

__all__ = ["column_texts", "json_rows", "key_token", "redis_text", "row_keys", "text_rows"]

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_DIGITS_OF_MONEY = 4


def redis_text(value: Any) -> str:
    """A value as text: money and numbers as digits, times in UTC with `Z`, truth as `true` or `false`.

    Example:
        >>> redis_text(Decimal("12.5000")), redis_text(True), redis_text(datetime(2026, 6, 3, 15, tzinfo=UTC))
        ('12.5000', 'true', '2026-06-03T15:00:00Z')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | dict | tuple):
        return json_bytes(value).decode()
    return value.hex() if isinstance(value, bytes) else str(value)


def key_token(text: str) -> str:
    """A text as one token of a key: letters, digits, `_` and `-` as they are, every other byte as `=` and two hexadecimal digits.

    Example:
        >>> key_token("A-1"), key_token("A/1 ü"), key_token("")
        ('A-1', 'A=2F1=20=C3=BC', '==')
    """
    data = text.encode()
    if _PLAIN.issuperset(data):
        return text or "=="
    return "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in data)


def row_keys(table: pa.Table, key: Sequence[str]) -> list[str]:
    """The key of each row as one text of safe characters, from which its parts could be told again: tokens with points between them; `=` is null.

    Args:
        key: The columns that tell rows apart.

    Example:
        >>> import pyarrow as pa
        >>> row_keys(pa.table({"region": ["north", None], "n": [1, 2]}), ["region", "n"])
        ['north.1', '=.2']
    """
    columns = [["=" if text is None else key_token(text) for text in column_texts(table.column(name))] for name in key]
    return list(map(".".join, zip(*columns, strict=True)))


def text_rows(table: pa.Table) -> list[list[str]]:
    """Each row as names and texts by turns, columns that are null left out.

    Example:
        >>> import pyarrow as pa
        >>> text_rows(pa.table({"region": ["north", None], "n": [1, 2]}))
        [['region', 'north', 'n', '1'], ['n', '2']]
    """
    names = table.column_names
    rows = zip(*(column_texts(table.column(name)) for name in names), strict=True)
    return [
        [part for name, text in zip(names, row, strict=True) if text is not None for part in (name, text)]
        for row in rows
    ]


def json_rows(table: pa.Table) -> list[bytes]:
    """Each row as a JSON object with a field for each column: money as digits in text, times in UTC with `Z`.

    Example:
        >>> import pyarrow as pa
        >>> json_rows(pa.table({"region": ["north"], "revenue": [Decimal("12.5")]}))
        [b'{"region":"north","revenue":"12.5000"}']
    """
    import msgspec

    encode = msgspec.json.Encoder().encode
    names = table.column_names
    rows = zip(*(_json_values(table.column(name)) for name in names), strict=True)
    return [encode(dict(zip(names, row, strict=True))) for row in rows]


def column_texts(column: pa.ChunkedArray) -> list[str | None]:
    """The values of a column, each as `redis_text` has it; None where it is null.

    Example:
        >>> import pyarrow as pa
        >>> column_texts(pa.chunked_array([[True, None]]))
        ['true', None]
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]
    return _times(column) if pa.types.is_timestamp(kind) and kind.tz is not None else _each(column, redis_text)


def _json_values(column: pa.ChunkedArray) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean)
    if any(is_so(kind) for is_so in (*plain, pa.types.is_floating)):
        return column.to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_date32(kind):
        return column_texts(column)
    if pa.types.is_decimal(kind) and kind.scale <= _DIGITS_OF_MONEY:
        return _each(column, lambda value: f"{value:.4f}")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return _times(column)
    import msgspec

    return _each(column, lambda value: msgspec.Raw(json_bytes(value)))


def _times(column: pa.ChunkedArray) -> list[str | None]:
    """Times in UTC as ISO 8601 has them, made by Arrow: Python's own objects would be half the cost of a row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    said = column.cast(pa.timestamp("us", "UTC")).cast(pa.string())
    said = pc.replace_substring(said, " ", "T", max_replacements=1)
    return pc.replace_substring(said, ".000000Z", "Z").to_pylist()  # type: ignore[no-any-return]


def _each(column: pa.ChunkedArray, text: Callable[[Any], Any]) -> list[Any]:
    return [None if value is None else text(value) for value in column.to_pylist()]
