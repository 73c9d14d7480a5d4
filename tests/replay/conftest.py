"""A log whose clock the test sets: what happened on one day may be recorded on another."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import (
    CustomerAssigned,
    ItemAdded,
    ItemReturned,
    OrderCreated,
    OrderDelivered,
    OrderPlaced,
    OrderShipped,
    PaymentReceived,
)

JUNE_1 = datetime(2011, 6, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Noon of that day of June."""
    return JUNE_1 + timedelta(days=number - 1, hours=12)


class Diary:
    """A log to which events are written with both of their times."""

    def __init__(self, folder):
        self.now = day(1)
        self.log = open_log(folder, create=True, clock=lambda: self.now)

    def write(self, order_id, data, *, occurred, recorded, actor=None):
        self.now = day(recorded)
        self.log.append(order_id, [NewEvent(data=data, occurred_at=day(occurred), actor=actor)], expected=ANY)


@pytest.fixture
def diary(tmp_path):
    diary = Diary(tmp_path / "log")
    yield diary
    diary.log.close()


@pytest.fixture
def log(diary):
    """One order, A-1: its payment of day 3 became known on day 6 only, and its shipping was known a day late."""
    mug = ItemAdded(item_id="mug", quantity=3, price=Decimal("2.50"), description="A mug")
    diary.write("A-1", OrderCreated(currency="GBP"), occurred=1, recorded=1)
    diary.write("A-1", mug, occurred=1, recorded=1)
    diary.write("B-7", OrderCreated(currency="EUR", customer_id="9"), occurred=2, recorded=2)
    diary.write("A-1", OrderPlaced(), occurred=2, recorded=2, actor="web")
    diary.write("A-1", OrderShipped(carrier="RM"), occurred=4, recorded=5)
    diary.write("A-1", PaymentReceived(amount=Decimal("7.50")), occurred=3, recorded=6, actor="bank")
    diary.write("A-1", OrderDelivered(), occurred=7, recorded=7)
    diary.write("A-1", CustomerAssigned(customer_id="17850"), occurred=1, recorded=8)
    diary.write("A-1", ItemReturned(item_id="mug", quantity=1, price=Decimal("2.50")), occurred=9, recorded=9)
    return diary.log
