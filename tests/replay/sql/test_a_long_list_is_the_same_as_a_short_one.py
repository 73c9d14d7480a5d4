"""Lists of all that there is are made Arrow in another way where there are very many rows; what comes out is the same."""

from datetime import UTC, datetime

import pytest

from orders_es.log import open_log
from orders_es.replay import connect, tables
from orders_es.replay.lossless_types import lossless_relation
from orders_es.sources.simulator import simulate_into

ASKED = (
    ("SELECT * FROM orders ORDER BY order_id", None, True),
    ("SELECT order_id, total AS t, placed_at FROM orders ORDER BY order_id", None, True),
    ("FROM order_items_at('2024-01-05') ORDER BY ALL", None, True),
    ("FROM events ORDER BY position", None, True),
    ("SELECT order_id FROM orders WHERE total > ? ORDER BY ALL", [20], False),
    ("SELECT count(*) AS n FROM orders", None, False),
    ("SELECT status, sum(total) AS total FROM orders GROUP BY status ORDER BY status", None, False),
    ("SELECT order_id FROM orders ORDER BY order_id LIMIT 3", None, False),
)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long") / "log"
    simulate_into(folder, orders=40, seed=3, start=datetime(2024, 1, 1, tzinfo=UTC), days=9)
    with open_log(folder) as log, connect(log) as session:
        yield session


@pytest.mark.long_but_first
@pytest.mark.parametrize(("query", "parameters", "long"), ASKED)
def test_both_ways_give_one_table(session, monkeypatch, query, parameters, long):
    short = session.sql(query, parameters).to_arrow()
    used = []

    def noted(*given):
        used.append(given)
        return lossless_relation(*given)

    monkeypatch.setattr(tables, "_MANY", 0)
    monkeypatch.setattr(tables, "lossless_relation", noted)
    assert session.sql(query, parameters).to_arrow().equals(short)
    assert bool(used) == long
    assert session.sql(query, parameters, at="2024-01-04").to_arrow().schema == short.schema
