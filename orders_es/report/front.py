"""The first page of a report: what a reader wants to know before all else. Key figures, what has changed, what needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.orders.moments import spoken
from orders_es.orders.money import MINOR_UNITS, format_amount, format_money
from orders_es.report.attention import attention, called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa

    from orders_es.replay import Session

__all__ = ["Comparison", "Front", "front"]

_DAYS_LATE = 3
"""A first period that begins at most so many days before the first sale is taken for whole: shops rest on holidays."""
_PERIODS = """
SELECT unit, date_trunc(unit, day)::DATE AS start, currency, min(day) AS first_day,
    sum(orders_placed)::BIGINT AS orders_placed, sum(units)::BIGINT AS units, sum(revenue)::DECIMAL(38, 4) AS revenue,
    sum(returns)::DECIMAL(38, 4) AS returns, sum(payments)::DECIMAL(38, 4) AS payments, sum(refunds)::DECIMAL(38, 4) AS refunds,
    (SELECT (moment."at" + INTERVAL 1 MICROSECOND)::DATE FROM moment) AS today
FROM daily_sales CROSS JOIN (VALUES ('month'), ('week')) AS units(unit)
GROUP BY ALL
ORDER BY unit, currency, start
"""
_TOTALS = """
SELECT coalesce(currency, '') AS currency, count(*) AS orders, coalesce(sum(total), 0)::DECIMAL(38, 4) AS total
FROM orders GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of two moments or periods beside each other.

    Args:
        title: What is compared with what.
        heads: The names of the two.
        rows: The figure's name, and how it was and is, as people read it, with the difference.
        note: What else there is to know.
    """

    title: str
    heads: tuple[str, str]
    rows: tuple[tuple[str, str, str, str], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """What stands first.

    Args:
        figures: For each currency the names and values of its key figures.
        comparisons: What has changed.
        attention: Sentences, each with the read model that says more.
        payments: Whether the log records payments at all.
    """

    figures: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    comparisons: tuple[Comparison, ...]
    attention: tuple[tuple[str, str], ...]
    payments: bool = True


def front(
    session: Session,
    figures: pa.Table,
    rows: Mapping[str, int],
    *,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None = None,
) -> Front:
    """What stands on the first page. Read-only.

    Args:
        figures: One row for each currency, as `write_report` asks for them.
        rows: How many rows each read model has.
        at: Only what had occurred by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log had recorded by then.
    """
    asked: dict[str, Any] = {"at": at, "known_at": known_at, "recorded_by": recorded_by}
    each = figures.to_pylist()
    payments = any(row["balance"] is not None for row in each)
    periods = session.sql(_PERIODS, **asked).to_arrow().to_pylist()
    found = _last_period(periods)
    comparisons = [*_since_close(session, asked), *(_periods(periods, found, payments=payments) if found else ())]
    needed = attention(session, rows, periods, found, asked) if each else ()
    return Front(
        tuple((row["currency"], tuple(_key_figures(row, payments=payments))) for row in each),
        tuple(comparisons),
        tuple(needed),
        payments,
    )


def _each(mean: Decimal, currency: str | None) -> Decimal:
    """A mean, with two decimals, or more where the currency has more."""
    return mean.quantize(Decimal(1).scaleb(-max(2, MINOR_UNITS.get(currency or "", 2))))


def _key_figures(row: Mapping[str, Any], *, payments: bool) -> Iterator[tuple[str, str]]:
    """What is known of one currency: a step that no order has made, and money that nobody recorded, is not spoken of."""
    currency, placed = row["currency"], row["placed"]
    yield "revenue", format_money(row["revenue"], currency)
    yield "orders placed", f"{placed:,}"
    kept = placed - row["placed_cancelled"]
    if kept:
        yield "revenue per order", format_money(_each(row["revenue"] / kept, currency), currency)
    if row["customers"]:
        yield "customers", f"{row['customers']:,}"
    for name in ("delivered", "cancelled"):
        if row[name]:
            yield name, f"{row[name]:,} ({row[name] / row['orders']:.1%})"
    if row["returns"]:
        yield "returned", format_money(row["returns"], currency)
    if payments:
        yield "paid", format_money(row["paid"], currency)
        if row["refunded"]:
            yield "refunded", format_money(row["refunded"], currency)
        yield "balance of all orders", format_money(row["balance"], currency)
    if row["at_estimated_times"]:
        yield "at estimated times", f"{row['at_estimated_times']:,} orders"


def _last_period(periods: list[dict[str, Any]]) -> tuple[str, date, date, date] | None:
    """The unit, the starts of the last two periods that are over, and the day after them; months before weeks."""
    if not periods or periods[0]["today"] is None:
        return None
    today, first = periods[0]["today"], min(row["first_day"] for row in periods)
    for unit in ("month", "week"):
        end = today.replace(day=1) if unit == "month" else today - timedelta(days=today.weekday())
        last, before = (_earlier(unit, end, number) for number in (1, 2))
        newest = max(row["start"] for row in periods if row["unit"] == unit)
        if first <= before + timedelta(days=_DAYS_LATE) and newest >= last:
            return unit, before, last, end
    return None


def _earlier(unit: str, day: date, number: int) -> date:
    if unit == "week":
        return day - timedelta(weeks=number)
    month = day.year * 12 + day.month - 1 - number
    return date(month // 12, month % 12 + 1, 1)


def _periods(
    periods: list[dict[str, Any]], found: tuple[str, date, date, date], *, payments: bool
) -> Iterator[Comparison]:
    unit, before, last, end = found
    currencies = sorted({row["currency"] for row in periods})
    rows = {(row["currency"], row["start"]): row for row in periods if row["unit"] == unit}
    names = ["orders_placed", "units", "revenue", "returns", *(("payments", "refunds") if payments else ())]
    lines = []
    for currency in currencies:
        was, now = rows.get((currency, before), {}), rows.get((currency, last), {})
        for name in names:
            a, b = was.get(name) or 0, now.get(name) or 0
            if not a and not b:
                continue
            counted = name in {"orders_placed", "units"}
            label = name.replace("_", " ") if counted else f"{name}, {currency}"
            lines.append(
                _line(
                    f"{label} ({currency})" if counted and len(currencies) > 1 else label,
                    a,
                    b,
                    None if counted else currency,
                )
            )
    if lines:
        running = f"The {unit} from {end:%Y-%m-%d} on is not over, and in neither."
        heads = (called(unit, before), called(unit, last))
        yield Comparison(f"The last whole {unit} beside the one before", heads, tuple(lines), running)


def _line(name: str, before: Any, now: Any, currency: str | None) -> tuple[str, str, str, str]:
    def said(value: Any) -> str:
        return f"{value:,}" if currency is None else format_amount(Decimal(value), currency)

    sign = "+" if now > before else ""
    share = f" ({sign}{(Decimal(now) - Decimal(before)) / abs(Decimal(before)):.1%})" if before else ""
    return name, said(before), said(now), "none" if now == before else f"{sign}{said(now - before)}{share}"


def _since_close(session: Session, asked: Mapping[str, Any]) -> Iterator[Comparison]:
    """What is known now of the moment that was closed last, beside what was closed."""
    from orders_es.audit import closes

    at, known_at, recorded_by = asked["at"], asked["known_at"], asked["recorded_by"]
    done = [
        close
        for close in closes(session.log)
        if (at is None or close.at <= at)
        and (known_at is None or close.known_at <= known_at)
        and (recorded_by is None or close.closed_at <= recorded_by)
    ]
    if not done:
        return
    close = max(done, key=lambda close: (close.at, close.known_at))
    now = {
        row["currency"]: row
        for row in session.sql(_TOTALS, at=close.at, known_at=known_at, recorded_by=recorded_by).to_arrow().to_pylist()
    }
    was = {row["currency"]: row for row in close.figures}
    lines = []
    for currency in sorted(was | now):
        a, b = was.get(currency, {}), now.get(currency, {})
        name = currency or "no currency"
        lines.append(_line(f"orders, {name}", a.get("orders", 0), b.get("orders", 0), None))
        lines.append(_line(f"total, {name}", a.get("total", Decimal(0)), b.get("total", Decimal(0)), currency))
    yield Comparison(
        f"Since the close {close.name}: what had happened by {spoken(close.at, session.tz)}",
        ("as closed", "as known now"),
        tuple(lines),
        f"Which events came in since, and whose they are: orders-es close check '{close.name}' --log {session.log.url}",
    )
