"""An import of last year's orders, recorded today: `known_at` asks by their entry dates, `recorded_by` by this log's own clock."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.audit import check_close, close, closed
from orders_es.audit.questions import after_close, late_entries
from orders_es.cli import main
from orders_es.errors import OrderNotFound
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated
from orders_es.replay import connect, fold_streams, history, load_order, load_orders

TODAY = datetime(2026, 3, 1, tzinfo=UTC)


def day(number, month=6):
    return datetime(2011, month, number, 12, tzinfo=UTC)


def mug(price):
    return ItemAdded(item_id="mug", quantity=1, price=Decimal(price))


def new(data, occurred, entered):
    return NewEvent(data=data, occurred_at=occurred, entered_at=entered)


@pytest.fixture
def clock():
    return [TODAY]


@pytest.fixture
def log(tmp_path, clock):
    with open_log(tmp_path / "log", create=True, clock=lambda: clock[0]) as log:
        log.append("A", [new(OrderCreated(currency="EUR"), day(1), day(1)), new(mug(5), day(2), day(20))], expected=ANY)
        yield log


def test_what_was_known_in_june_is_what_had_been_entered_in_june(log):
    assert load_order(log, "A", known_at="2011-06-19").total == 0
    assert load_order(log, "A", known_at="2011-06-20").total == 5
    assert load_orders(log, known_at="2011-05-31") == {}
    assert fold_streams(log, lambda n, _: n + 1, lambda _: 0, known_at="2011-06-19") == {"A": 1}
    assert [row.entered_at for row in history(log, "A")] == [day(1), day(20)]
    with connect(log) as session:
        assert session.sql("SELECT total FROM orders", known_at="2011-06-19").rows() == [(0,)]
        rows = session.sql("SELECT valid_from, total FROM order_record_history ORDER BY 1").rows()
        assert [(moment.day, total) for moment, total in rows] == [(1, 0), (20, 5)]
        assert late_entries(session, longer_than=timedelta(days=2)).to_arrow()["hours_late"].to_pylist() == [18 * 24]


@pytest.mark.long
def test_the_logs_own_clock_is_asked_alone(log, clock):
    before = TODAY - timedelta(microseconds=1)
    with pytest.raises(OrderNotFound, match="known at 2011-06-01"):
        load_order(log, "A", recorded_by=before)
    assert load_orders(log, recorded_by=before) == {}
    clock[0] += timedelta(days=31)
    log.append("A", [new(mug(7), day(3), day(3))], expected=ANY)
    assert load_order(log, "A", known_at="2011-06-30").total == 12
    assert load_order(log, "A", known_at="2011-06-30", recorded_by=TODAY).total == 5
    with connect(log, recorded_by=TODAY) as session:
        assert session.sql("SELECT total FROM orders").rows() == [(5,)]
        assert session.sql("SELECT total FROM orders_at(NULL, known_at := '2011-06-19')").rows() == [(0,)]
        head = session.using(lambda _, head: head)
        assert (head.position, head.recorded_at) == (2, TODAY)
        log.append("A", [new(mug(9), day(3), day(3))], expected=ANY)
        assert session.sql("SELECT total FROM orders").rows() == [(5,)]
    with connect(log) as session:
        assert session.sql("SELECT total FROM orders_at(recorded_by := $by)", {"by": TODAY}).rows() == [(5,)]


def test_a_moment_before_the_first_knowledge_is_said_with_what_to_ask(log):
    with connect(log) as session:
        (note,) = session.sql("SELECT * FROM orders", known_at="2011-05-31").notes
    assert "nothing was known by the end of 2011-05-31: the first event became known 2011-06-01 12:00 UTC" in note
    assert "or for at" in note


@pytest.mark.long
def test_what_comes_in_after_a_close_does_not_change_it_whatever_its_source_says(log, clock):
    done = close(log, "2011-06", at="2011-06-30", known_at="2011-07-05", closed_by="Zoë")
    assert (done.position, done.recorded_by) == (2, TODAY)
    clock[0] += timedelta(days=31)
    log.append("A", [new(mug(7), day(3), day(4))], expected=ANY)
    found = check_close(log, "2011-06")
    assert (found.reason, found.ok) == (None, False)
    assert [row["difference"] for row in found.currencies] == [7]
    assert [row["position"] for row in found.events] == [4]
    assert after_close(log, "2011-06").to_arrow()["position"].to_pylist() == [4]
    assert closed(log, "2011-06") == done


@pytest.mark.long
def test_on_the_command_line(log, clock, capsys):
    clock[0] += timedelta(days=31)
    log.append("A", [new(mug(7), day(3), day(3))], expected=ANY)
    close(log, "2011-06", at="2011-06-30", known_at="2011-07-05", closed_by="Zoë")
    clock[0] += timedelta(days=31)
    log.append("A", [new(mug(9), day(3), day(4))], expected=ANY)

    def total(*options):
        main(["show", "A", "--log", log.url, *options], standalone_mode=False)
        shown = capsys.readouterr().out
        main(["sql", "SELECT total FROM orders", "--log", log.url, "--csv", *options], standalone_mode=False)
        answer = capsys.readouterr().out.split()[1]
        assert answer.rstrip("0").rstrip(".") in shown
        return Decimal(answer)

    assert total("--known-at", "2011-06-19") == 16
    assert total("--known-at", "2011-06-19", "--recorded-by", "2026-03-01") == 0
    assert total("--recorded-by", "2026-03-01") == 5
    assert total("--as-closed", "2011-06") == 12
    assert total() == 21
    main(["history", "A", "--log", log.url], standalone_mode=False)
    assert "2011-06-20 12:00" in capsys.readouterr().out
