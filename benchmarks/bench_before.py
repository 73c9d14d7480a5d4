"""CPU of one `handle`, one question at a moment and one batch of a projection, beside the same program at an earlier commit, in turns.

The earlier program is taken out of git, and runs on a log that it wrote itself."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

BEFORE = "c4f918a"
"""The last commit before what an event does was said once, and before appends returned what they recorded."""
ROUNDS = 3
HERE = Path(__file__).parents[1]
MEASURED = """
import sys, time
from datetime import UTC, datetime
from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder
from orders_es.projections import Projector, set_projections
from orders_es.replay import connect
from orders_es.service import handle
from orders_es.sources.simulator import simulate_into

def least(calls, cpu=time.process_time):  # getrusage knows a thread's time as of its last switch only
    taken = []
    for call in calls:
        before = cpu()
        call()
        taken.append(cpu() - before)
    return sorted(taken)[len(taken) // 4] * 1000

place = sys.argv[1]
simulate_into(place + "/shop", orders=3_000, seed=7, start=datetime(2023, 1, 1, tzinfo=UTC), days=730)
with open_log(place + "/shop") as log, connect(log) as session:
    at = datetime(2024, 6, 1, tzinfo=UTC)
    asked = least([lambda: session.sql("SELECT count(*), sum(total) FROM orders", at=at)] * 20)
with open_log(place + "/commands", create=True) as log:
    for n in range(300):
        handle(log, f"A-{n}", CreateOrder(currency="GBP"))
    one = [lambda n=n: handle(log, f"A-{n}", AddItem(item_id="mug", quantity=1, price=3)) for n in range(300)]
    handled = least(one, time.thread_time)  # not what keeps the log in shape meanwhile
    projector = Projector(log, place + "/models.duckdb", set_projections(["orders"]))
    projector.run()
    def batch(n):
        handle(log, f"A-{n}", AddItem(item_id="cup", quantity=1, price=3))
        projector.run()
    batched = least([lambda n=n: batch(n) for n in range(20)])
print(handled, asked, batched)
"""
NAMES = ("one handle", "one question at a moment", "one command and a batch of it")


def run(folder: Path, _data: Path) -> None:
    try:
        packed = subprocess.run(
            ["git", "archive", BEFORE, "orders_es"], cwd=HERE, capture_output=True, check=True
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        print(f"  not here: git has no {BEFORE}")
        return
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder / "then", filter="data")
    rounds: dict[str, list[list[float]]] = {"then": [], "now": []}
    for number in range(ROUNDS):
        for name, code in (("then", folder / "then"), ("now", HERE)):
            place = folder / f"{name} {number}"
            place.mkdir()
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, str(place)],
                env={**os.environ, "PYTHONPATH": str(code)},
                cwd=place,
                capture_output=True,
                text=True,
                check=True,
            )
            rounds[name].append([float(part) for part in done.stdout.split()])
    then, now = ([min(column) for column in zip(*rounds[name], strict=True)] for name in ("then", "now"))
    for what, before, after in zip(NAMES, then, now, strict=True):
        print(f"  {what:30} {before:6.2f} ms of CPU at {BEFORE}, {after:6.2f} now: {after / before:.2f}")
