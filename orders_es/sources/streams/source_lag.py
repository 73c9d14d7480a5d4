"""How much waits in a source that a log does not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orders_es.log.event import from_micros
from orders_es.sources.jsonl.line_reader import BadLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.sources.jsonl.line_reader import LineReader
    from orders_es.sources.streams.source import Delivered

__all__ = ["SourceLag", "age_of_next"]


@dataclass(frozen=True, slots=True)
class SourceLag:
    """How much waits in a source that the log does not have.

    Args:
        source: Which one.
        place: Up to where the log has it.
        lines_behind: How many of its lines wait.
        at_least: Whether there are more than were looked at.
        seconds_behind: The age of the oldest that waits, by the time at which the source says it was entered, or else happened; 0 where none waits, None where
            no event can be made of it.
        refused: How many lines were recorded as ones that no event can be made of.
        reason: Why the next line stops a follower; empty where it does not.
    """

    source: str
    place: str | None
    lines_behind: int
    at_least: bool
    seconds_behind: float | None
    refused: int
    reason: str = ""


def age_of_next(waiting: Sequence[Delivered], reader: LineReader) -> tuple[float | None, str]:
    """The age in seconds of the first of what waits, and why no event can be made of it; 0 where nothing waits, None where it has no time.

    Args:
        waiting: What the log does not have yet.
        reader: What makes events of lines.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.sources.jsonl.line_reader import OwnLines
        >>> from orders_es.sources.streams import Delivered
        >>> age_of_next([], OwnLines(open_log(":memory:").registry))
        (0.0, '')
        >>> age_of_next([Delivered("7", b"{}")], OwnLines(open_log(":memory:").registry))[0] is None
        True
    """
    if not waiting:
        return 0.0, ""
    try:
        line = reader.read(waiting[0].line)
    except BadLine as error:
        return None, f"at {waiting[0].place}: {error.reason}"
    if line is None or not line.type:
        return None, ""
    since = line.occurred_at if line.entered_at is None else line.entered_at
    return max(0.0, (datetime.now(UTC) - from_micros(since)).total_seconds()), ""
