"""CPU of one command and of one question at a moment: beside the bare append, and beside SQL by hand over the same files."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import AddItem, CreateOrder, ItemAdded, OrderCreated
from orders_es.replay import connect
from orders_es.service import handle
from orders_es.sources.simulator import simulate_into

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS, EVENTS, ROUNDS = 20, 10, 12
SIMULATED = 20_000
MOMENT = datetime(2023, 12, 1, tzinfo=UTC)
PRICE = Decimal("1.25")
BY_HAND = """
    SELECT stream_id, sum(CASE type
        WHEN 'ItemAdded' THEN price * quantity WHEN 'ItemRemoved' THEN -price * quantity
        WHEN 'ItemQuantityChanged' THEN price * difference WHEN 'ItemReturned' THEN -price * quantity
        WHEN 'DiscountApplied' THEN -amount WHEN 'ShippingCharged' THEN amount WHEN 'AdjustmentRecorded' THEN amount END)
    FROM events GROUP BY stream_id
"""


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds of this process's work, the median of some rounds after one that is not counted."""
    found = []
    for _ in range(ROUNDS + 1):
        before = time.process_time()
        work()
        found.append((time.process_time() - before) * 1000)
    return statistics.median(found[1:])


def run(folder: Path, _data: Path) -> None:
    with open_log(folder / "commands", create=True) as log:
        made = iter(range(10**9))

        def commands() -> None:
            order = f"handled-{next(made)}"
            handle(log, order, CreateOrder(currency="GBP"))
            for item in range(EVENTS - 1):
                handle(log, order, AddItem(item_id=f"i{item}", quantity=1, price=PRICE))

        def appends() -> None:
            order = f"appended-{next(made)}"
            log.append(order, [OrderCreated(currency="GBP")], expected=NO_STREAM)
            for item in range(EVENTS - 1):
                log.append(order, [ItemAdded(item_id=f"i{item}", quantity=1, price=PRICE)], expected=item + 1)

        bare, handled = cpu(appends) / EVENTS, cpu(commands) / EVENTS
        print(f"  one append   {bare:6.2f} ms of CPU")
        print(f"  one handle   {handled:6.2f} ms, {handled / bare:.2f} of it")
    simulate_into(str(folder / "shop"), orders=SIMULATED, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
    with open_log(folder / "shop") as log, connect(log) as session:
        print(f"  at the middle of {log.head().position:,} events")
        hand = cpu(lambda: session.sql(BY_HAND, at=MOMENT))
        for query in (
            "SELECT order_id, total FROM orders",
            "FROM orders",
            "SELECT total FROM orders WHERE order_id = 'S-000201'",
        ):
            asked = cpu(partial(session.sql, query, at=MOMENT))
            print(f"  {query:50} {asked:6.1f} ms, {asked / hand:.2f} of totals by hand over `events`")
