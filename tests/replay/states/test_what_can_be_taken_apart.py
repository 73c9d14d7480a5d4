"""Which SELECTs can be answered from partial results is read from their own text; whatever is not recognised is left alone."""

import pytest

from orders_es.replay.states.derive import derived_from


@pytest.mark.parametrize(
    "aggregate",
    [
        "sum(price)",
        "count(*)",
        "count(price)",
        "min(price * quantity)",
        "max(CASE WHEN type = 'A' THEN occurred_at END)",
        "arg_min(country, version)",
        "coalesce(sum(price), 0)::DECIMAL(38, 4)",
        "sum(price) FILTER (WHERE type = 'A')",
        "CASE WHEN min(currency) <> max(currency) THEN 'XXX' ELSE min(currency) END",
        "bit_or(quantity)",
    ],
)
def test_what_combines_is_taken_apart(aggregate):
    found = derived_from(f"SELECT stream_id, {aggregate} AS x FROM order_effects GROUP BY stream_id")
    assert found is not None
    assert found.parts[0].keys == ("stream_id",)
    assert "orders_es_part_0" in found.parts[0].combining
    assert "GROUP BY" not in found.parts[0].alone
    assert "order_effects" not in found.sql + found.parts[0].combining + found.parts[0].alone


@pytest.mark.parametrize(
    "query",
    [
        "SELECT stream_id, avg(price) AS x FROM events GROUP BY stream_id",
        "SELECT stream_id, count(DISTINCT price) AS x FROM events GROUP BY stream_id",
        "SELECT stream_id, string_agg(type) AS x FROM events GROUP BY stream_id",
        "SELECT stream_id, list(type ORDER BY version) AS x FROM events GROUP BY stream_id",
        "SELECT stream_id, max(occurred_at::DATE) AS x FROM events GROUP BY stream_id",  # a day is the session's
        "SELECT stream_id, max(random()) AS x FROM events GROUP BY stream_id",
        "SELECT stream_id, arg_min(type, occurred_at) AS x FROM events GROUP BY stream_id",  # two may be at one time
        "SELECT stream_id, sum(price) FROM events GROUP BY stream_id",  # its name would change
        "SELECT stream_id, sum(price) AS x FROM events GROUP BY stream_id HAVING count(*) > 1",
        "SELECT stream_id, sum(price) AS x FROM events GROUP BY ALL",
        "SELECT type, sum(price) AS x FROM events GROUP BY type",
        "SELECT stream_id, sum(price) AS x FROM events GROUP BY ROLLUP (stream_id)",
        "SELECT stream_id, sum(price) AS x FROM events JOIN orders USING (stream_id) GROUP BY stream_id",
        "SELECT stream_id, sum(price) AS x FROM events GROUP BY stream_id UNION ALL SELECT order_id, total FROM orders",
        "SELECT stream_id, sum(price) OVER () AS x FROM events",
        "SELECT stream_id, (SELECT max(total) FROM orders) AS x, count(*) AS n FROM events GROUP BY stream_id",
        "SELECT stream_id, sum(price) AS x FROM events WHERE occurred_at < now() GROUP BY stream_id",
        "SELECT stream_id, sum(price) AS x FROM events WHERE type IN (SELECT type FROM events) GROUP BY stream_id",
        "SELECT stream_id, sum(price) AS x FROM events TABLESAMPLE 10% GROUP BY stream_id",
        "SELECT stream_id, sum(price) AS x FROM events GROUP BY stream_id LIMIT 3",
        "SELECT * FROM events",
        "SELECT count(*) AS n FROM events",
    ],
)
def test_what_does_not_is_left_alone(query):
    assert derived_from(query) is None
