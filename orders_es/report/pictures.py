"""The plots of a report, as SVG to be put into a page."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from orders_es.replay import Session

__all__ = ["PICTURES", "pictures"]

PICTURES = {
    "daily_sales": ("sales", 9.0, 4.0),
    "restatements": ("restatements", 9.0, 4.0),
    "cohorts": ("cohorts", 9.0, 5.0),
    "order_funnel": ("funnel", 9.0, 3.6),
    "status_transitions": ("status_flow", 11.0, 4.2),
    "cycle_times": ("cycle_times", 9.0, 4.0),
}
"""The read models that have a plot: its name without `plot_`, and its size in inches."""


_OF_MONEY = frozenset({"daily_sales", "restatements", "cohorts"})
"""Those of them that show one currency."""


def pictures(
    session: Session,
    currencies: Sequence[str],
    *,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None = None,
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each read model that has a plot, and that plot as an `<svg>` element; one for each currency where it shows money.

    Where there is nothing to draw there is none, but the reason.

    Args:
        currencies: The currencies that there are.
        at: Only what had occurred by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        ImportError: There is no matplotlib.
    """
    from orders_es import plots
    from orders_es.plots.style import NOTHING, own_figure

    try:
        import matplotlib.figure  # noqa: F401 - as above
    except ImportError as error:
        raise ImportError("a report needs matplotlib: pip install 'orders_es[plots]'") from error

    for model, (name, width, height) in PICTURES.items():
        plot: Callable[..., Any] = getattr(plots, f"plot_{name}")
        each: Sequence[str | None] = currencies if model in _OF_MONEY and len(currencies) > 1 else [None]
        svgs, nothing = [], []
        for number, currency in enumerate(each):
            figure = own_figure(width, height)
            named = {} if currency is None else {"currency": currency}
            try:
                ax = plot(session, at=at, known_at=known_at, recorded_by=recorded_by, ax=figure.subplots(), **named)
            except InvalidSetting as error:  # there are orders in this currency, and nothing that this plot shows
                if currency is None or error.field != "currency":
                    raise
                nothing.append(f"nothing in {currency}")
                continue
            if ax.get_gid() == NOTHING:
                nothing.append(ax.texts[-1].get_text())
                continue
            svgs.append(_svg(figure, f"{model}-{number}" if number else model, ax.get_title(loc="left")))
        yield model, ("".join(svgs), nothing[0] if nothing and not svgs else "")


def _svg(figure: Any, name: str, title: str) -> str:
    """A figure as an element: without the file's head, and with ids that no other picture of the page has."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": name}):  # the same figure is the same text, every time
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    whole = text.getvalue()
    element = whole[whole.index("<svg") :]
    for mark in ('id="', 'xlink:href="#', "url(#"):
        element = element.replace(mark, f"{mark}{name}-")
    said = escape(title.replace("\n", ": "), quote=True)
    return element.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1)
