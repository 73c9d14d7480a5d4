"""What state a projection is in, decided from a handful of facts: for `measure_lag`, and for whoever tests its judgement.

`judge` is pure: it has no clock and reads nothing. The order of its questions is the point of it. Whether anybody is at work
comes before how much there is to do, so that a dead runner is never hidden by a quiet log; and a quiet log is told from
a healthy one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, get_args

from orders_es.errors import InvalidSetting
from orders_es.projections.lag.facts import NOBODY, Facts, Freshness
from orders_es.projections.lag.formula import definition_seconds, eta_seconds, events_behind, rate, seconds_behind

__all__ = ["STATES", "Lag", "LagLimits", "LagState", "judge"]

LagState: TypeAlias = Literal["caught_up", "catching_up", "falling_behind", "stuck", "stopped", "writer_silent"]
"""How a projection fares; docs/lag.md has a section on each."""
STATES: tuple[LagState, ...] = get_args(LagState)


_PATIENCE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LagLimits:
    """Where one state ends and the next begins.

    Args:
        stopped_after: A runner that has not given a sign of life for so long is dead. Runners give one a second.
        stuck_after: A live runner that has had something to do for so long and has committed nothing is stuck; a
            runner whose batches took long lately gets six times the longest of them (a read model that is recomputed as a
            whole rests four times as long as that took).
        silent_after: A log that has got no event for so long has lost its writer. How quiet a shop's log can be by
            nature is the shop's to say.
        settled: What is less old than this is on its way, and no sign that a projection falls behind.
        rates_over: Throughput and arrivals are those of so long a time up to now; see `rates_since`.
        freshness_over: Freshness is that of the events processed in so long a time up to now.

    Raises:
        InvalidSetting: One of them is not more than nothing.

    Example:
        >>> LagLimits(silent_after=timedelta(minutes=2)).silent_after
        datetime.timedelta(seconds=120)
    """

    stopped_after: timedelta = timedelta(seconds=10)
    stuck_after: timedelta = timedelta(seconds=30)
    silent_after: timedelta = timedelta(minutes=15)
    settled: timedelta = timedelta(seconds=5)
    rates_over: timedelta = timedelta(minutes=1)
    freshness_over: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= timedelta(0):
                raise InvalidSetting(name, getattr(self, name), "give more than no time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a projection is behind the log's head, and what to think of it. None is unknown, never nought.

    Args:
        projection: Its name.
        state: How it fares.
        reason: Why it is in that state, in words.
        measured_at: The time of the measurement.
        events_behind: How many events it has not processed.
        seconds_behind: The age of the oldest of them; 0 when there is none.
        definition_seconds: When the log's last event was recorded, less when the last processed one was. It stands still
            when the writer does.
        position: The last position that its tables account for.
        head_position: The log's last position.
        head_recorded_at: When that event was recorded.
        freshness: How old events were when they could be seen, of those processed lately.
        throughput: Events a second that it processed lately.
        arrivals: Events a second that the log got lately.
        eta_seconds: When it will have caught up if all goes on like this; 0 when it has, None when it will not.
        dead_letters: How many events were put aside.
        beat_at: When its runner last gave a sign of life.
        pid: The runner's process.
        host: The runner's machine.
        source: `tables`, or `runner file` where the read-model file was locked and only that could be asked; `follower` where it is a source that is
            followed, `events_behind` are lines of it and `position` is how many events came of it.
    """

    projection: str
    state: LagState
    reason: str
    measured_at: datetime
    events_behind: int | None
    seconds_behind: float | None
    definition_seconds: float | None
    position: int | None
    head_position: int | None
    head_recorded_at: datetime | None
    freshness: Freshness | None
    throughput: float | None
    arrivals: float | None
    eta_seconds: float | None
    dead_letters: int
    beat_at: datetime | None
    pid: int | None
    host: str | None
    source: str

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values; `freshness` as a mapping, or None."""
        return asdict(self)


def judge(facts: Facts, limits: LagLimits | None = None) -> Lag:
    """The lag that the facts come to.

    Args:
        facts: What is known.
        limits: Where one state ends and the next begins.

    Example:
        >>> from datetime import UTC
        >>> from orders_es.projections.lag.facts import Facts, Runner
        >>> noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
        >>> late = Facts(
        ...     projection="orders", now=noon, head_position=9, head_recorded_at=noon, position=4,
        ...     next_recorded_at=noon - timedelta(seconds=40), runner=Runner(holds=False, pid=7, host="shop-1"),
        ... )
        >>> lag = judge(late)
        >>> lag.state, lag.events_behind, lag.seconds_behind, lag.reason
        ('stopped', 5, 40.0, 'its runner, process 7 on shop-1, has ended')
    """
    limits = limits or LagLimits()
    behind = events_behind(facts)
    throughput = rate(facts, facts.processed)
    arrivals = rate(facts, facts.arrived)
    seconds = seconds_behind(facts, behind)
    state, reason = _state(facts, limits, behind, seconds, throughput, arrivals)
    return Lag(
        projection=facts.projection,
        state=state,
        reason="; ".join(filter(None, [reason, facts.note])),
        measured_at=facts.now,
        events_behind=behind,
        seconds_behind=seconds,
        definition_seconds=definition_seconds(facts, behind),
        position=facts.position,
        head_position=facts.head_position,
        head_recorded_at=facts.head_recorded_at,
        freshness=facts.freshness,
        throughput=throughput,
        arrivals=arrivals,
        eta_seconds=_eta(state, behind, throughput, arrivals),
        dead_letters=facts.dead_letters,
        beat_at=facts.runner.beat_at,
        pid=facts.runner.pid,
        host=facts.runner.host,
        source=facts.source,
    )


def _at_work_since(facts: Facts) -> datetime | None:
    """Since when it has had something to do and has committed nothing."""
    if facts.next_recorded_at is None:
        return None
    moments = (facts.next_recorded_at, facts.progress_at, facts.runner.started_at)
    return max(moment for moment in moments if moment is not None)


def _eta(state: LagState, behind: int | None, throughput: float | None, arrivals: float | None) -> float | None:
    return eta_seconds(behind, throughput, arrivals) if behind == 0 or state == "catching_up" else None


def _state(
    facts: Facts,
    limits: LagLimits,
    behind: int | None,
    seconds: float | None,
    throughput: float | None,
    arrivals: float | None,
) -> tuple[LagState, str]:
    dead = _dead(facts, limits)
    if dead is not None:
        return "stopped", dead if facts.error is None else f"{dead}; {facts.error}"
    if facts.error is not None:
        return "stuck", facts.error
    if behind is None:
        begun = facts.runner.started_at
        if begun is not None and facts.now - begun <= limits.stuck_after and not facts.note:
            return "catching_up", "it has just begun"
        return "stuck", "it cannot be said how far it is"
    if behind == 0:
        return _idle(facts, limits) if facts.runner.ready else _opening(facts, limits)
    return _busy(facts, limits, seconds, throughput, arrivals)


def _busy(
    facts: Facts, limits: LagLimits, seconds: float | None, throughput: float | None, arrivals: float | None
) -> tuple[LagState, str]:
    since = _at_work_since(facts)
    waited = (facts.now - since).total_seconds() if since else 0.0
    allowed = max(limits.stuck_after.total_seconds(), _PATIENCE * facts.longest)
    if waited > allowed:
        return "stuck", f"it lives, and has committed nothing for {_words(waited)}"
    if not throughput or seconds is None or arrivals is None:
        return "catching_up", "it is at work, and how fast is not known yet"
    rates = f"it processes {throughput:,.1f} events a second while {arrivals:,.1f} arrive"
    if seconds <= limits.settled.total_seconds():
        return "catching_up", "it is at work on what has just come in"
    if throughput < arrivals:
        return "falling_behind", rates
    return "catching_up", rates


def _dead(facts: Facts, limits: LagLimits) -> str | None:
    """Why nobody is at work on it; None if somebody is."""
    runner = facts.runner
    if runner == NOBODY:
        return "no runner is at work on it"
    who = f"its runner, process {runner.pid} on {runner.host}," if runner.pid else "its runner"
    if runner.holds is False:
        return f"{who} has ended"
    if runner.beat_at is None:
        return None if runner.holds else f"{who} has given no sign of life"
    silent = (facts.now - runner.beat_at).total_seconds()
    if silent > limits.stopped_after.total_seconds():
        frozen = "holds on to it, and " if runner.holds else ""
        return f"{who} {frozen}has given no sign of life for {_words(silent)}"
    return None


def _opening(facts: Facts, limits: LagLimits) -> tuple[LagState, str]:
    """Of one that has nothing new to process, and has not yet made sure of what it holds."""
    began = facts.runner.started_at or facts.now
    if facts.now - began > limits.stuck_after:
        waited = (facts.now - began).total_seconds()
        return "stuck", f"it began {_words(waited)} ago, and does not get to where its rows are"
    return "catching_up", "it has just begun, and makes sure that its rows are there"


def _idle(facts: Facts, limits: LagLimits) -> tuple[LagState, str]:
    if facts.head_recorded_at is None:
        return "writer_silent", "the log is empty"
    silent = (facts.now - facts.head_recorded_at).total_seconds()
    if silent > limits.silent_after.total_seconds():
        return "writer_silent", f"it has processed all there is, and the log has got nothing for {_words(silent)}"
    return "caught_up", "it has processed all there is"


def _words(seconds: float) -> str:
    """A length of time, short: the reader wants its size."""
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} s"
