"""The total of an order as a waterfall of the events that made it."""

from __future__ import annotations

from itertools import groupby
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, SKY, VERMILION, axes, empty, money_axis, said

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from matplotlib.axes import Axes

__all__ = ["plot_total_waterfall"]

_BARS_MOST = 24
_SIDE_BY_SIDE = 6
_NAME_MOST = 26
_UPRIGHT = 10
"""With more bars than this, their figures stand on end."""


def plot_total_waterfall(explanation: Any, *, ax: Axes | None = None) -> Axes:
    """Axes with a bar for each event that changed the total, from where it was to where it came to, and the total at the end.

    Where there are more than two dozen, neighbours of one type become one bar; where that is not enough, all but the
    largest changes do.

    Args:
        explanation: What `explain(log, order_id)` gives.
        ax: Where to draw; new axes if left out.
    """
    ax = axes(ax, 10.0, 4.5)
    currency = explanation.currency or ""
    title = f"What made the total of order {explanation.order_id}"
    changing = [step for step in explanation.steps if step.change]
    if not changing:
        return empty(ax, said(title, str(explanation.as_of)), "no event changed the total")
    if len(changing) <= _BARS_MOST:
        bars = [(shorten(step.summary, _NAME_MOST, placeholder=" …"), step.change) for step in changing]
    else:
        bars = _few([(_words(step.type), step.change) for step in changing])
    upright = len(bars) > _UPRIGHT
    level = bottom = highest = 0.0
    for number, (_, change) in enumerate(bars):
        height = float(change)
        up = height >= 0
        ax.bar(
            number,
            height,
            bottom=level,
            color=SKY if up else VERMILION,
            hatch="" if up else "///",
            edgecolor="white",
            lw=0,
        )
        ax.plot([number - 0.4, number + 1.4], [level + height] * 2, color="black", lw=0.6)
        level += height
        bottom, highest = min(bottom, level), max(highest, level)
        ax.annotate(
            f"{change:+,.2f}",
            (number, max(level, level - height)),
            ha="center",
            va="bottom",
            fontsize=8,
            rotation=90 if upright else 0,
            xytext=(0, 2),
            textcoords="offset points",
        )
    highest = highest if highest > bottom else bottom + 1
    total = explanation.steps[-1].total
    ax.bar(len(bars), float(total), color=BLUE)
    ax.annotate(
        f"{total:,.2f}",
        (len(bars), max(float(total), 0.0)),
        ha="center",
        va="bottom",
        fontsize=9,
        weight="bold",
        rotation=90 if upright else 0,
        xytext=(0, 2),
        textcoords="offset points",
    )
    names = [*(name for name, _ in bars), "total"]
    slanted = len(names) > _SIDE_BY_SIDE
    ax.set_xticks(range(len(names)), names, rotation=35 if slanted else 0, ha="right" if slanted else "center")
    ax.axhline(0, color="black", lw=0.8)
    ax.set_ylim(
        bottom - (highest - bottom) * (0.08 if bottom < 0 else 0),
        highest + (highest - bottom) * (0.5 if upright else 0.12),
    )
    money_axis(ax.yaxis, currency)
    ax.set_title(said(title, str(explanation.as_of)), loc="left")
    return ax


def _few(bars: Sequence[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """At most two dozen bars with the same sum, in the same order."""
    runs = [(name, [change for _, change in run]) for name, run in groupby(bars, key=lambda bar: bar[0])]
    merged = [(name if len(each) == 1 else f"{len(each):,} x {name}", sum(each[1:], each[0])) for name, each in runs]
    if len(merged) <= _BARS_MOST:
        return merged
    largest = sorted(range(len(merged)), key=lambda i: -abs(merged[i][1]))[: _BARS_MOST - 1]
    rest = [change for i, (_, change) in enumerate(merged) if i not in set(largest)]
    return [*(merged[i] for i in sorted(largest)), (f"{len(rest):,} smaller changes", sum(rest[1:], rest[0]))]


def _words(name: str) -> str:
    """An event type's name as words: ItemAdded is item added."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
