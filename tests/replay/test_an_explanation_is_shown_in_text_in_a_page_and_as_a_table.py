"""`explain` shows how a total came to be: in a line, in lines, in a page, and as a table with exact money."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import DiscountApplied, ItemAdded, OrderCreated
from orders_es.replay import explain

NOON = datetime(2011, 6, 1, 12, tzinfo=UTC)
EVENTS = [
    OrderCreated(currency="GBP"),
    ItemAdded(item_id="<mug>", quantity=2, price=Decimal("2.50")),
    DiscountApplied(amount=Decimal("0.75")),
]


@pytest.fixture(scope="module")
def explained():
    with open_log(":memory:") as log:
        log.append("A-1", [NewEvent(data=data, occurred_at=NOON) for data in EVENTS], expected=NO_STREAM)
        return explain(log, "A-1")


def test_in_a_line(explained):
    assert repr(explained) == "<Explanation A-1: 4.25 GBP in 2 steps (as it stands now)>"


def test_in_lines(explained):
    assert str(explained).splitlines() == [
        "order A-1: 4.25 GBP, as it stands now",
        "change  total  ver",
        " +5.00   5.00    2  added 2 x <mug> at 2.50 GBP",
        " -0.75   4.25    3  discount of 0.75 GBP",
    ]


def test_in_a_page_markup_is_text(explained):
    page = explained._repr_html_()
    assert "&lt;mug&gt;" in page
    assert "<mug>" not in page


def test_as_a_table_money_is_as_exact_as_asked_for(explained):
    assert explained.to_pandas()["total"].cumsum().tolist() == [5.0, 9.25]
    frame = explained.to_pandas(money="decimal")
    assert frame["total"].tolist() == [Decimal("5.0000"), Decimal("4.2500")]
    assert str(frame["occurred_at"].dtype) == "datetime64[us, UTC]"
    assert len(explained) == len(frame) == 2
    assert explained[1].total == explained.total
