"""Benchmarks: `python benchmarks/run.py [NAME …]`, or `make bench` for all of them.

Each prints what it measured beside a floor or a rival in the same run, as ratios; figures of one machine mean little
elsewhere, ratios more. Everything is written below a temporary folder (`--dir` chooses another disk) and removed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
from pathlib import Path

BENCHMARKS = {
    "upkeep": "thousands of one-event commits that nobody compacts, beside a log that does not keep itself in shape",
    "commit": "one-event durable commits, beside the bare system calls on the same bytes",
    "bulk": "append_table, beside pyarrow writing the same table and beside hashing alone",
    "verify": "a simulated log: bytes of an event by column, and CPU of verifying it beside hashing alone",
    "personal": "events with a personal field, beside the same where nothing is marked",
    "start": "what is loaded before anything is done, beside Python alone",
    "open": "opening a log of a million events, in few files and in many",
    "contend": "eight processes that append to one log at once",
    "postgres": "a log in PostgreSQL, beside bare INSERT and COPY on the same server and beside eventsourcing",
    "http": "commands over HTTP, one client and eight, beside `handle` alone",
    "outlets": "rows into PostgreSQL, Redis, NATS, a search index and Kafka, beside what each client library does bare",
    "handle": "CPU of one command beside the bare append, and of one question at a moment beside SQL by hand",
    "effects": "read models that are sums over order_effects, beside the same answers by hand over events",
    "before": "one command, one question and one batch, beside the program before effects of events stood in one place",
    "fold": "the Python fold, decoding included, and a giant order",
    "snapshot": "an order of 5,000 events with snapshots and without",
    "replay": "time travel over ten million events, beside hand-written SQL and beside eventsourcing",
    "project": "tables built, rebuilt, caught up and followed over ten million events, and beside eventsourcing",
    "states": "questions about all orders from states, beside the same ones from events",
    "models": "read models, cold, over ten million events, and a report",
    "many": "a query at 24 month ends at once, beside the same one by one and beside one of them",
    "proofs": "signing ten million events, receipts and consistency proofs from them, beside hashing alone",
    "import_dumps": "nightly dumps of a million rows, beside read_csv of one",
    "import_table": "a CSV of two million order lines, beside read_csv and beside the hashes that a log owes",
    "evolve": "a million events of an old version: their copies, asked and loaded, beside events of today",
    "early_orders": "orders as the first program of this domain recorded them, beside the same orders in today's events",
    "retail": "the Online Retail file end to end, from Parquet and from CSV",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--dir", type=Path, help="where the logs are written; a temporary folder if left out")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with online_retail.parquet")
    arguments = parser.parse_args()
    names = arguments.names or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    sys.path.insert(0, str(Path(__file__).parent))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    for name in names:
        print(f"\n== {name}: {BENCHMARKS[name]}")
        with tempfile.TemporaryDirectory(dir=arguments.dir) as folder:
            importlib.import_module(f"bench_{name}").run(Path(folder), arguments.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
