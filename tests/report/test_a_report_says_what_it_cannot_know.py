"""A report of a moment before everything is no report of a shop that sold nothing; one of several currencies shows each."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect
from orders_es.report import write_report

START = datetime(2025, 3, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def session():
    with open_log(":memory:", clock=lambda: START + timedelta(days=90)) as log, connect(log) as session:
        for number, currency in enumerate(("EUR", "USD", "EUR")):
            data = [
                OrderCreated(currency=currency, customer_id="c"),
                ItemAdded(item_id="mug", quantity=1, price=Decimal(10)),
                OrderPlaced(),
                PaymentReceived(amount=Decimal(10)),
            ]
            when = START + timedelta(days=number)
            events = [NewEvent(data=part, occurred_at=when) for part in data]
            log.append(f"A-{number}", events, expected=NO_STREAM)
        yield session


@pytest.fixture(scope="module")
def page_of(session, tmp_path_factory):
    """The report of a moment and its page, written once."""
    written = {}

    def page_of(**asked):
        key = tuple(asked.items())
        if key not in written:
            report = write_report(session, tmp_path_factory.mktemp("report") / "out", **asked)
            written[key] = report, Path(report.page).read_text(encoding="utf-8")
        return written[key]

    return page_of


def test_before_the_first_recording_it_says_so_and_shows_nothing(page_of):
    report, page = page_of(known_at="2025-03-31")
    assert report.notes[0].startswith("nothing was known by the end of 2025-03-31: the first event became known")
    assert "Nothing was known by the end of 2025-03-31" in page
    assert "<svg" not in page
    assert "Daily sales" not in page


def test_each_currency_has_its_own_pictures_and_rows(page_of):
    report, page = page_of()
    assert report.notes == ()
    for title in ("Revenue by day, EUR only", "Revenue by day, USD only"):
        assert title in page
    assert len(set(re.findall(r'aria-label="Customers who bought again, [^:"]*, (EUR|USD) only', page))) == 2
    assert "<td>USD</td>" in page


def test_titles_say_the_moment_as_people_do(page_of):
    _, page = page_of(at="2025-03-04")
    assert "at the end of 2025-03-04" in page
    assert "59.999999" not in re.sub(r"<[^>]*>", "", page)
    assert "59.999999" not in "".join(re.findall(r'aria-label="([^"]*)"', page))


def test_what_has_no_rows_takes_no_picture(page_of):
    _, page = page_of()
    late = page[page.index('id="late_orders"') :]
    assert late.startswith('id="late_orders">Late orders: no rows (')
    assert "<svg" not in late
