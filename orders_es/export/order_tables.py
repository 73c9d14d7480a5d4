"""What `show`, `history` and `diff` say, as tables that evidence can be written of. For auditors; read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import OrderNotFound
from orders_es.log.limits import check_stream_id
from orders_es.log.relation import text

if TYPE_CHECKING:
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer, Session

__all__ = ["history_rows", "order_row"]

_ORDER = "FROM orders WHERE order_id = {order}"
_EVENTS = """
SELECT e.position, e.version, e.event_id, e.type, e.schema_version, e.occurred_at, e.recorded_at, e.entered_at,
    e.actor, e.correlation_id, e.causation_id{more}, e.payload
FROM events AS e{joined}
WHERE e.stream_id = {order}
ORDER BY e.version
"""
_TOTALS = (
    ", effects.total AS total_change, (sum(coalesce(effects.total, 0)) OVER (ORDER BY e.version))::DECIMAL(38, 4) AS total_after",
    " LEFT JOIN (SELECT position, total FROM order_effects WHERE stream_id = {order}) AS effects USING (position)",
)


def order_row(
    session: Session,
    order_id: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    version: int | None = None,
) -> Answer:
    """What `load_order` gives, as SQL has it: the order's row of `orders`; none where there was no such order by then.

    Args:
        at: Only what had occurred by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        version: Only the order's events up to this version.

    Raises:
        OrderNotFound: There is no event of that version.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds other things than order events.

    Example:
        >>> import tempfile
        >>> from orders_es.export import order_row, write_answer_evidence
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> session = connect(log)
        >>> write_answer_evidence(session, order_row(session, "A-1"), tempfile.mkdtemp() + "/A-1.json").rows
        1
    """
    query = _ORDER.format(order=_named(order_id))
    position = _position_of(session, order_id, version)
    return session.sql(query, at=at, known_at=known_at, recorded_by=recorded_by, position=position)


def history_rows(
    session: Session,
    stream_id: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    version: int | None = None,
    totals: bool = True,
) -> Answer:
    """What `history` gives, as SQL has it: one row per event of an order, with what its total came to; or of any stream.

    Args:
        stream_id: The order, or a stream of another domain.
        at: Only what had occurred by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        version: Only the stream's events up to this version.
        totals: Whether to say what each event moves the order's total by, and what it is after it; only orders have one.

    Raises:
        OrderNotFound: There is no event of that version.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds other things than order events, and totals are asked for.

    Example:
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ItemAdded, OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> events = [OrderCreated(currency="GBP"), ItemAdded(item_id="mug", quantity=2, price=Decimal(5))]
        >>> _ = log.append("A-1", events, expected=NO_STREAM)
        >>> [(row.type, str(row.total_after)) for row in history_rows(connect(log), "A-1")]
        [('OrderCreated', '0.0000'), ('ItemAdded', '10.0000')]
    """
    order = _named(stream_id)
    more, joined = _TOTALS if totals else ("", "")
    query = _EVENTS.format(order=order, more=more, joined=joined.format(order=order))
    position = _position_of(session, stream_id, version)
    return session.sql(query.strip(), at=at, known_at=known_at, recorded_by=recorded_by, position=position)


def _named(stream_id: Any) -> str:
    check_stream_id(stream_id)
    return text(stream_id)


def _position_of(session: Session, stream_id: str, version: int | None) -> int | None:
    """Where the event of that version stands: up to there the log holds the stream's events up to it, and no later ones."""
    if version is None:
        return None
    events = session.log.load(stream_id, to_version=version)
    if not events or events[-1].version != version:
        raise OrderNotFound(stream_id, f"it has no event of version {version}")
    return events[-1].position
