"""Each draws on the axes that it is given, returns them, names what it shows, and leaves the style of others alone."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from orders_es import plots

NAMES = sorted(name.removeprefix("plot_") for name in plots.__all__)


@pytest.fixture(scope="session")
def figures():
    return {}


@pytest.fixture
def drawn(all_plots, figures):
    """A plot's axes in a figure of its own, drawn once for all tests that only look at it."""

    def drawn(name):
        if name not in figures:
            before = mpl.rcParams.copy()
            figures[name] = all_plots[name]()
            figures[name].figure.canvas.draw()
            assert mpl.rcParams == before
        return figures[name]

    return drawn


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
def test_it_draws_on_the_axes_given_and_returns_them(all_plots, name):
    figure, (left, right) = plt.subplots(1, 2)
    assert all_plots[name](ax=right) is right
    assert right.has_data() or right.texts
    assert not left.has_data()
    assert not left.texts
    figure.canvas.draw()


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
def test_without_axes_it_makes_a_figure_and_sets_no_style(drawn, name):
    assert drawn(name).get_title(loc="left")


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
def test_no_text_runs_out_of_the_figure(drawn, name):
    ax = drawn(name)
    whole = ax.figure.bbox
    for text in [*ax.texts, ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]:
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= whole.x0 - 1, text.get_text()
            assert box.x1 <= whole.x1 + 1, text.get_text()
            assert whole.y0 - 1 <= box.y0 <= box.y1 <= whole.y1 + 1, text.get_text()


@pytest.mark.parametrize("name", NAMES)
def test_no_legend_and_no_figure_lies_on_a_title_and_no_legend_on_bars_or_lines(drawn, name):
    ax = drawn(name)
    title = ax._left_title.get_window_extent()
    assert not [text.get_text() for text in ax.texts if text.get_text() and text.get_window_extent().overlaps(title)]
    if ax.get_legend() is not None:
        box = ax.get_legend().get_window_extent()
        assert not box.overlaps(title)
        assert not [bar for bar in ax.patches if bar.get_width() and bar.get_window_extent().overlaps(box)]
        if ax.patches or name in {"cycle_times", "lag"}:
            points = np.vstack(
                [line.get_transform().transform(line.get_xydata()) for line in ax.lines or []] or [(0, 0)]
            )
            assert not [point for point in points if box.contains(*point)]


@pytest.mark.parametrize("name", ["sales", "cohorts", "funnel", "cycle_times", "status_flow", "restatements"])
def test_an_empty_log_gives_a_plot_that_says_so(nothing, name):
    ax = getattr(plots, f"plot_{name}")(nothing)
    ax.figure.canvas.draw()
    assert any(text.get_text().startswith(("no ", "nothing ")) for text in ax.texts)


@pytest.mark.parametrize("name", ["sales", "restatements", "funnel", "lag"])
def test_colours_that_stand_beside_each_other_differ_in_greyscale_or_in_hatching(drawn, name):
    ax = drawn(name)
    looks = {(round(_grey(bar.get_facecolor()), 1), bar.get_hatch()) for bar in ax.patches if bar.get_width()}
    looks |= {(round(_grey(mpl.colors.to_rgba(line.get_color())), 1), line.get_linestyle()) for line in ax.lines}
    colours = {mpl.colors.to_hex(bar.get_facecolor()) for bar in ax.patches if bar.get_width()}
    colours |= {mpl.colors.to_hex(line.get_color()) for line in ax.lines}
    assert len(looks) >= len(colours)


def _grey(colour):
    return float(np.dot(colour[:3], (0.2126, 0.7152, 0.0722)))
