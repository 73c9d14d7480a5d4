"""Fifty years of days, and twenty of cohorts: few marks, the same sums, and labels that leave room for each other."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from orders_es import plots

DAYS = pd.date_range("1971-01-01", periods=18_000)
CELLS = [(cohort, since) for cohort in range(240) for since in range(240 - cohort)]
MONTHS = pd.date_range("2000-01-01", periods=240, freq="MS")
WEEKS = pd.date_range("1971-01-04", periods=2_600, freq="7D")
MUCH = {
    "sales": pd.DataFrame({"day": DAYS, "currency": "GBP", "revenue": 2.5}),
    "restatements": pd.DataFrame({"day": DAYS, "currency": "GBP", "net_change": 0.5}),
    "cycle_times": pd.DataFrame(
        {
            "week": WEEKS,
            "from_step": "created",
            "to_step": "delivered",
            "orders": 5,
            "p50": 9e4,
            "p90": 9e5,
            "p99": 2e6,
        }
    ),
    "cohorts": pd.DataFrame(
        {
            "currency": "GBP",
            "cohort": [MONTHS[cohort] for cohort, _ in CELLS],
            "months_since": [since for _, since in CELLS],
            "cohort_size": 1_000,
            "retention": [1 / (since + 1) for _, since in CELLS],
            "revenue": 1.0,
        }
    ),
}


@pytest.fixture(params=MUCH, scope="module")
def drawn(request):
    ax = getattr(plots, f"plot_{request.param}")(MUCH[request.param])
    ax.figure.canvas.draw()
    return request.param, ax


@pytest.mark.long
def test_there_are_no_more_marks_than_can_be_seen(drawn):
    _, ax = drawn
    assert len(ax.patches) + len(ax.texts) < 3_000


@pytest.mark.long
def test_nothing_is_lost(drawn):
    name, ax = drawn
    if name == "sales":
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2.5 * len(DAYS))
    elif name == "restatements":
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(0.5 * len(DAYS))
    elif name == "cycle_times":
        assert {len(line.get_xdata()) for line in ax.lines} == {len(WEEKS)}
    else:
        assert np.isfinite(ax.images[0].get_array()).sum() == len(CELLS)


def test_labels_leave_room_for_each_other(drawn):
    _, ax = drawn
    for axis, side in ((ax.xaxis, "x"), (ax.yaxis, "y")):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
        low = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes)
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(low))
