from datetime import timedelta

import pyarrow as pa
import pytest

from orders_es.errors import BadReadModel, QueryError
from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.replay import connect


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


@pytest.fixture
def session(log):
    with connect(log) as session:
        yield session


def ids(session):
    return [row[0] for row in session.sql("SELECT order_id FROM orders ORDER BY 1").rows()]


def test_an_empty_log_has_empty_tables_of_the_right_columns(session):
    assert ids(session) == []
    for name in ("events", "orders", "order_items", "order_history", "order_record_history"):
        assert len(session.table(name)) == 0
        assert len(session.sql(f"FROM {name}_at(now())")) == 0
    assert session.orders.to_arrow().schema.field("total").type == pa.decimal128(38, 4)
    assert session.events.to_arrow().schema.field("price").type == pa.decimal128(18, 4)


def test_new_commits_are_seen_without_reconnecting(log, session):
    assert ids(session) == []
    log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert ids(session) == ["A-1"]
    with open_log(log.url) as other:
        other.append("B-2", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert ids(session) == ["A-1", "B-2"]


def test_an_answer_does_not_change_when_the_log_grows(log, session):
    log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    before = session.sql("SELECT order_id, status FROM orders")
    log.append("A-1", [OrderPlaced()], expected=1)
    assert before.rows() == [("A-1", "created")]
    assert before.log_head.position == 1
    assert session.sql("SELECT order_id, status FROM orders").rows() == [("A-1", "placed")]


@pytest.mark.long
def test_files_that_were_compacted_and_vacuumed_away_do_no_harm(log, session):
    for number in range(30):
        log.append(f"A-{number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert len(session.orders) == 30
    with open_log(log.url) as other:
        assert isinstance(other, ParquetLog)
        other.compact()
        assert other.vacuum(grace=timedelta(0)).files == 30
    assert len(session.table("orders")) == 30
    log.append("A-0", [OrderPlaced()], expected=ANY)
    assert len(session.table("orders")) == 30


def test_a_query_that_duckdb_refuses_is_an_error_in_its_words(session):
    with pytest.raises(QueryError, match="syntax error") as error:
        session.sql("SELEC order_id FROM orders")
    assert error.value.query == "SELEC order_id FROM orders"
    with pytest.raises(QueryError, match="customer"):
        session.sql("SELECT custmer FROM orders")
    assert ids(session) == [], "and the session can still be used"


def test_a_read_model_of_ones_own_stands_beside_them(log, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "streams.sql").write_text(
        "-- One row.\nSELECT count(DISTINCT stream_id) AS n FROM events;\n"
    )
    log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    with connect(log, read_models=tmp_path / "models") as session:
        assert session.sql("FROM streams").rows() == [(1,)]
        assert session.sql("FROM streams_at(TIMESTAMPTZ '2000-01-01')").rows() == [(0,)]
        assert ids(session) == ["A-1"]


def test_a_broken_read_model_of_ones_own_is_an_error(log, tmp_path):
    (tmp_path / "broken.sql").write_text("SELECT nothing FROM events")
    with pytest.raises(BadReadModel, match=r"broken.sql', line 1 .*nothing"):
        connect(log, read_models=tmp_path)


def test_the_time_zone_is_utc(session):
    assert session.sql("SELECT TIMESTAMPTZ '2011-06-30 23:59:59'::VARCHAR").rows() == [("2011-06-30 23:59:59+00",)]
    assert session.sql("SELECT now() AS t").to_arrow().schema.field("t").type == pa.timestamp("us", "UTC")


def test_the_plain_connection_is_up_to_date_too(log, session):
    log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert session.connection.sql("SELECT order_id FROM orders").fetchall() == [("A-1",)]


@pytest.mark.parametrize(
    ("put", "asked"),
    [
        ("CREATE OR REPLACE VIEW orders AS SELECT 'B-1' AS order_id", "SELECT order_id FROM orders"),
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in (
                ("CREATE OR REPLACE VIEW events AS SELECT 1 AS position FROM range(9)", "SELECT count(*) FROM events"),
                ("CREATE OR REPLACE MACRO ask_gaps() AS TABLE FROM range(9)", "SELECT count(*) FROM ask_gaps()"),
                ("SELECT 1; DROP VIEW orders", "SELECT order_id FROM orders"),
            )
        ),
    ],
)
def test_what_a_query_puts_in_the_place_of_what_there_is_stands_for_that_query_alone(put, asked):
    log = open_log("memory:")
    log.append("A-1", [OrderCreated(currency="EUR")], expected=ANY)
    with connect(log) as session:
        before = session.sql(asked).rows()
        session.sql(f"CREATE TABLE mine AS {asked}")  # one's own stays
        session.sql(put)
        assert session.sql(asked).rows() == session.sql("FROM mine").rows() == before
