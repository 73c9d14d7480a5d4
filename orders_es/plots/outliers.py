"""What is far beyond the rest does not flatten it: the axis ends before it, and its figure is written where it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

__all__ = ["beyond", "cut_bars", "cut_lines"]

_FAR = 2.5
"""How many times as large as the next smaller one something has to be to be far beyond it."""
_FEW = 0.05
_LEAST = 8
"""Of fewer figures none is an outlier."""
_ABOVE = 1.3


def beyond(values: Any) -> float | None:
    """Where an axis has to end so that the rest can be read: above all but the few values that are far beyond it.

    None where there are no such values: where no value is 2.5 times the next smaller one, or where more than one in
    twenty would be cut.

    Args:
        values: Numbers; those below 0 and those that are not known do not count.

    Example:
        >>> beyond([10, 12, 9, 11, 14, 13, 8, 12, 900])
        18.2
        >>> beyond(range(20))
    """
    import numpy as np

    known = np.asarray(values, dtype=float)
    known = np.sort(known[np.isfinite(known) & (known > 0)])[::-1]
    if len(known) < _LEAST:
        return None
    for place in range(max(1, int(len(known) * _FEW)), 0, -1):
        if known[place - 1] > _FAR * known[place]:
            return float(round(known[place] * _ABOVE, 6))
    return None


def cut_bars(ax: Axes, places: Sequence[Any], values: Any, said: Callable[[float], str], *, others: Any = ()) -> str:
    """A note on how many bars were cut, after ending the value axis before those that are far beyond the rest.

    Args:
        places: Where on the other axis each bar has its middle.
        said: How a figure is written.
        others: Further values that are drawn on these axes and stay whole.
    """
    import numpy as np
    from matplotlib.patches import Rectangle

    heights = np.nan_to_num(np.asarray(values, dtype=float))
    ends = [_end(sign * heights, sign * np.asarray(others, dtype=float)) for sign in (1, -1)]
    cut = 0
    for sign, end in zip((1, -1), ends, strict=True):
        if end is None:
            continue
        far = [n for n, height in enumerate(heights) if sign * height > end]
        # They end where the axis did, so that nothing of them lies under a legend above.
        for bar in ax.patches:
            if isinstance(bar, Rectangle) and sign * bar.get_height() > end:
                bar.set_height(sign * end)
        for n in far:
            mark(ax, places[n], sign * end, said(float(heights[n])))
        cut += len(far)
    if not cut:
        return ""
    top, bottom = (
        end if end is not None else max(0.0, float((sign * heights).max())) * 1.05
        for sign, end in zip((1, -1), ends, strict=True)
    )
    ax.set_ylim(-bottom, top)
    return f"{cut:,} {'bar is' if cut == 1 else 'bars are'} cut, with {'its figure' if cut == 1 else 'their figures'}"


def cut_lines(ax: Axes, places: Sequence[Any], lines: Sequence[Any], said: Callable[[float], str]) -> str:
    """A note on how many points of lines were cut, after ending the axis before those that are far beyond the rest."""
    import numpy as np

    end = beyond(np.concatenate([np.asarray(line, dtype=float) for line in lines]))
    if end is None:
        return ""
    far = [(places[n], value) for line in lines for n, value in enumerate(line) if value > end]
    for place, value in far:
        mark(ax, place, end, said(float(value)))
    ax.set_ylim(top=end)
    return f"{len(far):,} {'point is' if len(far) == 1 else 'points are'} cut, with {'its figure' if len(far) == 1 else 'their figures'}"


def mark(ax: Axes, place: Any, end: float, text: str) -> None:
    """A break where something is cut, and how far it would go."""
    # A wave of white across the bar, as rulers have where they are broken off.
    ax.plot([place], [end * 0.93], marker=r"$\approx$", ms=11, color="white", mec="black", mew=0.4, ls="", zorder=4)
    ax.annotate(
        text,
        (place, end),
        ha="left",
        va="top" if end > 0 else "bottom",
        fontsize=8,
        xytext=(7, 0),
        textcoords="offset points",
        zorder=5,
    )


def _end(values: Any, others: Any) -> float | None:
    """Where the axis ends on one side, above the others too, unless that leaves nothing to cut."""
    import numpy as np

    end = beyond(values)
    if end is None:
        return None
    known = np.asarray(others, dtype=float)
    end = max([end, *(known[np.isfinite(known)] * 1.08)])
    return end if float(values.max()) > 1.2 * end else None
