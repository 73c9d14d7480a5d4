"""Every identity between read models: two questions with one answer, at any moment, whatever was recorded."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import Phase, given, settings

from orders_es.log import open_log
from orders_es.replay import connect
from orders_es.sources.simulator import SimulatorSettings, simulate_into

START = datetime(2024, 1, 1, tzinfo=UTC)
MONEY = ("gross", "discounts", "shipping", "returns", "adjustments")
RESTATED = ("units", "gross", "discounts", "returns", "net", "payments", "refunds")
ARRIVALS = """
SELECT to_status AS s, orders AS n FROM status_transitions
UNION ALL SELECT from_status, -orders FROM status_transitions
UNION ALL SELECT status, 1 FROM order_steps WHERE from_status IS NULL
"""
SOLD = "placed_at IS NOT NULL AND cancelled_at IS NULL"


def by_currency(figure, source):
    """A figure for each currency, those of 0 left out: a currency without a row is one with nothing."""
    return f"SELECT coalesce(currency, 'XXX') AS c, {figure} AS f FROM {source} GROUP BY c HAVING f <> 0 ORDER BY c"


IDENTITIES = {
    "daily net adds up to the orders' total": (
        by_currency("sum(net)", "daily_sales"),
        by_currency("sum(total)", "orders"),
    ),
    "daily revenue adds up to the total of orders placed and not cancelled": (
        by_currency("sum(revenue)", "daily_sales"),
        by_currency("sum(total)", f"orders WHERE {SOLD}"),
    ),
    **{
        f"daily {name} add up to those of the orders": (
            by_currency(f"sum({name})", "daily_sales"),
            by_currency(f"sum({name})", "orders"),
        )
        for name in MONEY
    },
    "daily net is made of its parts": (
        "SELECT day, currency, net FROM daily_sales ORDER BY ALL",
        "SELECT day, currency, gross - discounts + shipping - returns + adjustments FROM daily_sales ORDER BY ALL",
    ),
    "daily payments and refunds add up to what the orders were paid and refunded": (
        by_currency("sum(payments) - 3 * sum(refunds)", "daily_sales"),
        by_currency("sum(paid) - 3 * sum(refunded)", "orders"),
    ),
    "daily orders add up to the orders placed": (
        by_currency("sum(orders_placed)::BIGINT", "daily_sales"),
        by_currency("count(placed_at)", "orders"),
    ),
    "products' units, gross and returns add up to those of the days": (
        by_currency("sum(units) + 1000 * sum(returned_units) + 7 * sum(gross) - 3 * sum(returns)", "product_sales"),
        by_currency("sum(units) + 1000 * sum(returned_units) + 7 * sum(gross) - 3 * sum(returns)", "daily_sales"),
    ),
    "products' net adds up to the orders' total without discounts, shipping and adjustments": (
        by_currency("sum(net)", "product_sales"),
        by_currency("sum(total + discounts - shipping - adjustments)", "orders"),
    ),
    "products' revenue is that of orders placed and not cancelled": (
        by_currency("sum(revenue)", "product_sales"),
        by_currency("sum(gross - returns)", f"orders WHERE {SOLD}"),
    ),
    "items' quantities add up to the orders' item counts": (
        "SELECT order_id, sum(quantity)::BIGINT AS n FROM order_items GROUP BY order_id HAVING n <> 0 ORDER BY order_id",
        "SELECT order_id, item_count FROM orders WHERE item_count <> 0 ORDER BY order_id",
    ),
    "items' amounts add up to the orders' totals before discounts and shipping": (
        "SELECT order_id, sum(amount) AS a FROM order_items GROUP BY order_id HAVING a <> 0 ORDER BY order_id",
        "SELECT order_id, total + discounts - shipping AS a FROM orders WHERE a <> 0 ORDER BY order_id",
    ),
    "steps taken are those that the ways of orders lead to": (
        "SELECT next_status AS s, count(*) FROM order_steps WHERE s IS NOT NULL GROUP BY s ORDER BY s",
        "SELECT to_status, sum(orders)::BIGINT FROM status_transitions GROUP BY to_status ORDER BY to_status",
    ),
    "customers' money and that of nobody add up to the revenue": (
        by_currency(
            "sum(m)",
            "(SELECT currency, monetary AS m FROM customer_value UNION ALL "
            f"SELECT currency, total FROM orders WHERE customer_id IS NULL AND {SOLD})",
        ),
        by_currency("sum(revenue)", "daily_sales"),
    ),
    "cohorts' revenue is the money of customers with a purchase": (
        by_currency("sum(revenue)", "cohorts"),
        by_currency("sum(monetary)", "customer_value WHERE orders > 0"),
    ),
    "cohorts' purchases are those of the customers": (
        by_currency("sum(orders)::BIGINT", "cohorts"),
        by_currency("sum(orders)::BIGINT", "customer_value"),
    ),
    "each cohort's customers add up to the customers with a purchase": (
        by_currency("sum(cohort_size)::BIGINT", "cohorts WHERE months_since = 0"),
        by_currency("count(*)", "customer_value WHERE orders > 0"),
    ),
    "where orders stopped, their money adds up to the total": (
        by_currency("sum(waiting_total + cancelled_total)", "order_funnel"),
        by_currency("sum(total)", "orders"),
    ),
    "all orders reached the first step": (
        by_currency("sum(reached_total)", "order_funnel WHERE step = 1"),
        by_currency("sum(net)", "daily_sales"),
    ),
    "what is open adds up to the balances of orders placed or cancelled, and what the house owes": (
        by_currency("sum(balance)", "receivables"),
        by_currency(
            "sum(balance)",
            "orders WHERE (balance < 0 OR placed_at IS NOT NULL OR cancelled_at IS NOT NULL) AND "
            "(SELECT bool_or(paid_at IS NOT NULL OR failed_payments > 0 OR refunded <> 0) FROM orders)",
        ),
    ),
    "ages add up to what is owed": (
        "SELECT customer_id, currency, owed FROM receivables ORDER BY ALL",
        "SELECT customer_id, currency, days_0_30 + days_31_60 + days_61_90 + days_over_90 + days_unknown "  # noqa: ISC004
        "FROM receivables ORDER BY ALL",
    ),
    "figures as known now are those of the days": (
        f"SELECT day, currency, {', '.join(f'{name}_now' for name in RESTATED)} FROM restatements ORDER BY ALL",
        f"SELECT day, currency, {', '.join(RESTATED)} FROM daily_sales SEMI JOIN restatements USING (day, currency) ORDER BY ALL",
    ),
    "days' net before and changes add up to the orders' total": (
        by_currency("sum(net_first + net_change)", "restatements"),
        by_currency("sum(total)", "orders"),
    ),
    "orders that began in a status or came to it, less those that left it, are in it": (
        f"SELECT s, sum(n)::BIGINT AS n FROM ({ARRIVALS}) GROUP BY s HAVING n <> 0 ORDER BY s",
        "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status",
    ),
    "the last row of each order's history is the order": (
        "SELECT order_id, status, total, paid FROM order_history WHERE valid_to IS NULL ORDER BY order_id",
        "SELECT order_id, status, total, paid FROM orders ORDER BY order_id",
    ),
    "hours' events add up to the log's": (
        "SELECT coalesce(sum(events), 0)::BIGINT FROM activity",
        "SELECT count(*) FROM events",
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Simulated orders, some cancelled, returned, refunded and recorded late."""
    folder = tmp_path_factory.mktemp("ties") / "log"
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(folder, orders=250, seed=11, start=START, days=120, settings=few_lines)
    with open_log(folder) as log, connect(log, tz="Europe/London") as session:
        yield session


@pytest.mark.long_but_first
@pytest.mark.parametrize("identity", IDENTITIES)
def test_in_a_simulated_shop(shop, identity):
    one, other = IDENTITIES[identity]
    mid = START + timedelta(days=70)
    for at, known_at in ((None, None), (mid, mid)):
        answer = shop.sql(one, at=at, known_at=known_at).rows()
        assert answer, "an identity of nothing says nothing"
        assert answer == shop.sql(other, at=at, known_at=known_at).rows()


@pytest.mark.long
@pytest.mark.hypothesis
def test_on_any_history(histories, asking):
    # Some fifty queries an example: what fails is told as it was drawn, instead of being made smaller for minutes.
    @settings(max_examples=settings.default.max_examples // 20, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(histories)
    def ties_out(case):
        with asking(case) as asked, connect(asked.log, tz=asked.tz) as session:
            for identity, (one, other) in IDENTITIES.items():
                moment = {"at": asked.at, "known_at": asked.known_at}
                assert session.sql(one, **moment).rows() == session.sql(other, **moment).rows(), identity

    ties_out()
