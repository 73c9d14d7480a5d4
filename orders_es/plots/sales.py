"""Sales over time, as bars with their trend."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.orders.money import format_amount
from orders_es.plots.outliers import cut_bars
from orders_es.plots.style import (
    BLUE,
    SKY,
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

__all__ = ["plot_sales"]

_DAYS_MOST = 200
_WEEKS_MOST = 1_400
_TREND = 7
_MEASURES = (
    "revenue",
    "net",
    "gross",
    "discounts",
    "shipping",
    "returns",
    "adjustments",
    "payments",
    "refunds",
)


def plot_sales(
    data: Any,
    *,
    measure: str = "revenue",
    currency: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with one bar a day, week or month, whichever can be read, and the mean of seven of them as a line.

    A period that is not over at the moment asked for is shaded, and is not in the mean. A bar that is far beyond
    all others is cut, and its figure written where it is.

    Args:
        data: A session, or the rows of `daily_sales`.
        measure: A money column of `daily_sales`.
        currency: Which currency; the one with the most money if left out.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Raises:
        InvalidSetting: There is no such measure, or no money in that currency.

    Example:
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"day": [pd.Timestamp("2011-06-03")], "currency": ["GBP"], "revenue": [20]})
        >>> plot_sales(rows).get_ylabel()
        'GBP'
    """
    import pandas as pd

    check_measure(measure, _MEASURES, "daily_sales")
    rows, moment = frame(data, "daily_sales", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax)
    name = measure.replace("_", " ").capitalize()
    if rows.empty:
        return empty(ax, "nothing was sold", name, moment)
    today = running_day(data, rows, at=at, known_at=known_at, recorded_by=recorded_by)
    rows, currency, others = of_currency(rows, currency, measure)
    days = pd.Series(numbers(rows[measure]), pd.to_datetime(rows["day"])).groupby(level=0).sum().sort_index()
    span = (days.index[-1] - days.index[0]).days + 1
    step, rule, width = "day", "D", 1
    if span > _WEEKS_MOST:
        step, rule, width = "month", "MS", 28
    elif span > _DAYS_MOST:
        step, rule, width = "week", "W-MON", 7
    sums = days.resample(rule, closed="left", label="left").sum()
    heights = sums.to_numpy()
    ax.bar(
        sums.index,
        heights,
        width=width * 0.85,
        align="edge",
        color=[VERMILION if height < 0 else SKY for height in heights],
        hatch=["///" if height < 0 else "" for height in heights],
        edgecolor="white",
        lw=0,
    )
    for colour, hatch, label, drawn in (
        (SKY, "", f"a {step}", heights >= 0),
        (VERMILION, "///", f"a {step} below 0", heights < 0),
    ):
        if drawn.any():
            ax.fill_between([], [], color=colour, hatch=hatch, edgecolor="white", lw=0, label=label)
    last = sums.index[-1]
    running = today is not None and last <= today < last + pd.tseries.frequencies.to_offset(rule)
    whole = sums[:-1] if running else sums
    if running:
        mark_running(ax, last, last + pd.Timedelta(days=width), step)
    middles = pd.DatetimeIndex(sums.index) + pd.Timedelta(days=width / 2)
    trend: Any = []
    if len(whole) > _TREND:
        trend = whole.rolling(_TREND, min_periods=1).mean().to_numpy()
        ax.plot(
            middles[: len(whole)],
            trend,
            color=BLUE,
            lw=2,
            label=f"mean of {_TREND} {step}s",
        )
    cut = cut_bars(
        ax, list(middles), heights, lambda value: format_amount(Decimal(str(round(value, 4))), currency), others=trend
    )
    if running or len(whole) > _TREND or (heights < 0).any():
        legend(ax)
    ax.axhline(0, color="black", lw=0.8)
    date_axis(ax, whole_days=True)
    money_axis(ax.yaxis, currency)
    entitle(ax, one_of(f"{name} by {step}", currency, others), moment, others, cut)
    return ax
