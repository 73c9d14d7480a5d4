"""All Python of docs/time-travel.md, and the SQL that is marked so, runs, on a log that the test makes, and gives what the page says."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect

PAGE = (Path(__file__).parents[2] / "docs" / "time-travel.md").read_text(encoding="utf-8")
SQL = re.findall(r"<!-- runs -->\n```sql\n(.*?)```", PAGE, re.DOTALL)


def june(day, hour=12):
    return datetime(2011, 6, day, hour, tzinfo=UTC)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """One order of 1 June over 5.00; its payment of the 2nd was recorded on the 4th."""
    monkeypatch.chdir(tmp_path)
    now = [june(1)]
    with open_log("my-log", create=True, clock=lambda: now[0]) as log:
        mugs = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        for occurred, recorded, data in [
            (1, 1, OrderCreated(currency="GBP")),
            (1, 1, mugs),
            (1, 1, OrderPlaced()),
            (2, 4, PaymentReceived(amount=Decimal(5))),
        ]:
            now[0] = june(recorded)
            log.append("A-1", [NewEvent(data=data, occurred_at=june(occurred))], expected=ANY)
        now[0] = june(1).replace(month=8)
        log.append("A-1", [NewEvent(data=mugs, occurred_at=now[0])], expected=ANY)
        yield log


@pytest.mark.long
@pytest.mark.usefixtures("log")
def test_the_python_on_the_page_runs(run_page):
    names = run_page("docs/time-travel.md")
    assert names["then"].rows() == names["as_seen_then"].rows() == [(Decimal("5.0000"),)]
    assert len(names["changed"]) == 1
    assert len(names["learned_since"]) == 0
    assert names["orders"]["A-1"].total == 5


def test_two_moments_in_one_query(log):
    with connect(log) as session:
        assert session.sql(SQL[0]).rows() == [("A-1", Decimal("5.0000"), Decimal("10.0000"))]


def test_calls_are_joined_to_what_was_known_when_the_phone_rang(log):
    with connect(log) as session:
        known = [row[2:] for row in session.sql(SQL[1]).rows()]
        assert known == [("placed", Decimal(5)), ("paid", Decimal(0))]
        really = [row[2:] for row in session.sql(SQL[1].replace("order_record_history", "order_history")).rows()]
        assert really == [("paid", Decimal(0)), ("paid", Decimal(0))]
