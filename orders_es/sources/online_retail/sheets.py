"""The overlap in *Online Retail II*: its two sheets both hold 1 to 9 December 2010; for `orders_es.sources.online_retail`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from orders_es.errors import BadSource
from orders_es.sources.tables.values import as_identifier

if TYPE_CHECKING:
    from orders_es.sources.tables.files import SourceTable

__all__ = ["without_repeated_invoices"]


def without_repeated_invoices(source: SourceTable) -> SourceTable:
    """The rows of a workbook without those invoices of later sheets that an earlier sheet holds with the same lines.

    Args:
        source: The file. One that has no sheets, or just one, comes back as it is: within a sheet every row counts.

    Raises:
        BadSource: Two sheets hold different lines of one invoice.
    """
    if len(source.sheets) <= 1:
        return source
    held: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    sheet_of = np.repeat(np.arange(len(source.sheets)), [rows for _, rows in source.sheets]).tolist()
    for row, cell in enumerate(source.column("invoice").to_pylist()):
        invoice = as_identifier(cell)
        if invoice is not None:
            held[invoice][sheet_of[row]].append(row)
    keep = np.ones(len(sheet_of), dtype=np.bool_)
    for invoice, by_sheet in held.items():
        (first, rows), *later = by_sheet.items()
        for sheet, again in later:
            if _lines(source, rows) != _lines(source, again):
                raise _difference(source, invoice, (first, sheet), again[0])
            keep[again] = False
    return source if keep.all() else source.select(keep)


def _lines(source: SourceTable, rows: list[int]) -> list[tuple[str, ...]]:
    taken = source.table.select(list(source.columns.values())).take(rows)
    return sorted(tuple(cell or "" for cell in line.values()) for line in taken.to_pylist())


def _difference(source: SourceTable, invoice: str, sheets: tuple[int, int], row: int) -> BadSource:
    first, later = (source.sheets[i][0] for i in sheets)
    return BadSource(
        str(source.path),
        int(source.numbers[row]),
        f"the sheets {first!r} and {later!r} hold different lines of invoice {invoice!r}; "
        "correct one of them, or save the sheet that counts as a file of its own. Nothing was appended",
    )
