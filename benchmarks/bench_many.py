"""A query at 24 month ends in one call, beside one moment alone (the floor) and beside a call for each of the 24 (the rival).

Orders are spread over two years. `REPLAY_ORDERS` makes a log of another size.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orders_es.log import open_log
from orders_es.replay import Session, connect
from orders_es.sources.simulator import simulate_into

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = int(os.environ.get("REPLAY_ORDERS", "300000"))
ROUNDS = 3
START = datetime(2023, 1, 1, tzinfo=UTC)
ENDS = [
    datetime(2023 + month // 12, month % 12 + 1, 1, tzinfo=UTC) - timedelta(microseconds=1) for month in range(1, 25)
]
QUERIES = {
    "orders by status": "SELECT status, currency, count(*) AS n, sum(total) AS total FROM orders GROUP BY ALL",
    "orders counted": "SELECT count(*) AS n FROM orders",
    "items sold": "SELECT item_id, sum(quantity) AS quantity FROM order_items GROUP BY ALL",
    "customer_value": "SELECT segment, count(*) AS n FROM customer_value GROUP BY ALL",
    "daily_sales": "SELECT currency, sum(revenue) AS revenue FROM daily_sales GROUP BY ALL",
    "events": "SELECT type, count(*) AS n FROM events GROUP BY ALL",
}


def seconds(session: Session, query: str, *moments: object) -> float:
    """The best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for moment in moments:
            session.sql(query, at=moment)  # type: ignore[arg-type]
        best = min(best, time.perf_counter() - start)
    return best


def run(folder: Path, data: Path) -> None:
    del data
    made = simulate_into(folder / "log", orders=ORDERS, seed=1, start=START, days=730)
    print(f"{made.events:,} events of {ORDERS:,} orders; seconds, best of {ROUNDS}")
    print(f"{'':24}{'one':>8}{'24 at once':>12}{'24 calls':>10}{'at once / one':>15}{'calls / at once':>17}")
    with open_log(folder / "log") as log, connect(log) as session:
        for name, query in QUERIES.items():
            one, many, each = (seconds(session, query, *asked) for asked in (ENDS[-1:], [ENDS], ENDS))
            print(f"{name:24}{one:8.2f}{many:12.2f}{each:10.2f}{many / one:15.1f}{each / many:17.1f}")
