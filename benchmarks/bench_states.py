"""Questions about all orders with the states of the log, without, and by hand over the same files, in one process and in turns.

`STATES_LOG` names a log to use instead of making one; `STATES_ORDERS` says how many orders are simulated. The best of three turns of each, in seconds of CPU.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from bench_replay import BY_HAND, THREE_BY_HAND

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.log.protocol import NeedsUpkeep
from orders_es.replay import connect
from orders_es.replay.states import make_states
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("STATES_ORDERS", "1130000"))
START, DAYS = datetime(2023, 1, 1, tzinfo=UTC), 730
MIDDLE = {"at": "2024-04-15", "known_at": "2024-04-20"}
STATUS_BY_HAND = f"SELECT step, count(*), sum(total) FROM ({THREE_BY_HAND}) GROUP BY step"
ASKED: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("every column, end", "SELECT * FROM orders", {}, BY_HAND),
    ("by status, end", "SELECT status, count(*), sum(total) FROM orders GROUP BY status", {}, STATUS_BY_HAND),
    ("three columns, end", "SELECT order_id, status, total FROM orders", {}, THREE_BY_HAND),
    ("every column, middle", "SELECT * FROM orders", {"at": MIDDLE["at"]}, BY_HAND),
    ("three columns, middle", "SELECT order_id, status, total FROM orders", {"at": MIDDLE["at"]}, THREE_BY_HAND),
    ("every column, middle, known_at", "SELECT * FROM orders", MIDDLE, BY_HAND),
)


def by_hand(connection: Any, text: str, files: str, moment: dict[str, str]) -> Any:
    day = "{} 23:59:59.999999Z"
    query = text.format(files=files, at=day.format(moment.get("at", "9999-12-31")))
    if "known_at" in moment:
        known = f"AND recorded_at <= TIMESTAMPTZ '{day.format(moment['known_at'])}' GROUP BY stream_id"
        query = query.replace("GROUP BY stream_id", known)
    return connection.sql(query).to_arrow_table()


def spent(ask: Callable[[], Any]) -> float:
    started = time.process_time()
    ask()
    return time.process_time() - started


def in_arrow(session: Any, query: str, moment: dict[str, str]) -> Any:
    return session.sql(query, **moment).to_arrow()


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
    assert isinstance(log, ParquetLog)
    files = "[" + ", ".join(f"'{file.path}'" for file in log.files()) + "]"
    hand = duckdb.connect()
    hand.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    with connect(log) as session, connect(bare) as plain:
        for name, query, moment, text in ASKED:
            asked = (
                partial(in_arrow, session, query, moment),
                partial(in_arrow, plain, query, moment),
                partial(by_hand, hand, text, files, moment),
            )
            states, events, written = (min(times) for times in zip(*(map(spent, asked) for _ in range(3)), strict=True))
            print(
                f"  {name:32} {states:6.2f} s of CPU; by hand {written:6.2f} ({written / states:4.1f} times); "
                f"from events {events:6.2f} ({events / states:4.1f} times)"
            )
