"""A simulated log, compacted: how many bytes an event takes, and what verifying it costs beside three SHA-256 of each event."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq

from orders_es.audit import verify
from orders_es.log import open_log
from orders_es.log.hashing import SWITCH
from orders_es.log.parquet import ParquetLog
from orders_es.replay.states import make_states
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("VERIFY_ORDERS", "60000"))


def run(folder: Path, _data: Path) -> None:
    place = folder / "log"
    simulate_into(place, orders=ORDERS, seed=7, start=datetime(2025, 1, 1, tzinfo=UTC), days=90)
    with open_log(place) as log:
        assert isinstance(log, ParquetLog)
        log.compact()
        log.vacuum(grace=timedelta(0))
        events = log.head().position
        stored = sum(os.path.getsize(file.path) for file in log.files())
        columns: Counter[str] = Counter()
        for file in log.files():
            metadata = pq.read_metadata(file.path)
            for group in range(metadata.num_row_groups):
                for i in range(metadata.num_columns):
                    column = metadata.row_group(group).column(i)
                    columns[column.path_in_schema] += column.total_compressed_size
        print(f"{events:,} simulated events, compacted: {stored / events:.1f} bytes an event (aim: 32 or fewer)")
        print("  " + ", ".join(f"{name} {size / events:.1f}" for name, size in columns.most_common(8)))
        measure("with sorted copies", events, lambda: verify(log).ok)
        os.environ[SWITCH] = "0"
        measure("the same, no other processes", events, lambda: verify(log).ok)
        del os.environ[SWITCH]
        measure("--quick", events, lambda: verify(log, quick=True).ok)
        make_states(log)
        derived = sum(path.stat().st_size for path in (place / "derived").rglob("*") if path.is_file())
        print(f"  all that is derived: {derived / events:.1f} bytes an event (aim: 60 or fewer)")
        measure("with states as well", events, lambda: verify(log).ok)
    leaves = [os.urandom(170) for _ in range(100_000)]
    started = time.process_time()
    for leaf in leaves:
        sha256(leaf[:61]).digest(), sha256(leaf).digest(), sha256(leaf[:65]).digest()
    print(f"  three SHA-256, alone            {(time.process_time() - started) * 10:6.2f} µs of CPU an event")


def measure(what: str, events: int, do: Callable[[], bool]) -> None:
    """The second of two runs, so that other processes have started."""
    assert do()
    started, clock = time.process_time(), time.perf_counter()
    assert do()
    spent, took = time.process_time() - started, time.perf_counter() - clock
    print(
        f"  verify, {what:31} {events / took:10,.0f} events/s, {spent / events * 1e6:.2f} µs of CPU here an event (aim: 600,000/s)"
    )
