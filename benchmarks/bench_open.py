"""Opening a log of a million events: in a few large commits, in one segment, and behind 2,000 small commits."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from workload import order_events

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced

ROWS = 131_072
BATCHES = 8
SMALL = 2_000
PROGRAM = """
import sys, time
started = time.perf_counter()
import orders_es.log.parquet
from orders_es.log import open_log
imported = time.perf_counter()
position = open_log(sys.argv[1]).head().position
print(imported - started, time.perf_counter() - imported, position)
"""


def cold(url: Path) -> tuple[float, float]:
    """Milliseconds of import and of opening, in a fresh interpreter; medians of seven."""
    runs = []
    for _ in range(7):
        out = subprocess.run([sys.executable, "-c", PROGRAM, str(url)], capture_output=True, text=True, check=True)
        runs.append([float(word) for word in out.stdout.split()])
    return statistics.median(r[0] for r in runs) * 1e3, statistics.median(r[1] for r in runs) * 1e3


def show(label: str, url: Path) -> None:
    imported, opened = cold(url)
    log = open_log(url)
    start = time.perf_counter()
    found = len(log.load("order-77777"))
    first = (time.perf_counter() - start) * 1e3
    start = time.perf_counter()
    log.append(f"new-{time.time_ns()}", [OrderPlaced()], expected=0)
    append = (time.perf_counter() - start) * 1e3
    print(
        f"  {label:32} open {opened:6.1f} ms (aim: 150 or less), after {imported:4.0f} ms of imports; "
        f"then first load ({found} events) {first:5.1f} ms, first append {append:6.1f} ms"
    )


def run(folder: Path, _data: Path) -> None:
    url = folder / "log"
    log = open_log(url, create=True)
    assert isinstance(log, ParquetLog)
    for i in range(BATCHES):
        log.append_table(order_events(ROWS, start=i * ROWS))
    print(f"{ROWS * BATCHES:,} events")
    show(f"{BATCHES} commits", url)
    log.compact(target_events=4 * ROWS * BATCHES)
    show("one segment", url)
    for i in range(SMALL):
        log.append(f"tail-{i % 100}", [OrderPlaced()], expected=ANY)
    show(f"and {SMALL:,} one-event commits", url)
