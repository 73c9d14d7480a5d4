from dataclasses import dataclass

import duckdb
import pytest

from orders_es.log import ANY, open_log, order_registry
from orders_es.log.relation import event_columns
from orders_es.orders import ItemAdded, OrderPlaced
from orders_es.testing.log_contract.basis import events


@dataclass(frozen=True, slots=True)
class Weighed:
    grams: int


@pytest.fixture(params=["file", "memory", "own"])
def bound(request, tmp_path):
    """A log and a connection to show it in: another database, or the log's own file."""
    url = ":memory:" if request.param == "memory" else tmp_path / "log.duckdb"
    with (
        open_log(url, create=True) as log,
        duckdb.connect(log.url if request.param == "own" else ":memory:") as connection,
    ):
        yield log, connection


def test_it_has_every_column_of_its_type_even_where_the_log_is_empty(bound):
    log, connection = bound
    assert log.bind(connection).position == 0
    described = {row[0]: row[1] for row in connection.execute("DESCRIBE FROM events").fetchall()}
    assert described == event_columns(log.registry.columns)
    assert connection.execute("SELECT count(*) FROM events").fetchall() == [(0,)]


def test_it_holds_what_the_log_holds_up_to_the_head_at_the_time(bound):
    log, connection = bound
    log.append("A", events(100), expected=0)
    head = log.bind(connection)
    log.append("A", events(1), expected=100)
    assert head.position == 100
    assert connection.execute("SELECT count(*), max(position), sum(price) FROM events").fetchall() == [
        (100, 100, sum(e.data.price for e in log.load("A", to_version=100) if isinstance(e.data, ItemAdded)))
    ]
    assert log.bind(connection).position == 101
    assert connection.execute("SELECT array_agg(position ORDER BY position) FROM events").fetchone()[0] == list(
        range(1, 102)
    )


def test_two_views_of_one_log_each_end_where_they_were_bound(bound):
    log, connection = bound
    log.append("A", events(3), expected=0)
    log.bind(connection, "before")
    log.append("A", events(2), expected=3)
    log.bind(connection, "a later one")
    counted = 'SELECT (SELECT count(*) FROM before), (SELECT count(*) FROM "a later one")'
    assert connection.execute(counted).fetchall() == [(3, 5)]


def test_what_the_registry_learns_later_is_in_the_view_when_it_is_bound_again(bound):
    log, connection = bound
    log.append("A", [OrderPlaced()], expected=0)
    log.bind(connection)
    log.registry.register(Weighed)
    log.append("A", [Weighed(5)], expected=ANY)
    log.bind(connection)
    assert connection.execute("SELECT position, grams FROM events ORDER BY 1").fetchall() == [(1, None), (2, 5)]


def test_binding_leaves_nothing_in_the_logs_own_file(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True, registry=order_registry()) as log:
        log.append("A", events(3), expected=0)
        with duckdb.connect(log.url) as connection:
            log.bind(connection)
            log.bind(connection, "mine")
    with duckdb.connect(str(tmp_path / "log.duckdb")) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [
            ("commits",),
            ("events",),
            ("log",),
            ("writers",),
        ]
        assert connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall() == []
