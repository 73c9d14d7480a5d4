"""Customers who come back, as a heat map of cohorts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import axes, empty, frame, numbers, of_currency, one_of, whole_axis
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_cohorts"]

_CELLS_MOST = 400
_WORTH = 0.25
"""A scale that would begin below this share of its end begins at 0."""
_CLIPPED = 0.02
"""The share of customers whose cells may be darker than the scale tells apart: a cohort of one does not set it."""
_DARK = 0.55
_LABELS_MOST = 24
_FIRST = "#D9D9D9"
_RUNNING = "#E69F00"


def plot_cohorts(
    data: Any,
    *,
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with a row for each month of first purchases, and a cell for each month since: how many bought again.

    Args:
        data: A session, or the rows of `cohorts`.
        currency: Which currency; the one with the most money if left out.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> plot_cohorts(connect(open_log(":memory:"))).get_title(loc="left").splitlines()[0]
        'Customers who bought again, by month of their first purchase'
    """
    import numpy as np
    import pandas as pd
    from matplotlib.patches import Rectangle

    rows, moment = frame(data, "cohorts", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax, 9.0, 5.0)
    title = "Customers who bought again, by month of their first purchase"
    if rows.empty:
        return empty(ax, "no purchases", title, moment)
    rows, currency, others = of_currency(rows, currency, "revenue")
    title = one_of(title, currency, others)
    if not int(rows["months_since"].max()):
        return empty(ax, "nobody bought again in a later month", title, moment)
    months = pd.PeriodIndex(pd.to_datetime(rows["cohort"]), freq="M")
    first, last = months.min(), months.max()
    cells = np.full((last.ordinal - first.ordinal + 1, int(rows["months_since"].max()) + 1), np.nan)
    cells[[m.ordinal - first.ordinal for m in months], rows["months_since"].astype(int)] = numbers(rows["retention"])
    low, top = _scale(rows)
    image = ax.imshow(cells, aspect="auto", cmap="Blues", vmin=low, vmax=top)
    # All of a cohort bought in its first month: that is no news, and has no colour of the scale.
    ax.add_patch(Rectangle((-0.5, -0.5), 1, len(cells), color=_FIRST, lw=0))
    running = _running(rows, months, first)
    for y, x in running:
        ax.add_patch(Rectangle((x - 0.46, y - 0.45), 0.92, 0.9, fill=False, ls=(0, (3, 2)), ec=_RUNNING, lw=1.2))
    if cells.size <= _CELLS_MOST:
        for (y, x), share in np.ndenumerate(cells):
            if not np.isnan(share):
                dark = x > 0 and share - low > _DARK * (top - low)
                ax.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    sizes = dict(zip(months, rows["cohort_size"].astype(int), strict=True))
    every = 1 + len(cells) // _LABELS_MOST
    names = [first + n for n in range(0, len(cells), every)]
    ax.set_yticks(range(0, len(cells), every), [f"{name}  ({sizes.get(name, 0):,})" for name in names])
    whole_axis(ax.xaxis)
    ax.set_xlabel("months since the first purchase" + (" (dashed: so far, that month is not over)" if running else ""))
    ax.set_ylabel("first purchase (customers)")
    most = float(numbers(rows.loc[rows["months_since"] > 0, "retention"]).max(initial=0.0))
    if most:
        ends = "max" if most > top else "neither"
        bar = ax.figure.colorbar(image, ax=ax, format=lambda share, _: f"{share:.0%}", extend=ends)
        bar.set_label("share of the cohort that bought" + (f", from {low:.0%}" if low else ""))
    entitle(ax, title, moment, others)
    return ax


def _scale(rows: Any) -> tuple[float, float]:
    """Between which shares the scale of colours lies: first months are left out, and those that are not over.

    It ends above what all but a fiftieth of the customers' cells have. It begins at 0, or, where even the least of them has much more than half
    of the most, below that one, so that the difference can be seen.
    """
    later = rows[rows["months_since"] > 0]
    over = later[~later["running"].astype(bool)] if "running" in later else later
    later = (later if over.empty else over).sort_values("retention", ascending=False)
    if later.empty or not later["retention"].iloc[0] > 0:
        return 0.0, 1.0
    weights = later["cohort_size"].astype(float)
    inside = later[weights.cumsum() > _CLIPPED * weights.sum()]
    top, least = float(inside["retention"].iloc[0]) or 1.0, float(later["retention"].iloc[-1])
    begins = 2 * least - top if least < top else 0.0
    begins = begins if begins > _WORTH * top else 0.0
    return math.floor(begins * 100) / 100, top


def _running(rows: Any, months: Any, first: Any) -> list[tuple[int, int]]:
    """The cells of months that are not over; none where the rows do not say it."""
    if "running" not in rows:
        return []
    marked = zip(rows["running"], months, rows["months_since"], strict=True)
    return [(month.ordinal - first.ordinal, int(since)) for running, month, since in marked if running]
