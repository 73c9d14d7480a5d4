"""How far a log's record clock is ahead of this machine's: for whoever looks after one.

`recorded_at` never decreases with position. A clock that was ahead once therefore holds it ahead, until the machine's clock has
caught up: events recorded meanwhile all have that one time. When they occurred is not concerned.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orders_es.log.event import Head

__all__ = ["ahead", "in_words"]

_USUAL = timedelta(minutes=1)
"""Clocks of machines that share a disk may differ by so much."""


def ahead(head: Head, now: datetime | None = None) -> timedelta | None:
    """How far the last event was recorded in the future; None where it was not, give or take a minute.

    Args:
        now: The time, with time zone; the machine's clock if left out.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import Head
        >>> ahead(Head(1, datetime(2026, 1, 1, 13, tzinfo=UTC), b""), datetime(2026, 1, 1, 12, tzinfo=UTC))
        datetime.timedelta(seconds=3600)
    """
    if head.recorded_at is None:
        return None
    by = head.recorded_at - (datetime.now(UTC) if now is None else now)
    return by if by > _USUAL else None


def in_words(by: timedelta) -> str:
    """A duration as people say it, in its largest unit.

    Example:
        >>> in_words(timedelta(hours=50)), in_words(timedelta(minutes=5))
        ('2.1 days', '5 minutes')
    """
    seconds = by.total_seconds()
    for unit, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2 * length or unit == "minutes":
            return f"{seconds / length:,.1f}".removesuffix(".0") + f" {unit}"
    raise AssertionError
