"""Whether all that is asked for has times that can be drawn: for reports and plots, which cannot show one as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.event import beyond_calendar

if TYPE_CHECKING:
    from orders_es.orders.moments import Moment
    from orders_es.replay.session import Session

__all__ = ["require_calendar"]

_BEYOND = """
    SELECT "position", stream_id, epoch_us(occurred_at) FROM events
    WHERE occurred_at < TIMESTAMPTZ '0001-01-01 00:00:00Z' OR occurred_at > TIMESTAMPTZ '9999-12-31 23:59:59.999999Z'
    ORDER BY "position" LIMIT 1
"""


def require_calendar(
    session: Session, *, at: Moment | None = None, known_at: Moment | None = None, recorded_by: Moment | None = None
) -> None:
    """Refuse events whose times no calendar has, before anything is drawn of them.

    Args:
        at: What had occurred by then.
        known_at: What had been recorded by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidEvent: There is one; the event is named.
    """
    for position, stream_id, micros in session.sql(_BEYOND, at=at, known_at=known_at, recorded_by=recorded_by).rows():
        raise beyond_calendar(position, stream_id, micros)
