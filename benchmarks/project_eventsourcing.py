"""The same projection with `eventsourcing`'s tracking recorder on SQLite, its published API, and with our handlers and sets.

Each of its events is a transaction that holds the view's change and the position, which is what makes it exactly once; its own
runner cannot subscribe to SQLite, so the events are taken from the notification log, as its documentation shows.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteFactory, SQLiteTrackingRecorder
from eventsourcing.utils import Environment
from replay_eventsourcing import Order, append, lines

from orders_es.log import open_log
from orders_es.orders import ItemAdded
from orders_es.projections import Handlers, Projector, ReadModels, in_batches, set_projections

ORDERS = 2_500
SECTION = 500


class Orders(Application[Any]):
    log_section_size = SECTION


class Revenue(SQLiteTrackingRecorder):
    """A view of one row, the sum of all lines."""

    def construct_create_table_statements(self) -> list[str]:
        mine = ["CREATE TABLE IF NOT EXISTS revenue (total TEXT)", "INSERT INTO revenue VALUES ('0')"]
        return super().construct_create_table_statements() + mine

    def add(self, amount: Decimal, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            if amount:
                cursor.execute("SELECT total FROM revenue")
                total = Decimal(cursor.fetchone()[0]) + amount
                cursor.execute("UPDATE revenue SET total = ?", (str(total),))

    def total(self) -> Decimal:
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT total FROM revenue")
            return Decimal(cursor.fetchone()[0])


def theirs(folder: Path) -> tuple[int, float, Decimal]:
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "app.db")}
    app = Orders(env=os.environ | env)
    for number in range(ORDERS):
        order = Order("GBP")
        for line in lines(number):
            order.add(**line)
        order.place()
        app.save(order)
    place = Environment("Revenue", {**env, "SQLITE_DBNAME": str(folder / "view.db")})
    view = SQLiteFactory(place).tracking_recorder(Revenue)
    started = time.perf_counter()
    position = 0
    while notifications := app.notification_log.select(start=position + 1, limit=SECTION):
        for notification in notifications:
            event: Any = app.mapper.to_domain_event(notification)
            price = event.quantity * event.price if type(event).__name__ == "ItemAdded" else Decimal(0)
            position = int(notification.id)
            view.add(price, Tracking(app.name, position))
    return position, time.perf_counter() - started, view.total()


def ours(folder: Path) -> tuple[int, float, float, float, Decimal]:
    def added(event: Any, tables: Any) -> None:
        tables.execute("UPDATE revenue SET total = total + ?", [event.data.quantity * event.data.price])

    @in_batches
    def all_added(events: Any, tables: Any) -> None:
        tables.execute("UPDATE bulk SET total = total + ?", [sum(e.data.quantity * e.data.price for e in events)])

    with open_log(folder / "beside", create=True) as log:
        for first in range(0, ORDERS, 500):
            log.append_batch([append(number) for number in range(first, first + 500)])
        end, models = log.head().position, folder / "beside.duckdb"
        table = "CREATE TABLE revenue AS SELECT 0::DECIMAL(18, 4) AS total"
        started = time.perf_counter()
        Projector(log, models, [Handlers("revenue", 1, {ItemAdded: added}, tables=table)]).run()
        handled = time.perf_counter() - started
        started = time.perf_counter()
        bulk = Handlers("bulk", 1, {ItemAdded: all_added}, tables=table.replace("revenue", "bulk"))
        Projector(log, models, [bulk]).run()
        in_bulk = time.perf_counter() - started
        started = time.perf_counter()
        Projector(log, models, set_projections(["orders"])).run()
        as_set = time.perf_counter() - started
        [(total,)] = ReadModels(models).query("FROM revenue").rows()
    return end, handled, in_bulk, as_set, total


def run(folder: Path) -> None:
    count, seconds, total = theirs(folder)
    end, handled, in_bulk, as_set, our_total = ours(folder)
    assert total == our_total, (total, our_total)
    print(f"  beside eventsourcing on SQLite, exactly once, {count:,} of its events and {end:,} of ours:")
    their_rate = count / seconds
    print(f"    its tracking recorder, one row of totals           {their_rate:12,.0f} events/s")
    for what, taken in (
        ("our handlers, the same row", handled),
        ("our handlers in batches, the same row", in_bulk),
        ("our read model, the table of all orders", as_set),
    ):
        print(f"    {what:50} {end / taken:12,.0f} events/s  {end / taken / their_rate:8.1f} times")
