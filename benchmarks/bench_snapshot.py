"""Loading an order of 5,000 events with its snapshots and without, among a quarter of a million other events."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from workload import order_events

from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import AdjustmentRecorded, ItemAdded, OrderCreated, PaymentReceived
from orders_es.replay import Snapshots, load_order

START = datetime(2011, 1, 1, tzinfo=UTC)
EVENTS = 5_000


def events(items: int) -> list[NewEvent]:
    kinds: list[Callable[[int], Any]] = [
        lambda n: ItemAdded(item_id=f"i{n % items}", quantity=1, price=Decimal("2.5500"), description=f"item {n}"),
        lambda n: PaymentReceived(amount=Decimal("2.55"), method="card", reference=f"p{n}"),
        lambda n: AdjustmentRecorded(amount=Decimal("-0.01"), reason=f"rounding {n}"),
    ]
    data = [OrderCreated(currency="GBP"), *(kinds[n % 3](n) for n in range(EVENTS - 1))]
    return [NewEvent(data=each, occurred_at=START + timedelta(minutes=n)) for n, each in enumerate(data)]


def median(call: object, times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()  # type: ignore[operator]
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def run(folder: Path, _data: Path) -> None:
    log = open_log(folder / "log", create=True)
    assert isinstance(log, ParquetLog)
    for i in range(2):
        log.append_table(order_events(131_072, start=i * 131_072))
    questions: dict[str, dict[str, Any]] = {
        "as it stands now": {},
        "at a version": {"version": 4_100},
        "at a moment in the middle": {"at": START + timedelta(minutes=2_600)},
    }
    for items in (100, 400):
        log.append(f"giant-{items}", events(items), expected=NO_STREAM)
    log.compact()
    for items in (100, 400):
        order = f"giant-{items}"
        for question, asked in questions.items():
            Snapshots(log).drop()
            plain = load_order(log, order, **asked)
            without = median(lambda: load_order(log, order, **asked), 9)  # noqa: B023 - called at once
            Snapshots(log).take(order)
            assert load_order(log, order, **asked) == plain
            with_ = median(lambda: load_order(log, order, **asked), 31)  # noqa: B023 - as above
            print(
                f"  {EVENTS:,} events, {items:5,} items, {question:26} {without:6.1f} ms without, {with_:5.2f} ms with; "
                f"ratio {without / with_:4.0f} (aim: 20, now)"
            )
