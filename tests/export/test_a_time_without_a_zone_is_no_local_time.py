"""A TIMESTAMP column names no instant: it leaves as it is, whatever zone the machine is in."""

import json
import time
from datetime import datetime

import pyarrow as pa
import pytest

from orders_es.json_text import json_bytes
from orders_es.log import open_log
from orders_es.mcp import Questions
from orders_es.orders import CreateOrder
from orders_es.projections.outlets.row_text import column_texts
from orders_es.service import handle

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - that is what this is about


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_in_json():
    assert json.loads(json_bytes({"at": NOON})) == {"at": "2026-01-01T12:00:00"}


def test_in_an_outlet():
    assert column_texts(pa.chunked_array([pa.array([NOON, None])])) == ["2026-01-01T12:00:00", None]


def test_for_an_assistant():
    with open_log(":memory:") as log:
        handle(log, "A-1", CreateOrder(currency="EUR"))
        with Questions(log) as questions:
            assert questions.sql("SELECT TIMESTAMP '2026-01-01 12:00:00' AS at")["rows"] == [
                {"at": "2026-01-01T12:00:00"}
            ]
