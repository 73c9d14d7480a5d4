"""Simulated shops that append in real time: for measuring how far behind projections and readers are.

Each writer is a process of its own with a shop of its own, and appends the shop's events one after the other at an even
pace, with the ordinary version check. Nothing here is reproducible to the byte: time is real.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from orders_es.errors import InvalidSetting
from orders_es.log import NewEvent, StreamAppend, open_log
from orders_es.log.undo_creation import removed_if_empty
from orders_es.sources.simulator.generate import windows
from orders_es.sources.simulator.settings import SimulatorSettings
from orders_es.sources.simulator.shop import open_shop
from orders_es.sources.simulator.tables import TableMaker
from orders_es.sources.simulator.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnContext, SpawnProcess
    from multiprocessing.synchronize import Event
    from types import FrameType

    from orders_es.log import EventLog, EventRegistry

__all__ = ["LiveResult", "WriterReport", "simulate_live"]

_MOST_WRITERS = 64
_MOST_BATCH = 10_000
_POLL_SECONDS = 0.2
_ROUND_ORDERS = 400
_ROUND_DAYS = 20
# The shop's calendar only orders the events here; any Monday will do.
_ROUND_START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WriterReport:
    """What one writer did.

    Args:
        writer: Its number, from 0.
        events: Events appended, every one acknowledged by the log.
        commits: Appends.
        seconds: From its first append to its last.
        latency_p50: Half of the appends took no longer, in seconds.
        latency_p99: 99 of 100 appends took no longer, in seconds.
    """

    writer: int
    events: int
    commits: int
    seconds: float
    latency_p50: float
    latency_p99: float


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What all writers did together.

    Args:
        writers: A report of each.
        seconds: How long they wrote, from the first append of any to the last.
        stopped: Whether a signal ended it early.
    """

    writers: tuple[WriterReport, ...]
    seconds: float
    stopped: bool

    @property
    def events(self) -> int:
        """Events appended by all of them."""
        return sum(report.events for report in self.writers)

    @property
    def events_per_second(self) -> float:
        """The rate that was reached, whatever was asked for."""
        return self.events / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _WriterTask:
    log_url: str
    settings: SimulatorSettings
    seed: int
    writer: int
    rate: float
    batch: int
    seconds: float | None
    events: int | None
    run: str
    parent: int


def simulate_live(
    log_url: str | os.PathLike[str],
    *,
    rate: float,
    writers: int = 2,
    seconds: float | None = None,
    events: int | None = None,
    seed: int = 0,
    settings: SimulatorSettings | None = None,
    batch: int = 1,
    progress: bool = False,
) -> LiveResult:
    """Append simulated events in real time, from several processes at once, until the time is up.

    Each writer has streams of its own, so no append ever conflicts; all compete for the end of the log. The first
    SIGINT (Ctrl-C) or SIGTERM lets every writer finish the append at hand, and returns what was done. Called from
    a script, it needs the `if __name__ == "__main__":` that all spawning does.

    Args:
        log_url: The log; created if there is none, appended to if there is.
        rate: Events a second, all writers together. If the disk cannot keep up, they append as fast as it can.
        writers: How many processes.
        seconds: Stop after so long; without it and without `events`, at a signal only.
        events: Stop after so many events.
        seed: Which shops are simulated.
        settings: Their rates; the default shop's if left out.
        batch: Events per append, 1 being the ordinary case. More reach higher rates.
        progress: Show a progress bar, if somebody is watching.

    Raises:
        InvalidSetting: An argument is out of range.
        LogError: A writer could not append; the others are stopped first.
        ChildProcessError: A writer died without a word.

    Example:
        >>> import tempfile
        >>> simulate_live(tempfile.mkdtemp(), rate=50, writers=1, events=2).events
        2
    """
    _check(rate=rate, writers=writers, seconds=seconds, events=events, batch=batch)
    with removed_if_empty(log_url):
        open_log(log_url, create=True).close()
        # The same seed gives the same orders, but never the same streams: it may run again on the same log.
        run = f"{datetime.now(UTC):%y%m%d%H%M%S}{secrets.token_hex(2)}"
        tasks = [
            _WriterTask(
                log_url=str(Path(log_url).absolute()),
                settings=settings or SimulatorSettings(),
                seed=seed,
                writer=writer,
                rate=rate / writers,
                batch=batch,
                seconds=seconds,
                events=None if events is None else events // writers + (writer < events % writers),
                run=run,
                parent=os.getpid(),
            )
            for writer in range(writers)
        ]
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        with _Signals(stop) as signals:
            team = _Team(context, tasks, stop)
            try:
                team.run(None if seconds is None else rate * seconds, progress=progress)
            finally:
                team.end()
        reports = tuple(sorted(team.reports, key=lambda report: report.writer))
        return LiveResult(reports, team.seconds, signals.seen)


def _check(*, rate: float, writers: int, seconds: float | None, events: int | None, batch: int) -> None:
    if not 0 < rate <= 10**7:
        raise InvalidSetting("rate", rate, "give events a second, more than 0 and at most 10,000,000")
    if not 1 <= writers <= _MOST_WRITERS:
        raise InvalidSetting("writers", writers, f"give 1 to {_MOST_WRITERS} processes")
    if seconds is not None and not seconds > 0:
        raise InvalidSetting("seconds", seconds, "give more than 0 seconds, or leave it out to go on until a signal")
    if events is not None and events < writers:
        raise InvalidSetting("events", events, "give at least one event per writer, or leave it out")
    if not 1 <= batch <= _MOST_BATCH:
        raise InvalidSetting("batch", batch, f"give 1 to {_MOST_BATCH} events an append")


class _Signals:
    """Turns SIGINT and SIGTERM into a request to stop, as long as it lasts, where signals can be handled at all."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}
        self.seen = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.seen = True
        # Set from a thread: the main thread may hold the event's lock in the very call that the signal interrupted.
        threading.Thread(target=self._stop.set, daemon=True).start()


class _Team:
    """The writers' processes and what they report."""

    def __init__(self, context: SpawnContext, tasks: list[_WriterTask], stop: Event) -> None:
        self._stop = stop
        self._counts = context.Array("Q", len(tasks), lock=False)
        self._processes: dict[Connection, SpawnProcess] = {}
        self.reports: list[WriterReport] = []
        self._spans: list[tuple[float, float]] = []
        # Nobody begins before everybody is there: starting a process takes longer than many an experiment.
        self._ready = context.Barrier(len(tasks))
        # Ctrl-C reaches every process of a terminal, but only this one decides what it means. What is blocked here is
        # blocked in the processes started from here, from their first instruction on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for task in tasks:
                here, there = context.Pipe(duplex=False)
                arguments = (task, stop, self._ready, self._counts, there)
                process = context.Process(target=_write, args=arguments, daemon=True)
                process.start()
                there.close()
                self._processes[here] = process
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def seconds(self) -> float:
        """From the first append of any writer to the last."""
        if not self._spans:
            return 0.0
        return max(last for _, last in self._spans) - min(first for first, _ in self._spans)

    def run(self, total: float | None, *, progress: bool) -> None:
        """Wait for all of them, and raise what went wrong with any."""
        from tqdm.auto import tqdm  # looks for a notebook when it is loaded

        bar = tqdm(total=total, unit=" events", unit_scale=True, desc="append", disable=None if progress else True)
        with bar:
            while self._processes:
                for connection in wait(list(self._processes), timeout=_POLL_SECONDS):
                    assert isinstance(connection, Connection)
                    self._receive(connection)
                bar.update(sum(self._counts) - bar.n)

    def _receive(self, connection: Connection) -> None:
        process = self._processes.pop(connection)
        try:
            outcome = connection.recv()
        except EOFError:
            process.join()
            raise ChildProcessError(
                f"writer process {process.pid} ended with exit code {process.exitcode} and no report; "
                "what it appended before is in the log"
            ) from None
        finally:
            connection.close()
        process.join()
        if isinstance(outcome, BaseException):
            raise outcome
        report, span = outcome
        self.reports.append(report)
        if report.events:
            self._spans.append(span)

    def end(self) -> None:
        """Stop whoever is still at it."""
        self._stop.set()
        self._ready.abort()
        for connection, process in self._processes.items():
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()
            connection.close()
        self._processes.clear()


def _write(task: _WriterTask, stop: Event, ready: Any, counts: Any, connection: Connection) -> None:
    """The life of a writer process."""
    ended = threading.Event()
    # A SIGTERM meant for this process alone ends it in order, too.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        with open_log(task.log_url) as log:
            supply = _supply(task, log.registry)
            ahead = next(supply)
            ready.wait(timeout=60)
            outcome: Any = _append_at_pace(
                task, log, supply, ahead, lambda: stop.is_set() or ended.is_set() or os.getppid() != task.parent, counts
            )
    except threading.BrokenBarrierError:
        # Somebody else could not begin, and says why.
        outcome = WriterReport(task.writer, 0, 0, 0.0, 0.0, 0.0), (0.0, 0.0)
    except Exception as error:  # noqa: BLE001 - it is raised again, in the parent
        ready.abort()
        outcome = error
    connection.send(outcome)
    connection.close()


def _append_at_pace(
    task: _WriterTask, log: EventLog, supply: Iterator[Any], ahead: Any, stopped: Any, counts: Any
) -> tuple[WriterReport, tuple[float, float]]:
    versions: dict[str, int] = {}
    latencies: list[float] = []
    done = 0
    began = time.monotonic()
    pending = ahead
    while not stopped():
        due = began + done / task.rate
        now = time.monotonic()
        if task.seconds is not None and max(now, due) - began >= task.seconds:
            break
        if due > now:
            # In short naps, so that a slow pace does not delay the end.
            time.sleep(min(due - now, 0.1))
            continue
        size = task.batch if task.events is None else min(task.batch, task.events - done)
        if size <= 0:
            break
        rows = [pending, *(next(supply) for _ in range(size - 1))]
        pending = next(supply)
        grouped: dict[str, list[NewEvent]] = {}
        at = datetime.now(UTC)
        for stream_id, late_ms, event in rows:
            occurred_at = at - timedelta(milliseconds=late_ms)
            grouped.setdefault(stream_id, []).append(
                NewEvent(data=event, occurred_at=occurred_at, actor=f"writer {task.writer}")
            )
        appends = [StreamAppend(stream, new, versions.get(stream, 0)) for stream, new in grouped.items()]
        before = time.perf_counter()
        if len(appends) == 1:
            log.append(appends[0].stream_id, appends[0].events, expected=appends[0].expected)
        else:
            log.append_batch(appends)
        latencies.append(time.perf_counter() - before)
        for stream, new in grouped.items():
            versions[stream] = versions.get(stream, 0) + len(new)
        done += size
        counts[task.writer] = done
    p50, p99 = np.percentile(latencies, [50, 99]).tolist() if latencies else (0.0, 0.0)
    ended = time.monotonic()
    return WriterReport(task.writer, done, len(latencies), ended - began, p50, p99), (began, ended)


def _supply(task: _WriterTask, registry: EventRegistry) -> Iterator[tuple[str, int, Any]]:
    """Stream, milliseconds of lateness and event, without end: one shop after the other."""
    round_ = 0
    while True:
        seed = ((task.seed * 1_000_003 + task.writer) * 1_000_003 + round_) % (1 << 63)
        shop = open_shop(task.settings, orders=_ROUND_ORDERS, seed=seed, start=_ROUND_START, days=_ROUND_DAYS)
        texts = Texts(task.settings)
        maker = TableMaker(shop, texts, stream_prefix=f"L{task.run}-{task.writer}-{round_}-")
        fields = {kind.name: [field.name for field in kind.fields] for kind in registry}
        for window in windows(shop, texts, timedelta(hours=12)):
            late = window.steps.recorded_at - window.steps.occurred_at
            for row, late_ms in zip(maker.table(window.steps).to_pylist(), late.tolist(), strict=True):
                cls = registry[row["type"]].cls
                data = {name: row[name] for name in fields[row["type"]] if row.get(name) is not None}
                yield row["stream_id"], late_ms, cls(**data)
        round_ += 1
