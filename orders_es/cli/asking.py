"""One order's events as they stood at a moment, or an error that says what there is instead."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from orders_es.cli.output import count
from orders_es.cli.times import format_instant
from orders_es.errors import OrderNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["FILLING", "events_of"]

FILLING = "orders-es simulate --orders 1000 --log {log}, or orders-es import online-retail FILE --log {log}"
"""How to put something into a log."""

_MOST_IDS_COMPARED = 5_000
_SUGGESTIONS = 3


def events_of(
    log: EventLog,
    order_id: str,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
    version: int | None = None,
) -> list[RecordedEvent]:
    """The events of an order that had happened and were known by then; at least one.

    Raises:
        OrderNotFound: There is no such order, or there was none at that moment; it says which, and what there is.
    """
    recorded = log.load(order_id)
    if not recorded:
        if not log.head().position:
            raise OrderNotFound(order_id, f"the log is empty; fill it: {FILLING.format(log=log.url)}")
        raise OrderNotFound(order_id, "", close_ids(log, order_id))
    if version is not None and version > len(recorded):
        raise OrderNotFound(order_id, f"it has not come to version {version}; it is at version {len(recorded)}")
    events = [
        event
        for event in recorded
        if (at is None or event.occurred_at <= at)
        and (known_at is None or event.recorded_at <= known_at)
        and (version is None or event.version <= version)
    ]
    if not events:
        happened = format_instant(min(event.occurred_at for event in recorded))
        known = format_instant(recorded[0].recorded_at)
        raise OrderNotFound(
            order_id,
            f"not at that moment; the first of its {count(len(recorded), 'event')} happened at {happened} "
            f"and the first to be recorded was recorded at {known}",
        )
    return events


def close_ids(log: EventLog, wanted: str) -> tuple[str, ...]:
    """Up to three ids of the log that look like the one wanted.

    Ids that share its beginning are compared first, the longest shared beginning before the others, because a log
    may hold millions and comparing is slow.
    """
    near: dict[str, None] = {}
    for length in range(len(wanted), -1, -1):
        room = _MOST_IDS_COMPARED - len(near)
        if room <= 0:
            break
        near |= dict.fromkeys(log.stream_ids(prefix=wanted[:length], limit=room))
    by_folded = {stream_id.casefold(): stream_id for stream_id in reversed(near)}
    matches = difflib.get_close_matches(wanted.casefold(), by_folded, n=_SUGGESTIONS, cutoff=0.6)
    return tuple(by_folded[match] for match in matches)
