from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from orders_es.projections.file.tables import SCHEMA
from orders_es.projections.lag import samples
from orders_es.projections.lag.samples import note_batch

from .conftest import NOON


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA orders_es;" + SCHEMA)
        yield connection


def recorded_at(ages):
    micros = int(NOON.timestamp() * 1e6) - (np.asarray(ages) * 1e6).astype("int64")
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC"))


def groups(con):
    query = "SELECT epoch(finished_at - recorded_at) AS age, events FROM orders_es.freshness ORDER BY age"
    return con.execute(query).fetchall()


def test_events_of_one_age_share_a_row(con):
    note_batch(con, projection="orders", finished_at=NOON, recorded_at=recorded_at([3, 1, 3, 2.5]))
    assert groups(con) == [(1, 1), (2.5, 1), (3, 2)]


def test_times_that_were_counted_already_are_taken_so(con):
    note_batch(con, projection="orders", finished_at=NOON, recorded_at=recorded_at([3, 1]), events=pa.array([5, 7]))
    assert groups(con) == [(1, 7), (3, 5)]


def test_a_large_batch_takes_few_rows_whose_percentiles_are_at_most_half_a_percent_too_old(con):
    ages = np.sort(np.random.default_rng(7).exponential(5, 100_000)).round(6)
    note_batch(con, projection="orders", finished_at=NOON, recorded_at=recorded_at(ages))
    found = groups(con)
    assert len(found) <= 200
    assert sum(events for _, events in found) == 100_000
    assert found[-1][0] == pytest.approx(ages[-1], abs=1e-5), "the oldest is exact"
    upto = np.cumsum([events for _, events in found])
    for share in (0.5, 0.95, 0.99):
        told = found[int(np.searchsorted(upto, share * 100_000))][0]
        assert ages[int(share * 100_000) - 1] <= told + 1e-5, "never too young"
        assert told <= ages[min(int((share + 0.005) * 100_000), 99_999)] + 1e-5


def test_an_empty_batch_leaves_nothing(con):
    note_batch(con, projection="orders", finished_at=NOON, recorded_at=recorded_at([]))
    assert groups(con) == []


def test_old_rows_go_those_of_other_projections_stay(con, monkeypatch):
    monkeypatch.setattr(samples, "FRESHNESS_KEPT", 5)
    note_batch(con, projection="other", finished_at=NOON, recorded_at=recorded_at([1]))
    for second in range(40):
        finished_at = NOON + timedelta(seconds=second)
        note_batch(con, projection="orders", finished_at=finished_at, recorded_at=recorded_at([1]))
    count = dict(con.execute("SELECT projection, count(*) FROM orders_es.freshness GROUP BY ALL").fetchall())
    assert count["other"] == 1
    assert 5 <= count["orders"] <= 10
    [(newest,)] = con.execute("SELECT max(finished_at) FROM orders_es.freshness").fetchall()
    assert newest == NOON + timedelta(seconds=39)
