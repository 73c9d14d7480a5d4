"""The contract, on the Parquet log: as it is, compacting all the time, and through two handles in turn.

The variants take random histories by default, and the whole contract in `make test-long`.
"""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from orders_es.log import EventLog, open_log, order_registry
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.identity import create_identity
from orders_es.testing import LogContract
from orders_es.testing.log_contract import Histories


class TestParquetLog(LogContract):
    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()

        def make(registry=None, clock=None):
            return open_log(tmp_path / f"log {next(numbers)}", create=True, registry=registry, clock=clock)

        return make

    def reopen(self, log):
        return open_log(log.url, registry=log.registry)


class CompactingLog(ParquetLog):
    """Merges everything into one segment after every append, and removes what that superseded."""

    def append_batch(self, batch):
        return self._after(super().append_batch(batch))

    def append_table(self, table, **options):
        return self._after(super().append_table(table, **options))

    def _after(self, appended):
        self.compact()
        self.vacuum(grace=timedelta(0))
        return appended


class CompactsAfterEveryAppend:
    histories = 6

    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()

        def make(registry=None, clock=None):
            folder = tmp_path / f"log {next(numbers)}"
            create_identity(str(folder), None)
            return CompactingLog(folder, registry=order_registry() if registry is None else registry, clock=clock)

        return make

    def reopen(self, log):
        return CompactingLog(log.url, registry=log.registry)


class TestParquetLogThatCompactsAfterEveryAppend(CompactsAfterEveryAppend, Histories):
    pass


@pytest.mark.long
class TestParquetLogThatCompactsAfterEveryAppendInFull(CompactsAfterEveryAppend, LogContract):
    pass


class TwoHandles:
    """One log through two handles; every call goes to the other one."""

    def __init__(self, url, registry=None, clock=None):
        self._opened = (url, registry, clock)
        self._handles = itertools.cycle([open_log(url, create=True, registry=registry, clock=clock) for _ in range(2)])

    def __reduce__(self):
        return TwoHandles, self._opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    close: Any  # given below, like all of a log


def _turned(name):
    member = getattr(ParquetLog, name)
    if isinstance(member, property):
        return property(lambda self: getattr(next(self._handles), name))
    return lambda self, *args, **options: getattr(next(self._handles), name)(*args, **options)


for _name in (n for n in vars(EventLog) if not n.startswith("_")):
    setattr(TwoHandles, _name, _turned(_name))


class ThroughTwoHandlesInTurn:
    histories = 6

    @pytest.fixture
    def make_log(self, tmp_path):
        numbers = itertools.count()
        return lambda registry=None, clock=None: TwoHandles(tmp_path / f"log {next(numbers)}", registry, clock)

    def reopen(self, log):
        return TwoHandles(log.url, log.registry)


class TestParquetLogThroughTwoHandlesInTurn(ThroughTwoHandlesInTurn, Histories):
    pass


@pytest.mark.long
class TestParquetLogThroughTwoHandlesInTurnInFull(ThroughTwoHandlesInTurn, LogContract):
    pass
