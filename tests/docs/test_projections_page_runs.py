"""All Python of docs/projections.md runs, on a log that the test makes."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es import errors
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

PAGE = (Path(__file__).parents[2] / "docs" / "projections.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_python_on_the_page_runs(run_page):
    with open_log("my-log", create=True) as log:
        mug = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        log.append("A-1", [OrderCreated(currency="GBP"), mug, OrderPlaced()], expected=NO_STREAM)
    names = run_page("docs/projections.md")
    assert [(one.projection, one.position) for one in names["ran"]] == [("orders", 3), ("order_items", 3), ("mails", 3)]
    assert names["placed_orders"] == [("A-1", Decimal(5))]
    assert names["copy"].query("SELECT order_id FROM mails").rows() == [("A-1",)]


def test_the_errors_on_the_page_are_there():
    for name in re.findall(r"`([A-Z]\w+)`", PAGE.partition("## What can happen")[2]):
        assert name in errors.__all__
