"""What a runner notes for those who watch it: how fresh each batch left the tables, and once a second how far behind they are.

Both are tables of the read-model file, of bounded size. `measure` reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.projections.lag.gathering import facts_in
from orders_es.projections.lag.judgement import LagLimits, judge

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.projections.lag.judgement import Lag

__all__ = ["note_batch", "note_sample"]

GROUPS = 200
"""So many rows a batch at most: a percentile is out by at most half a percent of the batch's events."""
FRESHNESS_KEPT = 50_000
SAMPLES_KEPT = 86_400
"""A day of one a second."""


def note_batch(
    cursor: Any,
    *,
    projection: str,
    finished_at: datetime,
    recorded: pa.Array | pa.ChunkedArray,
    events: pa.Array | pa.ChunkedArray | None = None,
) -> None:
    """Note how old each event of a batch was when it could be seen, within the transaction that shows it.

    Events of nearly one age share a row, which has the age of the oldest of them: an age is never told too low, and the
    greatest is exact.

    Args:
        cursor: A connection that holds the read-model file, in a transaction.
        projection: The projection's name.
        finished_at: When the batch is committed, as near as can be told before.
        recorded: The events' `recorded_at`, in any order.
        events: How many events each of these times stands for; one each if left out.

    Example:
        >>> import duckdb, pyarrow as pa
        >>> from datetime import UTC, datetime, timedelta
        >>> from orders_es.projections.file.tables import SCHEMA
        >>> con = duckdb.connect()
        >>> _ = con.execute(SCHEMA)
        >>> noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
        >>> note_batch(con, projection="orders", finished_at=noon, recorded=pa.array([noon - timedelta(seconds=2)] * 3))
        >>> con.execute("SELECT events, epoch(finished_at - recorded_at) FROM orders_es.freshness").fetchall()
        [(3, 2.0)]
    """
    times, counts = _grouped(recorded, events)
    if not times:
        return
    cursor.execute(
        "INSERT INTO orders_es.freshness SELECT $projection, $finished_at, make_timestamptz(unnest($times::BIGINT[])), "
        "unnest($counts::BIGINT[])",
        {"projection": projection, "finished_at": finished_at, "times": times, "counts": counts},
    )
    _prune(cursor, "freshness", "finished_at", projection, FRESHNESS_KEPT)


def note_sample(
    cursor: Any, log: EventLog, *, projection: str, now: datetime, limits: LagLimits | None = None
) -> Lag | None:
    """Note how far behind a projection is, and give that; None, and no row, if the file does not know it yet.

    For the projection's own runner, which lives as it calls this; at most once a second, while it has nothing to do too.

    Args:
        cursor: A connection that holds the read-model file, in a transaction or not.
        projection: The projection's name.
        now: The time.
        limits: Where one state ends and the next begins.
    """
    limits = limits or LagLimits()
    facts = facts_in(cursor, log, projection, now=now, limits=limits)
    if facts is None:
        return None
    lag = judge(facts, limits)
    cursor.execute(
        "INSERT INTO orders_es.lag_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            lag.projection,
            lag.measured_at,
            lag.head_position,
            lag.head_recorded_at,
            lag.position,
            lag.events_behind,
            lag.seconds_behind,
            lag.definition_seconds,
            lag.throughput,
            lag.state,
            lag.dead_letters,
        ],
    )
    _prune(cursor, "lag_samples", "sampled_at", projection, SAMPLES_KEPT)
    return lag


def _grouped(recorded: Any, events: Any) -> tuple[list[int], list[int]]:
    """Times in microseconds, oldest first, and how many events each stands for; at most `GROUPS` of them."""
    import numpy as np
    import pyarrow as pa

    micros = recorded.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
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
