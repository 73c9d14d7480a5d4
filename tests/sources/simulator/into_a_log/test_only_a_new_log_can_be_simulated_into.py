from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders_es.errors import InvalidSetting, LogNotEmpty
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.sources.simulator import simulate_into

ARGUMENTS: dict[str, Any] = {"orders": 5, "seed": 1, "start": datetime(2024, 3, 1, tzinfo=UTC), "days": 2}


def test_a_log_with_events_is_refused_and_left_alone(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        before = log.head()
        with pytest.raises(LogNotEmpty, match="needs a new log"):
            simulate_into(tmp_path / "log", **ARGUMENTS)
        assert log.head() == before


def test_an_empty_log_is_as_good_as_a_new_one(tmp_path):
    open_log(tmp_path / "log", create=True).close()
    assert simulate_into(tmp_path / "log", **ARGUMENTS).events > 5


def test_a_period_that_is_not_past_yet_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidSetting, match="not past yet"):
        simulate_into(tmp_path / "log", **ARGUMENTS | {"start": datetime.now(UTC) - timedelta(days=1)})
    assert not (tmp_path / "log").exists()


def test_appending_goes_on_in_real_time_afterwards(tmp_path):
    done = simulate_into(tmp_path / "log", **ARGUMENTS)
    with open_log(tmp_path / "log") as log:
        later = log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
    assert later.first_position == done.events + 1
    assert datetime.now(UTC) - later.recorded_at < timedelta(minutes=5)
