"""How far projections are behind, over time, with the limit that was promised."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orders_es.plots.style import BLUE, GREY, ORANGE, VERMILION, axes, date_axis, empty, frame, legend, numbers
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_lag"]

_LINES = ((BLUE, "-"), (ORANGE, "--"), (GREY, "-."), ("black", ":"))
_OTHERS = "#C4C4C4"
_POINTS_MOST = 2_000


def plot_lag(samples: Any, *, sla: timedelta | float | None = None, ax: Axes | None = None) -> Axes:
    """Axes with a line for each projection: the age of the oldest event that it has not processed. Gaps are unknown.

    Of many projections, those with the highest peaks are named, and the others thin and grey.

    Args:
        samples: Rows with `projection`, `sampled_at` and `seconds_behind`, as `lag_history` gives them, or `ReadModels`.
        sla: The limit promised, as a length of time or in seconds: a line, and where a projection is above it, shade.
        ax: Where to draw; new axes if left out.

    Example:
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"projection": ["orders"], "sampled_at": [pd.Timestamp("2026-06-03", tz="UTC")], "seconds_behind": [12.5]})
        >>> plot_lag(rows, sla=30).get_title(loc="left").splitlines()[0]
        'Projection lag: age of the oldest unprocessed event'
    """
    import numpy as np
    import pandas as pd

    from orders_es.projections import ReadModels, lag_history

    rows, _ = frame(lag_history(samples) if isinstance(samples, ReadModels) else samples, "")
    ax = axes(ax)
    title = "Projection lag: age of the oldest unprocessed event"
    if rows.empty:
        return empty(ax, "no samples", title)
    limit = sla.total_seconds() if isinstance(sla, timedelta) else sla
    worst = 0.0
    peaks = rows["seconds_behind"].astype(float).groupby(rows["projection"]).max().fillna(-1.0)
    named = peaks.sort_values(ascending=False, kind="stable").index[: len(_LINES)].tolist()
    # Those with the highest peaks last, on top of the others, and each of them with a look of its own.
    for name in sorted(peaks.index, key=lambda name: (name in named, str(name))):
        part = rows[rows["projection"] == name].sort_values("sampled_at")
        times, seconds = _thinned(pd.to_datetime(part["sampled_at"], utc=True), numbers(part["seconds_behind"]))
        if name in named:
            colour, line = _LINES[sorted(named, key=str).index(name)]
            look: dict[str, Any] = {"color": colour, "ls": line, "lw": 1.8, "label": str(name)}
        else:
            look = {"color": _OTHERS, "lw": 0.8, "label": f"_{name}"}
        ax.plot(times, seconds, marker="o" if len(times) == 1 else "", **look)
        worst = max(worst, float(np.nanmax(seconds)) if not np.isnan(seconds).all() else 0.0)
        if limit is not None:
            ax.fill_between(
                times, limit, seconds, where=seconds > limit, interpolate=True, color=VERMILION, alpha=0.3, lw=0
            )
    others = len(peaks) - len(named)
    note, more = "", f"{others} more in grey" if others else ""
    if limit is not None:
        ax.axhline(limit, color=VERMILION, lw=1.8, ls=(0, (1, 1.5)), label=f"promised: {limit:g} s")
        over = rows[numbers(rows["seconds_behind"]) > limit]
        names = ", ".join(map(str, over["projection"].unique()[:3]))
        note = f"above it: {names}, worst {worst:,.1f} s" if len(over) else "never above it"
    ax.set_ylim(bottom=0, top=max(worst, limit or 0.0, 1e-3) * 1.15)
    ax.set_ylabel("seconds")
    ax.set_xlabel("UTC")
    date_axis(ax)
    legend(ax)
    entitle(ax, title, note, more)
    return ax


def _thinned(times: Any, seconds: Any) -> tuple[Any, Any]:
    """At most some thousand points, of each stretch its worst, so that no breach is thinned away."""
    import numpy as np

    if len(seconds) <= _POINTS_MOST:
        return times.to_numpy(), seconds
    edges = np.linspace(0, len(seconds), _POINTS_MOST + 1).astype(int)
    worst = [a + int(np.argmax(np.nan_to_num(seconds[a:b], nan=-1.0))) for a, b in pairwise(edges)]
    return times.to_numpy()[worst], seconds[worst]
