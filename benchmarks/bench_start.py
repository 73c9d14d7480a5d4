"""Starting: what a program and the command line load before they do anything, beside Python alone and beside pyarrow."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderPlaced

TIMES = 9
PROGRAMS = {
    "python alone": "pass",
    "import pyarrow.parquet, .compute": "import pyarrow.parquet, pyarrow.compute",
    "import orders_es": "import orders_es",
    "every public name of it": "from orders_es import *",
    "orders-es --version": "import sys; sys.argv[1:] = ['--version']; from orders_es.__main__ import start; start()",
    "orders-es show --help": "import sys; sys.argv[1:] = ['show', '--help']; from orders_es.__main__ import start; start()",
    "orders-es --help": "import sys; sys.argv[1:] = ['--help']; from orders_es.__main__ import start; start()",
    "open a log and its head": "import sys; from orders_es import open_log; open_log(sys.argv[1]).head()",
    "import duckdb": "import duckdb; duckdb.connect().execute('SELECT 1').fetchall()",
    "and a session that counts orders": (
        "import sys; from orders_es import connect; connect(sys.argv[1]).sql('SELECT count(*) FROM orders').rows()"
    ),
}


def once(program: str, url: Path) -> tuple[float, float]:
    """Milliseconds by the clock, and of CPU, of one fresh interpreter."""
    # As on a user's machine, modules are compiled once: by the first of the runs, which is never the best.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", program, str(url)], stdout=subprocess.DEVNULL, check=True, env=environment)
    clock, after = time.perf_counter() - started, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return clock * 1e3, cpu * 1e3


def run(folder: Path, _data: Path) -> None:
    url = folder / "log"
    with open_log(url, create=True) as log:
        log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(TIMES):  # in turn, so that a busy moment meets all alike
        for name, program in PROGRAMS.items():
            taken[name].append(once(program, url))
    print(f"fresh interpreters, the best of {TIMES}: by the clock, and of CPU")
    alone = min(cpu for _, cpu in taken["python alone"])
    for name, times in taken.items():
        clock, cpu = min(c for c, _ in times), min(c for _, c in times)
        print(f"  {name:34} {clock:6.0f} ms {cpu:6.0f} ms, {cpu - alone:4.0f} more than Python alone")
