"""Quarantine files that do no harm in a spreadsheet, and come back as they were; for `orders_es.sources`."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute

__all__ = ["REASON", "ROW", "guarded", "unguarded"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

ROW = "quarantine_row"
REASON = "quarantine_reason"
"""The two columns that a quarantine file has before those of its source."""

_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*")
_FORMULA = re.compile(r"'*[\t\r\n=+\-@＝＋－＠]")
_GUARDED = r"^'('*[\t\r\n=+\-@＝＋－＠])"


def guarded(cell: str) -> str:
    """The cell, with an apostrophe before it where a spreadsheet would take it for a formula. A number is none.

    Example:
        >>> guarded("=1+1"), guarded("-1.50")
        ("'=1+1", '-1.50')
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unguarded(table: pa.Table) -> pa.Table:
    """A table of text without the apostrophes that `guarded` put there, if it is out of a quarantine file."""
    if REASON not in table.column_names:
        return table
    columns = [pc.replace_substring_regex(column, _GUARDED, r"\1") for column in table.columns]
    return pa.table(columns, names=table.column_names)
