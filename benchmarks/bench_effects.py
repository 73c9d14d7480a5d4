"""CPU of read models that are sums over `order_effects`, beside the same answers by hand over `events`, asked in turns.

A plan through the views costs the same however many events there are, so it is shown apart. And the texts of before there was
`order_effects`, asked for the columns that both have, so that what was added to the answers since is told from what the relation costs."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.log import open_log
from orders_es.log.relation import quoted
from orders_es.replay import connect
from orders_es.sources.simulator import simulate_into

if TYPE_CHECKING:
    from collections.abc import Sequence

SIMULATED, ROUNDS = 30_000, 7
ITEMS = """
    SELECT order_id, item_id, description, price, added, removed, changed, returned, added - removed + changed AS ordered,
        quantity, gross, returns, amount, first_version
    FROM (
        SELECT stream_id AS order_id, coalesce(item_id, '') AS item_id,
            arg_min(CASE WHEN type IN ('ItemAdded', 'ItemReturned') THEN description END, version) AS description,
            coalesce(arg_max(CASE WHEN type = 'ItemAdded' THEN price END, version), arg_max(price, version)) AS price,
            coalesce(sum(CASE WHEN type = 'ItemAdded' THEN quantity END), 0)::BIGINT AS added,
            coalesce(sum(CASE WHEN type = 'ItemRemoved' THEN quantity END), 0)::BIGINT AS removed,
            coalesce(sum(CASE WHEN type = 'ItemQuantityChanged' THEN difference END), 0)::BIGINT AS changed,
            coalesce(sum(CASE WHEN type = 'ItemReturned' THEN quantity END), 0)::BIGINT AS returned,
            coalesce(sum(price * CASE type WHEN 'ItemAdded' THEN quantity WHEN 'ItemRemoved' THEN -quantity
                WHEN 'ItemQuantityChanged' THEN difference END), 0)::DECIMAL(38, 4) AS gross,
            coalesce(sum(CASE WHEN type = 'ItemReturned' THEN price * quantity END), 0)::DECIMAL(38, 4) AS returns,
            coalesce(sum(CASE type WHEN 'ItemAdded' THEN quantity WHEN 'ItemRemoved' THEN -quantity WHEN 'ItemReturned' THEN -quantity
                WHEN 'ItemQuantityChanged' THEN difference WHEN 'AdjustmentRecorded' THEN quantity END), 0)::BIGINT AS quantity,
            coalesce(sum(CASE type WHEN 'ItemAdded' THEN price * quantity WHEN 'ItemRemoved' THEN -price * quantity
                WHEN 'ItemReturned' THEN -price * quantity WHEN 'ItemQuantityChanged' THEN price * difference
                WHEN 'AdjustmentRecorded' THEN amount END), 0)::DECIMAL(38, 4) AS amount,
            min(version) AS first_version
        FROM events
        WHERE type = 'ItemAdded' OR type = 'ItemRemoved' OR type = 'ItemQuantityChanged' OR type = 'ItemReturned'
            OR type = 'AdjustmentRecorded'
        GROUP BY stream_id, coalesce(item_id, ''))
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
    "all columns of items": (
        """SELECT sum(hash(order_id, item_id, description, price, added, removed, changed, returned, ordered, quantity, gross,
        returns, amount, first_version)) FROM {}""",
        "order_items",
        ITEMS,
    ),
    "totals of all orders": ("SELECT sum(total) FROM {}", "orders", TOTALS),
    "when orders went on": ("SELECT count(*), max(reached_at) FROM {}", "order_steps", STEPS),
}

BEFORE = "c4f918a"
"""The last commit whose read models each said for themselves what an event does."""
SINCE = {
    "order_items": {},
    "orders": {},
    "order_steps": {"entered_at": "reached_at"},
    "order_history": {},
    "daily_sales": {},
}
"""Read models of then, each with the columns that have another name since."""


def run(folder: Path, _data: Path) -> None:
    simulate_into(str(folder / "shop"), orders=SIMULATED, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
    with open_log(folder / "shop") as log, connect(log) as session:
        cursor = session.connection
        cursor.execute("SET threads = 1")
        print(f"  {log.head().position:,} events; the least of {ROUNDS} rounds, one thread")
        for name, (query, model, hand) in ASKED.items():
            texts = query.format(model), query.format(f"({hand})"), f"EXPLAIN {query.format(model)}"
            asked, floor, plan = _least(cursor, texts)
            print(
                f"  {name:22} {asked:6.1f} ms of CPU, {asked / floor:.2f} of the same by hand; {plan:.1f} of them are the plan"
            )
        print(f"  beside the texts of {BEFORE}, over the same events and asked for the same columns:")
        for name, renamed in SINCE.items():
            text = _of_then(name)
            if text is None:
                print(f"  {name}: not here, git has no {BEFORE}")
                continue
            cursor.execute(f"CREATE OR REPLACE VIEW then_{name} AS {text}")
            now = [row[0] for row in cursor.execute(f"DESCRIBE {name}").fetchall()]
            old = [row[0] for row in cursor.execute(f"DESCRIBE then_{name}").fetchall()]
            both = [(column, renamed.get(column, column)) for column in old if renamed.get(column, column) in now]
            texts = (
                _hashed(f"then_{name}", [a for a, _ in both]),
                _hashed(name, [b for _, b in both]),
                _hashed(name, now),
            )
            then, same, more, *plans = _least(cursor, (*texts, *(f"EXPLAIN {each}" for each in texts[:2])))
            print(
                f"  {name:14} {same:6.1f} ms, {same / then:.2f} of then for {len(both)} of its {len(old)} columns; {more / then:.2f} for "
                f"all {len(now)} of now; plans {plans[0]:.1f} then, {plans[1]:.1f} now"
            )


def _least(cursor: Any, texts: Sequence[str]) -> list[float]:
    """Milliseconds of CPU of each query, the least of all rounds, asked in turns."""
    least = [float("inf")] * len(texts)
    for _ in range(ROUNDS):
        for i, text in enumerate(texts):
            before = time.process_time()
            cursor.execute(text).fetchall()
            least[i] = min(least[i], (time.process_time() - before) * 1000)
    return least


def _hashed(relation: str, columns: Sequence[str]) -> str:
    return f"SELECT sum(hash({', '.join(map(quoted, columns))})) FROM {relation}"


def _of_then(name: str) -> str | None:
    """A read model's text at that commit; None where there is no git, or not that commit."""
    asked = ["git", "show", f"{BEFORE}:orders_es/read_models/{name}.sql"]
    try:
        done = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
