"""`slide`: a picture that follows a slider through time, in a notebook, with a still one where no slider can be."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orders_es.orders.moments import Moment

__all__ = ["slide"]


def slide(
    draw: Callable[..., Any],
    moments: Sequence[Moment],
    *,
    known_at: Sequence[Moment] | None = None,
    start: int = -1,
    label: str = "at",
) -> None:
    """Display a slider over moments and, below it, what a function draws of the one that is chosen.

    With `known_at` there are two sliders, one for each clock, and `draw` is given a moment of each. All is drawn at once and needs
    no kernel afterwards, so it also works in exported notebooks; `orders_es.report.clocks_of_plot` makes a file of the same.

    Where there are no widgets, on paper or on a code host, the figure of the first moment chosen stands in its place.

    Args:
        draw: Makes a matplotlib figure, or Axes, of a moment. It is called each time that the slider moves.
        moments: The moments, in order: datetimes, dates or texts, given to `draw` as they are; with `known_at`, as datetimes in UTC.
        known_at: The moments of the second clock: up to when things were known.
        start: Which of them comes first; the last if left out.
        label: What stands before the slider.

    Raises:
        InvalidSetting: There are no moments.

    Example:
        >>> from datetime import UTC, datetime
        >>> slide(lambda moment: None, [])
        Traceback (most recent call last):
        orders_es.errors.calls.InvalidSetting: moments=[]: give at least one
    """
    from IPython.display import display  # there is one where this is called

    if not moments:
        raise InvalidSetting("moments", list(moments), "give at least one")
    if known_at is not None:
        from orders_es.report import clocks_of_plot

        display(clocks_of_plot(draw, moments, known_at))
        return
    first = moments[start]
    still = _png(draw(first))
    data: dict[str, Any] = {"text/plain": f"{label} {_said(first)}", "image/png": base64.b64encode(still).decode()}
    try:
        import ipywidgets as widgets  # without it there is the still picture
    except ImportError:
        display(data, raw=True)
        return
    picture = widgets.Image(value=still, format="png", layout=widgets.Layout(max_width="100%"))
    slider = widgets.SelectionSlider(
        options=[(_said(moment), moment) for moment in moments],
        value=first,
        description=label,
        continuous_update=False,
        layout=widgets.Layout(width="95%"),
    )

    def moved(change: dict[str, Any]) -> None:
        picture.value = _png(draw(change["new"]))

    slider.observe(moved, names="value")
    display(data | widgets.VBox([slider, picture])._repr_mimebundle_(), raw=True)


def _said(moment: Moment) -> str:
    if not isinstance(moment, datetime):
        return str(moment)
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00").removesuffix(" 23:59")


def _png(drawn: Any) -> bytes:
    """A figure, or the figure of Axes, as a PNG; it is closed, so that a notebook does not show it a second time."""
    figure = drawn.figure if hasattr(drawn, "figure") and not hasattr(drawn, "savefig") else drawn
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=80)
    from matplotlib import pyplot as plt

    plt.close(figure)
    return data.getvalue()
