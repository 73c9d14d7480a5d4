"""How far orders got, and what became of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, ORANGE, VERMILION, axes, empty, frame, whole_axis
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_funnel"]

_LAST = 5
"""The step after which there is none."""


def plot_funnel(
    data: Any,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Axes with a bar for each step: the orders that went on from there, those that wait there, and those cancelled there.

    Args:
        data: A session, or the rows of `order_funnel`; orders of all currencies are counted together.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> plot_funnel(connect(open_log(":memory:"))).get_title(loc="left").splitlines()[0]
        'How far orders got'
    """
    rows, moment = frame(data, "order_funnel", at=at, known_at=known_at, recorded_by=recorded_by)
    ax = axes(ax, 9.0, 4.0)
    title = "How far orders got"
    if rows.empty or not rows["reached"].sum():
        return empty(ax, "no orders", title, moment)
    steps = (
        rows.groupby(["step", "status"], sort=True)[["reached", "went_on", "waiting", "cancelled"]].sum().reset_index()
    )
    nowhere = steps[steps["reached"] == 0]
    steps = steps[steps["reached"] > 0].copy()
    arrived = steps["step"] == _LAST
    steps.loc[arrived, ["went_on", "waiting"]] = steps.loc[arrived, ["waiting", "went_on"]].to_numpy()
    left = steps["reached"] * 0
    parts = (
        ("went_on", "went on, or arrived", BLUE, ""),
        ("waiting", "are there still", ORANGE, "///"),
        ("cancelled", "were cancelled there", VERMILION, "xxx"),
    )
    for column, label, colour, hatch in parts:
        shown = label if steps[column].any() else f"_{label}"  # a legend names what is drawn
        ax.barh(
            steps["status"], steps[column], left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.5, label=shown
        )
        left = left + steps[column]
    most = int(steps["reached"].max())
    for status, reached in zip(steps["status"], steps["reached"], strict=True):
        share = f"{int(reached) / most:.1%}".replace(".0%", "%")
        ax.annotate(
            f" {reached:,}  {share}",
            (reached, status),
            va="center",
            xytext=(2, 0),
            textcoords="offset points",
        )
    ax.invert_yaxis()
    ax.set_xlim(0, most * 1.18)
    whole_axis(ax.xaxis)
    ax.set_xlabel("orders that reached the step")
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    entitle(ax, title, moment, f"none is known to have been {_either(nowhere['status'])}" if len(nowhere) else "")
    return ax


def _either(names: Any) -> str:
    *rest, last = map(str, names)
    return f"{', '.join(rest)} or {last}" if rest else last
