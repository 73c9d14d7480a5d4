"""Orders as the first program of this domain recorded them, asked and loaded today, beside the same orders in today's events."""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from orders_es.log import EventLog, open_log, order_registry
from orders_es.log.protocol import NeedsUpkeep
from orders_es.replay import Session, connect, load_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = int(os.environ.get("BENCH_EARLY_ORDERS", "100_000"))
"""Of six events each."""
A_PIECE = 20_000
LOADS = 300
ROUNDS = 7
FIRST = 1_700_000_000
HOUR = 3_600_000_000
QUERY = "SELECT status, count(*), sum(total), sum(item_count) FROM orders GROUP BY status ORDER BY status"


def early(number: int) -> list[tuple[str, int, dict[str, Any]]]:
    return [
        ("OrderCreated", 1, {"order_id": f"O-{number}", "customer_id": number % 5_000}),
        ("ItemAdded", 1, {"sku": f"s{number % 900}", "quantity": 1 + number % 3, "price": 199 + number % 7_000}),
        ("ItemAdded", 1, {"sku": f"t{number % 900}", "quantity": 1, "price": 99}),
        *(("StatusChanged", 1, {"status": status}) for status in ("placed", "shipped", "delivered")),
    ]


def of_today(number: int) -> list[tuple[str, int, dict[str, Any]]]:
    cents = 199 + number % 7_000
    price = f"{cents // 100}.{cents % 100:02}00"
    return [
        ("OrderCreated", 2, {"currency": "EUR", "customer_id": f"{number % 5_000}"}),
        ("ItemAdded", 2, {"item_id": f"s{number % 900}", "quantity": 1 + number % 3, "price": price}),
        ("ItemAdded", 2, {"item_id": f"t{number % 900}", "quantity": 1, "price": "0.9900"}),
        *((name, 1, {}) for name in ("OrderPlaced", "OrderShipped", "OrderDelivered")),
    ]


def written(place: Path, order: Callable[[int], list[tuple[str, int, dict[str, Any]]]]) -> EventLog:
    """A compacted log of so many orders."""
    log = open_log(place, create=True, registry=order_registry())
    encode = msgspec.json.Encoder().encode
    for begin in range(0, ORDERS, A_PIECE):
        rows = [
            (f"O-{number}", name, version, encode(payload).decode(), (FIRST + number) * 1_000_000 + step * HOUR)
            for number in range(begin, min(begin + A_PIECE, ORDERS))
            for step, (name, version, payload) in enumerate(order(number))
        ]
        streams, types, versions, payloads, times = zip(*rows, strict=True)
        log.append_table(
            pa.table(
                {
                    "stream_id": streams,
                    "type": types,
                    "schema_version": pa.array(versions, pa.int32()),
                    "payload": payloads,
                    "occurred_at": pa.array(times, pa.timestamp("us", "UTC")),
                }
            )
        )
    assert isinstance(log, NeedsUpkeep)
    log.compact()
    return log


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def asking(session: Session, at: datetime) -> Callable[[], object]:
    return lambda: session.sql(QUERY, at=at).rows()


def loading(log: EventLog) -> Callable[[], object]:
    return lambda: [load_order(log, f"O-{i * 7_919 % ORDERS}") for i in range(LOADS)]


def run(folder: Path, data: Path) -> None:
    del data
    logs = {"early": written(folder / "early", early), "today's": written(folder / "today", of_today)}
    at = datetime.fromtimestamp(FIRST + ORDERS // 2, UTC)

    def first(log: EventLog) -> list[Any]:
        with connect(log) as session:
            return session.sql(QUERY, at=at).rows()

    start = time.process_time()
    answer = first(logs["early"])
    copies = time.process_time() - start
    assert answer == first(logs["today's"])
    print(f"  the first question of early orders, copies made: {copies:.1f} s, {ORDERS * 6 / copies:,.0f} events/s")
    sessions = {name: connect(log) for name, log in logs.items()}
    again = {
        name: statistics.median(cpu(asking(session, at)) for _ in range(ROUNDS)) for name, session in sessions.items()
    }
    loads = {name: cpu(loading(log)) / LOADS for name, log in logs.items()}
    for what, figures, unit, aim in (("the same moment again", again, 1e3, 1.2), ("one order loaded", loads, 1e3, 1.3)):
        old, new = figures["early"], figures["today's"]
        print(f"  {what}: early {old * unit:.2f} ms, today's {new * unit:.2f} ms: {old / new:.2f} times (aim: {aim})")
    for session in sessions.values():
        session.close()
    for log in logs.values():
        log.close()
