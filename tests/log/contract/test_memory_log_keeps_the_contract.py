"""The contract, on the log in memory; and that it stays small enough to be read as the reference."""

from pathlib import Path

import pytest

from orders_es.log import open_log
from orders_es.log.memory import log as module
from orders_es.testing import LogContract


class TestMemoryLog(LogContract):
    durable = False
    shared_by_processes = False

    @pytest.fixture
    def make_log(self):
        return lambda registry=None, clock=None: open_log("memory:", create=True, registry=registry, clock=clock)


def test_it_is_at_most_150_lines_and_knows_no_database():
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert "duckdb" not in source
