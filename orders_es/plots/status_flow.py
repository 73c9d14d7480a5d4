"""Statuses as a map: how many orders went from each to each, and how long they stayed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, VERMILION, axes, duration, empty, fit_height, frame, numbers
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_status_flow"]

_PLACES = {"new": 0, "created": 1, "placed": 2, "paid": 3, "shipped": 4, "delivered": 5}
_LADDER_Y, _CANCELLED = 0.0, (3.0, -1.75)
_WIDEST, _THINNEST = 7.0, 0.8
_BEND = 0.38
_LADDER, _LEAVING = "#A3A3A3", "#E08A4F"
_HALF_WIDTH, _HALF_HEIGHT = 28.0, 13.0
"""Half the size of a status's box, in points."""
_LOW = -2.15
_ASPECT = 1.65
"""How much wider than high a unit of the picture is drawn."""


def plot_status_flow(
    data: Any,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with each status as a box, and arrows that say how many orders went that way after which median wait.

    Orders that took two steps at one moment went that way at once. Of orders whose moment at one end is an estimate nobody
    knows the wait: they are counted, and are in no median.

    Args:
        data: A session, or the rows of `status_transitions`.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> plot_status_flow(connect(open_log(":memory:"))).get_title(loc="left").splitlines()[0]
        'Ways of orders, with the median wait before each'
    """
    rows, moment = frame(data, "status_transitions", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax, 11.0, 4.5)
    title = "Ways of orders, with the median wait before each"
    if rows.empty:
        return empty(ax, "no order has changed its status", title, moment)
    used = [s for s in _PLACES if s in {*rows["from_status"], *rows["to_status"]}]
    shift = {status: (float(n), _LADDER_Y) for n, status in enumerate(used)}
    places = shift | {"cancelled": ((len(used) - 1) / 2, _CANCELLED[1])}
    most = int(rows["orders"].max())
    timed = rows["timed"] if "timed" in rows else rows["orders"]
    columns = [rows["from_status"].tolist(), rows["to_status"].tolist()]
    for start, end, orders, known, wait in zip(
        *columns, rows["orders"].astype(int), timed.astype(int), numbers(rows["median_wait"]), strict=True
    ):
        if start in places and end in places:
            _arrow(ax, places, start, end, orders, most, _wait(orders, known, wait))
    guessed = int((rows["orders"] - timed).sum())
    note = f"~ {guessed:,} steps from or to an estimated time, in no median" if guessed else ""
    shown = {*rows["from_status"], *rows["to_status"]}
    for status, (x, y) in places.items():
        if status in shown:
            edge = VERMILION if status == "cancelled" else BLUE
            ax.text(
                x,
                y,
                status,
                ha="center",
                va="center",
                zorder=3,
                bbox={"boxstyle": "round,pad=0.5", "fc": "white", "ec": edge, "lw": 1.8},
            )
    ax.set_xlim(-0.6, len(used) - 0.4)
    ups = [shift[e][0] - shift[s][0] for s, e in zip(columns[0], columns[1], strict=True) if s in shift and e in shift]
    highest, lowest = (_BEND * _ASPECT / 2 * max([1.0, *lengths]) for lengths in (ups, [-up for up in ups]))
    bottom, top = min(_LOW if "cancelled" in shown else -0.5, -lowest - 0.4), highest + 0.5
    ax.set_ylim(bottom, top)
    fit_height(ax, (top - bottom) / (top - min(bottom, _LOW)))
    ax.axis("off")
    entitle(ax, title, moment, note)
    return ax


def _wait(orders: int, known: int, wait: float) -> str:
    """The wait before a step, in words; with a mark where some orders have none."""
    if not known:
        return "~ time not known"
    return f"{'' if known == orders else '~ '}{duration(wait) if wait else 'at once'}"


def _arrow(
    ax: Axes, places: dict[str, tuple[float, float]], start: str, end: str, orders: int, most: int, wait: str
) -> None:
    (x0, y0), (x1, y1) = places[start], places[end]
    width = _THINNEST + (_WIDEST - _THINNEST) * math.sqrt(orders / most)
    steps = x1 - x0
    ladder = y0 == y1
    bend = 0.0 if (ladder and steps == 1) or not ladder else -_BEND if steps > 0 else _BEND
    # As far from the middle of a box as its edge is in that direction, and a little more.
    across, down = abs(x1 - x0) * _ASPECT, abs(y1 - y0)
    length = math.hypot(across, down)
    shrink = 4 + min(
        _HALF_WIDTH * length / across if across else math.inf, _HALF_HEIGHT * length / down if down else math.inf
    )
    ax.annotate(
        "",
        (x1, y1),
        (x0, y0),
        arrowprops={
            "arrowstyle": "-|>",
            "lw": width,
            "color": _LADDER if ladder else _LEAVING,
            "ls": "-" if ladder else (0, (4, 2)),
            "connectionstyle": f"arc3,rad={bend}",
            "shrinkA": shrink,
            "shrinkB": shrink,
            "mutation_scale": 12 + width,
        },
        zorder=1,
    )
    # Where the curve of that bend has its top, a little above the line. Ladder steps are labelled above, others on them.
    share = 0.5 if ladder else 0.42
    x, y = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share - (x1 - x0) * bend * _ASPECT / 2
    if ladder and steps == 1:
        y += 0.22
    elif ladder:
        y += math.copysign(0.04, y)
    ax.text(
        x,
        y,
        f"{orders:,}\n{wait}",
        ha="center",
        va=("bottom" if y > 0 else "top") if ladder and steps != 1 else "center",
        fontsize=8,
        linespacing=1.1,
        zorder=4,
        bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
    )
