from __future__ import annotations

from collections import Counter

import pytest

from orders_es.errors import InvalidSetting, NotALog
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.sources.simulator import simulate_live


@pytest.mark.long
def test_all_that_was_acknowledged_is_there_in_streams_without_gaps(tmp_path):
    done = simulate_live(tmp_path / "log", rate=60, writers=2, events=61, seed=3)
    assert done.events == 61
    assert [report.events for report in done.writers] == [31, 30]
    assert not done.stopped
    versions = Counter()
    actors = set()
    with open_log(tmp_path / "log") as log:
        assert log.head().position == 61
        for row in log.read().__next__().to_pylist():
            versions[row["stream_id"]] += 1
            assert row["version"] == versions[row["stream_id"]]
            assert row["occurred_at"] <= row["recorded_at"]
            actors.add((row["stream_id"].split("-")[1], row["actor"]))
    assert actors == {("0", "writer 0"), ("1", "writer 1")}
    # Sixty a second: it can take longer where the machine is busy, never less.
    assert done.seconds > 0.8


@pytest.mark.long
def test_it_may_run_again_on_the_same_log(tmp_path):
    for _ in range(2):
        simulate_live(tmp_path / "log", rate=1_000, writers=1, events=10, batch=5)
    with open_log(tmp_path / "log") as log:
        assert isinstance(log, ParquetLog)
        assert log.head().position == 20
        assert len(log.files()) == 4


@pytest.mark.long
def test_it_ends_when_its_time_is_up(tmp_path):
    done = simulate_live(tmp_path / "log", rate=20, writers=1, seconds=0.5)
    assert 1 <= done.events <= 10


@pytest.mark.parametrize(
    "bad", [{"rate": 0}, {"writers": 0}, {"writers": 65}, {"seconds": 0}, {"events": 1}, {"batch": 0}], ids=str
)
def test_an_argument_out_of_range_is_named(tmp_path, bad):
    with pytest.raises(InvalidSetting) as caught:
        simulate_live(tmp_path / "log", **{"rate": 1, "seconds": 1, "writers": 2} | bad)
    assert caught.value.field == next(iter(bad))
    assert not (tmp_path / "log").exists()


def test_what_goes_wrong_in_a_writer_is_raised_here(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "holiday.jpg").write_bytes(b"no log")
    with pytest.raises(NotALog):
        simulate_live(tmp_path / "log", rate=1, writers=1, seconds=1)
