"""A session knows what a query names before it asks: it defines that, and asks once, whether the query is right or wrong."""

from __future__ import annotations

import pytest

from orders_es.errors import QueryError
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.replay import connect, session, tables


@pytest.fixture
def asked(monkeypatch):
    seen, table = [], tables.table_of

    def counted(cursor, query, *given):
        seen.append(query)
        return table(cursor, query, *given)

    monkeypatch.setattr(session, "table_of", counted)
    return seen


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with open_log(tmp_path_factory.mktemp("shop") / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        yield log


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nothing FROM orders", "nothing"),
        ("SELECT nothing FROM events", "nothing"),
        ("SELECT 1/'a' FROM orders", "'a'"),
        ("FROM ordrs", "orders"),
        ("FROM ordrs_at(now())", "ordrs_at"),
        ("SELECT ,", "syntax"),
    ],
)
def test_what_is_wrong_is_asked_once(log, asked, query, said):
    with connect(log) as shop, pytest.raises(QueryError, match=said):
        shop.sql(query)
    assert asked == [query]


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "query",
    [
        "FROM orders",
        "FROM main.orders",
        "SELECT 1 WHERE EXISTS (FROM orders)",
        "FROM orders_at(now())",
        'FROM "ORDERS"',
        "WITH a AS (FROM orders) SELECT * FROM a",
        "WITH orders AS (SELECT 1 AS n FROM order_items) FROM orders",
        "FROM moment",
        "FROM events_at(now())",
        "FROM (DESCRIBE orders)",
        "DESCRIBE order_items",
        "FROM query_table('orders')",
        "FROM query('FROM orders')",
        "SELECT view_name FROM duckdb_views() WHERE view_name = 'orders'",
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'orders'",
        "PIVOT orders ON status USING count(*)",
        "FROM range(3), orders",
        "SELECT count(*) FROM orders; SELECT count(*) FROM order_items",
        "EXPLAIN FROM orders",
    ],
)
def test_what_is_right_is_asked_once_in_a_new_session(log, asked, query):
    with connect(log) as shop:
        shop.sql(query)
    assert asked == [query]


def test_no_more_is_defined_than_a_query_names(log):
    with connect(log) as shop:
        shop.sql("SELECT 'order_items' FROM orders")
        assert "order_items" not in shop._defined
        assert "orders" in shop._defined
        assert "orders_at" not in shop._defined
        shop.sql("SELECT 1 FROM order_items_at(NULL)")
        assert shop._defined >= {"orders", "order_items_at"}
        assert "order_items" not in shop._defined
