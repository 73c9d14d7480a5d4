"""What can happen to a row of somebody else's table, for whoever imports such rows and whoever asks about them.

Class names and field names are storage format. The values of a row are texts, as the source writes them, or null. They
travel as one text that holds a JSON object, so that they stand in a column of their own beside the event and are
asked for in SQL without a look at the payload.

A row's stream is the name of its table, a slash, and its key: `orders/1001`. A table's own stream is its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - decoders resolve these annotations at run time

__all__ = ["EVENT_TYPES", "RowChanged", "RowDeleted", "RowInserted", "TableDumped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowInserted:
    """A row is there that was not there before, or is there again; `row_after` holds all its values.

    `changed_after` is there where nobody wrote down when it happened: the row was still missing then, and `occurred_at` is
    when it was first seen. `opening` is there where the row was found when the source was first looked at: nobody knows since
    when it was there. `reason` is what the source says about why.

    Example:
        >>> RowInserted(source_table="orders", row_key="1001", row_after='{"id":"1001","status":"open"}').row_key
        '1001'
    """

    source_table: str
    row_key: str
    row_after: str
    changed_after: datetime | None = None
    opening: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanged:
    """A row has other values: `row_after` holds those that changed, `row_before` what they were, where that is known.

    Example:
        >>> RowChanged(source_table="orders", row_key="1001", row_after='{"status":"paid"}').row_before is None
        True
    """

    source_table: str
    row_key: str
    row_after: str
    row_before: str | None = None
    changed_after: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDeleted:
    """A row is gone; `row_before` holds its last values, where they are known.

    Example:
        >>> RowDeleted(source_table="orders", row_key="1001").reason is None
        True
    """

    source_table: str
    row_key: str
    row_before: str | None = None
    changed_after: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDumped:
    """Somebody took a full copy of a table, and all of its rows that differed from the copy before are recorded.

    `dump_columns` and `dump_key` are JSON lists of names. `dump_from` is there where only the day of the dump is known: it was
    taken between then and `occurred_at`. `dump_digest` is the SHA-256 of the file, in hexadecimal digits. `dump_gaps` is a JSON list of what was odd
    about it, so that whoever imports it again is told the same.

    Example:
        >>> TableDumped(source_table="orders", dump_name="orders-1.csv", dump_digest="00", dump_columns='["id"]',
        ...             dump_key='["id"]', dump_rows=3).dump_rows
        3
    """

    source_table: str
    dump_name: str
    dump_digest: str
    dump_columns: str
    dump_key: str
    dump_rows: int
    dump_from: datetime | None = None
    dump_gaps: str | None = None


EVENT_TYPES: tuple[type, ...] = (RowInserted, RowChanged, RowDeleted, TableDumped)
"""All event types of the domain; registries take them from here."""
