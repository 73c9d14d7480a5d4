"""Key figures, what changed since the last period and the last close, and what needs attention: before all tables, and only what is known."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es.audit import close
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import AdjustmentRecorded, ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect
from orders_es.report import write_report
from orders_es.report.front import front
from orders_es.report.writing import FIGURES

pytest.importorskip("matplotlib")

START = datetime(2025, 1, 1, 9, tzinfo=UTC)


class Shop:
    """A log on a clock of its own, and what stands first in its report."""

    def __init__(self):
        self.now = START
        self.log = open_log(":memory:", clock=lambda: self.now)

    def order(self, name, when, price, *, paid=True, currency="EUR"):
        self.now = max(self.now, when)
        data = [
            OrderCreated(currency=currency, customer_id="c"),
            ItemAdded(item_id="mug", quantity=1, price=Decimal(price)),
            OrderPlaced(),
        ]
        data += [PaymentReceived(amount=Decimal(price))] if paid else []
        self.log.append(name, [NewEvent(data=part, occurred_at=when) for part in data], expected=ANY)

    def front(self):
        with connect(self.log) as session:
            return front(session, session.sql(FIGURES).to_arrow(), {}, at=None, known_at=None)


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a log of twelve orders that records no payments."""
    shop = Shop()
    for number in range(12):
        shop.order(f"A-{number}", START + timedelta(days=number), 10, paid=False)
    with connect(shop.log) as session:
        report = write_report(session, tmp_path_factory.mktemp("report"))
    assert "records no payments" in report.notes[0]
    return Path(report.page).read_text(encoding="utf-8")


def test_the_last_whole_month_stands_beside_the_one_before_and_the_running_one_in_neither(shop):
    for name, month, price in (("A-1", 1, 100), ("A-2", 2, 150), ("A-3", 3, 7_000)):
        shop.order(name, START.replace(month=month), price)
    found = shop.front()
    [months] = found.comparisons
    assert months.heads == ("2025-01", "2025-02")
    assert ("revenue, EUR", "100.00", "150.00", "+50.00 (+50.0%)") in months.rows
    assert "from 2025-03-01 on is not over" in months.note
    assert ("one order, A-2 with 150.00 EUR, is 100% of the revenue of 2025-02", "orders") in found.attention


def test_what_came_in_after_a_close_is_said_with_how_to_look_closer(shop):
    shop.order("A-1", START, 100)
    shop.now = START + timedelta(days=40)
    close(shop.log, "2025-01", at="2025-01-31", closed_by="Zoë")
    late = NewEvent(
        data=AdjustmentRecorded(amount=Decimal(-5), reason="goodwill"), occurred_at=START + timedelta(days=3)
    )
    shop.log.append("A-1", [late], expected=ANY)
    [since] = shop.front().comparisons
    assert since.title.startswith("Since the close 2025-01")
    assert ("total, EUR", "100.00", "95.00", "-5.00 (-5.0%)") in since.rows
    assert "orders-es close check" in since.note


@pytest.mark.long
def test_a_log_without_payments_speaks_of_none_of_them(page):
    assert "This log records no payments" in page
    body = page[page.index("<h1>") :]
    for silent in (r"<svg.*?</svg>", r"<p class=.(loud|meaning|note).*?</p>", r"<li id=.receivables.*?</li>"):
        body = re.sub(silent, "", body, flags=re.DOTALL)
    assert "ItemAdded" in body
    assert not re.findall(r"payment|paid|refund|balance|owed", body)


@pytest.mark.long
def test_long_tables_are_folded_and_what_says_nothing_is_one_line(page):
    assert "<details><summary>Show the 12 rows</summary>" in page
    assert page.count(">Restatements") == 2, "in the navigation and as a heading"
    assert "No picture: none of 12 days has changed" in page
    assert page.count("Late orders: no rows") == 1
    daily = page[page.index('id="daily_sales"') : page.index('id="product_sales"')]
    assert "discounts" in daily[daily.index("Left out here") :]
    assert '<th class="n">discounts' not in daily


def test_a_mean_has_the_decimals_of_its_currency(shop):
    for number, price in enumerate(("2.468", "2.469", "2.469"), 1):
        shop.order(f"K-{number}", START, price, currency="KWD")
    for number, price in enumerate(("10.00", "10.00", "10.01"), 1):
        shop.order(f"E-{number}", START, price)
    said = {currency: dict(figures)["revenue per order"] for currency, figures in shop.front().figures}
    assert said == {"EUR": "10.00 EUR", "KWD": "2.469 KWD"}
