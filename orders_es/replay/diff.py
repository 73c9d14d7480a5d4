"""What changed between two moments: for auditors. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import OrderNotFound
from orders_es.log.limits import check_stream_id
from orders_es.log.log_argument import check_log
from orders_es.log.relation import quoted, text
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve
from orders_es.replay.moments import as_of
from orders_es.replay.opening import connect
from orders_es.replay.relations import limits
from orders_es.replay.suggestions import ids_like

if TYPE_CHECKING:
    from datetime import tzinfo

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay.answer import Answer
    from orders_es.replay.session import Session

__all__ = ["diff"]

_HEADLINE = ("status", "total", "balance", "item_count")


def diff(
    log: EventLog,
    from_: Moment | AsOf | None,
    to: Moment | AsOf | None = None,
    *,
    order_id: str | None = None,
    tz: str | tzinfo | None = None,
) -> Answer:
    """Which orders differ between two moments, and in what: one row per order that does. Read-only.

    A datetime, a date or a text is a moment of the business clock, as known now. `AsOf` names moments on both clocks, so this is what we know
    now about T that we did not know then: `diff(log, AsOf(at=T, known_at=T), AsOf(at=T))`.

    The columns: `order_id`; `change`, which is `created`, `changed` or, where the second moment knows less, `gone`;
    `changed`, the names of the figures that differ; `total_difference`; and of every column of `orders` the value
    `…_before` and `…_after`, which are null where there was no order. Rows are sorted by order.

    Args:
        from_: The first moment; None is now.
        to: The second one; None is now.
        order_id: Only this order.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        NaiveTime: A time has no time zone.
        OrderNotFound: That order was never recorded.
        UnknownEventType: An order that changed holds an event whose meaning nobody registered.

    Example:
        >>> import tempfile
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> changes = diff(log, datetime(2011, 6, 1, tzinfo=UTC)).to_arrow()
        >>> changes.select(["order_id", "change", "status_after"]).to_pylist()
        [{'order_id': 'A-1', 'change': 'created', 'status_after': 'placed'}]
    """
    check_log(log)
    if order_id is not None:
        check_stream_id(order_id)
    before, after = _checked("from_", from_, tz), _checked("to", to, tz)
    only = "NULL" if order_id is None else text(order_id)
    with connect(log) as session:
        answer = session.sql(_query(session, before, after, only))
    if order_id is not None and not len(answer) and not log.stream_version(order_id):
        raise OrderNotFound(order_id, f"the log {log.url!r} holds no such order", ids_like(log, order_id))
    answer.question = f"diff from [{before.spoken(tz)}] to [{after.spoken(tz)}]"
    return answer


def _checked(argument: str, moment: Moment | AsOf | None, tz: str | tzinfo | None) -> AsOf:
    if not isinstance(moment, AsOf):
        return AsOf(at=resolve(argument, moment, tz))
    return as_of(
        at=moment.at,
        known_at=moment.known_at,
        version=moment.version,
        position=moment.position,
        recorded_by=moment.recorded_by,
        tz=tz,
    )


def _query(session: Session, before: AsOf, after: AsOf, only: str) -> str:
    """Both states of the orders of which one moment counts other events than the other."""
    names = session.sql("SELECT * FROM orders LIMIT 0").columns[1:]
    differ = ", ".join(
        f"CASE WHEN before.{quoted(n)} IS DISTINCT FROM after.{quoted(n)} THEN {text(n)} END" for n in names
    )
    ordered = [*_HEADLINE, *(name for name in names if name not in _HEADLINE)]
    pairs = ", ".join(
        f"before.{quoted(n)} AS {quoted(n + '_before')}, after.{quoted(n)} AS {quoted(n + '_after')}" for n in ordered
    )
    own = "stream_id IN (SELECT stream_id FROM touched)"
    return f"""
        WITH touched AS MATERIALIZED (
            SELECT DISTINCT stream_id FROM events
            WHERE ({limits(before)}) IS DISTINCT FROM ({limits(after)}) AND coalesce(stream_id = {only}, true)
        ),
        events_before AS NOT MATERIALIZED (SELECT * FROM events WHERE {limits(before)} AND {own}),
        events_after AS NOT MATERIALIZED (SELECT * FROM events WHERE {limits(after)} AND {own}),
        before AS MATERIALIZED ({session.state("orders", "events_before")}),
        after AS MATERIALIZED ({session.state("orders", "events_after")})
        SELECT
            coalesce(after.order_id, before.order_id) AS order_id,
            CASE
                WHEN before.order_id IS NULL THEN 'created'
                WHEN after.order_id IS NULL THEN 'gone'
                ELSE 'changed'
            END AS change,
            list_filter([{differ}], lambda name: name IS NOT NULL) AS changed,
            (coalesce(after.total, 0) - coalesce(before.total, 0))::DECIMAL(38, 4) AS total_difference,
            {pairs}
        FROM before FULL JOIN after ON after.order_id = before.order_id
        ORDER BY 1
    """
