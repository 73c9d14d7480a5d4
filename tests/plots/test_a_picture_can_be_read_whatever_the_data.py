"""One figure far beyond the rest does not flatten it; long titles are whole; a picture of a moment can have the axes of another."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from orders_es import plots
from orders_es.replay import explain, history


def sales(*figures):
    days = pd.date_range("2025-01-01", periods=len(figures))
    return pd.DataFrame({"day": days, "currency": "EUR", "revenue": figures})


def test_a_bar_far_beyond_the_rest_is_cut_and_its_figure_stands_there():
    ax = plots.plot_sales(sales(*[100, 120] * 10, 90_000))
    assert ax.get_ylim()[1] < 30_000
    assert "90,000.00" in {text.get_text() for text in ax.texts}
    assert "1 bar is cut" in ax.get_title(loc="left")


@pytest.mark.parametrize("figures", [range(1, 30), [100, 120] * 10, [5, 90_000], [1, 2, 4, 8, 16, 32, 64, 128, 256]])
def test_what_grows_or_is_short_is_not_cut(figures):
    ax = plots.plot_sales(sales(*figures))
    assert ax.get_ylim()[1] >= max(figures)
    assert "cut" not in ax.get_title(loc="left")


def test_a_loss_far_beyond_the_rest_is_cut_as_a_gain_is():
    ax = plots.plot_sales(sales(*[100, 120, -30] * 7, -90_000))
    assert ax.get_ylim()[0] > -30_000
    assert "-90,000.00" in {text.get_text() for text in ax.texts}
    assert [text.get_text() for text in ax.get_legend().get_texts()].count("a day below 0") == 1


@pytest.mark.parametrize("columns", [1, 3])
def test_a_title_is_broken_and_never_cut_nor_written_into_the_next_picture(columns):
    figure, every = plt.subplots(1, columns, squeeze=False, figsize=(9, 3), layout="constrained")
    rows = sales(100, 120).assign(currency=["EUR", "USD"])
    for ax in every[0]:
        plots.plot_restatements(rows.assign(net_change=[5, 7]), ax=ax)
    figure.canvas.draw()
    boxes = [ax._left_title.get_window_extent() for ax in every[0]]
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(left.overlaps(right) for left, right in pairwise(boxes))


@pytest.mark.long
def test_the_late_event_is_named_apart_from_those_that_happened_beside_it(shop):
    latest = shop.sql("SELECT stream_id FROM events ORDER BY recorded_at - occurred_at DESC LIMIT 1").rows()[0][0]
    ax = plots.plot_order_timeline(history(shop.log, latest), late_after=timedelta(days=1))
    coloured = [text for text in ax.texts if text.get_color() == plots.style.VERMILION]
    below = [text for text in coloured if "late" not in text.get_text()]
    assert below
    assert len(coloured) > len(below)
    assert "recorded late" in {text.get_text() for text in ax.get_legend().get_texts()}


def test_a_waterfall_on_the_scale_of_another_has_its_axes(shop):
    order = shop.sql("SELECT order_id FROM orders WHERE event_count BETWEEN 8 AND 20 LIMIT 1").rows()[0][0]
    whole = explain(shop.log, order)
    first = explain(shop.log, order, at=min(step.occurred_at for step in whole))
    now, then = plots.plot_total_waterfall(whole), plots.plot_total_waterfall(first, scale=whole)
    assert (now.get_xlim(), now.get_ylim()) == (then.get_xlim(), then.get_ylim())
    assert now.figure.bbox.bounds == then.figure.bbox.bounds
    for ax in (now, then):
        ax.figure.canvas.draw()
    assert now.get_window_extent().x0 == pytest.approx(then.get_window_extent().x0, abs=12)


@pytest.mark.long
def test_a_cohort_scale_follows_the_months_that_are_over():
    def rows(*shares):
        cells = [(month, 0, 1.0, False) for month in (1, 2, 3)] + [
            (1, since, share, since == 3) for since, share in shares
        ]
        frame = pd.DataFrame(cells, columns=["cohort", "months_since", "retention", "running"])
        return frame.assign(
            cohort=[pd.Timestamp(2025, month, 1) for month in frame["cohort"]],
            currency="EUR",
            revenue=1.0,
            cohort_size=50,
        )

    assert plots.plot_cohorts(rows((1, 0.02), (2, 0.04))).images[0].get_clim() == pytest.approx((0, 0.04))
    low, top = plots.plot_cohorts(rows((1, 0.28), (2, 0.31), (3, 0.01))).images[0].get_clim()
    assert low == pytest.approx(0.25)
    assert top == pytest.approx(0.31)


def test_steps_that_nobody_reached_are_said_and_not_drawn():
    steps = ["created", "placed", "paid", "shipped", "delivered"]
    rows = pd.DataFrame({"step": range(1, 6), "status": steps, "reached": [5, 5, 0, 0, 0], "went_on": [5, 0, 0, 0, 0]})
    ax = plots.plot_funnel(rows.assign(waiting=[0, 5, 0, 0, 0], cancelled=0))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["created", "placed"]
    assert "none is known to have been paid, shipped or delivered" in ax.get_title(loc="left").replace("\n", " ")
    assert np.array([bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)]).sum() == 10


@pytest.mark.parametrize("figures", [[5], [5, 7], [5, 7, 9]])
def test_few_days_have_a_mark_each_and_no_hours(figures):
    ax = plots.plot_sales(sales(*figures))
    ax.figure.canvas.draw()
    marks = {label.get_text() for label in ax.get_xticklabels()}
    assert {f"2025-01-{day + 1:02}" for day in range(len(figures))} <= marks
    assert not any(":" in mark for mark in marks)


def test_first_purchases_alone_are_no_picture_of_who_came_back():
    rows = pd.DataFrame({"currency": "EUR", "cohort": ["2025-01-01", "2025-02-01"], "months_since": 0})
    ax = plots.plot_cohorts(rows.assign(cohort_size=1, revenue=1, retention=1.0))
    assert [text.get_text() for text in ax.texts] == ["nobody bought again in a later month"]
    assert ax.get_gid() == plots.style.NOTHING
