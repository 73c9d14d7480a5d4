"""A query asked at many moments at once gives what it gives at each of them, for every read model and both clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from orders_es.errors import InvalidSetting, QueryError
from orders_es.log import open_log
from orders_es.read_models import load_read_models
from orders_es.replay import connect
from orders_es.sources.simulator import SimulatorSettings, simulate_into

# Those that are computed once for all, and of those that read them one for each way of doing so.
MODELS = [
    *("events", "customer_value", "daily_sales", "receivables"),
    *(model.name for model in load_read_models(None) if model.stream),
]
START = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = [START + timedelta(days=days) for days in (15, 4, 15)]  # not in their order, one of them twice


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "log"
    simulate_into(folder, orders=90, seed=5, start=START, days=20, settings=SimulatorSettings(long_orders=0))
    with open_log(folder) as log, connect(log) as session:
        yield session


def _rows(answer):
    return sorted(answer.rows(), key=repr)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("name", "clocks"),
    [
        *((name, ("at",)) for name in MODELS),
        *((name, clocks) for name in ("order_items",) for clocks in (("known_at",), ("at", "known_at"))),
    ],
)
def test_every_read_model(session, name, clocks):
    query = f"SELECT * FROM {name} AS it" if name != "events" else "SELECT position, type FROM events"
    many = session.sql(query, **dict.fromkeys(clocks, MOMENTS))
    one_by_one = [
        (*[moment] * len(clocks), *row)
        for moment in MOMENTS
        for row in session.sql(query, **dict.fromkeys(clocks, moment)).rows()
    ]
    assert _rows(many) == sorted(one_by_one, key=repr)
    assert many.columns[: len(clocks)] == list(clocks)
    assert len(many) > 0


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "query",
    [
        "SELECT currency, sum(total) AS total FROM orders GROUP BY currency",
        "SELECT o FROM orders AS o",
        "SELECT count(*) AS n FROM orders NATURAL JOIN order_items",
        "SELECT item_id, max(quantity) AS q FROM orders JOIN order_items USING (order_id) WHERE status = 'paid' GROUP BY 1",
        "SELECT (SELECT count(*) FROM orders_at('2024-01-09')) AS n, count(*) AS m FROM orders",
        "SELECT columns('.*_at') FROM orders",
        "WITH orders AS (SELECT 1 AS order_id) SELECT order_id FROM orders",
    ],
)
def test_queries_that_look_at_some_columns_or_all(session, query):
    many = session.sql(query, at=MOMENTS)
    assert _rows(many) == sorted(
        ((moment, *row) for moment in MOMENTS for row in session.sql(query, at=moment).rows()), key=repr
    )


def test_parameters_and_moments_that_go_different_ways(session):
    query = "SELECT count(*) AS n FROM orders WHERE status <> ?"
    there, back = MOMENTS[:2], MOMENTS[1::-1]
    many = session.sql(query, ["paid"], at=there, known_at=back)
    assert [row[2] for row in many.rows()] == [
        session.sql(query, ["paid"], at=a, known_at=k).rows()[0][0] for a, k in zip(there, back, strict=True)
    ]


def test_nothing_is_left_on_the_session(session):
    before = session.sql("SELECT count(*) FROM orders").rows()
    session.sql("FROM orders", at=MOMENTS)
    assert session.sql("SELECT count(*) FROM orders").rows() == before


def test_what_it_says_of_itself_and_what_it_refuses(session):
    said = repr(session.sql("SELECT count(*) AS n FROM orders", at=["2024-01-05", "2024-01-31"]))
    assert "at 2 moments, the first at the end of 2024-01-05, the last at the end of 2024-01-31" in said
    with pytest.raises(InvalidSetting, match="at least one"):
        session.sql("FROM orders", at=[])
    with pytest.raises(InvalidSetting, match="give pairs"):
        session.sql("FROM orders", at=MOMENTS, known_at=MOMENTS[:2])
    with pytest.raises(QueryError, match="column at of its own"):
        session.sql("FROM moment", at=MOMENTS)
    with pytest.raises(QueryError, match="only one SELECT"):
        session.sql("SUMMARIZE orders", at=MOMENTS)
