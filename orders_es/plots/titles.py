"""Titles that fit: broken where the axes end, so that nothing of them is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = ["broken", "entitle"]


def entitle(ax: Axes, title: str, *notes: str) -> None:
    """Give axes a title and, under it, its notes: those that say something. A line that is wider than the axes is broken.

    Args:
        notes: What else has to be said; they share lines as far as they fit, with a comma between them.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=rcParams["font.family"], size=rcParams["axes.titlesize"])
    measure = TextToPath()

    def width(text: str) -> float:
        return float(measure.get_text_width_height_descent(text, font, ismath=False)[0])

    room = _room(ax)
    lines = broken(title, room, width)
    said = [note for note in notes if note]
    for number, note in enumerate(said):
        text = note if number == len(said) - 1 else f"{note},"
        together = f"{lines[-1]} {text}"
        if number and width(together) <= room:
            lines[-1] = together
        else:
            lines += broken(text, room, width)
    # As it is, and not as a formula: an order's id may hold two dollar signs.
    ax.set_title("\n".join(lines), loc="left", parse_math=False)


def broken(text: str, room: float, width: Callable[[str], float]) -> list[str]:
    """A text in lines no wider than there is room, broken at spaces; a word that is wider itself is broken anywhere.

    Args:
        width: How wide a text is, in the unit of `room`.

    Example:
        >>> broken("how far orders got", 10, len)
        ['how far', 'orders got']
        >>> broken("S-0123456789", 8, len)
        ['S-012345', '6789']
    """
    lines = [""]
    for given in text.split(" "):
        word = given
        together = f"{lines[-1]} {word}" if lines[-1] else word
        if width(together) <= room:
            lines[-1] = together
            continue
        while width(word) > room and len(word) > 1:
            most = max(n for n in range(1, len(word)) if n == 1 or width(word[:n]) <= room)
            lines += [word[:most]]
            word = word[most:]
        lines.append(word)
    return [line for line in lines if line] or [""]


def _room(ax: Axes) -> float:
    """How wide a title may be, in points: from the left edge of its axes to where the figure or the next axes begin."""
    figure: Any = ax.figure
    inches = figure.get_figwidth() if hasattr(figure, "get_figwidth") else figure.figure.get_figwidth()
    grid = ax.get_subplotspec()
    own = ax.get_position()
    # Alone in its row, a title may go on to the figure's edge, and a little less where a layout that is made later moves the axes.
    alone = grid is None or grid.get_gridspec().ncols == 1
    return float(72.0 * inches * ((0.98 - own.x0) if alone else own.width * 0.96))
