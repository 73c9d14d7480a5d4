"""Statuses as a map: how many orders went from each to each, and how long they stayed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, GREY, VERMILION, axes, duration, empty, frame, said

if TYPE_CHECKING:
    from datetime import datetime

    from matplotlib.axes import Axes

__all__ = ["plot_status_flow"]

_PLACES = {"new": 0, "created": 1, "placed": 2, "paid": 3, "shipped": 4, "delivered": 5}
_LADDER_Y, _CANCELLED = 0.0, (3.0, -1.75)
_WIDEST, _THINNEST = 7.0, 0.8


def plot_status_flow(
    data: Any, *, at: datetime | None = None, known_at: datetime | None = None, ax: Axes | None = None
) -> Axes:
    """Axes with each status as a box, and arrows that say how many orders went that way after which median wait.

    Args:
        data: A session, or the rows of `status_transitions`.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        ax: Where to draw; new axes if left out.
    """
    rows, moment = frame(data, "status_transitions", at=at, known_at=known_at)
    ax = axes(ax, 11.0, 4.5)
    title = "Ways of orders, with the median wait before each"
    if rows.empty:
        return empty(ax, said(title, moment), "no order has changed its status")
    used = [s for s in _PLACES if s in {*rows["from_status"], *rows["to_status"]}]
    shift = {status: (float(n), _LADDER_Y) for n, status in enumerate(used)}
    places = shift | {"cancelled": ((len(used) - 1) / 2, _CANCELLED[1])}
    most = int(rows["orders"].max())
    columns = [rows[name].tolist() for name in ("from_status", "to_status", "orders", "median_wait")]
    for start, end, orders, wait in zip(*columns, strict=True):
        if start in places and end in places:
            _arrow(ax, places, start, end, int(orders), most, float(wait))
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
    ax.set_ylim(-2.4, 1.9)
    ax.axis("off")
    ax.set_title(said(title, moment), loc="left")
    return ax


def _arrow(
    ax: Axes, places: dict[str, tuple[float, float]], start: str, end: str, orders: int, most: int, wait: float
) -> None:
    (x0, y0), (x1, y1) = places[start], places[end]
    width = _THINNEST + (_WIDEST - _THINNEST) * math.sqrt(orders / most)
    steps = x1 - x0
    ladder = y0 == y1
    bend = 0.0 if (ladder and steps == 1) or not ladder else -0.38 if steps > 0 else 0.38
    ax.annotate(
        "",
        (x1, y1),
        (x0, y0),
        arrowprops={
            "arrowstyle": "-|>",
            "lw": width,
            "color": GREY if ladder else VERMILION,
            "alpha": 0.55,
            "ls": "-" if ladder else (0, (4, 2)),
            "connectionstyle": f"arc3,rad={bend}",
            "shrinkA": 30,
            "shrinkB": 30,
            "mutation_scale": 12 + width,
        },
        zorder=1,
    )
    # Where the curve of that bend has its top, a little above the line. Ladder steps are labelled above, others on them.
    share = 0.5 if ladder else 0.42
    x, y = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share - (x1 - x0) * bend / 2
    if ladder and steps == 1:
        y += 0.22
    elif ladder:
        y += math.copysign(0.16, y)
    ax.text(
        x,
        y,
        f"{orders:,}\n{duration(wait)}",
        ha="center",
        va="bottom" if ladder and y > 0 else "center",
        fontsize=8,
        linespacing=1.1,
        zorder=4,
        bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
    )
