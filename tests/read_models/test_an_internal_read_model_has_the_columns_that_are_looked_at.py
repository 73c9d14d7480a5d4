"""`order_effects` has fifty columns; in a view over it stand those that the view looks at, and all where that cannot be said."""

import duckdb
import pytest

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.read_models import load_read_models
from orders_es.read_models.narrowing import narrowed_for
from orders_es.replay import connect

MODELS = {model.name: model for model in load_read_models()}
EFFECTS = MODELS["order_effects"].sql
NARROW = "SELECT version, paid AS amount, paid + 1 AS more FROM events"
LOOK_AT_ALL = [
    "FROM inside",
    "SELECT inside.* FROM inside",
    "SELECT * EXCLUDE (version) FROM inside",
    "SELECT inside FROM inside",
    "SELECT i FROM inside AS i JOIN events AS e USING (version)",
    "SELECT (SELECT inside) FROM inside",
    "SELECT #2 FROM inside",
    "SELECT max(COLUMNS('a')) FROM inside",
    "SELECT version FROM inside NATURAL JOIN events",
    "SELECT version FROM inside POSITIONAL JOIN events",
    "SELECT a FROM inside AS i(a, b, c)",
    "PIVOT inside ON version USING count(*)",
    "DESCRIBE inside",
    "SELECT a FROM (FROM inside) AS i(a, b, c)",
]
NAME_WHAT_THEY_READ = [
    "SELECT version FROM inside",
    "SELECT * FROM (SELECT amount FROM inside)",
    "SELECT more FROM inside AS i WHERE i.version = 2",
    "SELECT e.version FROM events AS e JOIN inside USING (version)",
    "SELECT version FROM events WHERE version IN (SELECT i.version FROM inside AS i WHERE i.amount = events.paid)",
    "SELECT (SELECT max(events.paid) FROM events WHERE events.version = inside.version) FROM inside",
    "WITH other AS (SELECT version FROM inside) SELECT * FROM other",
]


def _answers(reader: str, inside: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE events AS SELECT * FROM (VALUES (1, 10), (2, 20)) AS e(version, paid)")
        connection.execute(f"CREATE VIEW inside AS {inside}")
        return sorted(connection.execute(reader).fetchall(), key=repr)


@pytest.mark.parametrize("reader", LOOK_AT_ALL)
def test_whoever_looks_at_columns_that_it_does_not_name_finds_all(reader: str) -> None:
    assert narrowed_for((reader,), "inside", NARROW) == NARROW


@pytest.mark.parametrize("reader", NAME_WHAT_THEY_READ)
def test_whoever_names_its_columns_finds_them_and_gets_the_same_answer(reader: str) -> None:
    fewer = narrowed_for((reader,), "inside", NARROW)

    assert fewer != NARROW
    assert _answers(reader, fewer) == _answers(reader, NARROW)


@pytest.mark.parametrize(
    "inside",
    [
        "SELECT DISTINCT version, paid AS amount FROM events",
        "SELECT version, sum(paid) AS amount FROM events GROUP BY version",
        "SELECT version, sum(paid) AS amount FROM events GROUP BY ALL",
        "SELECT min(version) AS version, 1 AS amount FROM events",
        "SELECT version, paid AS amount FROM events ORDER BY 2",
        "SELECT version, unnest([paid, 1]) AS amount FROM events",
        "SELECT version, paid AS amount FROM events UNION ALL SELECT 1, 2",
    ],
)
def test_what_may_have_other_rows_without_a_column_keeps_it(inside: str) -> None:
    assert narrowed_for(("SELECT version FROM inside",), "inside", inside) == inside


def test_a_view_binds_no_column_of_effects_that_it_does_not_look_at() -> None:
    with open_log(":memory:", create=True) as log:
        log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        with connect(log) as session:
            session.sql("SELECT count(*) FROM order_items")
            (made,) = session.connection.execute(
                "SELECT sql FROM duckdb_views() WHERE view_name = 'order_items'"
            ).fetchone() or ("",)

    assert "'ItemReturned'" in made
    assert "'OrderDelivered'" not in made


def test_readers_of_effects_are_found_to_name_what_they_read() -> None:
    readers = [m.name for m in MODELS.values() if "order_effects" in m.reads]
    whole = [name for name in readers if narrowed_for((MODELS[name].sql,), "order_effects", EFFECTS) == EFFECTS]

    assert whole == ["order_history", "order_record_history"]  # which add a column to all of them
