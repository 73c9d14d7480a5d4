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
        for number, (currency, days) in enumerate((("EUR", 0), ("USD", 1), ("EUR", 2), ("USD", 40), ("EUR", 41))):
            data = [
                OrderCreated(currency=currency, customer_id="c"),
                ItemAdded(item_id="mug", quantity=1, price=Decimal(10)),
                OrderPlaced(),
                PaymentReceived(amount=Decimal(10)),
            ]
            when = START + timedelta(days=days)
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


@pytest.mark.long
def test_before_the_first_recording_it_says_so_and_shows_nothing(page_of):
    report, page = page_of(known_at="2025-03-31")
    assert report.notes[0].startswith("nothing was known by the end of 2025-03-31: the first event became known")
    assert "Nothing was known by the end of 2025-03-31" in page
    assert "<svg" not in page
    assert "Daily sales" not in page


@pytest.mark.long
def test_each_currency_has_its_own_pictures_and_rows(page_of):
    report, page = page_of(at="2025-05-31")
    assert report.notes == ()
    for title in ("Revenue by day, EUR only", "Revenue by day, USD only"):
        assert title in page
    assert len(set(re.findall(r'aria-label="Customers who bought again, [^:"]*, (EUR|USD) only', page))) == 2
    assert "<td>USD</td>" in page


@pytest.mark.long
def test_titles_say_the_moment_as_people_do(page_of):
    _, page = page_of(at="2025-05-31")
    assert "at the end of 2025-05-31" in page
    assert "59.999999" not in re.sub(r"<[^>]*>", "", page)
    assert "59.999999" not in "".join(re.findall(r'aria-label="([^"]*)"', page))


def test_what_has_no_rows_takes_no_picture(page_of):
    _, page = page_of(at="2025-05-31")
    late = page[page.index('id="late_orders"') :]
    assert late.startswith('id="late_orders">Late orders: no rows (')
    assert "<svg" not in late


@pytest.mark.long
def test_a_currency_that_a_plot_has_nothing_of_does_not_keep_the_others_back(tmp_path):
    """Orders that name no currency, and none of which was placed: sales have nothing of them, restatements have."""
    with open_log(":memory:", clock=lambda: START + timedelta(days=90)) as log, connect(log) as session:
        when = START + timedelta(days=1)
        sold = [OrderCreated(currency="EUR"), ItemAdded(item_id="mug", quantity=1, price=Decimal(10)), OrderPlaced()]
        log.append("A", [NewEvent(data=part, occurred_at=when) for part in sold], expected=NO_STREAM)
        odd = [PaymentReceived(amount=Decimal(10)), ItemAdded(item_id="mug", quantity=1, price=Decimal(3))]
        log.append("B", [NewEvent(data=part, occurred_at=when) for part in odd], expected=NO_STREAM)
        log.append("C", [NewEvent(data=OrderCreated(currency="USD"), occurred_at=when)], expected=NO_STREAM)
        write_report(session, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    drawn = re.findall(r'aria-label="(\w+)', page)
    assert drawn.count("Revenue") == 2  # of EUR, and of what names no currency; there is none in USD


@pytest.mark.parametrize("given", ["shop", Path("shop"), None, 5, "a log"])
def test_what_is_no_session_is_answered_with_how_to_come_by_one(given, session, tmp_path):
    from orders_es.export import export
    from orders_es.export.process import export_ocel, export_xes
    from orders_es.report import clocks_of_rows

    given = session.log if given == "a log" else given
    for ask in (
        lambda: write_report(given, tmp_path / "r"),
        lambda: clocks_of_rows(given, "FROM orders", at=[START], known_at=[START]),
        lambda: export(given, "orders", tmp_path / "o.csv"),
        lambda: export_ocel(given, tmp_path / "o.json"),
        lambda: export_xes(given, tmp_path / "o.xes"),
    ):
        with pytest.raises(TypeError, match=r"^session=.*connect\("):
            ask()
