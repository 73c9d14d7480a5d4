"""Projections over ten million simulated events: tables built, rebuilt, caught up and followed; and `eventsourcing` beside it.

`REPLAY_LOG` names a log to use instead of making one (three minutes); it is linked, not changed. `REPLAY_ORDERS` makes a
smaller one. `eventsourcing` is asked if it is installed.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import multiprocessing
import os
import random
import shutil
import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders_es.log import ANY, Head, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded, OrderPlaced
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.replay import connect
from orders_es.sources.simulator import simulate_into

ORDERS = int(os.environ.get("REPLAY_ORDERS", "1130000"))
NAMES = ["orders", "order_items"]
NEW = 100_000
COMMITS = 60


class UpTo:
    """A log as it was when it ended at a position."""

    def __init__(self, log: Any, end: int) -> None:
        self._log, self._end = log, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def head(self) -> Head:
        head: Head = self._log.head()
        return dataclasses.replace(head, position=self._end)


def run(folder: Path, _data: Path) -> None:
    log = open_log(linked(folder))
    end = log.head().position
    models = folder / "models.duckdb"
    projections = set_projections(NAMES)
    for projection in projections:
        seconds = timed(Projector(UpTo(log, end - NEW), models, [projection]).run)
        least = bare(log, folder, projection.name)
        print(
            f"  {projection.name:12} built from {end - NEW:,} events {per(end - NEW, seconds)}; {beside(seconds, least)}"
        )
    seconds = timed(Projector(log, models, projections).run)
    print(f"  both caught up with {NEW:,} more: {seconds:.2f} s")
    for projection in projections:
        done = Projector(log, models, projections).rebuild(projection.name)
        assert done.same, done
        least = bare(log, folder, projection.name)
        print(
            f"  {projection.name:12} rebuilt, compared, swapped    {per(end, done.seconds)}; {beside(done.seconds, least)}"
        )
    followed(log, folder, models)
    if importlib.util.find_spec("eventsourcing") is None:
        print("  eventsourcing is not installed here; pip install eventsourcing puts it beside")
    else:
        importlib.import_module("project_eventsourcing").run(folder)


def linked(folder: Path) -> Path:
    """A log that may be appended to, with the files of another one, or a new one."""
    target = folder / "log"
    source = os.environ.get("REPLAY_LOG")
    if source is None:
        simulate_into(target, orders=ORDERS, start=datetime(2023, 1, 1, tzinfo=UTC), days=730, seed=7)
        with open_log(target) as log:
            assert isinstance(log, ParquetLog)
            log.compact()
        return target

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:  # another disk
            shutil.copyfile(one, other)

    shutil.copytree(source, target, copy_function=link)
    return target


def bare(log: Any, folder: Path, name: str) -> float:
    """How long DuckDB takes for the read model's SELECT, straight into a file of its own that nobody reads meanwhile."""
    file = folder / "bare.duckdb"

    def fill(cursor: Any, _head: Head) -> None:
        cursor.execute(f"ATTACH '{file}' AS bare")
        cursor.execute(f"CREATE TABLE bare.{name} AS SELECT * FROM {name}")
        cursor.execute("DETACH bare")

    with connect(log) as session:
        seconds = timed(lambda: session.using(fill, name))
    file.unlink()
    return seconds


def beside(seconds: float, least: float) -> str:
    return f"DuckDB alone {least:.2f} s, {seconds / least:.2f} times that"


def followed(log: Any, folder: Path, models: Path) -> None:
    """How long a commit takes to be seen by a reader of the file, while another process follows."""
    stop = multiprocessing.Event()
    runner = multiprocessing.Process(target=follow, args=(folder / "log", models, stop))
    runner.start()
    chance, known = random.Random(3), log.stream_ids(limit=20_000)
    waits = []
    reader = ReadModels(models)
    for number in range(COMMITS + 5):
        time.sleep(0.1)
        order = f"new-{number}" if number % 2 else chance.choice(known)
        last = log.append(
            order, [ItemAdded(item_id="mug", quantity=1, price=Decimal(number)), OrderPlaced()], expected=ANY
        )
        started = time.perf_counter()
        while seen(reader) < last.last_position:
            time.sleep(0.01)
        waits.append(time.perf_counter() - started)
    stop.set()
    runner.join()
    waits = sorted(waits[5:])  # the first ones wait for the process to start
    print(
        f"  commit to visible in both tables under follow, {COMMITS} commits: median "
        f"{statistics.median(waits) * 1e3:.0f} ms, p95 {waits[int(len(waits) * 0.95)] * 1e3:.0f} ms"
    )


def seen(reader: ReadModels) -> int:
    names = ", ".join(f"'{name}'" for name in NAMES)
    [(position,)] = reader.query(f"SELECT min(checkpoint) FROM orders_es.projections WHERE name IN ({names})").rows()
    return int(position)


def follow(folder: Path, models: Path, stop: Any) -> None:
    Projector(open_log(folder), models, set_projections(NAMES)).follow(stop)


def timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def per(events: int, seconds: float) -> str:
    return f"{seconds:6.2f} s {events / seconds / 1e6:6.2f} M events/s"
