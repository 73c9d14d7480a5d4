"""`customer_value`, `cohorts` and `receivables` beside loops over folded orders, on any history at any moment."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.hypothesis  # `make test-long` draws many more histories
ZERO = Decimal(0)


def sold(asked):
    """Orders placed and not cancelled, of somebody, by customer and currency."""
    found = defaultdict(list)
    for order in asked.orders.values():
        if order.customer_id is not None and order.placed_at is not None and order.cancelled_at is None:
            found[order.customer_id, order.currency or "XXX"].append(order)
    return found


def by(worse):
    """The order of customers by a score, of equal ones by name."""
    return lambda key: (worse(key), key[0])


def fifths(ordered):
    """Which fifth each is in, from 1: of one size, but for the first ones, which may be one longer."""
    size, longer = divmod(len(ordered), 5)
    bounds = [n + 1 for n in range(5) for _ in range(size + (n < longer))]
    return dict(zip(ordered, bounds, strict=True))


def test_customer_value(check_on, rows_of):
    def check(session, asked):
        rows = {(row["customer_id"], row["currency"]): row for row in rows_of(session, "customer_value", asked)}
        customers = sold(asked)
        assert set(rows) == set(customers)
        buys = {key: [order.placed_at for order in orders if order.gross > 0] for key, orders in customers.items()}
        worth = {key: sum((order.total for order in orders), ZERO) for key, orders in customers.items()}
        for key, row in rows.items():
            assert row["orders"] == row["frequency"] == len(buys[key])
            assert row["first_order_at"] == min(buys[key], default=None)
            assert row["last_order_at"] == max(buys[key], default=None)
            assert row["monetary"] == worth[key]
            guessed = [o.placed_at for o in customers[key] if o.gross > 0 and "placed" in (o.estimated or "")]
            assert row["estimated"] == len(guessed)
            if buys[key]:
                days = (asked.day(asked.moment) - asked.day(max(buys[key]))).days
                assert row["recency"] == (None if max(buys[key]) in guessed else days)
                assert abs(row["average_order"] - worth[key] / len(buys[key])) <= Decimal("0.00005")
            else:
                assert (row["recency"], row["average_order"], row["recency_score"]) == (None, None, None)
        for currency in {currency for _, currency in rows}:
            own = [key for key in rows if key[1] == currency and buys[key]]
            scores: list[tuple[str, Any]] = [
                ("recency_score", lambda key: max(buys[key])),
                ("frequency_score", lambda key: len(buys[key])),
                ("monetary_score", worth.get),
            ]
            for score, worse in scores:
                expected = fifths(sorted(own, key=by(worse)))
                assert {key: rows[key][score] for key in own} == expected

    check_on(check)


@pytest.mark.long
def test_cohorts(check_on, rows_of):
    def check(session, asked):
        cells: defaultdict[Any, dict[str, Any]] = defaultdict(
            lambda: {"customers": set(), "orders": 0, "revenue": ZERO, "estimated": 0}
        )
        sizes = defaultdict(set)
        for (customer, currency), orders in sold(asked).items():
            months = [asked.day(order.placed_at).replace(day=1) for order in orders if order.gross > 0]
            if not months:
                continue
            cohort = min(months)
            sizes[currency, cohort].add(customer)
            for order in orders:
                day = asked.day(order.placed_at)
                since = max((day.year - cohort.year) * 12 + day.month - cohort.month, 0)
                cell = cells[currency, cohort, since]
                cell["revenue"] += order.total
                if order.gross > 0:
                    cell["orders"] += 1
                    cell["estimated"] += "placed" in (order.estimated or "")
                    cell["customers"].add(customer)
        expected = {}
        for (currency, cohort), size in sizes.items():
            last, now = asked.day(asked.moment), asked.day(asked.moment + timedelta(microseconds=1))
            for since in range((last.year - cohort.year) * 12 + last.month - cohort.month + 1):
                cell = cells[currency, cohort, since]
                active = len(cell["customers"])
                expected[currency, cohort, since] = (
                    (now.year - cohort.year) * 12 + now.month - cohort.month == since,
                    len(size),
                    active,
                    cell["orders"],
                    cell["revenue"],
                    active / len(size),
                    cell["estimated"],
                )
        names = ("currency", "cohort", "months_since")
        rows = rows_of(session, "cohorts", asked)
        assert {tuple(row.pop(name) for name in names): tuple(row.values()) for row in rows} == expected

    check_on(check)


@pytest.mark.long
def test_receivables(check_on, rows_of):
    def check(session, asked):
        expected: defaultdict[Any, list[Any]] = defaultdict(lambda: [0, [], ZERO, ZERO, ZERO, ZERO, ZERO, ZERO])
        tell = any(o.paid_at is not None or o.failed_payments or o.refunded for o in asked.orders.values())
        for order in asked.orders.values() if tell else ():
            claimed = order.balance > 0 and (order.placed_at is not None or order.cancelled_at is not None)
            if not claimed and order.balance >= 0:
                continue
            row = expected[order.customer_id or "", order.currency or "XXX"]
            since = order.placed_at or order.first_occurred_at
            if claimed:
                age = (asked.day(asked.moment) - asked.day(since)).days
                row[0] += 1
                row[1].append(since)
                guessed = ("created" if order.placed_at is None else "placed") in (order.estimated or "")
                row[6 if guessed else 2 + (age > 30) + (age > 60) + (age > 90)] += order.balance
            else:
                row[7] -= order.balance
        rows = rows_of(session, "receivables", asked)
        assert {(row.pop("customer_id"), row.pop("currency")): tuple(row.values()) for row in rows} == {
            key: (count, min(since, default=None), *ages, sum(ages), back, sum(ages) - back)
            for key, (count, since, *ages, back) in expected.items()
        }

    check_on(check)
