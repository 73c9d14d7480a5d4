"""What is known of a projection: from the tables of the read-model file, from its runner's file, and from the log."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from orders_es.projections.file.runner_file import OPENING
from orders_es.projections.lag.facts import NOBODY, Facts, Freshness, Runner
from orders_es.projections.lag.formula import rates_since

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from orders_es.log import EventLog, Head
    from orders_es.projections.lag.judgement import LagLimits

__all__ = ["Edge", "Noted", "Seen", "facts_of", "noted_in", "seen_runner"]

_LATEST_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Noted:
    """What the read-model file says of a projection; `batches` is when each of the latest ended, and its events."""

    projection: str
    position: int
    position_recorded_at: datetime | None
    log_id: UUID
    error: str | None
    batches: tuple[tuple[datetime, int], ...]
    longest: float
    progress_at: datetime | None
    freshness: Freshness | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a runner file says: who runs the projection, and how far it is by its own words."""

    runner: Runner
    position: int | None
    moved_at: datetime | None = None


def noted_in(cursor: Any, projection: str, *, now: datetime, limits: LagLimits, freshness: bool = True) -> Noted | None:
    """What the file says of a projection; None if it has no row for it.

    Args:
        cursor: A connection that holds the file.
        projection: The projection's name.
        now: The time.
        limits: How far back rates and freshness go.
        freshness: Whether that is wanted.
    """
    rows = cursor.execute(
        "SELECT checkpoint, checkpoint_recorded_at, log_id, status, error, updated_at FROM orders_es.projections "
        "WHERE name = ?",
        [projection],
    ).fetchall()
    if not rows:
        return None
    [(position, recorded_at, log_id, status, error, updated_at)] = rows
    [(longest, progress_at)] = cursor.execute(
        "SELECT coalesce(max(epoch(finished_at - started_at)), 0), max(finished_at) FROM (SELECT * FROM "
        "orders_es.batches WHERE projection = ? ORDER BY finished_at DESC LIMIT ?)",
        [projection, _LATEST_BATCHES],
    ).fetchall()
    batches = cursor.execute(
        "SELECT finished_at, events FROM orders_es.batches WHERE projection = ? AND finished_at > ? AND finished_at <= ?",
        [projection, rates_since(now, None, None, longest, limits), now],
    ).fetchall()
    [(dead_letters,)] = cursor.execute(
        "SELECT count(*) FROM orders_es.dead_letters WHERE projection = ? AND state = 'open'", [projection]
    ).fetchall()
    return Noted(
        projection,
        position,
        recorded_at,
        log_id,
        (error or "an error stopped it") if status == "stopped_by_error" else None,
        tuple(batches),
        longest,
        progress_at or updated_at,
        _freshness(cursor, projection, now - limits.freshness_over, now) if freshness else None,
        dead_letters,
    )


def _freshness(cursor: Any, projection: str, after: datetime, to: datetime) -> Freshness | None:
    """The least age that so large a share of the events did not exceed: percentiles by nearest rank."""
    [row] = cursor.execute(
        """
        WITH ages AS (
            SELECT greatest(epoch(finished_at - recorded_at), 0) AS age, sum(events) AS events
            FROM orders_es.freshness WHERE projection = ? AND finished_at > ? AND finished_at <= ? GROUP BY 1
        ), ranked AS (
            SELECT age, sum(events) OVER (ORDER BY age) AS upto, sum(events) OVER () AS total FROM ages
        )
        SELECT
            min(age) FILTER (upto >= 0.50 * total),
            min(age) FILTER (upto >= 0.95 * total),
            min(age) FILTER (upto >= 0.99 * total),
            max(age)
        FROM ranked
        """,
        [projection, after, to],
    ).fetchall()
    return None if row[-1] is None else Freshness(*row)


def seen_runner(path: Path) -> Seen | None:
    """What a runner file says, and whether its runner still holds it; None if there is no such file.

    Args:
        path: The runner file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        holds: bool | None = False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            holds = True
        told = _told(os.pread(fd, 4096, 0))
    finally:
        os.close(fd)
    if not holds and told.get("host") != socket.gethostname() and told.get("state") != "ended":
        holds = None  # a network file system may keep another machine's lock to itself
    position = None if told.get("state") in (None, "starting", OPENING) else told.get("position")
    runner = Runner(
        holds,
        _moment(told, "beat_at"),
        _moment(told, "started_at"),
        told.get("pid"),
        told.get("host"),
        told.get("state") != OPENING,
    )
    return Seen(runner, position, _moment(told, "moved_at"))


def _told(content: bytes) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(content)
    except ValueError:  # its runner has not written yet
        return {}
    return told


def _moment(told: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(told[name]) if told.get(name) else None


class Edge:
    """The end of the log, looked at once for all projections.

    Args:
        now: The time.
        limits: How far back rates go.
    """

    def __init__(self, log: EventLog, now: datetime, limits: LagLimits) -> None:
        self.head: Head = log.head()
        self.now = now
        self.limits = limits
        self._log = log
        self._arrived: dict[datetime, int] = {}

    def arrived(self, since: datetime) -> int:
        """How many events were recorded after a moment.

        Args:
            since: The moment.
        """
        if since not in self._arrived:
            self._arrived[since] = _arrived(self._log, self.head, since)
        return self._arrived[since]


def facts_of(log: EventLog, edge: Edge, projection: str, noted: Noted | None, seen: Seen | None) -> Facts:
    """The facts, put together; from the runner file alone if the read-model file could not be asked.

    Args:
        edge: Its end, looked at after the tables were.
        projection: The projection's name.
        noted: What the read-model file says.
        seen: What the runner file says.
    """
    seen = seen or Seen(NOBODY, None)
    position = noted.position if noted else seen.position
    known = Facts(projection=projection, now=edge.now, position=position, runner=seen.runner)
    if noted is None:
        known = replace(known, source="runner file", progress_at=seen.moved_at)
    else:
        known = replace(
            known,
            position_recorded_at=noted.position_recorded_at,
            longest=noted.longest,
            progress_at=noted.progress_at,
            error=noted.error,
            freshness=noted.freshness,
            dead_letters=noted.dead_letters,
        )
        if noted.log_id != log.log_id:
            return replace(known, note=f"its tables were made from another log, {noted.log_id}")
    head = edge.head
    if position is not None and position > head.position:
        return replace(known, note=f"the log ends at position {head.position:,}, before what was processed")
    known = replace(known, head_position=head.position, head_recorded_at=head.recorded_at)
    if position is None:
        return known
    if noted is None and position:
        known = replace(known, position_recorded_at=recorded_at(log, position))
    if position < head.position:
        known = replace(known, next_recorded_at=recorded_at(log, position + 1))
    since = rates_since(known.now, known.next_recorded_at, seen.runner.started_at, known.longest, edge.limits)
    known = replace(known, since=since, arrived=edge.arrived(since))
    if noted is None:
        return known
    return replace(known, processed=sum(events for finished_at, events in noted.batches if finished_at > since))


_known: WeakKeyDictionary[EventLog, tuple[datetime, int]] = WeakKeyDictionary()
"""A moment for each log, and the last position recorded up to then. A runner asks every second, of a moment just after."""


def _arrived(log: EventLog, head: Head, after: datetime) -> int:
    """How many events were recorded after a moment. `recorded_at` never decreases, so few looks are enough."""
    if head.recorded_at is None or head.recorded_at <= after:
        return 0
    # Everything from `high` on was recorded later; nothing up to `low` was.
    step, low, high = 1, 0, head.position
    known_after, known_low = _known.get(log, (after, head.position))
    if known_after <= after and known_low < head.position:
        low = known_low
        while low + step < high:
            if recorded_at(log, low + step) > after:
                high = low + step
            else:
                low += step
                step *= 2
    else:
        while high - step > low:
            if recorded_at(log, high - step) > after:
                high -= step
                step *= 2
            else:
                low = high - step
    while high - low > 1:
        middle = (low + high) // 2
        if recorded_at(log, middle) > after:
            high = middle
        else:
            low = middle
    _known[log] = (after, low)
    return head.position - low


def recorded_at(log: EventLog, position: int) -> datetime:
    """When the event at a position was recorded.

    Args:
        position: The position; there is an event.
    """
    [batch] = log.read(after=position - 1, to=position, columns=["recorded_at"])
    moment: datetime = batch.column("recorded_at")[0].as_py()
    return moment
