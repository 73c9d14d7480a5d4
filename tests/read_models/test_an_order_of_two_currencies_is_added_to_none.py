"""An order whose events name two currencies has none (XXX), so that no read model adds its money to either."""

from decimal import Decimal

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentFailed
from orders_es.replay import connect, history, load_order

BY_CURRENCY = (
    "daily_sales",
    "product_sales",
    "order_funnel",
    "restatements",
    "receivables",
    "customer_value",
    "cohorts",
)


@pytest.fixture(scope="module")
def session():
    with open_log(":memory:") as log:
        for order, currencies in (("A-1", ["EUR"]), ("A-2", ["USD", "USD"]), ("A-3", ["EUR", "USD"])):
            created = [OrderCreated(currency=currency, customer_id="c") for currency in currencies]
            item = ItemAdded(item_id="mug", quantity=1, price=Decimal(10))
            log.append(order, [*created, item, OrderPlaced(), PaymentFailed(amount=Decimal(10))], expected=ANY)
        with connect(log) as session:
            yield session


def test_in_python_and_in_sql(session):
    expected = {"A-1": "EUR", "A-2": "USD", "A-3": "XXX"}
    assert dict(session.sql("SELECT order_id, currency FROM orders").rows()) == expected
    assert {order: load_order(session.log, order).currency for order in expected} == expected
    assert {order: history(session.log, order).currency for order in expected} == expected
    assert session.sql("SELECT currency FROM order_history WHERE order_id = 'A-3' AND valid_to IS NULL").rows() == [
        ("XXX",)
    ]


@pytest.mark.parametrize("model", BY_CURRENCY)
def test_each_currency_has_its_own_row(session, model):
    assert set(session.sql(f"SELECT currency FROM {model}").rows()) == {("EUR",), ("USD",), ("XXX",)}
