"""By how much past days have changed since they were first known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.plots.outliers import cut_bars
from orders_es.plots.style import (
    BLUE,
    VERMILION,
    axes,
    check_measure,
    date_axis,
    empty,
    frame,
    legend,
    mark_running,
    money_axis,
    numbers,
    of_currency,
    one_of,
    running_day,
)
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_restatements"]

_DAYS_MOST = 400

_MEASURES = ("net", "gross", "discounts", "returns", "payments", "refunds")


def plot_restatements(
    data: Any,
    *,
    measure: str = "net",
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with a bar for each business day: what came to its figure, or went from it, after it was first known.

    Args:
        data: A session, or the rows of `restatements`.
        measure: Which figure: net, gross, discounts, returns, payments or refunds.
        currency: Which currency; the one with the largest changes if left out.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> plot_restatements(connect(open_log(":memory:"))).get_title(loc="left").splitlines()[0]
        'Restatements: net of each day, now beside what was first known'
    """
    import pandas as pd

    check_measure(measure, _MEASURES, "restatements")
    rows, moment = frame(data, "restatements", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax)
    title = f"Restatements: {measure} of each day, now beside what was first known"
    if rows.empty:
        return empty(ax, "no days", title, moment)
    rows, currency, others = of_currency(rows, currency, f"{measure}_change")
    title = one_of(title, currency, others)
    exact = rows[f"{measure}_change"].dropna()
    changes = (
        pd.Series(numbers(rows[f"{measure}_change"]), pd.to_datetime(rows["day"])).fillna(0).groupby(level=0).sum()
    )
    changed = changes[changes != 0]
    if changed.empty:
        return empty(ax, f"none of {len(changes):,} days has changed since it was first known", title, moment, others)
    width, step = 1, "day"
    if (changes.index.max() - changes.index.min()).days > _DAYS_MOST:
        changed, width, step = changed.resample("W-MON", closed="left", label="left").sum(), 7, "week"
    for sign, colour, hatch, label in ((1, BLUE, "", "more than first known"), (-1, VERMILION, "///", "less")):
        part = changed[changed * sign > 0]
        if part.empty:
            continue
        ax.bar(
            part.index,
            part.to_numpy(),
            width=width * 0.85,
            align="edge",
            color=colour,
            hatch=hatch,
            edgecolor="white",
            lw=0,
            label=label,
        )
    ax.axhline(0, color="black", lw=0.8)
    ax.set_xlim(changes.index.min() - pd.Timedelta(days=1), changes.index.max() + pd.Timedelta(days=width + 1))
    date_axis(ax, whole_days=True)
    money_axis(ax.yaxis, f"{currency} a {step}")
    today = running_day(data, rows, at=at, known_at=known_at, recorded_by=recorded_by)
    if today is not None and changes.index.min() <= today <= changes.index.max():
        mark_running(ax, today, today + pd.Timedelta(days=1), "day")
    middles = pd.DatetimeIndex(changed.index) + pd.Timedelta(days=width / 2)
    cut = cut_bars(ax, list(middles), changed.to_numpy(), lambda value: f"{value:+,.2f}")
    legend(ax)
    total = sum(exact[1:], exact.iloc[0]) if len(exact) else 0
    note = f"{int((changes != 0).sum()):,} of {len(changes):,} days changed, by {total:+,.2f} {currency} in all"
    entitle(ax, title, moment, others, note, cut)
    return ax
