"""The lag of sources that are followed, as their followers tell it beside the read-model file: rows among those of projections."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orders_es.projections.file.runner_file import sources_folder
from orders_es.projections.lag.facts import Facts
from orders_es.projections.lag.gathering import seen_runner
from orders_es.projections.lag.judgement import judge

if TYPE_CHECKING:
    from pathlib import Path

    from orders_es.projections.lag.judgement import Lag, LagLimits

__all__ = ["lag_of_sources"]

PREFIX = "follow:"
"""What a source's name begins with, beside names of projections."""


def lag_of_sources(models: Path, now: datetime, limits: LagLimits) -> list[Lag]:
    """How far behind its source each follower is that was watched beside a read-model file, by name. Read-only.

    A follower that has ended or died is `stopped`, and nobody can say how much waits; one that cannot read its source is `stuck`. The row goes with its file.

    Args:
        models: The read-model file, there or not.
        now: The time.
        limits: Where one state ends and the next begins.

    Example:
        >>> from datetime import UTC
        >>> from pathlib import Path
        >>> from orders_es.projections.lag import LagLimits
        >>> lag_of_sources(Path("none.duckdb"), datetime(2026, 6, 3, tzinfo=UTC), LagLimits())
        []
    """
    found = (_lag(file, now, limits) for file in sources_folder(models).glob("*.json"))
    return sorted((lag for lag in found if lag is not None), key=lambda lag: lag.projection)


def _lag(file: Path, now: datetime, limits: LagLimits) -> Lag | None:
    seen = seen_runner(file)
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        name = told["projection"]
    except (OSError, ValueError, KeyError):  # it goes just now, or nothing was written yet
        return None
    if seen is None:
        return None
    waiting, error = told.get("waiting"), told.get("error")
    # Only a follower that lives and reads knows what waits.
    knows = waiting is not None and error is None and seen.runner.holds is not False
    events = told.get("position", 0)
    facts = Facts(
        projection=f"{PREFIX}{name}",
        now=now,
        position=events if knows else None,
        head_position=events + waiting if knows else None,
        head_recorded_at=seen.moved_at or seen.runner.started_at,
        next_recorded_at=datetime.fromisoformat(told["next_at"]) if knows and told.get("next_at") else None,
        runner=seen.runner,
        progress_at=seen.moved_at,
        error=error,
        dead_letters=told.get("refused", 0),
        source="follower",
        note="more may wait than it has looked at" if knows and told.get("at_least") else "",
    )
    lag = judge(facts, limits)
    return replace(
        lag,
        reason=lag.reason.replace("the log", "the source"),
        position=events,
        head_position=None,
        head_recorded_at=None,
        definition_seconds=None,
    )
