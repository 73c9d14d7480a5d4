"""One-event durable commits, beside the bare protocol on the same bytes, taking turns so that both meet the same disk; and by sixteen threads."""

from __future__ import annotations

import os
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import ItemAdded

COMMITS = int(os.environ.get("COMMITS", "2000"))
THREADS = 16


def bare(folder: Path, descriptor: int, content: bytes) -> None:
    """The protocol with nothing but its system calls: temporary file, fsync, link, fsync of the folder."""
    temporary = folder / f"{uuid.uuid4().hex}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, content)
    os.fsync(fd)
    os.close(fd)
    os.link(temporary, folder / f"{uuid.uuid4().hex}.parquet")
    os.fsync(descriptor)
    os.unlink(temporary)


def run(folder: Path, _data: Path) -> None:
    log = open_log(folder / "log", create=True)
    floor = folder / "floor"
    floor.mkdir()
    descriptor = os.open(floor, os.O_RDONLY)
    ours, theirs = [], []
    for i in range(COMMITS):
        event = ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55"), description="A lantern")
        start = time.perf_counter()
        done = log.append(f"order-{i}", [event], expected=NO_STREAM)
        ours.append(time.perf_counter() - start)
        content = (folder / "log" / "commits" / f"{done.first_position:020d}.parquet").read_bytes()
        start = time.perf_counter()
        bare(floor, descriptor, content)
        theirs.append(time.perf_counter() - start)
    os.close(descriptor)
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{COMMITS:,} commits of one event, {len(content):,} bytes each")
    print(f"  log.append       median {a * 1e6:7.0f} µs   {1 / a:7.0f} commits/s")
    print(f"  bare protocol    median {b * 1e6:7.0f} µs   {1 / b:7.0f} commits/s")
    print(
        f"  ratio of rates   {b / a:.2f} (aim: 0.80 or better); of means {statistics.mean(theirs) / statistics.mean(ours):.2f}"
    )
    rates: dict[int, list[float]] = {1: [], THREADS: []}
    for turn in range(3):
        for threads, measured in rates.items():
            measured.append(rate(folder / f"{threads}-{turn}", threads))
    alone, together = (statistics.median(measured) for measured in rates.values())
    print(f"  {THREADS} threads       {together:7.0f} appends/s; one thread in turns with them {alone:7.0f}")
    print(f"  ratio of rates   {together / alone:.2f} (aim: 1.80 or better)")


def rate(place: Path, threads: int) -> float:
    """Appends a second by so many threads of one process, each to streams of its own."""
    event = ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55"), description="A lantern")
    each = COMMITS // 2 // threads
    with open_log(place, create=True) as log, ThreadPoolExecutor(threads) as pool:

        def append(thread: int) -> None:
            for i in range(each):
                log.append(f"order-{thread}-{i}", [event], expected=NO_STREAM)

        start = time.perf_counter()
        list(pool.map(append, range(threads)))
        return each * threads / (time.perf_counter() - start)
