"""Eight processes that append one-event commits to one log at once, beside one process alone."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

from workload import order_events

from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.orders import OrderPlaced

COMMITS = 2_000
WRITERS = 8
ROWS = 65_536


def write(url: str, writer: int, commits: int, start: Event) -> None:
    log = open_log(url)
    start.wait()
    for i in range(commits):
        log.append(f"order-{writer}-{i}", [OrderPlaced()], expected=NO_STREAM)


def bulk(url: str, start: Event, took: Queue[float]) -> None:
    log = open_log(url)
    table = order_events(ROWS)
    start.wait()
    began = time.perf_counter()
    log.append_table(table, expected=ANY)
    took.put(time.perf_counter() - began)


def race(url: Path, writers: int, *, with_bulk: bool = False) -> tuple[float, float | None]:
    open_log(url, create=True)
    context = multiprocessing.get_context("spawn")
    start, took = context.Event(), context.Queue()
    jobs = [context.Process(target=write, args=(str(url), w, COMMITS // writers, start)) for w in range(writers)]
    if with_bulk:
        jobs.append(context.Process(target=bulk, args=(str(url), start, took)))
    for job in jobs:
        job.start()
    time.sleep(3)
    began = time.perf_counter()
    start.set()
    for job in jobs:
        job.join()
    seconds = time.perf_counter() - began
    return COMMITS // writers * writers / seconds, took.get() if with_bulk else None


def run(folder: Path, _data: Path) -> None:
    alone, _ = race(folder / "one", 1)
    together, _ = race(folder / "eight", WRITERS)
    print(f"  1 process    {alone:7.0f} commits/s")
    print(f"  {WRITERS} processes  {together:7.0f} commits/s in all; ratio {together / alone:.2f}")
    url = folder / "quiet"
    open_log(url, create=True)
    began = time.perf_counter()
    open_log(url).append_table(order_events(ROWS), expected=ANY)
    quiet = time.perf_counter() - began
    _, among = race(folder / "bulk", 3, with_bulk=True)
    print(f"  a commit of {ROWS:,} events: {quiet:.2f} s alone, {among:.2f} s among 3 writers of one-event commits")
