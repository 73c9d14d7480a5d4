"""Questions about all orders with the states of the log and without, in one process and in turns.

`STATES_LOG` names a log to use instead of making one; `STATES_ORDERS` says how many orders are simulated. The better of two runs of each, in seconds of CPU.
"""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orders_es.log import open_log
from orders_es.log.protocol import NeedsUpkeep
from orders_es.replay import connect
from orders_es.replay.states import make_states
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("STATES_ORDERS", "113000"))
START, DAYS = datetime(2023, 1, 1, tzinfo=UTC), 730
MIDDLE = {"at": "2023-12-31", "known_at": "2024-01-05"}
ASKED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("every column, end", "SELECT * FROM orders", {}),
    ("by status, end", "SELECT status, count(*), sum(total) FROM orders GROUP BY status", {}),
    ("three columns, end", "SELECT order_id, status, total FROM orders", {}),
    ("every column, middle", "SELECT * FROM orders", {"at": MIDDLE["at"]}),
    ("three columns, middle", "SELECT order_id, status, total FROM orders", {"at": MIDDLE["at"]}),
    ("every column, middle, known_at", "SELECT * FROM orders", MIDDLE),
)


def spent(session: Any, query: str, moment: dict[str, str]) -> float:
    times = []
    for _ in range(2):
        started = time.process_time()
        session.sql(query, **moment).to_arrow()
        times.append(time.process_time() - started)
    return min(times)


def run(folder: Path, _data: Path) -> None:
    url = os.environ.get("STATES_LOG") or str(folder / "log")
    if not Path(url).exists():
        simulate_into(url, orders=ORDERS, seed=7, start=START, days=DAYS)
        with open_log(url) as log:
            assert isinstance(log, NeedsUpkeep)
            log.compact()
    bare = folder / "bare"
    shutil.copytree(url, bare, ignore=shutil.ignore_patterns("states"))
    log = open_log(url)
    events = log.head().position
    started = time.process_time()
    made = make_states(log)
    print(
        f"{events:,} events; states of {made} spans made with {(time.process_time() - started) / events * 1e6:.1f} µs an event"
    )
    with connect(log) as session, connect(bare) as plain:
        for name, query, moment in ASKED:
            without, with_states = spent(plain, query, moment), spent(session, query, moment)
            print(
                f"  {name:32} {with_states:6.2f} s of CPU; from events {without:6.2f} ({without / with_states:.1f} times)"
            )
