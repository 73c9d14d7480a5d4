"""Moments and limits that a replay is asked for, checked and in UTC: for the modules of `orders_es.replay`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orders_es.errors import InvalidTime, NaiveTime, WrongType
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.log import RecordedEvent

__all__ = ["as_of", "counts", "instant"]


def instant(argument: str, value: object) -> datetime | None:
    """The same instant in UTC; None stays None. For the time of an event, which is never a whole day.

    Args:
        argument: The argument's name, for the error.
        value: A datetime with time zone, or None.

    Raises:
        NaiveTime: It has no time zone.
        InvalidTime: In UTC it lies outside the years 1 to 9999.
        TypeError: It is not a datetime.

    Example:
        >>> instant("at", datetime(2011, 6, 3, 15, tzinfo=UTC))
        datetime.datetime(2011, 6, 3, 15, 0, tzinfo=datetime.timezone.utc)
    """
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise WrongType(f"{argument}={value!r} is {type(value).__name__}; give a datetime with a time zone")
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTime(argument, value)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        shown = value.isoformat()
        raise InvalidTime(shown, f"{argument}={shown} lies outside the years 1 to 9999 once it is in UTC") from None


def as_of(
    *,
    at: object,
    known_at: object,
    version: int | None = None,
    position: int | None = None,
    recorded_by: object = None,
    tz: str | tzinfo | None = None,
) -> AsOf:
    """The question as asked, its moments checked and in UTC. Raises as `orders_es.orders.moments.resolve` does.

    Args:
        at: A datetime with a time zone, a date or a text; None is no limit.
        known_at: Likewise.
        version: As in `AsOf`.
        position: As in `AsOf`.
        recorded_by: Likewise a moment.
        tz: The zone of dates, and of texts without one; UTC if left out.

    Example:
        >>> print(as_of(at="2011-06-30", known_at=None, version=3))
        at the end of 2011-06-30, up to version 3
    """
    return AsOf(
        at=resolve("at", at, tz),
        known_at=resolve("known_at", known_at, tz),
        version=version,
        position=position,
        recorded_by=resolve("recorded_by", recorded_by, tz),
    )


def counts(event: RecordedEvent, asked: AsOf) -> bool:
    """Whether an event was there, at the moment asked about. Every limit includes itself."""
    return (
        (asked.at is None or event.occurred_at <= asked.at)
        and (asked.known_at is None or event.known_at <= asked.known_at)
        and (asked.recorded_by is None or event.recorded_at <= asked.recorded_by)
        and (asked.version is None or event.version <= asked.version)
        and (asked.position is None or event.position <= asked.position)
    )
