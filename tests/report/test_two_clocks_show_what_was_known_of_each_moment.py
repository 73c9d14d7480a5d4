"""A page with two sliders: each place of its grid holds what `load_order` and `sql` answer for those two moments."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.errors import InvalidSetting, OrderNotFound, TargetInLog
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import ItemAdded, ItemReturned, OrderCreated, OrderPlaced
from orders_es.replay import connect, load_order
from orders_es.report import clocks_of_order, clocks_of_rows
from orders_es.report.two_clocks import write_order

HOSTILE = "</script><script>alert(1)</script>"
FIRST = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    now = [FIRST]
    with open_log(tmp_path_factory.mktemp("shop") / "log", create=True, clock=lambda: now[0]) as log:
        sold = ItemAdded(item_id=HOSTILE, description=HOSTILE, quantity=3, price=Decimal("12.50"))
        events = [OrderCreated(currency="EUR"), sold, OrderPlaced()]
        log.append("A-1", [NewEvent(data=each, occurred_at=FIRST) for each in events], expected=NO_STREAM)
        now[0] = FIRST + timedelta(days=9)
        back = ItemReturned(item_id=HOSTILE, quantity=1, price=Decimal("12.50"))
        log.append("A-1", [NewEvent(data=back, occurred_at=FIRST + timedelta(days=2))], expected=3)
        yield log


def test_each_place_is_what_the_order_was(log):
    page = clocks_of_order(log, "A-1")
    assert (len(page.at), len(page.known_at)) == (2, 2)
    for row, at in zip(page.grid, page.at, strict=True):
        for place, known_at in zip(row, page.known_at, strict=True):
            total = load_order(log, "A-1", at=at, known_at=known_at).total
            assert f"<th>total</th><td>{total:.2f}</td>" in page.states[place]
    assert page.grid[1][0] != page.grid[1][1]
    assert len(page.states) == 2


def test_the_call_shown_answers_what_is_shown(log):
    page = clocks_of_order(log, "A-1")
    call = page._call(page.at[1], page.known_at[0])
    assert eval(call, {"load_order": load_order, "log": log}).total == Decimal("37.5")


def test_rows_of_a_query_on_both_clocks(log):
    with connect(log) as session:
        days = ["2025-06-01", "2025-06-05", "2025-06-30"]
        page = clocks_of_rows(session, "SELECT total FROM orders", at=days, known_at=days)
        for row, at in zip(page.grid, page.at, strict=True):
            for place, known_at in zip(row, page.known_at, strict=True):
                [(total,)] = session.sql("SELECT total FROM orders", at=at, known_at=known_at).rows()
                assert f"<td class='n'>{total:.2f}</td>" in page.states[place]
        assert "session.sql('SELECT total FROM orders'" in page.html()


def test_a_page_needs_nothing_else_and_text_of_events_stays_text(log):
    page = clocks_of_order(log, "A-1").html()
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["grid"]) == len(data["at"]) == 2
    frame = clocks_of_order(log, "A-1")._repr_html_()
    assert "<script" not in frame


def test_what_cannot_be_shown_is_refused(log, tmp_path):
    with pytest.raises(OrderNotFound):
        clocks_of_order(log, "nobody")
    with pytest.raises(InvalidSetting, match="at least one"):
        clocks_of_order(log, "A-1", at=[])
    with pytest.raises(InvalidSetting, match="at most 120"):
        clocks_of_order(log, "A-1", at=[FIRST + timedelta(days=n) for n in range(121)])
    with pytest.raises(TargetInLog):
        write_order(log, "A-1", log.url + "/page.html")
    page = write_order(log, "A-1", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page.html()
