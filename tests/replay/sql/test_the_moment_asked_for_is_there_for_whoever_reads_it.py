"""`moment` is one row with what was asked for; it is made ready only for queries that read it, however they do."""

from datetime import UTC, datetime

import pytest

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.replay import connect

NOON = datetime(2011, 6, 1, 12, tzinfo=UTC)

OWN = '-- Of then: one row.\n-- Types: *\n-- Key: asked_about.\nSELECT moment."at" AS asked_about FROM moment\n'
WAYS = {
    "by its name": 'SELECT "at" FROM moment',
    "in a query within": 'SELECT (SELECT "at" FROM moment) FROM orders',
    "by another name": 'WITH m AS (FROM MOMENT) SELECT m."at" FROM m',
    "through a read model": "SELECT asked_about FROM of_then",
    "together with others": 'SELECT "at" FROM (SELECT count(*) FROM orders), (SELECT count(*) FROM daily_sales), moment',
}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "of_then.sql").write_text(OWN, encoding="utf-8")
    with open_log(":memory:") as log, connect(log, read_models=folder) as session:
        placed = [NewEvent(data=data, occurred_at=NOON) for data in (OrderCreated(currency="GBP"), OrderPlaced())]
        log.append("A-1", placed, expected=NO_STREAM)
        log.append(
            "A-2", [NewEvent(data=OrderCreated(currency="GBP"), occurred_at=NOON.replace(day=9))], expected=NO_STREAM
        )
        yield session


@pytest.mark.parametrize("query", WAYS.values(), ids=WAYS)
def test_at_a_moment_it_is_that_one(session, query):
    then = NOON.replace(day=5)
    assert session.sql(query, at=then).rows() == [(then,)]


@pytest.mark.parametrize("query", WAYS.values(), ids=WAYS)
def test_now_and_on_the_other_clock_it_is_the_last_event_that_counts(session, query):
    assert {row[0] for row in session.sql(query).rows()} == {NOON.replace(day=9)}
    assert {row[0] for row in session.sql(query, known_at="2099-01-01").rows()} == {NOON.replace(day=9)}


def test_both_clocks_are_as_asked(session):
    given = {"at": NOON.replace(day=5), "known_at": NOON.replace(year=2099)}
    assert session.sql("FROM moment", **given).rows() == [tuple(given.values())]
