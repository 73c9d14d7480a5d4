"""How work grows with the log: from 10^5 events on, time by the clock and of CPU, peak memory and bytes, with fitted exponents. `make bench-scale`.

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
from contextlib import suppress
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
_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
ABOVE = 1.05
"""From this exponent on, work grows faster than the log."""


def measured(events: int, place: Path) -> dict[str, float]:
    """What each work took at one size, in seconds; bytes and memory besides."""
    took: dict[str, float] = {}
    memory: dict[str, float] = {}

    def clocked(name: str, do: Callable[[], object]) -> None:
        _forget_peak()
        started, worked = time.perf_counter(), _cpu()
        do()
        took[name] = time.perf_counter() - started
        took[f"{name}: CPU"] = _cpu() - worked
        if peak := _peak_mb():
            memory[f"{name}: peak memory, MB"] = peak

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
    # What was compacted lies in both until `vacuum`; a log that needed no compaction has commits alone.
    files = [*place.glob("segments/*")] or [*place.glob("commits/*.parquet")]
    took["bytes an event"] = sum(f.stat().st_size for f in files) / events
    took["bytes an event, derived"] = sum(f.stat().st_size for f in place.glob("derived/**/*") if f.is_file()) / events
    took["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took | memory


def _cpu() -> float:
    """Seconds of CPU until now, those of processes that were started and have ended included."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, _WHOSE))


def _forget_peak() -> None:
    """From here on the peak is that of what follows; Linux only."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float | None:
    """The peak since it was forgotten; None where nobody says."""
    try:
        said = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("VmHWM")), None)


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
        whole = len(sizes) > 1 and all(values[-2:])
        exponent = math.log10(values[-1] / values[-2]) / math.log10(sizes[-1] / sizes[-2]) if whole else 0.0
        mark = "  faster than the log" if exponent > ABOVE else ""
        print(f"{name:34}" + "".join(f"{value:14.4g}" for value in values) + f"   {exponent:.2f}{mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
