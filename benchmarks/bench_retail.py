"""The Online Retail file end to end, from Parquet and from CSV: reading, checking, mapping, hashing, fsync."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pyarrow.csv as pc
import pyarrow.parquet as pq

from orders_es.log import open_log
from orders_es.sources.online_retail import import_online_retail


def run(folder: Path, data: Path) -> None:
    source = data / "online_retail.parquet"
    if not source.exists():
        print(f"  {source} is not there; name its folder with --data")
        return
    csv = folder / "online_retail.csv"
    pc.write_csv(pq.read_table(source).drop_columns(["row_no"]), csv)
    for path in (source, csv):
        log = open_log(folder / path.suffix[1:], create=True)
        start = time.perf_counter()
        result = import_online_retail(log, path)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        import_online_retail(log, path)
        again = time.perf_counter() - start
        print(
            f"  {path.suffix:8} {result.events:,} events in {seconds:5.1f} s (aim: 15 or less), "
            f"{result.events / seconds:,.0f} events/s; once more, as duplicates: {again:.1f} s"
        )
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
