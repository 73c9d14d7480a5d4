"""CPU of read models that are sums over `order_effects`, beside the same answers by hand over `events`, asked in turns.

A plan through the views costs the same however many events there are, so it is shown apart."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orders_es.log import open_log
from orders_es.replay import connect
from orders_es.sources.simulator import simulate_into

if TYPE_CHECKING:
    from pathlib import Path

SIMULATED, ROUNDS = 30_000, 7
ITEMS = """
    SELECT stream_id AS order_id, item_id, any_value(description) AS description,
        coalesce(sum(CASE type WHEN 'ItemAdded' THEN quantity WHEN 'ItemRemoved' THEN -quantity WHEN 'ItemReturned' THEN -quantity
            WHEN 'ItemQuantityChanged' THEN difference WHEN 'AdjustmentRecorded' THEN quantity END), 0)::BIGINT AS quantity,
        coalesce(sum(CASE type WHEN 'ItemAdded' THEN price * quantity WHEN 'ItemRemoved' THEN -price * quantity
            WHEN 'ItemReturned' THEN -price * quantity WHEN 'ItemQuantityChanged' THEN price * difference
            WHEN 'AdjustmentRecorded' THEN amount END), 0)::DECIMAL(38, 4) AS amount
    FROM events
    WHERE type = 'ItemAdded' OR type = 'ItemRemoved' OR type = 'ItemQuantityChanged' OR type = 'ItemReturned'
        OR type = 'AdjustmentRecorded'
    GROUP BY stream_id, coalesce(item_id, ''), item_id
"""
TOTALS = """
    SELECT stream_id AS order_id,
        sum(CASE type WHEN 'ItemAdded' THEN price * quantity WHEN 'ItemRemoved' THEN -price * quantity
            WHEN 'ItemQuantityChanged' THEN price * difference WHEN 'ItemReturned' THEN -price * quantity
            WHEN 'DiscountApplied' THEN -amount WHEN 'ShippingCharged' THEN amount
            WHEN 'AdjustmentRecorded' THEN amount END)::DECIMAL(38, 4) AS total
    FROM events
    GROUP BY stream_id
"""
STEPS = """
    SELECT * FROM (
        SELECT stream_id AS order_id, CASE type WHEN 'OrderCancelled' THEN 6 WHEN 'OrderDelivered' THEN 5 WHEN 'OrderShipped' THEN 4
            WHEN 'PaymentReceived' THEN 3 WHEN 'OrderPlaced' THEN 2 WHEN 'OrderCreated' THEN 1 ELSE 0 END AS step,
            min(occurred_at) AS reached_at
        FROM events GROUP BY ALL)
    QUALIFY reached_at <= coalesce(min(reached_at) OVER (
        PARTITION BY order_id ORDER BY step ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 'infinity'::TIMESTAMPTZ)
"""
ASKED = {
    "pieces of all items": ("SELECT sum(quantity) FROM {}", "order_items", ITEMS),
    "money of all items": ("SELECT sum(amount) FROM {}", "order_items", ITEMS),
    "items with both": ("SELECT max(item_id), sum(quantity), sum(amount) FROM {}", "order_items", ITEMS),
    "totals of all orders": ("SELECT sum(total) FROM {}", "orders", TOTALS),
    "when orders went on": ("SELECT count(*), max(reached_at) FROM {}", "order_steps", STEPS),
}


def run(folder: Path, _data: Path) -> None:
    simulate_into(str(folder / "shop"), orders=SIMULATED, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
    with open_log(folder / "shop") as log, connect(log) as session:
        cursor = session.connection
        cursor.execute("SET threads = 1")
        print(f"  {log.head().position:,} events; the least of {ROUNDS} rounds, one thread")
        for name, (query, model, hand) in ASKED.items():
            texts = query.format(model), query.format(f"({hand})"), f"EXPLAIN {query.format(model)}"
            least = [float("inf")] * len(texts)
            for _ in range(ROUNDS):
                for i, text in enumerate(texts):
                    before = time.process_time()
                    cursor.execute(text).fetchall()
                    least[i] = min(least[i], (time.process_time() - before) * 1000)
            asked, floor, plan = least
            print(
                f"  {name:22} {asked:6.1f} ms of CPU, {asked / floor:.2f} of the same by hand; {plan:.1f} of them are the plan"
            )
