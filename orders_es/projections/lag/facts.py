"""What a judgement of lag rests on: facts as plain values, whoever gathered them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["NOBODY", "Facts", "Freshness", "Runner"]


@dataclass(frozen=True, slots=True)
class Runner:
    """The last that is known of the process that runs a projection.

    Args:
        holds: Whether it holds the runner file's lock; None where that cannot be told, as from another machine.
        beat_at: When it last gave a sign of life.
        started_at: When it began.
        pid: Its process.
        host: Its machine.
        ready: Whether it has made sure of what it holds; an outlet's may have been emptied since, and is being filled again.
    """

    holds: bool | None
    beat_at: datetime | None = None
    started_at: datetime | None = None
    pid: int | None = None
    host: str | None = None
    ready: bool = True


NOBODY = Runner(holds=False)
"""What is known of the runner of a projection that nobody runs."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old events were when they could be seen, in seconds: when processed, less when recorded."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a judgement rests on.

    Args:
        projection: The projection's name.
        now: The time of the judgement.
        head_position: The log's last position; None if the log cannot be read, or is not the projection's.
        head_recorded_at: When that event was recorded.
        position: The last position that the projection's tables account for; None if unknown.
        position_recorded_at: When that event was recorded.
        next_recorded_at: When the first event after it was recorded: the oldest that is not processed.
        runner: The process; nobody if there never was one.
        since: Rates are those since then; see `rates_since`.
        arrived: How many events the log has got since; None if unknown.
        processed: How many events the batches that have ended since had; None if unknown.
        longest: How many seconds the longest of the latest batches took.
        progress_at: When the last batch ended.
        error: Why the projection stands before an event, if it does.
        freshness: That of the events processed lately.
        dead_letters: How many events wait to be retried or discarded.
        source: `tables`, or `runner file` where the read-model file could not be opened; `follower` of a source that is followed.
        note: What else must be known to read the figures.
    """

    projection: str
    now: datetime
    head_position: int | None = None
    head_recorded_at: datetime | None = None
    position: int | None = None
    position_recorded_at: datetime | None = None
    next_recorded_at: datetime | None = None
    runner: Runner = NOBODY
    since: datetime | None = None
    arrived: int | None = None
    processed: int | None = None
    longest: float = 0.0
    progress_at: datetime | None = None
    error: str | None = None
    freshness: Freshness | None = None
    dead_letters: int = 0
    source: Literal["tables", "runner file", "follower"] = "tables"
    note: str = ""
