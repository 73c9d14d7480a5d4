"""A CSV of two million order lines end to end, beside DuckDB's read_csv of the file and beside the hashes that a log owes.

An event has three hashes in the log's tree (its payload, its leaf, a node above it). They are the part of an import that no
reader of CSV has, and are measured alone, so that it can be seen what is left.
"""

from __future__ import annotations

import resource
import time
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

from orders_es.log import open_log
from orders_es.sources.order_tables import import_table, preview_table

LINES = 2_000_000
MAPPING = {
    "rows": "line",
    "order": {
        "id": "Order No",
        "currency": {"value": "EUR"},
        "occurred": "Order Date",
        "placed": True,
        "customer_id": "Customer",
    },
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
}


def orders_csv(path: Path, lines: int, more_columns: int = 0) -> None:
    """Four lines an order, a few thousand articles, and columns that nobody asks for."""
    random = np.random.default_rng(1)
    order = np.arange(lines) // 4
    day = np.datetime64("2025-01-01T00:00:00") + (order * 13 % 31_536_000).astype("timedelta64[s]")
    table = pa.table(
        {
            "Order No": np.char.add("A-", order.astype(str)),
            "Order Date": pa.array(day).cast(pa.string()),
            "Customer": (order % 50_000).astype(str),
            "SKU": np.char.add("S", random.integers(0, 4_000, lines).astype(str)),
            "Qty": random.integers(1, 9, lines),
            "Price": np.round(random.integers(100, 9_999, lines) / 100, 2),
            **{f"Note {i}": pa.repeat("as it was written down by somebody", lines) for i in range(more_columns)},
        }
    )
    pyarrow.csv.write_csv(table, path)


def run(folder: Path, data: Path) -> None:
    del data
    path = folder / "orders.csv"
    orders_csv(path, LINES)
    print(f"  {LINES:,} lines, {path.stat().st_size / 1e6:,.0f} MB")
    start = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS FROM read_csv('{path}')")
    read = time.perf_counter() - start
    looked = time.process_time()
    preview_table(path, MAPPING, orders=1)
    looked = time.process_time() - looked
    log = open_log(folder / "log", create=True)
    start, used = time.perf_counter(), time.process_time()
    done = import_table(log, path, MAPPING)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    leaf = bytes(160)
    start, alone = time.perf_counter(), time.process_time()
    for _ in range(done.events):
        sha256(leaf).digest()
        sha256(leaf).digest()
        sha256(leaf).digest()
    hashing, alone = time.perf_counter() - start, time.process_time() - alone
    print(f"  read_csv into a table       {read:6.2f} s")
    print(f"  hashes of {done.events:,} events {hashing:6.2f} s, on one core")
    print(
        f"  import_table                {seconds:6.2f} s, {LINES / seconds:,.0f} lines/s (aim: 150,000): "
        f"{seconds / read:.0f} x read_csv, {seconds / hashing:.1f} x the hashes"
    )
    print(
        f"  of processor time           {used:6.2f} s, {used / alone:.1f} x that of the hashes; which other work disturbs less"
    )
    print(
        f"  of that reading and mapping {looked:6.2f} s, {LINES / looked:,.0f} lines per second of one core; the rest is the log's"
    )
    print(f"  peak memory {peak:,.0f} MB (aim: below 1,000)")
