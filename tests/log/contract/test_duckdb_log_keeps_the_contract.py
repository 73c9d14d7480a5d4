"""The contract, on the DuckDB log: in a file, and in memory."""

import itertools

import pytest

from orders_es.log import open_log
from orders_es.testing import LogContract


class TestDuckDBLogInAFile(LogContract):
    shared_by_processes = False

    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()

        def make(registry=None, clock=None):
            return open_log(tmp_path / f"log {next(numbers)}.duckdb", create=True, registry=registry, clock=clock)

        return make

    def reopen(self, log):
        return open_log(log.url, registry=log.registry)


class TestDuckDBLogInMemory(LogContract):
    durable = False
    shared_by_processes = False

    @pytest.fixture
    def make_log(self):
        return lambda registry=None, clock=None: open_log(":memory:", registry=registry, clock=clock)
