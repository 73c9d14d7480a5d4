from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from orders_es.errors import InvalidEvent, VersionConflict
from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.orders import OrderCreated


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as opened:
        opened.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        yield opened


def placed(*stream_ids):
    moment = pa.scalar(datetime(2024, 1, 1, tzinfo=UTC), pa.timestamp("us", "UTC"))
    n = len(stream_ids)
    return pa.table({"stream_id": stream_ids, "type": ["OrderPlaced"] * n, "occurred_at": pa.repeat(moment, n)})


def test_all_of_them_hold(log):
    done = log.append_table(placed("B-2", "A-1", "B-2"), expected={"A-1": 1, "B-2": NO_STREAM, "C-3": ANY})
    assert done.versions == {"B-2": 2, "A-1": 2}


def test_one_of_them_does_not_hold_and_nothing_is_written(log):
    with pytest.raises(VersionConflict) as caught:
        log.append_table(placed("B-2", "A-1"), expected={"A-1": 2, "B-2": 0})
    assert (caught.value.stream_id, caught.value.expected, caught.value.actual) == ("A-1", 2, 1)
    assert log.head().position == 1


def test_a_stream_is_left_out_and_nothing_is_written(log):
    with pytest.raises(InvalidEvent, match="says nothing about stream 'B-2'"):
        log.append_table(placed("A-1", "B-2"), expected={"A-1": 1})
    assert log.head().position == 1
