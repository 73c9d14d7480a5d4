"""A shop that takes orders, on a clock turned by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder, PlaceOrder, RecordPayment
from orders_es.replay import load_order
from orders_es.service import handle
from orders_es.shop import Unpaid


@dataclass
class Clock:
    now: datetime = field(default=datetime(2026, 6, 1, 9, tzinfo=UTC))

    def __call__(self):
        return self.now

    def forward(self, **length):
        self.now += timedelta(**length)


class Shop:
    def __init__(self, folder):
        self.clock = Clock()
        self.url = str(folder / "log")
        self.log = open_log(self.url, create=True, clock=self.clock)
        self.models = folder / "shop.duckdb"

    def do(self, order, *commands, **options):
        for command in commands:
            handle(self.log, order, command, occurred_at=self.clock.now, **options)

    def place(self, order, paid=0, **options):
        """An order of 10 pounds."""
        item = AddItem(item_id="22423", quantity=1, price=10)
        self.do(order, CreateOrder(currency="GBP"), item, PlaceOrder(), **options)
        if paid:
            self.pay(order, paid)

    def pay(self, order, amount):
        self.do(order, RecordPayment(amount=Decimal(amount)))

    def unpaid(self, after=timedelta(days=3), **options):
        return Unpaid(self.log, self.models, after, clock=self.clock, **options)

    def cancelled(self):
        """What was cancelled by a run."""
        return [due.order_id for due in self.unpaid().run()]

    def status(self, order):
        return load_order(self.log, order).status

    def types(self, order):
        return [event.type for event in self.log.load(order)]


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    shop.log.close()
