"""How work grows with the log: from 10^5 events on, time, peak memory and bytes, with fitted exponents. `make bench-scale`.

Give the powers of ten, such as `5 6 7`; each size runs in a process of its own, so that its peak memory is its own. An exponent of 1 is
work that grows as the log does, 0 is work that does not.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workload import order_events

from orders_es.audit import verify
from orders_es.log import ANY, open_log
from orders_es.orders import OrderDelivered
from orders_es.replay import connect, load_order
from orders_es.replay.states import make_states

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 131_072
ABOVE = 1.05
"""From this exponent on, work grows faster than the log."""


def measured(events: int, place: Path) -> dict[str, float]:
    """What each work took at one size, in seconds; bytes and memory besides."""
    took: dict[str, float] = {}

    def clocked(name: str, do: Callable[[], object]) -> None:
        started = time.perf_counter()
        do()
        took[name] = time.perf_counter() - started

    log = open_log(place, create=True)

    def write() -> None:
        for first in range(0, events, BATCH):
            log.append_table(order_events(min(BATCH, events - first), start=first))

    clocked("append_table", write)
    clocked("compact", log.compact)  # type: ignore[attr-defined]
    clocked("states", lambda: make_states(log))
    log.close()
    clocked("open and head", lambda: open_log(place).head())
    with open_log(place) as log, connect(log) as session:
        ids = log.stream_ids(limit=100)
        clocked("load 100 orders", lambda: [load_order(log, each) for each in ids])
        clocked("append one event", lambda: log.append(ids[0], [OrderDelivered()], expected=ANY))
        query = "SELECT status, count(*), sum(total) FROM orders GROUP BY status"
        for again in ("", ", again", ", a third time"):
            clocked(f"orders by status{again}", lambda: session.sql(query).rows())
        clocked("orders by status at a moment", lambda: session.sql(query, at="2023-11-15").rows())
        clocked("verify", lambda: verify(log))
    took["bytes an event"] = sum(f.stat().st_size for f in place.glob("segments/*")) / events
    took["bytes an event, derived"] = sum(f.stat().st_size for f in place.glob("derived/**/*") if f.is_file()) / events
    took["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(int(sys.argv[2]), Path(folder) / "log")))
        return 0
    sizes = [10 ** int(power) for power in sys.argv[1:] or ("5", "6", "7")]
    found = []
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], check=True, capture_output=True, text=True
        )
        found.append(json.loads(done.stdout))
        print(f"{size:,} events: done", flush=True)
    print(f"{'':34}" + "".join(f"{size:>14,}" for size in sizes) + "   exponent, by the last two")
    for name in found[0]:
        values = [each[name] for each in found]
        exponent = math.log10(values[-1] / values[-2]) / math.log10(sizes[-1] / sizes[-2]) if len(sizes) > 1 else 0.0
        mark = "  faster than the log" if exponent > ABOVE else ""
        print(f"{name:34}" + "".join(f"{value:14.4g}" for value in values) + f"   {exponent:.2f}{mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
