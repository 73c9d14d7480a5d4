"""The formula of lag.

    events_behind      = head position - checkpoint
    seconds_behind     = now - recorded_at of the first event after the checkpoint      0 when there is none
    definition_seconds = recorded_at of the head - recorded_at of the checkpoint
    throughput         = events processed since / (now - since)      `rates_since` says since when
    arrivals           = events recorded since / (now - since)
    eta_seconds        = events_behind / (throughput - arrivals)     while it is catching up

All are pure functions of `Facts`; an unknown fact makes the answer None, never nought. `judgement` says what to think of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.projections.lag.facts import Facts
    from orders_es.projections.lag.judgement import LagLimits

__all__ = ["definition_seconds", "eta_seconds", "events_behind", "rate", "rates_since", "seconds_behind"]

_BATCHES = 3


def events_behind(facts: Facts) -> int | None:
    """How many events the log has that the projection has not processed."""
    if facts.position is None or facts.head_position is None:
        return None
    return max(facts.head_position - facts.position, 0)


def seconds_behind(facts: Facts, behind: int | None) -> float | None:
    """The age of the oldest event that is not processed, in seconds.

    Args:
        facts: What is known.
        behind: How many events are not processed.
    """
    if behind == 0:
        return 0.0
    if behind is None or facts.next_recorded_at is None:
        return None
    # Clocks of two machines may differ by more than an event is old.
    return max((facts.now - facts.next_recorded_at).total_seconds(), 0.0)


def definition_seconds(facts: Facts, behind: int | None) -> float | None:
    """How much later the log's last event was recorded than the last that was processed, in seconds.

    Args:
        facts: What is known.
        behind: How many events are not processed.
    """
    if behind == 0:
        return 0.0
    if behind is None or facts.head_recorded_at is None or facts.position_recorded_at is None:
        return None
    return (facts.head_recorded_at - facts.position_recorded_at).total_seconds()


def rate(facts: Facts, count: int | None) -> float | None:
    """Events a second since `facts.since`.

    Args:
        facts: What is known.
        count: How many events there have been since.
    """
    if count is None or facts.since is None or facts.now <= facts.since:
        return None
    return count / (facts.now - facts.since).total_seconds()


def eta_seconds(behind: int | None, throughput: float | None, arrivals: float | None) -> float | None:
    """In how many seconds it will have caught up if all goes on like this; 0 when it has, None when it will not.

    Args:
        behind: How many events are not processed.
        throughput: Events a second that it processes.
        arrivals: Events a second that come in.
    """
    if behind == 0:
        return 0.0
    if behind is None or not throughput:
        return None
    gain = throughput - (arrivals or 0.0)
    return behind / gain if gain > 0 else None


def rates_since(
    now: datetime,
    next_recorded_at: datetime | None,
    started_at: datetime | None,
    longest: float,
    limits: LagLimits,
) -> datetime:
    """Since when what arrives and what is processed are to be compared, to see which of them wins.

    For `rates_over`, or longer where batches take long, or since the runner began. But where something has been waiting for
    a while, only since the oldest of it was recorded: since then the runner has been busy, so that its rate is what it can
    do; and the burst in which that event came has no part in the rate at which more arrives.

    Args:
        now: The time.
        next_recorded_at: When the oldest event that is not processed was recorded; None if there is none.
        started_at: When the runner began.
        longest: How many seconds the longest of its latest batches took.
        limits: How far back rates go.
    """
    since = now - max(limits.rates_over, _BATCHES * timedelta(seconds=longest))
    if started_at is not None:
        since = max(since, started_at)
    if next_recorded_at is None or now - next_recorded_at <= limits.settled:
        return since
    return max(since, next_recorded_at)
