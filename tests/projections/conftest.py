"""A small shop's log, a read-model file beside it, and what the tables in it ought to be."""

from decimal import Decimal

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.replay import connect


class Shop:
    """A log, and a read-model file that projections fill from it."""

    def __init__(self, folder):
        self.folder = folder
        self.log = open_log(folder / "log", create=True)
        self.path = folder / "models.duckdb"
        self.models = ReadModels(self.path)

    def order(self, order_id, *more):
        """An order with one line, placed; and its position then."""
        item = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"), description="A mug")
        events = [OrderCreated(currency="GBP"), item, OrderPlaced(), *more]
        return self.log.append(order_id, events, expected=ANY).last_position

    def pay(self, order_id, amount="5"):
        return self.log.append(order_id, [PaymentReceived(amount=Decimal(amount))], expected=ANY).last_position

    def projector(self, *projections, names=("orders",), **options):
        return Projector(self.log, self.path, projections or set_projections(list(names)), **options)

    def run(self, *projections, **options):
        return self.projector(*projections, **options).run()

    def rows(self, query, *parameters):
        return self.models.query(query, list(parameters) or None).rows()

    def ought(self, name, position=None):
        """A read model's rows as the log gives them up to a position, sorted."""
        with connect(self.log) as session:
            return session.sql(f"FROM {name} ORDER BY ALL", position=position).rows()

    def table(self, name):
        return self.rows(f"FROM {name} ORDER BY ALL")

    def checkpoint(self, name):
        [(position,)] = self.rows("SELECT checkpoint FROM orders_es.projections WHERE name = ?", name)
        return position


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    for number in range(4):
        shop.order(f"A-{number}")
    yield shop
    shop.log.close()
