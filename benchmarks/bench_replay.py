"""Time travel over ten million simulated events: all orders, one order, folds, memory; and `eventsourcing` on 100,000.

Each question runs in a process of its own, so that its peak of memory is its own. SQL speeds stand beside a hand-written
DuckDB query over the same files for the same columns. `REPLAY_LOG` names a log to use instead of making one (three minutes);
`REPLAY_ORDERS` makes a smaller one. `eventsourcing` is asked if it is installed.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import random
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import evolve, initial_state
from orders_es.replay import connect, fold_streams, load_order
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("REPLAY_ORDERS", "1130000"))
MOMENT = datetime(2025, 1, 1, tzinfo=UTC)
"""After nearly everything, so that every figure is per event of the whole log."""
ROUNDS = 3
SAMPLE = 200
FOLDED = 500_000

BY_HAND = """
SELECT order_id, step, customer_id, currency, country, channel, item_count, gross, discounts, shipping, returns, adjustments,
    gross - discounts + shipping - returns + adjustments AS total, paid, refunded,
    CASE WHEN step = 6 THEN 0 ELSE gross - discounts + shipping - returns + adjustments END - paid + refunded AS balance,
    failed_payments, cancel_reason, created_at, placed_at, paid_at, shipped_at, delivered_at, cancelled_at,
    first_occurred_at, last_occurred_at, event_count, version, last_position
FROM (
    SELECT stream_id AS order_id,
        max(CASE type WHEN 'OrderCancelled' THEN 6 WHEN 'OrderDelivered' THEN 5 WHEN 'OrderShipped' THEN 4
            WHEN 'PaymentReceived' THEN 3 WHEN 'OrderPlaced' THEN 2 WHEN 'OrderCreated' THEN 1 ELSE 0 END) AS step,
        arg_max(customer_id, version) AS customer_id, arg_min(currency, version) AS currency,
        arg_min(country, version) AS country, arg_min(channel, version) AS channel,
        coalesce(sum(CASE type WHEN 'ItemAdded' THEN quantity WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemReturned' THEN -quantity WHEN 'ItemQuantityChanged' THEN difference
            WHEN 'AdjustmentRecorded' THEN quantity END), 0) AS item_count,
        coalesce(sum(price * CASE type WHEN 'ItemAdded' THEN quantity WHEN 'ItemRemoved' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference END), 0) AS gross,
        coalesce(sum(CASE WHEN type = 'DiscountApplied' THEN amount END), 0) AS discounts,
        coalesce(sum(CASE WHEN type = 'ShippingCharged' THEN amount END), 0) AS shipping,
        coalesce(sum(CASE WHEN type = 'ItemReturned' THEN price * quantity END), 0) AS returns,
        coalesce(sum(CASE WHEN type = 'AdjustmentRecorded' THEN amount END), 0) AS adjustments,
        coalesce(sum(CASE WHEN type = 'PaymentReceived' THEN amount END), 0) AS paid,
        coalesce(sum(CASE WHEN type = 'RefundIssued' THEN amount END), 0) AS refunded,
        count(CASE WHEN type = 'PaymentFailed' THEN 1 END) AS failed_payments,
        arg_min(CASE WHEN type = 'OrderCancelled' THEN reason END, version) AS cancel_reason,
        min(CASE WHEN type = 'OrderCreated' THEN occurred_at END) AS created_at,
        min(CASE WHEN type = 'OrderPlaced' THEN occurred_at END) AS placed_at,
        max(CASE WHEN type = 'PaymentReceived' THEN occurred_at END) AS paid_at,
        min(CASE WHEN type = 'OrderShipped' THEN occurred_at END) AS shipped_at,
        min(CASE WHEN type = 'OrderDelivered' THEN occurred_at END) AS delivered_at,
        min(CASE WHEN type = 'OrderCancelled' THEN occurred_at END) AS cancelled_at,
        min(occurred_at) AS first_occurred_at, max(occurred_at) AS last_occurred_at,
        count(*) AS event_count, max(version) AS version, max("position") AS last_position
    FROM read_parquet({files}) WHERE occurred_at <= TIMESTAMPTZ '{at}' GROUP BY stream_id
)
"""
THREE_BY_HAND = """
SELECT stream_id AS order_id,
    max(CASE type WHEN 'OrderCancelled' THEN 6 WHEN 'OrderDelivered' THEN 5 WHEN 'OrderShipped' THEN 4
        WHEN 'PaymentReceived' THEN 3 WHEN 'OrderPlaced' THEN 2 WHEN 'OrderCreated' THEN 1 ELSE 0 END) AS step,
    sum(CASE type WHEN 'ItemAdded' THEN price * quantity WHEN 'ItemRemoved' THEN -price * quantity
        WHEN 'ItemQuantityChanged' THEN price * difference WHEN 'ItemReturned' THEN -price * quantity
        WHEN 'DiscountApplied' THEN -amount WHEN 'ShippingCharged' THEN amount
        WHEN 'AdjustmentRecorded' THEN amount END) AS total,
    max(version) AS version
FROM read_parquet({files}) WHERE occurred_at <= TIMESTAMPTZ '{at}' GROUP BY stream_id
"""
AT = f"orders_at(TIMESTAMPTZ '{MOMENT.isoformat()}')"


def timed(ask: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds on the clock and seconds of both cores' work, and the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = ask()
    return time.perf_counter() - wall, (time.process_time() - cpu) / (os.cpu_count() or 1), answer


def counted(session: Any, query: str) -> int:
    return len(session.sql(query))


def in_arrow(connection: Any, query: str) -> Any:
    return connection.sql(query).to_arrow_table()


def all_orders(url: str) -> dict[str, Any]:
    log = open_log(url)
    assert isinstance(log, ParquetLog)
    listed = "[" + ", ".join(f"'{file.path}'" for file in log.files()) + "]"
    by_hand = duckdb.connect()
    by_hand.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    ours: dict[str, list[tuple[float, float]]] = {}
    with connect(log) as session:
        session.sql("SELECT 1")
        for _ in range(ROUNDS):  # in turns, so that a neighbour's load falls on both
            for name, query, hand in (
                ("every column", f"FROM {AT}", BY_HAND),
                ("three columns", f"SELECT order_id, status, total, version FROM {AT}", THREE_BY_HAND),
            ):
                text = hand.format(files=listed, at=MOMENT.isoformat())
                ours.setdefault(name, []).append(timed(partial(counted, session, query))[:2])
                ours.setdefault(name + " by hand", []).append(timed(partial(in_arrow, by_hand, text))[:2])
    return {name: (min(w for w, _ in all_), min(c for _, c in all_)) for name, all_ in ours.items()}


def sample(url: str) -> list[str]:
    with connect(open_log(url)) as session:
        ids = [row[0] for row in session.sql("SELECT DISTINCT stream_id FROM events USING SAMPLE 5000 ROWS").rows()]
    return random.Random(7).sample(sorted(ids), min(SAMPLE, len(ids)))


def one_order_sql(url: str) -> dict[str, Any]:
    ids = sample(url)
    times = []
    with connect(open_log(url)) as session:
        for order_id in ids:
            started = time.perf_counter()
            assert len(session.sql(f"FROM {AT} WHERE order_id = $id", {"id": order_id})) == 1
            times.append(time.perf_counter() - started)
    return {"median": statistics.median(times), "worst": max(times)}


def one_order_load(url: str) -> dict[str, Any]:
    ids = sample(url)
    log = open_log(url)
    times = []
    for order_id in ids:
        started = time.perf_counter()
        load_order(log, order_id, at=MOMENT)
        times.append(time.perf_counter() - started)
    return {"first": times[0], "median": statistics.median(times), "worst": max(times)}


def folded(url: str) -> dict[str, Any]:
    log = open_log(url)
    end = min(FOLDED, log.head().position)
    until = next(iter(log.read(after=end - 1, to=end))).column("recorded_at")[0].as_py()
    with connect(log) as session:
        events = session.sql("SELECT count(*) FROM events", known_at=until).rows()[0][0]
    cpu = time.process_time()
    fold_streams(log, evolve, initial_state, known_at=until)
    return {"rate": events / (time.process_time() - cpu)}


def peak(task: Callable[[str], dict[str, Any]], url: str) -> dict[str, Any]:
    answer = task(url)
    return {**answer, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024}


def apart(task: Callable[[str], dict[str, Any]], url: str) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(peak, task, url).result()


def run(folder: Path, _data: Path) -> None:
    url = os.environ.get("REPLAY_LOG") or str(folder / "log")
    if not Path(url).exists():
        simulate_into(url, orders=ORDERS, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
        log = open_log(url)
        assert isinstance(log, ParquetLog)
        log.compact()
    log = open_log(url)
    assert isinstance(log, ParquetLog)
    events = log.head().position
    print(f"{events:,} events in {len(log.files())} files")
    speeds = apart(all_orders, url)
    for name, aim in (("every column", 5), ("three columns", 15)):
        wall, work = speeds[name]
        hand_wall, hand_work = speeds[name + " by hand"]
        print(
            f"  orders_at(T), {name:14} {events / wall / 1e6:6.1f} M events/s (aim: {aim}; {events / work / 1e6:.1f} by CPU time)"
        )
        print(
            f"    by hand                   {events / hand_wall / 1e6:6.1f} M events/s; ratio {hand_wall / wall:.2f} (aim: 0.8; {hand_work / work:.2f} by CPU time)"
        )
    print(f"    memory {speeds['memory']:.2f} GB (aim: below 2)")
    sql = apart(one_order_sql, url)
    print(
        f"  one order through SQL         {sql['median'] * 1e3:6.2f} ms median (aim: 15), worst {sql['worst'] * 1e3:.1f}, {sql['memory']:.2f} GB"
    )
    load = apart(one_order_load, url)
    print(
        f"  one order through load_order  {load['median'] * 1e3:6.2f} ms median (aim: 3), first {load['first'] * 1e3:.0f}, worst {load['worst'] * 1e3:.1f}, {load['memory']:.2f} GB"
    )
    python = apart(folded, url)
    print(
        f"  fold in Python                {python['rate']:6,.0f} events/s a core (aim: 200,000), {python['memory']:.2f} GB"
    )
    if importlib.util.find_spec("eventsourcing") is None:
        print("  eventsourcing is not installed here; pip install eventsourcing puts it beside")
        return
    importlib.import_module("replay_eventsourcing").run(folder)
