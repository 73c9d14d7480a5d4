"""The total of an order as a waterfall of the events that made it."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import accumulate, groupby
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

from orders_es.errors import WrongType
from orders_es.orders.money import format_amount
from orders_es.plots.style import BLUE, SKY, VERMILION, axes, empty, legend, money_axis
from orders_es.plots.titles import entitle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["plot_total_waterfall"]

_BARS_MOST = 24
_UPRIGHT_MOST = 5
"""With more bars than this they lie, one below the other, each with its name in full beside it."""
_NAME_MOST = 46
_WRAPPED = 18
_ROW = 0.27
_NEAR = 0.25
"""Where the totals on the way differ by less than this share of the largest, the axis begins below the least of them."""


def plot_total_waterfall(explanation: Any, *, scale: Any = None, ax: Axes | None = None) -> Axes:
    """Axes with a bar for each event that changed the total, from where it was to where it came to, and the total at the end.

    Few stand side by side; more than five lie one below the other. Where there are more than two dozen, neighbours of one
    type become one bar; where that is not enough, all but the largest changes do.

    Args:
        explanation: What `explain(log, order_id)` gives.
        scale: Another explanation, such as that of the order as it stands now: the picture has its axes and its room, so that
            pictures of several moments can be laid one over the other.
        ax: Where to draw; new axes if left out.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> mug = ItemAdded(item_id="mug", quantity=1, price=Decimal(9))
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), mug, OrderPlaced()], expected=NO_STREAM)
        >>> from orders_es.replay import explain
        >>> plot_total_waterfall(explain(log, "A-1")).get_title(loc="left").splitlines()[0]
        'What made the total of order A-1'
    """
    for name, given in (("explanation", explanation), ("scale", scale)):
        if not hasattr(given, "steps") and (name != "scale" or given is not None):
            raise WrongType(f"{name}={given!r} is {type(given).__name__}; give explain(log, order_id)")
    bars = _bars(explanation)
    whole = _bars(scale) if scale is not None else bars
    longest = max(len(bars), len(whole))
    lying = longest > _UPRIGHT_MOST
    ax = axes(ax, 10.0, max(3.4, 1.5 + _ROW * longest) if lying else 4.5)
    currency = explanation.currency or ""
    title = f"What made the total of order {explanation.order_id}"
    moment = str(explanation.as_of)
    if not bars and not whole:
        return empty(ax, "no event changed the total", title, moment)
    begins, ends = _ends(bars, whole)
    room = (ends - begins) or 1.0
    _draw(ax, bars, explanation.total, currency, lying=lying, begins=begins, room=room)
    names = [*(name for name, _ in bars), "total"]
    axis = ax.yaxis if lying else ax.xaxis
    wrapped = names if lying else [fill(name, _WRAPPED) for name in names]
    places: list[float] = list(range(len(names)))
    if scale is not None and lying:
        # The longest name that the other picture has, unseen, so that this one has as much room beside its bars.
        places.append(longest + 0.5)
        wrapped = [*wrapped, max((name for name, _ in whole), key=len, default="")]
    axis.set_ticks(places, wrapped)
    for unseen in axis.get_ticklabels()[len(names) :]:
        unseen.set_alpha(0)
    for text in axis.get_ticklabels():
        text.set_parse_math(False)  # a description may hold two dollar signs
    axis.set_tick_params(length=0)
    money_axis(ax.xaxis if lying else ax.yaxis, currency)
    low = begins - (room * 0.06 if begins < 0 else 0)
    if lying:
        ax.set_xlim(low, ends + room * 0.14)
        ax.set_ylim(longest + 0.6, -0.6)
    else:
        ax.set_xlim(-0.6, longest + 0.6)
        ax.set_ylim(low, ends + room * 0.1)
    legend(ax)
    away = f"the axis begins at {format_amount(Decimal(str(begins)), currency)}" if begins > 0 else ""
    entitle(ax, title, moment, away)
    return ax


def _bars(explanation: Any) -> list[tuple[str, Decimal]]:
    """Names and changes, at most two dozen."""
    changing = [step for step in explanation.steps if step.change]
    if len(changing) <= _BARS_MOST:
        return [(shorten(step.summary, _NAME_MOST, placeholder=" …"), step.change) for step in changing]
    return _few([(_words(step.type), step.change) for step in changing])


def _levels(bars: Sequence[tuple[str, Decimal]]) -> list[float]:
    return [float(level) for level in accumulate(change for _, change in bars)]


def _ends(*several: Sequence[tuple[str, Decimal]]) -> tuple[float, float]:
    """Where the axis of money begins and ends, so that all of these have room on it."""
    levels = [level for bars in several for level in _levels(bars)] or [0.0]
    steps = max(map(len, several))
    least, most = min(levels), max(levels)
    if least > 0 and steps > _UPRIGHT_MOST and most - least < _NEAR * most:
        # The differences are what is to be seen. Without the axis's beginning at 0, its length would say nothing about them.
        step = 10 ** math.floor(math.log10(max(most - least, most / 1e6)))
        return max(0.0, math.floor((least - 0.35 * (most - least)) / step) * step), most
    return min(0.0, least), max(most, 0.0)


def _draw(
    ax: Axes,
    bars: Sequence[tuple[str, Decimal]],
    total: Decimal,
    currency: str,
    *,
    lying: bool,
    begins: float,
    room: float,
) -> None:
    """The bars, their figures, and the lines that lead from one to the next."""
    draw = ax.barh if lying else ax.bar
    labelled: set[str] = set()
    before = 0.0

    def bar(place: int, start: float, height: float, label: str, colour: str, hatch: str) -> None:
        again = label in labelled
        labelled.add(label)
        draw(
            place,
            height,
            0.8,
            start,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            lw=0,
            label=f"_{label}" if again else label,
        )

    for number, ((_, change), level) in enumerate(zip(bars, _levels(bars), strict=True)):
        up = change >= 0
        bar(
            number, before, float(change), "adds" if up else "takes away", SKY if up else VERMILION, "" if up else "///"
        )
        along, across = [number - 0.4, number + 1.4], [level, level]
        ax.plot(*((across, along) if lying else (along, across)), color="black", lw=0.6)
        sign = "+" if up else ""
        _figure(ax, number, max(before, level, begins), f"{sign}{format_amount(change, currency)}", lying=lying)
        before = level
    bar(len(bars), 0.0, float(total), "total", BLUE, "")
    _figure(ax, len(bars), max(float(total), 0.0), format_amount(total, currency), lying=lying, weight="bold")
    (ax.axvline if lying else ax.axhline)(0, color="black", lw=0.8)
    if begins > 0:
        # A broken edge, where what stands on the axis begins further down.
        for number in range(len(bars) + 1):
            start = 0.0 if number in {0, len(bars)} else None
            if start is not None:
                place = (begins + room * 0.02, number) if lying else (number, begins + room * 0.02)
                ax.plot(*place, marker=r"$\approx$", ms=11, color="white", mec="black", mew=0.4, ls="")


def _figure(ax: Axes, place: int, end: float, text: str, *, lying: bool, weight: str = "normal") -> None:
    ax.annotate(
        text,
        (end, place) if lying else (place, end),
        ha="left" if lying else "center",
        va="center" if lying else "bottom",
        fontsize=8,
        weight=weight,
        xytext=(4, 0) if lying else (0, 2),
        textcoords="offset points",
    )


def _few(bars: Sequence[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """At most two dozen bars with the same sum, in the same order."""
    runs = [(name, [change for _, change in run]) for name, run in groupby(bars, key=lambda bar: bar[0])]
    merged = [(name if len(each) == 1 else f"{len(each):,} x {name}", sum(each[1:], each[0])) for name, each in runs]
    if len(merged) <= _BARS_MOST:
        return merged
    largest = sorted(range(len(merged)), key=lambda i: -abs(merged[i][1]))[: _BARS_MOST - 1]
    rest = [change for i, (_, change) in enumerate(merged) if i not in set(largest)]
    return [*(merged[i] for i in sorted(largest)), (f"{len(rest):,} smaller changes", sum(rest[1:], rest[0]))]


def _words(name: str) -> str:
    """An event type's name as words: ItemAdded is item added."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
