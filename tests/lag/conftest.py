"""A clock turned by hand, and a log, a read-model file and a runner that all go by it."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.projections import Projector, set_projections
from orders_es.projections.file.runner_file import RunnerFile
from orders_es.projections.lag.measure import measure_lag

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = field(default=NOON)

    def __call__(self):
        return self.now

    def forward(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


class Shop:
    """A log and its projection `orders`."""

    def __init__(self, folder, clock):
        self.clock = clock
        self.log = open_log(str(folder / "log"), create=True, clock=clock)
        self.models = folder / "shop.duckdb"
        self.orders = 0

    def order(self, count=1):
        for _ in range(count):
            self.orders += 1
            self.log.append(f"A-{self.orders}", [OrderCreated(currency="GBP")], expected=NO_STREAM)

    def run(self):
        Projector(self.log, self.models, set_projections(["orders"]), clock=self.clock).run()

    def runner(self):
        """A live runner that does nothing."""
        return RunnerFile(self.models, "orders", self.clock)

    def lag(self, **options):
        [lag] = measure_lag(self.log, self.models, now=self.clock.now, **options)
        return lag


@pytest.fixture
def shop(tmp_path, clock):
    shop = Shop(tmp_path, clock)
    yield shop
    shop.log.close()


@pytest.fixture
def killed():
    """Processes that are gone after the test, however it ends."""
    started = []
    yield started
    for process in started:
        if process.poll() is None:
            os.kill(process.pid, 9)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
