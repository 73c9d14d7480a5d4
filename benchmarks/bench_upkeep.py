"""A day of one-event commits and nobody who calls `compact`: with the log keeping itself in shape, and without.

`UPKEEP_COMMITS` says how many there are. Seconds are of CPU, which other work on the machine disturbs less than those on the clock.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded, OrderCreated
from orders_es.replay import connect, load_order

COMMITS = int(os.environ.get("UPKEEP_COMMITS", "5000"))
EVENTS = (OrderCreated(currency="GBP"), *(ItemAdded(item_id=f"x{i}", price=Decimal(i), quantity=i) for i in (1, 2, 3)))


def spent(done: Any) -> float:
    started = time.process_time()
    done()
    return time.process_time() - started


def made(place: Path, *, upkeep: bool) -> float:
    with open_log(place, create=True) as log:
        assert isinstance(log, ParquetLog)
        log.upkeep = upkeep

        def append() -> None:
            for number in range(COMMITS):
                log.append(f"A-{number // 4}", [EVENTS[number % 4]], expected=ANY)

        return spent(append)


def asked(place: Path) -> dict[str, float]:
    log = open_log(place)
    assert isinstance(log, ParquetLog)
    log.upkeep = False
    found = {
        "open a handle": spent(lambda: open_log(place).head()),
        "first load": spent(lambda: load_order(log, "A-77")),
        "next load": spent(lambda: load_order(log, "A-78")),
        "append by a fresh handle": spent(
            lambda: open_log(place).append("B", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        ),
    }
    with connect(open_log(place)) as session:
        found["sum(total)"] = spent(lambda: session.sql("SELECT sum(total) FROM orders").rows())
    return found


def run(folder: Path, _data: Path) -> None:
    with open_log(folder / "warm", create=True) as log:
        log.append("A", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        with connect(log) as session:
            session.sql("SELECT sum(total) FROM orders").rows()
    appending = {upkeep: made(folder / f"log-{upkeep}", upkeep=upkeep) for upkeep in (True, False)}
    print(
        f"{COMMITS:,} commits of one event, merging included: {appending[True] / appending[False]:.2f} of the CPU without"
    )
    found = {upkeep: asked(folder / f"log-{upkeep}") for upkeep in (True, False)}
    for name, seconds in found[True].items():
        without = found[False][name]
        print(
            f"  {name:26} {seconds * 1e3:9.1f} ms of CPU; without {without * 1e3:9.1f} ({without / seconds:.0f} times)"
        )
    log = open_log(folder / "log-False")
    assert isinstance(log, ParquetLog)
    log.upkeep = False
    print(f"  compact                    {spent(log.compact) / COMMITS * 1e6:9.0f} µs of CPU a commit")
