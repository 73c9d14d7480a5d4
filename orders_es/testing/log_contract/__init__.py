"""The contract of an `EventLog`, as tests: for whoever builds a backend, and for the backends that ship.

Subclass `LogContract` in a test module, say how a fresh log is made and how one is opened again, and run pytest::

    class TestMyLog(LogContract):
        @pytest.fixture
        def make_log(self, tmp_path):
            numbers = itertools.count()

            def make(registry=None, clock=None):
                return MyLog.create(tmp_path / str(next(numbers)), registry=registry or order_registry(), clock=clock)

            return make

        def reopen(self, log):
            return MyLog(log.url, registry=log.registry)

Every method is one promise of `orders_es.log.protocol`. Needs pytest; the random histories need hypothesis.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from orders_es.log import EventLog
from orders_es.testing.log_contract.appending import Appending
from orders_es.testing.log_contract.basis import Contract, HandClock, MakeLog
from orders_es.testing.log_contract.following import Following
from orders_es.testing.log_contract.reading import Reading
from orders_es.testing.log_contract.retries import Retries
from orders_es.testing.log_contract.tables import Tables
from orders_es.testing.log_contract.upkeep import Upkeep
from orders_es.testing.log_contract.versions import ExpectedVersions

__all__ = ["HandClock", "Histories", "LogContract", "MakeLog"]


class Histories(Contract):
    """Any calls in any order, held to a model in memory: the whole contract in short, for a variant of a log that keeps it.

    Attributes:
        histories: How many random histories of calls are compared with the model.
    """

    histories: ClassVar[int] = 12

    def test_any_history_of_calls_agrees_with_a_model_in_memory(self, make_log: MakeLog) -> None:
        pytest.importorskip("hypothesis")
        from orders_es.testing.log_contract.machine import compare_with_model

        def make() -> EventLog:
            return make_log()

        compare_with_model(make, self.reopen if self.durable else None, self.histories)


class LogContract(Appending, ExpectedVersions, Retries, Tables, Reading, Following, Upkeep, Histories):
    """Everything that holds for every log. Override `make_log` and `reopen`, and the flags where they do not fit.

    Attributes:
        durable: Whether a log outlives its handle, so that `reopen(log)` gives another one on the same events.
        shared_by_processes: Whether handles can be pickled, and other processes append to the same log meanwhile.
        histories: How many random histories of calls are compared with the model in memory.
    """
