"""A simulation recorded in a log of its own, on simulated time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orders_es.errors import InvalidSetting, LogNotEmpty
from orders_es.sources.simulator.generate import choose_window, expected_events, windows
from orders_es.sources.simulator.settings import SimulatorSettings
from orders_es.sources.simulator.shop import open_shop
from orders_es.sources.simulator.tables import TableMaker
from orders_es.sources.simulator.texts import Texts
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os

    from orders_es.log import Head
    from orders_es.sources.simulator.draws import Ints

__all__ = ["SimulationResult", "simulate_into"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a simulation put into a log.

    Args:
        orders: How many orders.
        events: How many events.
        commits: In how many commits.
        recorded_from: Simulated time of the first commit.
        recorded_to: Simulated time of the last one.
        head: The end of the log, with the root of its tree: equal for equal arguments.
        seconds: How long it took.
    """

    orders: int
    events: int
    commits: int
    recorded_from: datetime
    recorded_to: datetime
    head: Head
    seconds: float

    @property
    def events_per_second(self) -> float:
        """How fast it was."""
        return self.events / self.seconds


class _Clock:
    """Simulated time: stands still until it is set."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.ms)


class _Versions:
    """Which version each order's stream is at: four bytes an order."""

    def __init__(self, orders: int) -> None:
        self._version = np.zeros(orders, dtype=np.int32)

    def expected(self, order: Ints, table: pa.Table) -> dict[str, int]:
        """What every stream of a table is at before it; from the next call on, what it is at after it."""
        found, first, count = np.unique(order, return_index=True, return_counts=True)
        streams = table.column("stream_id").take(pa.array(first)).to_pylist()
        expected = dict(zip(streams, self._version[found].tolist(), strict=True))
        self._version[found] += count.astype(np.int32)
        return expected


def simulate_into(
    log_url: str | os.PathLike[str],
    *,
    orders: int,
    seed: int,
    start: datetime,
    days: int,
    settings: SimulatorSettings | None = None,
    window: timedelta | None = None,
    progress: bool = False,
) -> SimulationResult:
    """Simulate a shop and record its events in a new log, as if the log had been there all along.

    The log is opened on simulated time: each commit holds what was recorded within one window, and its `recorded_at` is
    the window's end. Events recorded late are in later commits than the time of their happening suggests, as in life.
    The same arguments give a log with the same events, times and Merkle root, on every machine.

    Only a new or empty log can be simulated into: what others have recorded on real time cannot follow or precede it.

    Args:
        log_url: Where the log is to be; it is created if there is none.
        orders: How many orders are created in the period.
        seed: Another seed gives another life of the same shop.
        start: When the period begins.
        days: How long it is. It has to end in the past, because a log's time never goes back.
        settings: The rates of the shop; the default shop if left out.
        window: How much simulated time a commit covers; if left out, from an hour up to what keeps the number of commits
            reasonable. It decides `recorded_at`, and so the root.
        progress: Show a progress bar, if somebody is watching.

    Raises:
        LogNotEmpty: There is a log with events in it.
        InvalidSetting: An argument is out of range.
        NaiveTime: `start` has no time zone.

    Example:
        >>> import tempfile
        >>> result = simulate_into(tempfile.mkdtemp(), orders=20, seed=7, start=datetime(2024, 1, 1, tzinfo=UTC), days=5)
        >>> result.orders, result.recorded_from > datetime(2024, 1, 1, tzinfo=UTC)
        (20, True)
    """
    from tqdm.auto import tqdm  # looks for a notebook when it is loaded

    began = time.perf_counter()
    settings = settings or SimulatorSettings()
    shop = open_shop(settings, orders=orders, seed=seed, start=start, days=days)
    width = choose_window(shop, window)
    ends = _EPOCH + timedelta(milliseconds=shop.end_ms)
    if ends > datetime.now(UTC):
        raise InvalidSetting(
            "days",
            days,
            f"the period ends at {ends.isoformat()}, which is not past yet; begin earlier or take fewer days",
        )
    clock = _Clock(shop.start_ms)
    texts = Texts(settings)
    maker = TableMaker(shop, texts)
    versions = _Versions(orders)
    events = commits = first_ms = 0
    with target_of(log_url, clock=clock) as target:
        there = target.existing
        if there is not None and (position := there.head().position):
            raise LogNotEmpty(
                there.url, position, "a simulation has a time of its own, so it needs a new log; give another place"
            )
        bar = tqdm(
            total=expected_events(shop),
            unit=" events",
            unit_scale=True,
            desc="simulate",
            disable=None if progress else True,
        )
        with bar:
            for one in windows(shop, texts, width):
                clock.ms = one.end_ms
                first_ms = first_ms or one.end_ms
                table = maker.table(one.steps)
                log = target.log()
                log.append_table(table, expected=versions.expected(one.steps.order, table))
                events += len(one.steps)
                commits += 1
                bar.update(len(one.steps))
            bar.total = events
            bar.refresh()
        return SimulationResult(
            orders=orders,
            events=events,
            commits=commits,
            recorded_from=_EPOCH + timedelta(milliseconds=first_ms),
            recorded_to=_EPOCH + timedelta(milliseconds=clock.ms),
            head=target.log().head(),
            seconds=time.perf_counter() - began,
        )
