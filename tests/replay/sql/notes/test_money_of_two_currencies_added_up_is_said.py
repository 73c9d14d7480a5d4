"""Where a query adds up money of several currencies, the answer says so, once; where it does not, it says nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.replay import connect

START = datetime(2025, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
ADDING = {
    "SELECT sum(total) FROM orders": "sum(total)",
    "FROM orders SELECT avg(total)": "avg(total)",
    "SELECT status, sum(o.total) FROM orders AS o GROUP BY status": "sum(total)",
    "SELECT status, sum(total) FROM orders GROUP BY ALL": "sum(total)",
    "SELECT sum(price * quantity) FROM order_items": "sum(price)",
    "SELECT sum(price * quantity) FROM events": "sum(price)",
    "SELECT day, sum(revenue) OVER (ORDER BY day) FROM daily_sales": "sum(revenue)",
    "SELECT sum(t) FROM (SELECT currency, sum(total) AS t FROM orders GROUP BY currency)": "sum(t)",
    "WITH x AS (SELECT total AS money FROM orders) SELECT sum(money) FROM x": "sum(money)",
    "SELECT sum(total) FROM orders_at('2025-03-09')": "sum(total)",
    "SELECT count(DISTINCT currency), sum(total) FROM orders": "sum(total)",
    "SELECT list_sum(list(total)) FROM orders": "list_sum(total)",
    "SELECT stddev(paid) FROM orders": "stddev(paid)",
    "SELECT sum((payload->>'price')::DECIMAL(18, 4)) FROM events": "sum(price)",
    "SELECT sum(json_extract_string(payload, '$.price')::DECIMAL(18, 4)) FROM events": "sum(price)",
}
COMPARING = {
    "SELECT max(total) FROM orders": "max(total)",
    "SELECT status, median(total) FROM orders GROUP BY ALL": "median(total)",
    "SELECT arg_max(order_id, total) FROM orders": "arg_max(total)",
    "SELECT quantile_cont(total, 0.9) FROM orders": "quantile_cont(total)",
}
WITHIN_ONE = [
    "SELECT currency, sum(total) FROM orders GROUP BY currency",
    "SELECT currency, status, sum(total) FROM orders GROUP BY 1, 2",
    "SELECT currency, sum(total) FROM orders GROUP BY ALL",
    "SELECT coalesce(currency, 'none') AS c, sum(total) FROM orders GROUP BY c",
    "SELECT sum(total) FROM orders WHERE currency = 'EUR'",
    "SELECT sum(total) FILTER (WHERE currency = 'EUR') FROM orders",
    "SELECT sum(CASE currency WHEN 'EUR' THEN total END) FROM orders",
    "SELECT order_id, sum(amount) FROM order_items GROUP BY order_id",
    "SELECT sum(amount) FROM order_items WHERE order_id = 'A-1'",
    "SELECT day, sum(revenue) OVER (PARTITION BY currency ORDER BY day) FROM daily_sales",
    "SELECT sum(item_count), count(*) FROM orders",
    "SELECT max(placed_at), max(item_count) FROM orders",
    "SELECT max(total) FROM orders WHERE currency = 'USD'",
    "SELECT sum((payload->>'quantity')::INTEGER) FROM events",
    "FROM daily_sales",
]


def shop(*currencies):
    """A log with an order a day, each in its currency."""
    log = open_log(":memory:")
    for number, currency in enumerate(currencies, 1):
        item = ItemAdded(item_id="mug", quantity=1, price=Decimal(10))
        events = [OrderCreated(currency=currency), item, OrderPlaced()]
        new = [NewEvent(data=data, occurred_at=START + number * DAY) for data in events]
        log.append(f"A-{number}", new, expected=NO_STREAM)
    return log


@pytest.fixture(scope="module")
def session():
    with shop("EUR", "EUR", "USD") as log, connect(log) as session:
        yield session


@pytest.mark.long_but_first
@pytest.mark.parametrize("query", ADDING | COMPARING)
def test_it_says_what_is_added_or_compared_and_what_to_do(session, query):
    answer = session.sql(query)
    said = f"{ADDING[query]} adds up" if query in ADDING else f"{COMPARING[query]} compares"
    assert answer.notes == (
        f"{said} money of 2 currencies (EUR, USD); add currency to GROUP BY, or WHERE currency = 'EUR'",
    )
    assert repr(answer).count(answer.notes[0]) == answer._repr_html_().count("money of 2 currencies") == 1


@pytest.mark.parametrize("query", WITHIN_ONE)
def test_what_stays_within_a_currency_is_said_nothing_of(session, query):
    assert session.sql(query).notes == ()


def test_a_moment_with_one_currency_is_said_nothing_of(session):
    assert session.sql("SELECT sum(total) FROM orders", at=START + 2 * DAY).notes == ()
    assert session.sql("SELECT sum(total) FROM orders", at=START + 3 * DAY).notes


def test_a_second_currency_that_comes_later_is_seen():
    with shop("EUR") as log, connect(log) as session:
        assert session.sql("SELECT sum(total) FROM orders").notes == ()
        log.append("B-1", [OrderCreated(currency="USD")], expected=NO_STREAM)
        assert session.sql("SELECT sum(total) FROM orders").notes


def test_who_writes_the_answer_to_a_file_can_ask(session):
    assert session.notes("SELECT sum(total) FROM orders")
    assert not session.notes("SELECT currency, sum(total) FROM orders GROUP BY currency")
