"""The log as process mining knows it: cases, activities, timestamps. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.log_argument import check_log
from orders_es.replay.moments import as_of
from orders_es.replay.opening import connect

if TYPE_CHECKING:
    from datetime import tzinfo

    import pandas as pd

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment

__all__ = ["to_event_log"]


def to_event_log(
    log: EventLog,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
) -> pd.DataFrame:
    """A DataFrame with a row for each event, named as the XES standard and process-mining libraries have it. Read-only.

    `case:concept:name` is the stream, `concept:name` the event type, `time:timestamp` when it happened and
    `org:resource` who did it. Rows are sorted by case, and within it by time and then by version. For your own use there
    are `recorded_at`, `entered_at`, `version` and `position`.

    Args:
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> to_event_log(log)["concept:name"].to_list()
        ['OrderCreated', 'OrderPlaced']
    """
    check_log(log)
    query = """
        SELECT
            stream_id AS "case:concept:name",
            type AS "concept:name",
            occurred_at AS "time:timestamp",
            actor AS "org:resource",
            recorded_at,
            entered_at,
            version,
            "position"
        FROM events
        ORDER BY stream_id, occurred_at, version
    """
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
    with connect(log) as session:
        answer = session.sql(query, at=asked.at, known_at=asked.known_at, recorded_by=asked.recorded_by)
        return answer.to_pandas()
