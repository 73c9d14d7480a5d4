"""What somebody has to look at: sentences for the first page of a report, each from one read model."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.orders.money import format_money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from orders_es.replay import Session

    Ask = Callable[..., list[dict[str, Any]]]

__all__ = ["attention", "called"]

_LARGE = Decimal("0.1")
"""The share of a period's revenue from which one order is named."""
_OWED = """
SELECT currency, count(CASE WHEN days_31_60 + days_61_90 + days_over_90 > 0 THEN 1 END) AS customers,
    sum(days_31_60 + days_61_90 + days_over_90)::DECIMAL(38, 4) AS overdue, sum(owed_back)::DECIMAL(38, 4) AS owed_back,
    count(CASE WHEN owed_back > 0 THEN 1 END) AS creditors
FROM receivables GROUP BY currency ORDER BY overdue DESC, currency
"""
_WAITING = (
    "SELECT count(*) OVER () AS number, order_id, status, waited FROM late_orders ORDER BY late DESC, order_id LIMIT 1"
)
_RESTATED = """
SELECT currency, count(*) AS days, sum(net_change)::DECIMAL(38, 4) AS change, arg_max(day, abs(net_change)) AS day,
    arg_max(net_change, abs(net_change))::DECIMAL(38, 4) AS largest
FROM restatements WHERE day < $end::DATE AND last_changed_at::DATE >= $end::DATE AND net_change <> 0
GROUP BY currency ORDER BY days DESC, currency
"""
_ODD = """
SELECT count(CASE WHEN failed_payments > 0 AND paid_at IS NULL AND cancelled_at IS NULL THEN 1 END) AS failed,
    count(estimated) AS estimated, count(CASE WHEN coalesce(currency, 'XXX') = 'XXX' THEN 1 END) AS no_currency,
    count(CASE WHEN delivered_at IS NOT NULL AND shipped_at IS NULL OR shipped_at IS NOT NULL AND placed_at IS NULL THEN 1 END) AS skipped
FROM orders
"""
_LARGEST = """
SELECT order_id, total FROM orders
WHERE coalesce(currency, 'XXX') = $currency AND placed_at::DATE >= $start::DATE AND placed_at::DATE < $end::DATE AND cancelled_at IS NULL
ORDER BY total DESC, order_id LIMIT 1
"""


def attention(
    session: Session,
    rows: Mapping[str, int],
    periods: Sequence[Mapping[str, Any]],
    found: tuple[str, date, date, date] | None,
    asked: Mapping[str, Any],
) -> Iterator[tuple[str, str]]:
    """Sentences, each with the name of the read model that says more. Read-only.

    Args:
        rows: How many rows each read model has.
        periods: Revenue by period and currency.
        found: The unit, the starts of the last two periods that are over, and the day after them.
        asked: The two moments, as `Session.sql` takes them.
    """

    def ask(query: str, **parameters: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = session.sql(query, parameters or None, **asked).to_arrow().to_pylist()
        return answer

    if rows.get("receivables"):
        yield from _debts(ask)
    if rows.get("late_orders"):
        yield from _waiting(ask)
    if found and rows.get("restatements"):
        yield from _changed_days(ask, found[3])
    if found:
        yield from _large_orders(ask, periods, found)
    yield from _odd_orders(ask)


def called(unit: str, start: date) -> str:
    """A period's name."""
    return f"{start:%Y-%m}" if unit == "month" else f"the week of {start:%Y-%m-%d}"


def _debts(ask: Ask) -> Iterator[tuple[str, str]]:
    for row in ask(_OWED):
        if row["overdue"]:
            owed = format_money(row["overdue"], row["currency"])
            yield f"{owed} has been owed for more than 30 days, by {_many(row['customers'], 'customer')}", "receivables"
        if row["owed_back"]:
            owed = format_money(row["owed_back"], row["currency"])
            yield f"{owed} is owed back to {_many(row['creditors'], 'customer')}", "receivables"


def _waiting(ask: Ask) -> Iterator[tuple[str, str]]:
    for row in ask(_WAITING):
        have = "has" if row["number"] == 1 else "have"
        waited = f"{_many(row['number'], 'order')} {have} waited longer than nine in ten usually do"
        yield f"{waited}; the longest is {row['order_id']}, {row['status']} for {_days(row['waited'])}", "late_orders"


def _changed_days(ask: Ask, end: date) -> Iterator[tuple[str, str]]:
    for row in ask(_RESTATED, end=end):
        change = f"{'+' if row['change'] > 0 else ''}{format_money(row['change'], row['currency'])}"
        largest = f"the most on {row['day']}, by {format_money(row['largest'], row['currency'])}"
        changed = f"net of {_many(row['days'], 'day')} before {end} has changed since {end}"
        yield f"{changed}, by {change} in all; {largest}", "restatements"


def _large_orders(
    ask: Ask, periods: Sequence[Mapping[str, Any]], found: tuple[str, date, date, date]
) -> Iterator[tuple[str, str]]:
    unit, _, last, end = found
    for row in periods:
        if row["unit"] != unit or row["start"] != last or not row["revenue"] > 0:
            continue
        for order in ask(_LARGEST, currency=row["currency"], start=last, end=end):
            if order["total"] and order["total"] > _LARGE * row["revenue"]:
                whose = f"{order['order_id']} with {format_money(order['total'], row['currency'])}"
                share = f"{order['total'] / row['revenue']:.0%} of the revenue of {called(unit, last)}"
                yield f"one order, {whose}, is {share}", "orders"


def _odd_orders(ask: Ask) -> Iterator[tuple[str, str]]:
    [odd] = ask(_ODD)
    texts = {
        "failed": "payments of {orders} failed, and nothing was paid since",
        "skipped": "{orders} went ahead without a step that comes before: shipped though never placed, or delivered though never shipped",
        "no_currency": "{orders} without a currency, or with two",
        "estimated": "times of {orders} are estimates",
    }
    for name, text in texts.items():
        if odd[name]:
            yield text.format(orders=_many(odd[name], "order")), "orders"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _days(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:,.0f} days" if days >= 2 else f"{seconds / 3_600:,.0f} hours"  # noqa: PLR2004 - two days, in hours
