"""What a salt and two more hashes cost an append: events with a personal field, beside the same events where nothing is marked.

In turns, so that a machine that is busy is busy for both; CPU seconds are what counts, since a commit waits for the disk.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from orders_es.log import NO_STREAM, EventLog, open_log, order_registry
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderCreated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMITS = 150
ROWS = 20_000
ROUNDS = 5
ALLOWED = 1.15
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def opened(place: Path, *, marked: bool) -> EventLog:
    """A new log, in which the customer of an order is personal or not."""
    registry = order_registry()
    if marked:
        registry.mark_personal("OrderCreated", "customer_id")
    log = open_log(place, create=True, registry=registry)
    assert isinstance(log, ParquetLog)
    log.upkeep = False  # which would be measured as well
    return log


def one_by_one(log: EventLog, number: int) -> None:
    for i in range(COMMITS):
        event = OrderCreated(currency="EUR", customer_id=f"C-{i % 97}", country="DE")
        log.append(f"{number}-{i}", [event], expected=NO_STREAM)


def in_bulk(log: EventLog, number: int) -> None:
    streams = [f"{number}-{i}" for i in range(ROWS)]
    said = {"currency": ["EUR"] * ROWS, "customer_id": [f"C-{i % 997}" for i in range(ROWS)]}
    said |= {"type": ["OrderCreated"] * ROWS, "stream_id": streams}
    log.append_table(pa.table(said | {"occurred_at": pa.array([NOON] * ROWS)}))


def measured(folder: Path, name: str, work: Callable[[EventLog, int], None]) -> float:
    """The median of how much more CPU time the marked log takes, round by round."""
    logs = {marked: opened(folder / f"{name}-{marked}", marked=marked) for marked in (False, True)}
    ratios = []
    for number in range(ROUNDS):
        seconds = {}
        for marked in (False, True) if number % 2 else (True, False):
            started = time.process_time()
            work(logs[marked], number)
            seconds[marked] = time.process_time() - started
        ratios.append(seconds[True] / seconds[False])
    for log in logs.values():
        log.close()
    return statistics.median(ratios[1:])


def run(folder: Path, _data: Path | None = None) -> None:
    for name, work in (("commits of one event", one_by_one), (f"tables of {ROWS:,} events", in_bulk)):
        ratio = measured(folder, name.partition(" ")[0], work)
        print(f"{name}: with a personal field {ratio:.3f} times the CPU of without (allowed {ALLOWED})")
