"""docs/plots.md names every plot, and what it shows runs."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt

from orders_es import plots
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "plots.md").read_text(encoding="utf-8")


def test_it_names_every_plot():
    assert set(re.findall(r"^\| `(plot_\w+)` \|", PAGE, re.MULTILINE)) == set(plots.__all__)


def test_its_pictures_are_there_and_small():
    for name in re.findall(r"\]\((images/\S+)\)", PAGE):
        assert 0 < (DOCS / name).stat().st_size < 60_000


@pytest.mark.long
def test_what_it_shows_runs(tmp_path, run_page):
    plt.close("all")  # of pages that ran before in this process
    june = datetime(2011, 6, 3, tzinfo=UTC)
    with open_log("my-log", create=True) as log:
        mug = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        facts = [OrderCreated(currency="GBP", customer_id="7"), mug, OrderPlaced()]
        log.append("536365", [NewEvent(data=data, occurred_at=june) for data in facts], expected=ANY)
    run_page("docs/plots.md")
    assert (tmp_path / "june.pdf").stat().st_size
    assert len(plt.get_fignums()) == 7
    plt.close("all")
