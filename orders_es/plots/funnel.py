"""How far orders got, and what became of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, ORANGE, VERMILION, axes, empty, frame, said, whole_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = ["plot_funnel"]


def plot_funnel(data: Any, *, at: Moment | None = None, known_at: Moment | None = None, ax: Axes | None = None) -> Axes:
    """Axes with a bar for each step: the orders that went on from there, those that wait there, and those cancelled there.

    Args:
        data: A session, or the rows of `order_funnel`; orders of all currencies are counted together.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        ax: Where to draw; new axes if left out.
    """
    rows, moment = frame(data, "order_funnel", at=at, known_at=known_at)
    ax = axes(ax, 9.0, 4.0)
    title = "How far orders got"
    if rows.empty or not rows["reached"].sum():
        return empty(ax, said(title, moment), "no orders")
    steps = (
        rows.groupby(["step", "status"], sort=True)[["reached", "went_on", "waiting", "cancelled"]].sum().reset_index()
    )
    arrived = steps["step"] == steps["step"].max()
    steps.loc[arrived, ["went_on", "waiting"]] = steps.loc[arrived, ["waiting", "went_on"]].to_numpy()
    left = steps["reached"] * 0
    parts = (
        ("went_on", "went on, or arrived", BLUE, ""),
        ("waiting", "are there still", ORANGE, "///"),
        ("cancelled", "were cancelled there", VERMILION, "xxx"),
    )
    for column, label, colour, hatch in parts:
        ax.barh(
            steps["status"], steps[column], left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.5, label=label
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
    ax.set_title(said(title, moment), loc="left")
    return ax
