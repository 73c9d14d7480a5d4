"""append_table with payloads, hashes and fsync, beside pyarrow writing the same rows and fsync without anything else."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from workload import order_events

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

ROWS = 131_072
BATCHES = 8


def run(folder: Path, _data: Path) -> None:
    tables = [order_events(ROWS, start=i * ROWS) for i in range(BATCHES)]
    events = ROWS * BATCHES
    log = open_log(folder / "log", create=True)
    assert isinstance(log, ParquetLog)
    start = time.perf_counter()
    for table in tables:
        log.append_table(table)
    ours = time.perf_counter() - start

    recorded = [pa.Table.from_batches(log.read(after=i * ROWS, to=(i + 1) * ROWS)) for i in range(BATCHES)]
    start = time.perf_counter()
    for i, table in enumerate(recorded):
        path = folder / f"{i}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=1)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    floor = time.perf_counter() - start

    payloads = recorded[0].column("payload").cast(pa.binary()).to_pylist()
    start = time.perf_counter()
    for payload in payloads:
        sha256(sha256(payload).digest()).digest()
        sha256(payload).digest()
    hashing = (time.perf_counter() - start) * BATCHES
    size = sum(os.path.getsize(file.path) for file in log.files())
    print(f"{events:,} events in {BATCHES} commits, typed columns in, {size / events:.0f} bytes an event on disk")
    print(f"  append_table                      {events / ours:10,.0f} events/s (aim: 400,000 or better)")
    print(f"  pyarrow writes the same + fsync   {events / floor:10,.0f} events/s; ratio {floor / ours:.2f}")
    print(f"  three SHA-256 an event, alone     {events / hashing:10,.0f} events/s; ratio {hashing / ours:.2f}")
