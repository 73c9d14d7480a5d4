"""What all plots share: where their data comes from, colours that survive greyscale, axes with dates and money."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting, WrongType
from orders_es.plots.titles import entitle
from orders_es.replay.notes import PASSED_OVER

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from matplotlib.axes import Axes

    from orders_es.orders.moments import Moment

__all__ = [
    "BLUE",
    "GREY",
    "NOTHING",
    "ORANGE",
    "SKY",
    "VERMILION",
    "axes",
    "check_measure",
    "date_axis",
    "duration",
    "empty",
    "fit_height",
    "frame",
    "legend",
    "mark_running",
    "money_axis",
    "numbers",
    "of_currency",
    "one_of",
    "own_figure",
    "running_day",
    "whole_axis",
]

# Okabe and Ito's colours, told apart by colour-blind readers; beside each other they differ in lightness as well.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
SKY = "#9ACCEC"
GREY = "#767676"
RUNNING = "#EEE6D2"

_OURS = "orders_es"
"""Marks a figure that was made for one plot, so that it may shrink where there is nothing to draw."""
NOTHING = "orders_es-nothing"
"""Marks axes on which there is nothing to see."""
_EMPTY_HEIGHT = 1.1
_FEW_DAYS = 8
_LEGEND_COLUMNS = 4
_LEGEND_ROW = 0.09
_SHORT = {60.0: ("s", 1.0), 5_400.0: ("min", 60.0), 172_800.0: ("h", 3_600.0), float("inf"): ("days", 86_400.0)}


def _marked(moment: str, answer: Any) -> str:
    """The note on a moment, with what was passed over: a plot of what lacks events says so."""
    marks = [note for note in getattr(answer, "notes", ()) if note.startswith(PASSED_OVER)]
    return ", ".join(filter(None, (moment, *marks)))


def frame(
    data: Any,
    model: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> tuple[pd.DataFrame, str]:
    """The rows to draw, and a note on the moment they are of.

    Args:
        data: A session, which is asked for the read model; an `Answer`; a pandas DataFrame; or any Arrow table.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidEvent: An event's time lies outside the years 1 to 9999.
        TypeError: `at`, `known_at` or `recorded_by` with data that is computed already.
    """
    import pandas as pd

    if hasattr(data, "table") and hasattr(data, "sql"):
        from orders_es.replay.calendar import require_calendar

        require_calendar(data, at=at, known_at=known_at, recorded_by=recorded_by)
        answer = data.table(model, at=at, known_at=known_at, recorded_by=recorded_by)
        return answer.to_pandas(money="arrow"), _marked(answer.as_of.spoken(data.tz, to_second=True), answer)
    if (at, known_at, recorded_by) != (None, None, None):
        raise WrongType("at=, known_at= and recorded_by= are for a session; this data is of one moment already")
    if isinstance(data, pd.DataFrame):
        return data, ""
    from orders_es.replay import Answer

    if hasattr(data, "as_of") and hasattr(data, "to_pandas"):
        drawn = data.to_pandas(money="arrow" if isinstance(data, Answer) else "decimal")
        return drawn, _marked(data.as_of.spoken(getattr(data, "tz", None), to_second=True), data)
    if hasattr(data, "__arrow_c_stream__"):
        import pyarrow as pa

        return pa.table(data).to_pandas(), ""
    raise WrongType(f"give a session, an Answer, a DataFrame or an Arrow table, not {type(data).__name__}")


def axes(ax: Axes | None, width: float = 9.0, height: float = 4.5) -> Axes:
    """The axes given, or those of a new figure that pyplot shows in a notebook."""
    if ax is None:
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            raise ImportError("plots need matplotlib: pip install 'orders_es[plots]'") from error
        figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
        figure.set_gid(_OURS)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def empty(ax: Axes, why: str, title: str, *notes: str) -> Axes:
    """Axes that say that there is nothing to show, and why; in a figure of their own, no higher than that takes."""
    figure: Any = ax.figure
    if figure.get_gid() == _OURS:
        figure.set_size_inches(figure.get_size_inches()[0], _EMPTY_HEIGHT)
    entitle(ax, title, *notes)
    ax.set_gid(NOTHING)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.text(0.5, 0.5, why, ha="center", va="center", transform=ax.transAxes, color=GREY)
    return ax


def fit_height(ax: Axes, share: float) -> None:
    """Make a figure of our own as much lower as its picture is, and leave one of others as it is."""
    figure: Any = ax.figure
    if figure.get_gid() == _OURS:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, max(_EMPTY_HEIGHT + 0.7, height * share))


def own_figure(width: float, height: float) -> Any:
    """A figure for one plot, unknown to pyplot: no window, no backend, nothing to close."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.set_gid(_OURS)
    return figure


def running_day(
    data: Any, rows: pd.DataFrame, *, at: Moment | None, known_at: Moment | None, recorded_by: Moment | None
) -> pd.Timestamp | None:
    """The day that is not over at the moment that a picture is of; None if nobody can tell from its data.

    Args:
        data: What `frame` was given.
        rows: What it gave, with columns `running` and `day` or `week`.
        at: With a session: only what had occurred by then.
        known_at: With a session: only what had been recorded by then.
        recorded_by: With a session: only what the log itself had recorded by then, whatever a source says of when it knew.
    """
    import pandas as pd

    if hasattr(data, "table") and hasattr(data, "sql"):
        asked = 'SELECT (moment."at" + INTERVAL 1 MICROSECOND)::DATE FROM moment'
        day = data.sql(asked, at=at, known_at=known_at, recorded_by=recorded_by).rows()[0][0]
        return None if day is None else pd.Timestamp(day)
    if "running" not in rows:
        return None
    days = rows.loc[rows["running"].astype(bool), "day" if "day" in rows else "week"]
    return None if days.empty else pd.Timestamp(days.iloc[0])


def mark_running(ax: Axes, start: Any, end: Any, step: str) -> None:
    """Shade the period that is not over, and say so in the legend."""
    ax.fill_between(
        [start, end],
        0,
        1,
        transform=ax.get_xaxis_transform(),
        color=RUNNING,
        lw=0,
        zorder=0,
        label=f"this {step} is not over",
    )


def numbers(values: Any) -> Any:
    """Exact values as floats, which is what pictures are made of; nothing is computed from them."""
    import numpy as np

    return np.array([float("nan") if value is None else float(value) for value in values], dtype=float)


def of_currency(rows: pd.DataFrame, currency: str | None, weight: str) -> tuple[pd.DataFrame, str, str]:
    """The rows of one currency, its name, and a note on the others: money of two currencies is never added up.

    Args:
        rows: With a column `currency`.
        currency: Which one; the one with the largest sum of `weight` if left out.
        weight: A column.

    Raises:
        InvalidSetting: No row is of that currency.
    """
    known = [value for value in rows["currency"].dropna().unique().tolist() if value]
    if currency is not None and currency not in known:
        have = f"there is money in {', '.join(sorted(known))}" if known else "no row names a currency"
        raise InvalidSetting("currency", currency, f"{have}{_meant(currency, known)}")
    if not known:
        return rows, "", ""
    if currency is None:
        sizes = {name: sum(map(abs, rows.loc[rows["currency"] == name, weight].dropna())) for name in known}
        currency = max(known, key=lambda name: (sizes[name], name))
    others = sorted(set(known) - {currency})
    note = f"without {', '.join(others[:3])}{' …' if len(others) > 3 else ''}" if others else ""  # noqa: PLR2004 - three fit
    return rows[rows["currency"] == currency], currency, note


def check_measure(measure: str, measures: Collection[str], model: str) -> None:
    """Refuse a figure that a read model has not.

    Raises:
        InvalidSetting: It has none of that name; the error says which it has.
    """
    if measure not in measures:
        raise InvalidSetting(
            "measure", measure, f"{model} has {', '.join(measures)}{_meant(str(measure), list(measures))}"
        )


def _meant(given: str, known: Collection[str]) -> str:
    """The known name that is like the one given, as a question; nothing if none is."""
    alike = {name.casefold(): name for name in known}
    found = get_close_matches(given.casefold(), alike, n=1)
    return f"; did you mean {alike[found[0]]!r}?" if found else ""


def one_of(title: str, currency: str, others: str) -> str:
    """A title that names its currency where there are others, so that no part is taken for the whole."""
    return f"{title}, {currency} only" if others else title


def money_axis(axis: Any, currency: str) -> None:
    """Thousands with a mark, and the currency as the axis's label."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_label_text(currency)


def legend(ax: Axes) -> None:
    """A legend in a strip of its own above what is drawn, so that it hides nothing."""
    handles, names = ax.get_legend_handles_labels()
    rows = -(-len(names) // _LEGEND_COLUMNS)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + (top - bottom) * _LEGEND_ROW * rows)
    ax.legend(handles, names, frameon=False, loc="upper left", ncols=_LEGEND_COLUMNS, borderaxespad=0.1)


def whole_axis(axis: Any) -> None:
    """Whole numbers, with a mark for thousands."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def date_axis(ax: Axes, *, whole_days: bool = False) -> None:
    """Dates that say each year and month once.

    Args:
        whole_days: What is drawn is of days or longer: no hours, however few days there are.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, DayLocator

    begin, end = ax.get_xlim()
    if whole_days and end - begin <= _FEW_DAYS:
        ax.xaxis.set_major_locator(DayLocator())
        ax.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))
        return
    locator = AutoDateLocator(minticks=3, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def duration(seconds: float) -> str:
    """A length of time as people say it.

    Example:
        >>> duration(90), duration(7_200), duration(604_800)
        ('1.5 min', '2 h', '7 days')
    """
    for most, (unit, length) in _SHORT.items():
        if abs(seconds) < most:
            return f"{seconds / length:,.1f}".removesuffix(".0") + f" {unit}"
    raise AssertionError("unreachable")
