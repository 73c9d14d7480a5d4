"""The contract, on the DuckDB log: in a file, in memory, and through two handles in turn that read page by page.

By default what this backend does itself, and random histories of calls; the whole contract, most of which is decided before a
backend is asked, in `make test-long`. The folder and the memory keep all of it in every run.
"""

import itertools
from typing import Any

import pytest

from orders_es.log import EventLog, open_log
from orders_es.log.duckdb import DuckDBLog, reading
from orders_es.testing import LogContract
from orders_es.testing.log_contract import Histories
from orders_es.testing.log_contract.following import Following
from orders_es.testing.log_contract.reading import Reading
from orders_es.testing.log_contract.upkeep import Upkeep


class InAFile:
    shared_by_processes = False

    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()

        def make(registry=None, clock=None):
            return open_log(tmp_path / f"log {next(numbers)}.duckdb", create=True, registry=registry, clock=clock)

        return make

    def reopen(self, log):
        return open_log(log.url, registry=log.registry)


class TestDuckDBLogInAFile(InAFile, Reading, Following, Upkeep, Histories):
    pass


@pytest.mark.long
class TestDuckDBLogInAFileInFull(InAFile, LogContract):
    pass


class InMemory:
    durable = False
    shared_by_processes = False
    histories = 6

    @pytest.fixture
    def make_log(self):
        return lambda registry=None, clock=None: open_log(":memory:", registry=registry, clock=clock)


@pytest.mark.long  # a file's log keeps it above
class TestDuckDBLogInMemory(InMemory, Histories):
    pass


@pytest.mark.long
class TestDuckDBLogInMemoryInFull(InMemory, LogContract):
    pass


class TwoHandles:
    """One log through two handles; every call goes to the other one."""

    def __init__(self, url, registry=None, clock=None):
        self._handles = itertools.cycle([open_log(url, create=True, registry=registry, clock=clock) for _ in range(2)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    close: Any  # given below, like all of a log


def _turned(name):
    if isinstance(getattr(DuckDBLog, name), property):
        return property(lambda self: getattr(next(self._handles), name))
    return lambda self, *args, **options: getattr(next(self._handles), name)(*args, **options)


for _name in (n for n in vars(EventLog) if not n.startswith("_")):
    setattr(TwoHandles, _name, _turned(_name))


class ThroughTwoHandlesInTurn:
    shared_by_processes = False
    histories = 6

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch):
        monkeypatch.setattr(reading, "_PAGE", 5)

    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()
        return lambda registry=None, clock=None: TwoHandles(tmp_path / f"log {next(numbers)}.duckdb", registry, clock)

    def reopen(self, log):
        return TwoHandles(log.url, log.registry)


@pytest.mark.long  # a file's log keeps it above
class TestDuckDBLogThroughTwoHandlesInTurn(ThroughTwoHandlesInTurn, Histories):
    pass


@pytest.mark.long
class TestDuckDBLogThroughTwoHandlesInTurnInFull(ThroughTwoHandlesInTurn, LogContract):
    pass
