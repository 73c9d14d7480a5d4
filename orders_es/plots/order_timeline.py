"""One order's life on both clocks: what happened when, and when that was recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, GREY, VERMILION, axes, date_axis, duration, empty, said

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_order_timeline"]

_NAMED_MOST = 30
_DRAWN_MOST = 2_000
_DELAYS_MOST = 6


def plot_order_timeline(history: Any, *, late_after: timedelta = timedelta(days=1), ax: Axes | None = None) -> Axes:
    """Axes with a dot for each event at which it happened, below, and at which it was recorded, above, and a line between.

    What was recorded late leans to the right, is drawn in another colour, dashed, and is named with its delay. Whose time is
    an estimate is hollow, dotted and named with a `~`; nobody knows how late it was recorded. Of a very long life 2,000
    events are drawn: all late ones first.

    Args:
        history: What `history(log, order_id)` gives.
        late_after: What took longer than this to be recorded is late.
        ax: Where to draw; new axes if left out.
    """
    from matplotlib.dates import date2num

    ax = axes(ax, 11.0, 4.5)
    events = list(history)
    title = f"Order {getattr(history, 'order_id', '')} on both clocks".replace("  ", " ")
    if not events:
        return empty(ax, title, "no events")
    guessed = [event for event in events if event.estimated]
    late = [e for e in events if not e.estimated and e.recorded_at - e.occurred_at > late_after]
    prompt = [e for e in events if not e.estimated and e.recorded_at - e.occurred_at <= late_after]
    hidden = max(len(events) - _DRAWN_MOST, 0)
    for group, colour, line in (
        (prompt[: max(_DRAWN_MOST - len(late), 0)], BLUE, "-"),
        (guessed[:_DRAWN_MOST], GREY, ":"),
        (late[:_DRAWN_MOST], VERMILION, "--"),
    ):
        for event in group:
            moments = date2num([event.occurred_at, event.recorded_at])
            fill = "none" if event.estimated else "full"
            ax.plot(moments, [0, 1], line, color=colour, lw=1.2, alpha=0.7, marker="o", ms=5, fillstyle=fill)
    _names(ax, events, late)
    ax.set_ylim(-1.35, 1.35)
    ax.set_yticks([0, 1], ["happened", "recorded"])
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.axhline(1, color=GREY, lw=0.8, zorder=0)
    ax.xaxis_date()
    ax.margins(x=0.06)
    date_axis(ax)
    ax.set_xlabel("UTC")
    count = f"{len(events):,} events" if len(events) > 1 else "1 event"
    more = f"{len(late):,} recorded late" if late else "none recorded late"
    estimates = f"{len(guessed):,} at an estimated time (~, hollow)" if guessed else ""
    ax.set_title(said(title, count, more, estimates, f"{hidden:,} not drawn" if hidden else ""), loc="left")
    return ax


def _names(ax: Axes, events: list[Any], late: list[Any]) -> None:
    """Name events below, in runs that lie side by side; and how late the late ones were, above."""
    from matplotlib.dates import date2num

    ordered = sorted(events, key=lambda event: event.occurred_at)
    span = (ordered[-1].occurred_at - ordered[0].occurred_at) / 18 or timedelta(minutes=1)
    runs: list[list[Any]] = []
    for event in ordered:
        if runs and event.occurred_at - runs[-1][0].occurred_at < span:
            runs[-1].append(event)
        else:
            runs.append([event])
    for number, run in enumerate(runs[:_NAMED_MOST]):
        names = list(dict.fromkeys(("~ " if event.estimated else "") + event.type for event in run))
        text = (
            names[0]
            if len(run) == 1
            else f"{names[0]}\nand {len(run) - 1:,} more"
            if len(names) > 1
            else f"{len(run)} x {names[0]}"
        )
        depth = -0.16 - 0.38 * (number % 3)
        ax.annotate(
            text,
            (date2num(run[0].occurred_at), 0),
            (date2num(run[0].occurred_at), depth),
            ha="center",
            va="top",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.6},
        )
    delays = {
        (event.recorded_at, f"{duration((event.recorded_at - event.occurred_at).total_seconds())} late"): None
        for event in late
    }
    for number, (recorded_at, text) in enumerate(list(delays)[:_DELAYS_MOST]):
        ax.text(
            date2num(recorded_at),
            1.1 + 0.1 * (number % 2),
            text,
            ha="center",
            fontsize=8,
            color=VERMILION,
        )
