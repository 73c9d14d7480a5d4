"""Every snippet of docs/projections.md that is marked so runs, on a log that the test makes."""

import re
from decimal import Decimal
from pathlib import Path

from orders_es import errors
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

PAGE = (Path(__file__).parents[2] / "docs" / "projections.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"<!-- runs -->\n```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_on_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_log("my-log", create=True) as log:
        mug = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        log.append("A-1", [OrderCreated(currency="GBP"), mug, OrderPlaced()], expected=NO_STREAM)
    assert len(SNIPPETS) == 2
    names = {}
    exec("".join(SNIPPETS), names)
    assert [(one.projection, one.position) for one in names["ran"]] == [("orders", 3), ("order_items", 3), ("mails", 3)]
    assert names["placed_orders"] == [("A-1", Decimal(5))]
    assert names["copy"].query("SELECT order_id FROM mails").rows() == [("A-1",)]
    names["log"].close()


def test_the_errors_on_the_page_are_there():
    for name in re.findall(r"`([A-Z]\w+)`", PAGE.partition("## What can happen")[2]):
        assert name in errors.__all__
