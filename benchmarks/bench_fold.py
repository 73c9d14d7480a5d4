"""The Python fold: events a second on one core, for short lives and for one giant order, where it must stay linear."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from workload import order_events

from orders_es.log import open_log
from orders_es.orders import Happened, ItemAdded, fold
from orders_es.replay import load_orders

START = datetime(2011, 1, 1, tzinfo=UTC)
ROWS = 131_072


def giant(count: int, items: int) -> float:
    history = [
        Happened(
            ItemAdded(item_id=f"i{n % items}", quantity=1, price=Decimal("2.5500")), START + timedelta(seconds=n), n + 1
        )
        for n in range(count)
    ]
    gc.disable()  # it walks all that lives whenever a quarter has been added, which would be measured instead
    start = time.perf_counter()
    fold(history)
    seconds = time.perf_counter() - start
    gc.enable()
    return seconds


def run(folder: Path, _data: Path) -> None:
    log = open_log(folder / "log", create=True)
    for i in range(4):
        log.append_table(order_events(ROWS, start=i * ROWS))
    start = time.perf_counter()
    orders = load_orders(log)
    seconds = time.perf_counter() - start
    print(
        f"  {ROWS * 4:,} events into {len(orders):,} orders: {ROWS * 4 / seconds:,.0f} events/s (aim: 200,000 or better)"
    )
    for items in (1, 10**9):
        small, large = giant(20_000, items), giant(80_000, items)
        kind = "one item" if items == 1 else "all different items"
        print(f"  one order, {kind}: 80,000 events take {large / small:.1f} times as long as 20,000 (linear: 4)")
