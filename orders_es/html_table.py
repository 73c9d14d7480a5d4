"""Tables for notebooks and mails: a title above, numbers to the right, text to the left, wide ones in a frame that scrolls."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["html_table"]


def html_table(
    rows: Iterable[Sequence[str]],
    *,
    heads: Sequence[str],
    title: str = "",
    right: str = "",
    notes: Sequence[str] = (),
    more: str = "",
) -> str:
    """A table as HTML; all that is given is text in it, whatever it says.

    The title is no `<caption>`: that would be as narrow as the table. Sides are said in each cell, because notebooks put all of them to
    the right.

    Args:
        rows: The cells.
        heads: A head for each column.
        right: One letter per column: `r` for a column of numbers, anything else for text.
        notes: What has to be said before all else.
        more: What is not shown.

    Example:
        >>> html_table([["rose", "2"]], heads=["item", "qty"], right="lr").count("text-align:left")
        2
    """
    sides = ["right" if side == "r" else "left" for side in right.ljust(len(heads), "l")]
    head = "".join(
        f"<th style='text-align:{side}'>{escape(name)}</th>" for name, side in zip(heads, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:{side}'>{escape(cell)}</td>" for cell, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in rows
    )
    said = "".join(f"<p><b>Note</b>: {escape(note)}</p>" for note in notes)
    above = f"<div>{escape(title)}</div>" if title else ""
    below = f"<div>… and {escape(more)}</div>" if more else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"{said}{above}<div style='overflow-x:auto'>{table}</div>{below}"
