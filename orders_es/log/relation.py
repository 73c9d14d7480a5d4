"""The relation `events` in DuckDB's words: what a log's `bind` puts into a connection, whatever the log is stored in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.envelope import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMN_TYPES", "ENVELOPE_TYPES", "empty_relation", "event_columns", "quoted", "text"]

COLUMN_TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "decimal": "DECIMAL(18,4)",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "float64": "DOUBLE",
}
"""The DuckDB type of each kind of payload field."""
_ENVELOPE_KINDS = COLUMN_TYPES | {"int32": "INTEGER", "uuid": "UUID"}

ENVELOPE_TYPES: dict[str, str] = {field.name: _ENVELOPE_KINDS[field.kind] for field in FIELDS}
"""The DuckDB type of each column of the envelope, and of the payload."""


def event_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Name and DuckDB type of every column of the relation `events`.

    Args:
        columns: Name and kind of each shredded column, as `EventRegistry.columns` gives them.

    Example:
        >>> event_columns({"price": "decimal"})["price"]
        'DECIMAL(18,4)'
    """
    return ENVELOPE_TYPES | {name: COLUMN_TYPES[kind] for name, kind in columns.items()}


def empty_relation(columns: Mapping[str, str]) -> str:
    """SQL for `events` without any event, its columns typed all the same."""
    typed = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in event_columns(columns).items())
    return f"SELECT {typed} WHERE false"


def quoted(name: str) -> str:
    """A name as SQL writes it where it may be a keyword.

    Example:
        >>> quoted("position")
        '"position"'
    """
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL writes it.

    Example:
        >>> print(text("O'Brien"))
        'O''Brien'
    """
    return "'" + value.replace("'", "''") + "'"
