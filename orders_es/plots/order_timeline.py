"""One order's life on both clocks: what happened when, and since when that was known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from orders_es.errors import InvalidSetting, WrongType
from orders_es.plots.style import BLUE, GREY, VERMILION, axes, date_axis, duration, empty, legend
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from matplotlib.axes import Axes

__all__ = ["plot_order_timeline"]

_NAMED_MOST = 30
_DRAWN_MOST = 2_000
_DELAYS_MOST = 6
_LEVELS = 3
_STEP = 0.34
_EDGE = 0.08
"""How near to the picture's sides a text begins beside its place, and not around it."""


def plot_order_timeline(
    history: Any,
    *,
    late_after: timedelta = timedelta(days=1),
    clock: Literal["known", "recorded"] = "known",
    ax: Axes | None = None,
) -> Axes:
    """Axes with a dot for each event at which it happened, below, and since which it was known, above, and a line between.

    An event is known since it was entered, as its source says, or where no source says it since it was recorded; what rests on a
    source's word is drawn as a diamond, and the axis says so. What became known late leans to the right, is drawn in another colour,
    dashed, and is named with its delay. Whose time is an estimate is hollow, dotted and named with a `~`; nobody knows how late it
    was. Of a very long life 2,000 events are drawn: all late ones first.

    Args:
        history: What `history(log, order_id)` gives.
        late_after: What took longer than this to become known is late.
        clock: `recorded` asks the log's own clock alone, whatever sources say.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), actor="ann")], expected=NO_STREAM)
        >>> from orders_es.replay import history
        >>> plot_order_timeline(history(log, "A-1")).get_title(loc="left").splitlines()[0]
        'Order A-1 on both clocks'
    """
    from matplotlib.dates import date2num

    _check(history, late_after, clock)
    ax = axes(ax, 11.0, 4.5)
    events = list(history)

    def known(event: Any) -> datetime:
        said: datetime | None = event.entered_at if clock == "known" else None
        return said or cast("datetime", event.recorded_at)

    title = f"Order {getattr(history, 'order_id', '')} on both clocks".replace("  ", " ")
    if not events:
        return empty(ax, "no events", title)
    guessed = [event for event in events if event.estimated]
    late = [e for e in events if not e.estimated and known(e) - e.occurred_at > late_after]
    prompt = [e for e in events if not e.estimated and known(e) - e.occurred_at <= late_after]
    hidden = max(len(events) - _DRAWN_MOST, 0)
    claims = sum(known(event) is event.entered_at for event in events)
    verb = "known" if claims else "recorded"
    within = f"within {duration(late_after.total_seconds())}"
    for group, colour, line, label in (
        (prompt[: max(_DRAWN_MOST - len(late), 0)], BLUE, "-", f"{verb} {within}"),
        (guessed[:_DRAWN_MOST], GREY, ":", "at an estimated time"),
        (late[:_DRAWN_MOST], VERMILION, "--", f"{verb} late"),
    ):
        if group and len(late) + len(guessed):
            ax.plot(
                [],
                [],
                line,
                color=colour,
                marker="o",
                ms=5,
                fillstyle="none" if group is guessed else "full",
                label=label,
            )
        for event in group:
            moments = date2num([event.occurred_at, known(event)])
            claimed = known(event) is event.entered_at
            fill = "none" if event.estimated else "full"
            drawn: dict[str, Any] = {"color": colour, "alpha": 0.7, "ms": 5, "fillstyle": fill}
            ax.plot(moments, [0, 1], line, lw=1.2, marker="o", markevery=[0] if claimed else None, **drawn)
            if claimed:
                ax.plot(moments[1:], [1], "", marker="D", **drawn)
    _names(ax, events, late, known)
    above = (
        "recorded"
        if not claims
        else "entered,\nits source says"
        if claims == len(events)
        else "entered (◆)\nor recorded"
    )
    ax.set_yticks([0, 1], ["happened", above])
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.axhline(1, color=GREY, lw=0.8, zorder=0)
    ax.xaxis_date()
    ax.margins(x=0.06)
    date_axis(ax)
    ax.set_xlabel("UTC")
    if len(late) + len(guessed):
        legend(ax)
    count = f"{len(events):,} events" if len(events) > 1 else "1 event"
    more = f"{len(late):,} {verb} late" if late else f"none {verb} late"
    estimates = f"{len(guessed):,} at an estimated time (~, hollow)" if guessed else ""
    entitle(ax, title, count, more, estimates, f"{hidden:,} not drawn" if hidden else "")
    return ax


def _check(history: Any, late_after: Any, clock: str) -> None:
    if clock not in ("known", "recorded"):
        raise InvalidSetting("clock", clock, "give 'known' or 'recorded'")
    if isinstance(history, str) or not hasattr(history, "__iter__"):
        raise WrongType(f"history={history!r} is {type(history).__name__}; give history(log, order_id)")
    if not isinstance(late_after, timedelta):
        raise WrongType(f"late_after={late_after!r} is {type(late_after).__name__}; give a datetime.timedelta")


def _names(ax: Axes, events: list[Any], late: list[Any], known: Callable[[Any], datetime]) -> None:
    """Name events below, in runs that lie side by side, late ones apart from the others; above, which came late, and by how much."""
    from matplotlib.dates import date2num

    moments = [moment for event in events for moment in (event.occurred_at, known(event))]
    begins, length = min(moments), (max(moments) - min(moments)) or timedelta(minutes=1)
    too_late = {id(event) for event in late}
    runs: list[list[Any]] = []
    for event in sorted(events, key=lambda event: (event.occurred_at, id(event) in too_late)):
        alike = runs and (id(event) in too_late) == (id(runs[-1][0]) in too_late)
        if alike and event.occurred_at - runs[-1][0].occurred_at < length / 18:
            runs[-1].append(event)
        else:
            runs.append([event])
    for number, run in enumerate(runs[:_NAMED_MOST]):
        place = run[0].occurred_at
        side = _side((place - begins) / length)
        ax.annotate(
            _run(run),
            (date2num(place), 0),
            (date2num(place), -0.16 - _STEP * (number % _LEVELS)),
            ha=side,
            va="top",
            fontsize=8,
            color=VERMILION if id(run[0]) in too_late else "black",
            arrowprops={
                "arrowstyle": "-",
                "color": GREY,
                "lw": 0.6,
                "relpos": ({"left": 0, "right": 1}.get(side, 0.5), 1),
            },
        )
    ax.set_ylim(-0.5 - _STEP * (min(len(runs), _LEVELS) - 1), 1.12 + 0.3 * min(len(late), 2))
    together: dict[tuple[Any, str], list[Any]] = {}
    for event in late:
        delay = duration((known(event) - event.occurred_at).total_seconds())
        together.setdefault((known(event), f"{delay} late"), []).append(event)
    for number, ((since, text), group) in enumerate(list(together.items())[:_DELAYS_MOST]):
        side = _side((since - begins) / length)
        ax.text(
            date2num(since),
            1.08 + 0.26 * (number % 2),
            f"{_run(group).replace(chr(10), ' ')}\n{text}",
            ha=side,
            va="bottom",
            fontsize=8,
            color=VERMILION,
        )


def _run(run: list[Any]) -> str:
    """What a run of events is called."""
    names = list(dict.fromkeys(("~ " if event.estimated else "") + event.type for event in run))
    if len(run) == 1:
        return str(names[0])
    return f"{names[0]}\nand {len(run) - 1:,} more" if len(names) > 1 else f"{len(run):,} x {names[0]}"


def _side(share: float) -> str:
    """On which side of its place a text has to begin so that it stays in the picture, by where that is between left and right."""
    return "left" if share < _EDGE else "right" if share > 1 - _EDGE else "center"
