"""The same questions asked of `eventsourcing` (SQLite, its published API) and of us, for 100,000 events."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from orders_es.log import NO_STREAM, EventLog, StreamAppend, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect, load_order

ORDERS = int(os.environ.get("EVENTSOURCING_ORDERS", "12500"))
LINES = 5
PER_ORDER = LINES + 3


class Order(Aggregate):
    @event("Created")
    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.total = Decimal(0)
        self.status = "created"

    @event("ItemAdded")
    def add(self, item_id: str, quantity: int, price: Decimal) -> None:  # noqa: ARG002 - recorded with the event
        self.total += quantity * price

    @event("Placed")
    def place(self) -> None:
        self.status = "placed"

    @event("Paid")
    def pay(self, amount: Decimal) -> None:  # noqa: ARG002 - recorded with the event
        self.status = "paid"


def lines(number: int) -> list[dict[str, Any]]:
    return [{"item_id": f"SKU-{i}", "quantity": i + 1, "price": Decimal(number % 90 + i) / 4} for i in range(LINES)]


def application(path: Path) -> Application[Any]:
    """Its application on a SQLite file, as its documentation sets one up."""
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}
    return Application(env=os.environ | env)


def filled(app: Application[Any]) -> list[Any]:
    """The ids of the orders that are in it now."""
    ids = []
    for number in range(ORDERS):
        order = Order("GBP")
        for line in lines(number):
            order.add(**line)
        order.place()
        order.pay(order.total)
        app.save(order)
        ids.append(order.id)
    return ids


def theirs(folder: Path) -> dict[str, float]:
    app = application(folder / "theirs.db")
    started = time.perf_counter()
    ids = filled(app)
    written = time.perf_counter() - started
    started = time.perf_counter()
    one = [app.repository.get(ids[i]) for i in range(0, ORDERS, 100)]
    loading = (time.perf_counter() - started) / len(one)
    started = time.perf_counter()
    total = sum(app.repository.get(id_).total for id_ in ids)
    everything = time.perf_counter() - started
    app.close()
    return {"write": written, "one": loading, "all": everything, "total": float(total)}


def ours(folder: Path) -> dict[str, float]:
    log = open_log(folder / "ours", create=True)
    assert isinstance(log, ParquetLog)
    started = time.perf_counter()
    for first in range(0, ORDERS, 1_000):
        log.append_batch([append(number) for number in range(first, min(first + 1_000, ORDERS))])
    written = time.perf_counter() - started
    ids = [f"order-{number}" for number in range(ORDERS)]
    as_written = one_order(log, ids)
    with connect(log) as session:
        started = time.perf_counter()
        total = session.sql("SELECT sum(total) FROM orders").rows()[0][0]
        everything = time.perf_counter() - started
    started = time.perf_counter()
    log.compact()
    compacting = time.perf_counter() - started
    return {
        "write": written,
        "one": as_written,
        "all": everything,
        "total": float(total),
        "compact": compacting,
        "one compacted": one_order(log, ids),
    }


def one_order(log: EventLog, ids: list[str]) -> float:
    load_order(log, ids[0])
    started = time.perf_counter()
    one = [load_order(log, ids[i]) for i in range(0, ORDERS, 100)]
    return (time.perf_counter() - started) / len(one)


def append(number: int) -> StreamAppend:
    added = [ItemAdded(**line) for line in lines(number)]
    total = sum((line.quantity * line.price for line in added), Decimal(0))
    events = [OrderCreated(currency="GBP"), *added, OrderPlaced(), PaymentReceived(amount=total)]
    return StreamAppend(f"order-{number}", events, NO_STREAM)


def run(folder: Path) -> None:
    them, us = theirs(folder), ours(folder)
    assert them["total"] == us["total"], (them, us)
    events = ORDERS * PER_ORDER
    print(f"  beside eventsourcing on SQLite, {events:,} events of {ORDERS:,} orders (theirs, ours, ratio):")
    them |= {"one compacted": them["one"]}
    for key, what in (
        ("one", "one order, from files of large commits"),
        ("one compacted", f"one order, after compact() of {us['compact']:.1f} s"),
        ("all", "the sum of all orders' totals"),
        ("write", "recording them, in bulk where there is bulk"),
    ):
        print(f"    {what:44} {them[key] * 1e3:10,.2f} ms {us[key] * 1e3:10,.2f} ms {them[key] / us[key]:8.1f}")
