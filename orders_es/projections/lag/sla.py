"""`check_sla`: which projections are further behind than was promised, by how much, and whom to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.projections.lag.judgement import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orders_es.projections.lag.judgement import Lag, LagState

__all__ = ["Breach", "check_sla"]


@dataclass(frozen=True, slots=True)
class Breach:
    """A projection that does not keep what was promised. `str` tells it in one line.

    Args:
        lag: The projection, with all that was measured.
        limit: What was promised; None if only states were asked for.
        over: By how many seconds it is late; None where it cannot be said how late it is, or where its state alone is the
            breach.
    """

    lag: Lag
    limit: timedelta | None
    over: float | None

    @property
    def projection(self) -> str:
        """The projection's name."""
        return self.lag.projection

    def __str__(self) -> str:
        lag = self.lag
        if self.over is not None and self.limit is not None:
            limit = self.limit.total_seconds()
            return (
                f"{lag.projection} is {lag.seconds_behind:,.1f} s behind, {self.over:,.1f} s over the {limit:g} s promised "
                f"({lag.state}: {lag.reason})"
            )
        if lag.seconds_behind is None and self.limit is not None:
            return f"nobody can say how far behind {lag.projection} is ({lag.state}: {lag.reason})"
        return f"{lag.projection} is {lag.state}: {lag.reason}"


def check_sla(
    lags: Iterable[Lag],
    limit: timedelta | float | None,
    *,
    states: Iterable[LagState] = (),
    on_breach: Callable[[Breach], object] | Iterable[Callable[[Breach], object]] = (),
) -> list[Breach]:
    """The projections whose oldest unprocessed event is older than the limit, or of which that is unknown.

    Args:
        lags: What `measure_lag` gave.
        limit: How old it may be; a number is seconds. Exactly so old is still in time. None to ask for states alone.
        states: States that are a breach in themselves, such as `stopped` or `writer_silent`: a projection with nothing to
            do is not late, whatever state it is in.
        on_breach: A function, or several, each called with each breach.

    Raises:
        InvalidSetting: The limit is below nothing, or there is no such state.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.projections.lag.facts import Facts
        >>> from orders_es.projections.lag.judgement import judge
        >>> noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
        >>> lag = judge(Facts(projection="orders", now=noon, head_position=2, position=1,
        ...                   next_recorded_at=noon - timedelta(seconds=45)))
        >>> told = []
        >>> [breach] = check_sla([lag], 30, on_breach=told.append)
        >>> print(told[0])
        orders is 45.0 s behind, 15.0 s over the 30 s promised (stopped: no runner is at work on it)
    """
    if isinstance(limit, int | float):
        limit = timedelta(seconds=limit)
    if limit is not None and limit < timedelta(0):
        raise InvalidSetting("limit", limit, "give no time or more")
    states = frozenset(states)
    for state in states - frozenset(STATES):
        raise InvalidSetting("states", state, f"the states are {', '.join(STATES)}")
    calls = (on_breach,) if callable(on_breach) else tuple(on_breach)
    breaches = []
    for lag in lags:
        over = None
        if limit is not None and lag.seconds_behind is not None:
            over = max(lag.seconds_behind - limit.total_seconds(), 0.0)
        unknown = limit is not None and lag.seconds_behind is None
        if over or unknown or lag.state in states:
            breaches.append(Breach(lag, limit, over or None))
    for breach in breaches:
        for call in calls:
            call(breach)
    return breaches
