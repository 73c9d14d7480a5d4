"""What a notebook shows of a session, of lag and of answers: escaped, capped, and never the beginning of long work."""

from datetime import UTC, datetime

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderCreated
from orders_es.projections import Projector, measure_lag, set_projections
from orders_es.replay import connect, diff, history, load_order

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "shop", create=True) as log:
        log.append(HOSTILE, [OrderCreated(currency="EUR", customer_id=HOSTILE)], expected=ANY)
        yield log


def test_a_session_shows_what_can_be_asked_and_asks_nothing(log):
    with connect(log) as session:
        shown = session._repr_html_()
        assert "not read yet" in shown
        assert "daily_sales" in shown
        assert session._head is None
        assert "Orders: one row per order" in shown


def test_an_answer_that_nobody_computed_is_not_computed_to_be_shown(log):
    with connect(log) as session:
        orders = session.orders
        assert "not computed yet" in orders._repr_html_()
        assert len(orders) == 1
        assert HOSTILE not in orders._repr_html_()
        assert "&lt;script&gt;" in orders._repr_html_()


def test_lag_is_a_table(log, tmp_path):
    Projector(log, tmp_path / "models.duckdb", set_projections(["orders"])).run()
    log.append("B-2", [OrderCreated(currency="EUR")], expected=ANY)
    lags = measure_lag(log, tmp_path / "models.duckdb")
    shown = lags._repr_html_()
    assert all(f">{cell}</td>" in shown for cell in ("orders", "stopped", "1"))
    assert lags.to_pandas()["events_behind"].tolist() == [1]
    many = type(lags)(lags * 100)
    assert "… and 40 more" in many._repr_html_()


def test_text_from_events_is_text(log):
    now = datetime.now(UTC)
    for thing in (load_order(log, HOSTILE), history(log, HOSTILE), diff(log, None, now)):
        assert "<script>" not in thing._repr_html_()


@pytest.mark.long
def test_many_rows_are_capped(tmp_path):
    with open_log(tmp_path / "many", create=True) as log, connect(log) as session:
        for number in range(300):
            log.append(f"A-{number}", [OrderCreated(currency="EUR")], expected=ANY)
        shown = session.sql("FROM orders")._repr_html_()
        assert shown.count("<tr>") < 120
        assert "more rows" in shown
