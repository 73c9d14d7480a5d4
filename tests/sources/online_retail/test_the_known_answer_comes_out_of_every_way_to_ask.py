"""As of 2011-06-30 23:59:59: from SQL, from the macro, from a fold, and from the command line."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.orders import evolve, initial_state
from orders_es.replay import connect, fold_streams, load_orders

pytestmark = pytest.mark.xdist_group("reference")

HALF_YEAR = datetime(2011, 6, 30, 23, 59, 59, tzinfo=UTC)
ANSWER = Decimal("4397950.761")
WHOLE = Decimal("9747747.934")


@pytest.fixture(scope="session")
def session(reference):
    with connect(reference[0]) as session:
        yield session


def test_from_the_macro(session):
    query = "SELECT sum(total) FROM orders_at(TIMESTAMPTZ '2011-06-30 23:59:59Z')"
    assert session.sql(query).rows() == [(ANSWER,)]


def test_from_a_session_bound_to_the_moment(session):
    assert session.sql("SELECT sum(total) FROM orders", at=HALF_YEAR).rows() == [(ANSWER,)]
    lines = "SELECT count(*) FROM events WHERE type IN ('ItemAdded', 'ItemReturned', 'AdjustmentRecorded')"
    assert session.sql(lines, at=HALF_YEAR).rows() == [(245_903,)]


def test_from_the_items_adjustments_among_them(session):
    assert session.sql("SELECT sum(amount) FROM order_items").rows() == [(WHOLE,)]


def test_from_the_history_joined_at_the_moment(session):
    query = "SELECT sum(total) FROM order_history WHERE valid_from <= $at AND (valid_to > $at OR valid_to IS NULL)"
    assert session.sql(query, {"at": HALF_YEAR}).rows() == [(ANSWER,)]


def test_from_a_fold(reference):
    orders = fold_streams(reference[0], evolve, initial_state, at=HALF_YEAR)
    assert sum(order.total for order in orders.values()) == ANSWER
    assert orders == load_orders(reference[0], at=HALF_YEAR)


def test_from_the_command_line(reference):
    query = ["sql", "SELECT sum(total) AS total FROM orders", "--at", "2011-06-30 23:59:59", "--log", reference[0].url]
    result = CliRunner().invoke(main, [*query, "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rows"] == [{"total": "4397950.7610"}]


def test_every_order_of_the_file_is_the_same_in_sql_and_in_python(session, reference):
    answer = session.sql("FROM orders")
    orders = load_orders(reference[0])
    assert len(answer) == len(orders) == 25_900
    for row in answer.rows():
        shown = dict(zip(answer.columns, row, strict=True))
        order = orders[shown["order_id"]]
        assert shown == {name: getattr(order, name) for name in shown}
