"""Keeping what the law says: legal holds on orders and customers, while which nothing of them is erased."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting, NoSuchHold, VersionConflict
from orders_es.log import NO_STREAM, NewEvent, RawEvent
from orders_es.log.bookkeeping import (
    LEGAL_HOLD_PLACED,
    LEGAL_HOLD_RELEASED,
    PRIVACY_STREAM,
    said_by,
)
from orders_es.log.limits import check_stream_id
from orders_es.log.log_argument import check_log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["TRIES", "Hold", "covered", "holds", "holds_in", "place_hold", "release_hold", "require_why", "streams_of"]

STREAM = PRIVACY_STREAM
_CUSTOMER = "customer_id"
TRIES = 20


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: while it is in force, nothing is erased of its order or customer.

    Args:
        hold: Its id.
        kind: `order` or `customer`.
        subject: Which one; `erased` once the customer's data are.
        why: What it is for.
        placed_by: Whose it is.
        placed_at: When it was placed.
        released_by: Who released it; None while it is in force.
        released_at: When.
    """

    hold: str
    kind: str
    subject: str
    why: str
    placed_by: str
    placed_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None


def place_hold(
    log: EventLog, order: str | None = None, *, customer: str | None = None, why: str, by: str | None = None
) -> Hold:
    """Place a legal hold on an order, or on a customer: nothing of it is erased until it is released.

    Args:
        order: Its id.
        customer: Its id, which is recorded as personal data, so that it can be erased once the hold is released.
        why: What for, such as the number of the case.
        by: Whose hold it is; the operating system's name of the user if left out.

    Raises:
        InvalidSetting: Neither or both of the two are given, or no reason is.
        InvalidArgument, WrongType: Nothing can be called so.
        ReadOnlyLog, StorageError: It cannot be recorded.

    Example:
        >>> from orders_es.audit import erase
        >>> from orders_es.log import open_log
        >>> log = open_log("memory:")
        >>> place_hold(log, "A-1", why="case 17", by="Legal").hold
        'H-1'
        >>> erase(log, "A-1", why="request")
        Traceback (most recent call last):
        ...
        orders_es.errors.orders.StreamNotFound: no stream 'A-1'
    """
    check_log(log)
    if (order is None) == (customer is None):
        raise InvalidSetting("order", order, "give an order or a customer, one of the two")
    require_why(why)
    kind, subject = ("order", order) if order is not None else ("customer", customer)
    check_stream_id(subject)

    def placed(so_far: list[RecordedEvent]) -> RawEvent:
        number = sum(event.type == LEGAL_HOLD_PLACED for event in so_far) + 1
        said = {"hold": f"H-{number}", "kind": kind, "why": why, "subject": subject}
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        return RawEvent(LEGAL_HOLD_PLACED, text, personal=("subject",) if kind == "customer" else ())

    _record(log, placed, by)
    return [one for one in holds(log) if one.subject == subject][-1]


def release_hold(log: EventLog, hold: str, *, why: str, by: str | None = None) -> Hold:
    """Release a legal hold.

    Args:
        hold: Its id, as `holds` gives it.
        why: What for.
        by: Who releases it; the operating system's name of the user if left out.

    Raises:
        NoSuchHold: None of that id is in force.
        InvalidSetting: There is no reason.

    Example:
        >>> from orders_es.log import open_log
        >>> log = open_log("memory:")
        >>> placed = place_hold(log, "A-1", why="case 17", by="Legal")
        >>> release_hold(log, placed.hold, why="case 17 is closed", by="Ana").released_by
        'Ana'
    """
    check_log(log)
    require_why(why)

    def released(so_far: list[RecordedEvent]) -> RawEvent:
        if not any(one.hold == hold and one.released_at is None for one in holds_in(so_far)):
            raise NoSuchHold(log.url, hold)
        return RawEvent(LEGAL_HOLD_RELEASED, json.dumps({"hold": hold, "why": why}, ensure_ascii=False))

    _record(log, released, by)
    return next(one for one in holds(log) if one.hold == hold)


def holds(log: EventLog) -> list[Hold]:
    """All legal holds, those that were released as well, in the order in which they were placed.

    Example:
        >>> from orders_es.log import open_log
        >>> log = open_log("memory:")
        >>> _ = place_hold(log, customer="C-7", why="case 17", by="Legal")
        >>> [(hold.hold, hold.subject, hold.released_by) for hold in holds(log)]
        [('H-1', 'C-7', None)]
    """
    check_log(log)
    return holds_in(log.load(STREAM))


def covered(log: EventLog, hold: Hold) -> list[str]:
    """The orders that the log has now, and that a hold keeps from being erased while it is in force; read-only.

    None where what it was placed on is not there: it may come later, or the name was mistyped.

    Example:
        >>> from orders_es.log import open_log
        >>> log = open_log("memory:")
        >>> covered(log, place_hold(log, "A-1", why="case 17", by="Legal"))
        []
    """
    check_log(log)
    if hold.kind == "order":
        return [hold.subject] if log.stream_version(hold.subject) else []
    return sorted(streams_of(log, {hold.subject}))


def holds_in(so_far: list[RecordedEvent]) -> list[Hold]:
    """The holds that some events say, in the order in which they were placed.

    Args:
        so_far: Events of the stream that holds are recorded in.

    Example:
        >>> holds_in([])
        []
    """
    found: dict[str, Hold] = {}
    for event in so_far:
        if event.type == LEGAL_HOLD_PLACED:
            said = said_by(event)
            # What somebody records under the id of another hold is one of its own, and releases none.
            name = said["hold"] if said["hold"] not in found else f"{said['hold']} at {event.position}"
            found[name] = Hold(name, said["kind"], said["subject"], said["why"], event.actor or "", event.recorded_at)
        elif event.type == LEGAL_HOLD_RELEASED and said_by(event)["hold"] in found:
            name = said_by(event)["hold"]
            known = found[name]
            found[name] = Hold(
                name,
                known.kind,
                known.subject,
                known.why,
                known.placed_by,
                known.placed_at,
                event.actor,
                event.recorded_at,
            )
    return list(found.values())


def _record(log: EventLog, make: Callable[[list[RecordedEvent]], RawEvent], by: str | None) -> None:
    for _ in range(TRIES):
        so_far = log.load(STREAM)
        event = NewEvent(data=make(so_far), actor=by or getpass.getuser())
        try:
            log.append(STREAM, [event], expected=len(so_far) or NO_STREAM)
        except VersionConflict:
            continue
        return
    raise VersionConflict(STREAM, "the version that it was at", len(so_far))


def require_why(why: object) -> None:
    """Refuse what gives no reason.

    Raises:
        InvalidSetting: It is no text, or an empty one.

    Example:
        >>> require_why("request of 3 June")
    """
    if not isinstance(why, str) or not why.strip():
        raise InvalidSetting("why", why, "say what for; it is recorded")


def streams_of(log: EventLog, customers: Collection[str]) -> set[str]:
    """The streams with an event that names one of some customers.

    Raises:
        InvalidSetting: No registered event type has a customer.

    Example:
        >>> from orders_es.log import open_log
        >>> streams_of(open_log(":memory:"), {"C-7"})
        set()
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _CUSTOMER not in log.registry.columns:
        raise InvalidSetting("customer", None, f"no registered event type has the field {_CUSTOMER}; name the order")
    wanted = pa.array(sorted(customers), pa.string())
    found: set[str] = set()
    for batch in log.read(columns=["stream_id", _CUSTOMER]):
        mine = batch.filter(pc.is_in(batch.column(_CUSTOMER), wanted))
        found |= set(mine.column("stream_id").to_pylist())
    return found
