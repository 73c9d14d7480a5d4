"""Customers who come back, as a heat map of cohorts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.plots.style import axes, empty, frame, numbers, of_currency, one_of, said, whole_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_cohorts"]

_CELLS_MOST = 400
_CLIPPED = 0.02
"""The share of customers whose cells may be darker than the scale tells apart: a cohort of one does not set it."""
_DARK = 0.55
_LABELS_MOST = 24


def plot_cohorts(
    data: Any,
    *,
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with a row for each month of first purchases, and a cell for each month since: how many bought again.

    Args:
        data: A session, or the rows of `cohorts`.
        currency: Which currency; the one with the most money if left out.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        ax: Where to draw; new axes if left out.
    """
    import numpy as np
    import pandas as pd

    rows, moment = frame(data, "cohorts", at=at, known_at=known_at)
    ax = axes(ax, 9.0, 5.0)
    title = "Customers who bought again, by month of their first purchase"
    if rows.empty:
        return empty(ax, said(title, moment), "no purchases")
    rows, currency, others = of_currency(rows, currency, "revenue")
    title = one_of(title, currency, others)
    months = pd.PeriodIndex(pd.to_datetime(rows["cohort"]), freq="M")
    first, last = months.min(), months.max()
    cells = np.full((last.ordinal - first.ordinal + 1, int(rows["months_since"].max()) + 1), np.nan)
    cells[[m.ordinal - first.ordinal for m in months], rows["months_since"].astype(int)] = numbers(rows["retention"])
    top = _top(rows)
    image = ax.imshow(cells, aspect="auto", cmap="Blues", vmin=0, vmax=top or 1.0)
    if cells.size <= _CELLS_MOST:
        for (y, x), share in np.ndenumerate(cells):
            if not np.isnan(share):
                dark = share > _DARK * top
                ax.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    sizes = dict(zip(months, rows["cohort_size"].astype(int), strict=True))
    every = 1 + len(cells) // _LABELS_MOST
    names = [first + n for n in range(0, len(cells), every)]
    ax.set_yticks(range(0, len(cells), every), [f"{name}  ({sizes.get(name, 0):,})" for name in names])
    whole_axis(ax.xaxis)
    running = "running" not in rows or bool(rows["running"].any())
    so_far = " (the last of each row: so far, that month is not over)" if running else ""
    ax.set_xlabel(f"months since the first purchase{so_far}")
    ax.set_ylabel("first purchase (customers)")
    most = float(numbers(rows.loc[rows["months_since"] > 0, "retention"]).max(initial=0.0))
    bar = ax.figure.colorbar(
        image, ax=ax, format=lambda share, _: f"{share:.0%}", extend="max" if most > top else "neither"
    )
    bar.set_label("share of the cohort that bought")
    ax.set_title(said(title, moment, others), loc="left")
    return ax


def _top(rows: Any) -> float:
    """Where the scale of colours ends: above what all but a fiftieth of the customers' cells have, first months left out."""
    later = rows[(rows["months_since"] > 0) & (rows["retention"] > 0)].sort_values("retention", ascending=False)
    if later.empty:
        return 1.0
    weights = later["cohort_size"].astype(float)
    inside = later[weights.cumsum() > _CLIPPED * weights.sum()]
    return float(inside["retention"].iloc[0]) or 1.0
