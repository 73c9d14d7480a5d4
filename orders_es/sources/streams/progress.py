"""How far each source has been followed, as the log itself says it: the events that a follower commits with what it read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orders_es.log.bookkeeping import LINE_REFUSED, SOURCE_FOLLOWED
from orders_es.log.log_argument import check_log

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from orders_es.log import EventLog
    from orders_es.log.event import RecordedEvent

__all__ = ["STREAM", "Followed", "followed", "further", "refused_lines"]

STREAM = "follow:"
"""What the name of each source's own stream begins with."""


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a source has been followed.

    Args:
        name: The source.
        place: Where it stands; None where nothing was read yet.
        events: How many events came from it, in all.
        refused: How many of its lines no event could be made of.
        at: When the log recorded the place; None where nothing was read yet.
    """

    name: str
    place: str | None
    events: int
    refused: int
    at: datetime | None


def further(state: Followed, events: Iterable[RecordedEvent]) -> Followed:
    """How far a source has been followed, after some more events of its own stream."""
    for event in events:
        facts = json.loads(event.payload)
        if event.type == SOURCE_FOLLOWED:
            state = replace(state, place=facts["place"], events=state.events + facts["events"], at=event.recorded_at)
        elif event.type == LINE_REFUSED:
            state = replace(state, refused=state.refused + 1)
    return state


def followed(log: EventLog) -> list[Followed]:
    """How far each source that this log ever followed has been followed.

    Example:
        >>> from orders_es.log import open_log
        >>> followed(open_log(":memory:"))
        []
    """
    check_log(log)
    return [
        further(Followed(stream.removeprefix(STREAM), None, 0, 0, None), log.load(stream))
        for stream in log.stream_ids(prefix=STREAM)
    ]


def refused_lines(log: EventLog) -> list[dict[str, Any]]:
    """What sources said and no event could be made of: `source`, `place`, `reason`, `line` and `recorded_at`, oldest first.

    Example:
        >>> from orders_es.log import open_log
        >>> refused_lines(open_log(":memory:"))
        []
    """
    check_log(log)
    return [
        {"source": stream.removeprefix(STREAM), **json.loads(event.payload), "recorded_at": event.recorded_at}
        for stream in log.stream_ids(prefix=STREAM)
        for event in log.load(stream)
        if event.type == LINE_REFUSED
    ]
