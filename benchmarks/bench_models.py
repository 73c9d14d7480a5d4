"""Read models, cold, over ten million simulated events, beside a bare scan; and a whole report of the reference data.

Cold: a process of its own opens the log, connects, and asks once. `REPLAY_LOG` names a log to use instead of making one
(three minutes); `REPLAY_ORDERS` makes a smaller one.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.replay import connect
from orders_es.report import write_report
from orders_es.sources.online_retail import import_online_retail
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("REPLAY_ORDERS", "1130000"))
ROUNDS = 3
MOMENTS = (datetime(2023, 4, 1, tzinfo=UTC), datetime(2023, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
MODELS = (
    "daily_sales",
    "product_sales",
    "customer_value",
    "cohorts",
    "order_funnel",
    "cycle_times",
    "status_transitions",
    "late_orders",
    "receivables",
    "restatements",
    "activity",
)
SCAN = "SELECT count(stream_id), count(type), count(occurred_at), sum(price * quantity), sum(amount) FROM events"


def ask(url: str, query: str, at: datetime) -> tuple[float, float]:
    """Seconds on the clock, and seconds of both cores' work, from the log's URL to the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    with connect(open_log(url)) as session:
        len(session.sql(query, at=at))
    return time.perf_counter() - wall, (time.process_time() - cpu) / (os.cpu_count() or 1)


def cold(url: str, query: str, at: datetime) -> tuple[float, float]:
    """The best of some processes that do nothing else."""
    found = []
    for _ in range(ROUNDS):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
            found.append(executor.submit(ask, url, query, at).result())
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def run(folder: Path, data: Path) -> None:
    url = os.environ.get("REPLAY_LOG") or str(folder / "log")
    if not Path(url).exists():
        simulate_into(url, orders=ORDERS, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
        log = open_log(url)
        assert isinstance(log, ParquetLog)
        log.compact()
    print(f"{open_log(url).head().position:,} events; seconds, cold (in brackets: of both cores' work)")
    for at in MOMENTS:
        scan = cold(url, SCAN, at)
        asked = cold(url, "FROM daily_sales", at)
        print(
            f"  daily_sales at {at:%Y-%m-%d}   {asked[0]:5.2f} ({asked[1]:.2f}; aim: 2), {asked[0] / scan[0]:.1f} times a scan"
        )
    for name in MODELS[1:]:
        wall, cpu = cold(url, f"FROM {name}", MOMENTS[-1])
        print(f"  {name:25} {wall:5.2f} ({cpu:.2f})")
    file = data / "online_retail.parquet"
    if not file.is_file():
        print(f"  no {file}: no report of it")
        return
    with open_log(folder / "retail", create=True) as log:
        import_online_retail(log, file, progress=False)
        with connect(log) as session:
            started = time.perf_counter()
            report = write_report(session, folder / "report")
            print(
                f"  report of the reference data {time.perf_counter() - started:5.2f} (aim: 20), {len(report.tables)} tables"
            )
