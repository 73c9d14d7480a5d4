"""What a runner notes for those who watch it: how fresh each batch left the tables, and once a second how far behind they are.

Both are tables of the read-model file, of bounded size. `measure` reads them.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orders_es.projections.lag.facts import Runner
from orders_es.projections.lag.gathering import Edge, Seen, facts_of, noted_in
from orders_es.projections.lag.judgement import LagLimits, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.projections.lag.gathering import Noted
    from orders_es.projections.lag.judgement import Lag

__all__ = ["Samples", "note_batch"]

GROUPS = 200
"""So many rows a batch at most: a percentile is out by at most half a percent of the batch's events."""
FRESHNESS_KEPT = 50_000
SAMPLES_KEPT = 86_400
"""A day of one a second."""
SAMPLE_EVERY = timedelta(seconds=1)
"""Between two samples of a projection that is behind."""
CALM_EVERY = timedelta(minutes=1)
"""Between two samples of one that has nothing to do."""
_WAITS_MOST = timedelta(minutes=5)


def note_batch(
    cursor: Any,
    *,
    projection: str,
    finished_at: datetime,
    recorded_at: pa.Array | pa.ChunkedArray,
    events: pa.Array | pa.ChunkedArray | None = None,
) -> None:
    """Note how old each event of a batch was when it could be seen, within the transaction that shows it.

    Events of nearly one age share a row, which has the age of the oldest of them: an age is never told too low, and the
    greatest is exact.

    Args:
        cursor: A connection that holds the read-model file, in a transaction.
        projection: The projection's name.
        finished_at: When the batch is committed, as near as can be told before.
        recorded_at: The events' `recorded_at`, in any order.
        events: How many events each of these times stands for; one each if left out.

    Example:
        >>> import duckdb, pyarrow as pa
        >>> from datetime import UTC, datetime, timedelta
        >>> from orders_es.projections.file.tables import SCHEMA
        >>> con = duckdb.connect()
        >>> _ = con.execute(SCHEMA)
        >>> noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
        >>> note_batch(con, projection="orders", finished_at=noon, recorded_at=pa.array([noon - timedelta(seconds=2)] * 3))
        >>> con.execute("SELECT events, epoch(finished_at - recorded_at) FROM orders_es.freshness").fetchall()
        [(3, 2.0)]
    """
    times, counts = _grouped(recorded_at, events)
    if not times:
        return
    cursor.execute(
        "INSERT INTO orders_es.freshness SELECT $projection, $finished_at, make_timestamptz(unnest($times::BIGINT[])), "
        "unnest($counts::BIGINT[])",
        {"projection": projection, "finished_at": finished_at, "times": times, "counts": counts},
    )
    _prune(cursor, "freshness", "finished_at", projection, FRESHNESS_KEPT)


class Samples:
    """What a projection's own runner notes of how far behind it is, about once a second while that is more than nothing.

    The read-model file is held for a batch anyhow, so samples are written within a batch's transaction. Between batches they
    are taken from what is in memory, and wait for the next one: a runner with nothing to do does not hold the file.

    Args:
        projection: The projection's name.
        clock: Gives the current time, with time zone.
        limits: Where one state ends and the next begins.
    """

    def __init__(
        self, log: EventLog, projection: str, clock: Callable[[], datetime], limits: LagLimits | None = None
    ) -> None:
        self._log = log
        self._projection = projection
        self._clock = clock
        self._limits = limits or LagLimits()
        self._waiting: list[Lag] = []
        self._latest: Lag | None = None
        self._noted: Noted | None = None
        self._staged: tuple[Noted, Lag] | None = None
        self._waits_since: datetime | None = None

    @property
    def overdue(self) -> bool:
        """Whether samples have waited so long for a batch that the file is to be held for them alone."""
        return self._waits_since is not None and self._clock() - self._waits_since >= _WAITS_MOST

    @property
    def waiting(self) -> bool:
        """Whether there are samples that are not in the file."""
        return bool(self._waiting)

    def due(self) -> bool:
        """Whether it is time for a sample."""
        return self._latest is None or self._clock() - self._latest.measured_at >= SAMPLE_EVERY

    def moved(self) -> None:
        """Forget what is in memory: the file says something else by now."""
        self._noted = None

    def known(self, position: int) -> bool:
        """Whether what is in memory is what the file says of a projection at a position."""
        return self._noted is not None and self._noted.position == position

    def learn(self, cursor: Any) -> None:
        """Take into memory what the file says.

        Args:
            cursor: A connection that holds the file.
        """
        self._noted = noted_in(cursor, self._projection, now=self._clock(), limits=self._limits, freshness=False)

    def take(self) -> None:
        """Take a sample from what is in memory, which waits for a batch; where all goes well and nothing changes, one a minute."""
        if self._noted is None:
            return
        lag = self._lag(self._noted, self._clock())
        latest = self._latest
        calm = latest is not None and lag.state == latest.state and lag.events_behind == 0 == latest.events_behind
        if latest is None or lag.measured_at - latest.measured_at >= (CALM_EVERY if calm else SAMPLE_EVERY):
            self._waiting.append(lag)
            self._latest = lag
            self._waits_since = self._waits_since or lag.measured_at

    def write(self, cursor: Any, *, now: datetime) -> Lag | None:
        """Write the samples that wait, and one as of now; that, or None if the file does not know the projection yet.

        It counts once `written` is called.

        Args:
            cursor: A connection that holds the read-model file, in a transaction or not.
            now: The time.
        """
        noted = noted_in(cursor, self._projection, now=now, limits=self._limits, freshness=False)
        if noted is None:
            return None
        lag = self._lag(noted, now)
        rows = [
            (
                one.projection,
                one.measured_at,
                one.head_position,
                one.head_recorded_at,
                one.position,
                one.events_behind,
                one.seconds_behind,
                one.definition_seconds,
                one.throughput,
                one.state,
                one.dead_letters,
            )
            for one in (*self._waiting, lag)
        ]
        cursor.executemany("INSERT INTO orders_es.lag_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        _prune(cursor, "lag_samples", "sampled_at", self._projection, SAMPLES_KEPT)
        self._staged = (noted, lag)
        return lag

    def written(self) -> None:
        """Take note that the transaction was committed in which samples were written, if there were any."""
        if self._staged is not None:
            self._noted, self._latest = self._staged
            self._staged = self._waits_since = None
            self._waiting.clear()

    def _lag(self, noted: Noted, now: datetime) -> Lag:
        runner = Runner(holds=True, beat_at=now, pid=os.getpid(), host=socket.gethostname())
        edge = Edge(self._log, now, self._limits)
        return judge(facts_of(self._log, edge, self._projection, noted, Seen(runner, noted.position)), self._limits)


def _grouped(recorded_at: Any, events: Any) -> tuple[list[int], list[int]]:
    """Times in microseconds, oldest first, and how many events each stands for; at most `GROUPS` of them."""
    import numpy as np
    import pyarrow as pa

    micros = recorded_at.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    weights = np.ones(len(micros), np.int64) if events is None else events.to_numpy(zero_copy_only=False)
    times, which = np.unique(micros, return_inverse=True)
    counts = np.zeros(len(times), np.int64)
    np.add.at(counts, which, weights)
    if len(times) > GROUPS:
        group = (np.cumsum(counts) - counts) * GROUPS // counts.sum()
        _, starts = np.unique(group, return_index=True)
        times, counts = times[starts], np.add.reduceat(counts, starts)
    return times.tolist(), counts.tolist()


def _prune(cursor: Any, table: str, column: str, projection: str, kept: int) -> None:
    [(count,)] = cursor.execute(f"SELECT count(*) FROM orders_es.{table} WHERE projection = ?", [projection]).fetchall()
    if count > 2 * kept:
        cursor.execute(
            f"DELETE FROM orders_es.{table} WHERE projection = $projection AND {column} < (SELECT {column} FROM "
            f"orders_es.{table} WHERE projection = $projection ORDER BY {column} DESC LIMIT 1 OFFSET $kept)",
            {"projection": projection, "kept": kept},
        )
