"""Questions about people: who changed an order, what somebody did, and who did what several should do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.audit.questions.answering import ask, session_on
from orders_es.errors import InvalidSetting, OrderNotFound
from orders_es.read_models.questions import DUTIES
from orders_es.replay.suggestions import close_ids, ids_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer, Session

__all__ = ["STEPS", "actor_events", "one_hand", "order_changes"]

STEPS = tuple(map(",".join, DUTIES))
"""`orders_es.read_models.questions.DUTIES`, in the form in which steps are given here."""
_LISTED_MOST = 5


def order_changes(
    source: EventLog | Session,
    order: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Who changed an order and when: its events as a tree, each under the one that caused it, causes in other streams included.

    Args:
        source: A log, or a session.
        order: The order's id.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        OrderNotFound: There is no such order, or nothing of it at that moment.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced()], expected=NO_STREAM)
        >>> order_changes(log, "A-1").to_arrow()["event"].to_pylist()
        ['OrderCreated', 'OrderPlaced']
    """
    with session_on(source) as session:
        if not order or not session.log.stream_version(order):
            raise OrderNotFound(order, "", ids_like(session.log, order) if order else ())
        answer = ask(
            session,
            "order_changes",
            f"events of {order}, by cause",
            {"order": order},
            at=at,
            known_at=known_at,
            recorded_by=recorded_by,
        )
        if not len(answer):
            raise OrderNotFound(order, "nothing of it was known at that moment; ask for a later one")
        return answer


def actor_events(
    source: EventLog | Session,
    actor: str | None,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Everything that one actor did, in the order in which it was recorded.

    Args:
        source: A log, or a session.
        actor: The actor's name; None asks for the events that name nobody.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The log, as known now, names no such actor.

    Example:
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), actor="ann")], expected=NO_STREAM)
        >>> actor_events(log, "ann").to_arrow()["stream_id"].to_pylist()
        ['A-1']
    """
    with session_on(source) as session:
        question = "events that name no actor" if actor is None else f"events by {actor}"
        answer = ask(
            session, "actor_events", question, {"actor": actor}, at=at, known_at=known_at, recorded_by=recorded_by
        )
        if actor is not None and not len(answer):
            known = [
                row[0]
                for row in session.sql("SELECT DISTINCT actor FROM events WHERE actor IS NOT NULL ORDER BY 1").rows()
            ]
            if actor not in known:
                like = close_ids(actor, known)
                raise InvalidSetting("actor", actor, f"the log names no such actor; {_there_are(like, known)}")
        return answer


def _there_are(like: Sequence[str], known: Sequence[str]) -> str:
    if like:
        return f"did you mean {', '.join(like)}?"
    if not known:
        return "it names none at all"
    more = f" and {len(known) - _LISTED_MOST:,} more" if len(known) > _LISTED_MOST else ""
    return f"it names {', '.join(known[:_LISTED_MOST])}{more}"


def one_hand(
    source: EventLog | Session,
    *,
    steps: Sequence[str] = STEPS,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """Orders of which one actor did every step that different people should do: created or placed, shipped, and refunded.

    Args:
        source: A log, or a session.
        steps: The steps, two or more, each an event type, or several with commas between them of which one is enough.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: A step is no event type that is known here, or there is but one step.

    Example:
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [NewEvent(data=OrderCreated(currency="EUR"), actor="ann")], expected=NO_STREAM)
        >>> _ = log.append("A-1", [NewEvent(data=OrderPlaced(), actor="ann")], expected=1)
        >>> len(one_hand(log, steps=("OrderCreated", "OrderPlaced")))
        1
    """
    with session_on(source) as session:
        known = {kind.name for kind in session.log.registry}
        types = [[name.strip() for name in step.split(",")] for step in steps]
        for name in (name for step in types for name in step):
            if name not in known:
                like = close_ids(name, sorted(known)) or sorted(known)
                raise InvalidSetting("steps", name, f"it is no event type; there are {', '.join(like)}")
        if len(types) < 2:  # noqa: PLR2004 - one step is always in one hand
            raise InvalidSetting("steps", ", ".join(steps), "give two steps or more: one is always in one hand")
        said = ", ".join(" or ".join(step) for step in types)
        return ask(
            session,
            "one_hand",
            f"orders of which one actor did all of: {said}",
            {"steps": types},
            at=at,
            known_at=known_at,
            recorded_by=recorded_by,
        )
