from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.sources.simulator import simulate_into

ARGUMENTS: dict[str, Any] = {
    "orders": 60,
    "start": datetime(2024, 3, 1, tzinfo=UTC),
    "days": 12,
    "window": timedelta(days=2),
}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return simulate_into(tmp_path_factory.mktemp("first"), seed=9, **ARGUMENTS)


def test_the_same_seed_gives_the_same_root(first, tmp_path):
    second = simulate_into(tmp_path / "second", seed=9, **ARGUMENTS)
    assert second.head == first.head
    assert second.head.position == second.events > 500


def test_another_seed_gives_another_root(first, tmp_path):
    assert simulate_into(tmp_path / "other", seed=10, **ARGUMENTS).head.root != first.head.root


def test_the_result_says_what_is_in_the_log(tmp_path):
    done = simulate_into(tmp_path / "log", seed=9, **ARGUMENTS)
    with open_log(tmp_path / "log") as log:
        assert isinstance(log, ParquetLog)
        assert log.head() == done.head
        assert len(log.stream_ids()) == done.orders == 60
        assert len(log.files()) == done.commits
        assert log.head().recorded_at == done.recorded_to
    assert done.recorded_from - ARGUMENTS["start"] == timedelta(days=2)


def test_every_payload_decodes_as_its_type(tmp_path):
    simulate_into(tmp_path / "log", seed=9, **ARGUMENTS)
    with open_log(tmp_path / "log") as log:
        decoded = [event.data for stream in log.stream_ids() for event in log.load(stream)]
        assert len(decoded) == log.head().position
