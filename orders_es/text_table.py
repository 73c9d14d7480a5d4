"""Text for terminals: aligned columns, and characters that cannot move the cursor. For everything that people read there."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["printable", "table"]


def printable(text: str, width: int | None = None) -> str:
    r"""Text that cannot move the cursor: control characters shown as `?`, cut to a width with an ellipsis.

    Descriptions come from other people's files, and a terminal obeys what is printed on it.

    Example:
        >>> printable("red\x1b[31m rose"), printable("a long description", 8)
        ('red?[31m rose', 'a long …')
    """
    text = "".join("?" if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text)
    if width is None or _cells(text) <= width:
        return text
    while text and _cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def table(rows: Sequence[Sequence[str]], *, heads: Sequence[str], right: str = "", indent: int = 2) -> str:
    """Aligned columns under their heads.

    Args:
        rows: The cells, as text.
        heads: A head for each column.
        right: One letter per column: `r` for a column of numbers, anything else for text.
        indent: Blanks before each line.

    Example:
        >>> print(table([["rose", "2"], ["fern", "10"]], heads=["item", "qty"], right="lr", indent=0))
        item  qty
        rose    2
        fern   10
    """
    right = right.ljust(len(heads), "l")
    widths = [max(_cells(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = []
    for row in [heads, *rows]:
        cells = []
        for cell, width, side in zip(row, widths, right, strict=True):
            blanks = " " * (width - _cells(cell))
            cells.append(blanks + cell if side == "r" else cell + blanks)
        lines.append(" " * indent + "  ".join(cells).rstrip())
    return "\n".join(lines)


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes: East Asian characters are two wide, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1 for c in text
    )
