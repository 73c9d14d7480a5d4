"""How long orders take from one step to another, week by week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting
from orders_es.plots.outliers import cut_lines
from orders_es.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    axes,
    date_axis,
    empty,
    frame,
    legend,
    mark_running,
    numbers,
    running_day,
)
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_cycle_times"]

_UNITS = ((172_800.0, 86_400.0, "days"), (5_400.0, 3_600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
_MARKED_MOST = 60
_SPANS = (
    ("created", "placed"),
    ("placed", "paid"),
    ("paid", "shipped"),
    ("shipped", "delivered"),
    ("created", "delivered"),
)
"""What `cycle_times` measures, whether or not an order made it."""


def plot_cycle_times(
    data: Any,
    *,
    steps: tuple[str, str] = ("created", "delivered"),
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with the median, the 90th and the 99th percentile of how long orders took, by the week in which they got there.

    Orders whose time at one of the two steps is an estimate are not in it; the title counts them. A week that is not over
    is shaded.

    Args:
        data: A session, or the rows of `cycle_times`.
        steps: From which step to which: a pair of `from_step` and `to_step` in `cycle_times`.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Raises:
        InvalidSetting: `cycle_times` does not measure between these steps.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> plot_cycle_times(connect(open_log(":memory:"))).get_title(loc="left").splitlines()[0]
        'From created to delivered'
    """
    import pandas as pd

    rows, moment = frame(data, "cycle_times", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax)
    title = f"From {steps[0]} to {steps[1]}"
    measured = dict.fromkeys((*_SPANS, *zip(rows["from_step"], rows["to_step"], strict=True)))
    if tuple(steps) not in measured:
        pairs = ", ".join(f"({begin!r}, {end!r})" for begin, end in measured)
        raise InvalidSetting("steps", steps, f"`cycle_times` has no such pair; give one of {pairs}")
    rows = rows[(rows["from_step"] == steps[0]) & (rows["to_step"] == steps[1])].sort_values("week")
    if rows.empty:
        return empty(ax, "no order made both steps", title, moment)
    guessed = int(rows["estimated"].sum()) if "estimated" in rows else 0
    left_out = f"{guessed:,} more at an estimated time" if guessed else ""
    today = running_day(data, rows, at=at, known_at=known_at, recorded_by=recorded_by)
    rows = rows[rows["orders"] > 0]
    if rows.empty:
        return empty(ax, "no order made both steps in this order, at known times", title, moment, left_out)
    p90 = numbers(rows["p90"])
    _, length, unit = next(scale for scale in _UNITS if max(p90.max(), 0) >= scale[0])
    weeks = pd.to_datetime(rows["week"])
    marked = len(rows) <= _MARKED_MOST
    lines = (("p99", "99 in 100 within", GREY, ":", "^"), ("p90", "9 in 10 within", ORANGE, "--", "s"))
    drawn = []
    for column, label, colour, line, mark in (*lines, ("p50", "half within", BLUE, "-", "o")):
        values = numbers(rows[column]) / length
        drawn.append(values)
        ax.plot(weeks, values, line, color=colour, marker=mark if marked else "", ms=4, lw=2, label=label)
    last = weeks.iloc[-1]
    if today is not None and last <= today < last + pd.Timedelta(days=7):
        mark_running(ax, last - pd.Timedelta(days=3.5), last + pd.Timedelta(days=3.5), "week")
    ax.set_ylim(bottom=min(0.0, float(numbers(rows["p50"]).min()) / length))
    cut = cut_lines(ax, weeks.tolist(), drawn, lambda value: f"{value:,.1f} {unit}")
    ax.set_ylabel(unit)
    ax.set_xlabel("week in which they got there")
    date_axis(ax)
    legend(ax)
    entitle(ax, title, moment, f"{int(rows['orders'].sum()):,} orders", left_out, cut)
    return ax
