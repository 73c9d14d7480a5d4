"""Erasing what the law says, and keeping what it says: personal data of orders and customers, and legal holds on them.

All of it is recorded in one stream of the log, so that a hold and an erasure that are made at once cannot miss each other. docs/audit.md
says what is erased, and what stays.
"""

from __future__ import annotations

import getpass
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotErase, InvalidSetting, NoSuchHold, StreamNotFound, UnderLegalHold, VersionConflict
from orders_es.log import NO_STREAM, NewEvent, RawEvent
from orders_es.log.bookkeeping import (
    LEGAL_HOLD_PLACED,
    LEGAL_HOLD_RELEASED,
    PERSONAL_DATA_ERASED,
    PRIVACY_STREAM,
    said_by,
)
from orders_es.log.limits import check_stream_id
from orders_es.log.log_argument import check_log
from orders_es.log.personal import is_live, moved_to_the_end
from orders_es.log.protocol import CanErase, check_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["Erasure", "Hold", "covered", "erase", "erasures", "holds", "place_hold", "release_hold"]

STREAM = PRIVACY_STREAM
_CUSTOMER = "customer_id"
_TRIES = 20
_ONE_BY_ONE = 200
"""Up to so many streams are loaded each by itself."""
_NEEDED = ("position", "type", "schema_version", "payload", "personal")


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


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure of personal data, as the log records it.

    Args:
        position: Where it is recorded; 0 if there was nothing to erase.
        positions: The events whose personal data are gone.
        streams: Their streams.
        left: Events whose personal data stay, for they were recorded before their fields were marked as personal.
        why: What for.
        erased_by: Who did it.
        erased_at: When; None if there was nothing to erase.
    """

    position: int
    positions: tuple[int, ...]
    streams: tuple[str, ...]
    left: tuple[int, ...]
    why: str
    erased_by: str
    erased_at: datetime | None


def erase(
    log: EventLog,
    stream: str | None = None,
    *,
    customer: str | None = None,
    why: str,
    by: str | None = None,
    leave_unsalted: bool = False,
) -> Erasure:
    """Erase the personal data of an order, or of all orders of a customer, and record that in the log.

    Every leaf stays, and so every root, checkpoint and receipt. The fields say `erased` from then on, or nothing where they are no
    texts. It is done as a whole: whoever dies in between has erased nothing, or the next one who opens the log for writing goes on.

    Args:
        stream: The order.
        customer: The customer, by the `customer_id` of orders.
        why: What for; it is kept for good, so it names nobody.
        by: Who does it; the operating system's name of the user if left out.
        leave_unsalted: Erase the rest where some events were recorded before their fields were marked as personal.

    Raises:
        UnderLegalHold: An order or customer among them is held; nothing was erased.
        CannotErase: The log's backend cannot, or events were recorded without a salt and `leave_unsalted` is False.
        StreamNotFound: There is no such order.
        InvalidSetting: Neither or both of the two are given, or no reason is.
        ErasureUnfinished: It is done for whoever reads, and bytes may still be there; call again.
        ReadOnlyLog, StorageError, LogBusy: It was not done, or has begun and goes on when the log is next opened for writing.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log, order_registry
        >>> from orders_es.orders import OrderCreated
        >>> registry = order_registry()
        >>> registry.mark_personal("OrderCreated", "customer_id")
        >>> log = open_log(tempfile.mkdtemp(), create=True, registry=registry)
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR", customer_id="C-7")], expected=NO_STREAM)
        >>> erase(log, "A-1", why="request of 3 June", by="Zoë").positions
        (1,)
        >>> log.load("A-1")[0].data.customer_id
        'erased'
    """
    check_log(log)
    check_writable(log)
    if (stream is None) == (customer is None):
        raise InvalidSetting("stream", stream, "give an order or a customer, one of the two")
    _require_why(why)
    if stream == STREAM:  # or else a hold would be lifted by erasing whom it is for
        reason = (
            "it holds the log's own records of holds and erasures; what they say of a customer goes with customer=…"
        )
        raise InvalidSetting("stream", stream, reason)
    if not isinstance(log, CanErase):
        reason = (
            "this kind of log cannot erase. Copy it into a folder (orders-es copy), erase there, and remove this one"
        )
        raise CannotErase(log.url, reason)
    who = by or getpass.getuser()
    for _ in range(_TRIES):
        so_far = log.load(STREAM)
        known = _holds(so_far)
        streams = [stream] if stream is not None else sorted(_streams_of(log, {customer or ""}))
        if stream is not None and not log.stream_version(stream):
            raise StreamNotFound(stream)
        _require_free(log, known, streams, customer)
        live, left = _personal(log, streams)
        if customer is not None:
            live += [event.position for event in so_far if _is_about(event, customer) and is_live(event.personal)]
        if left and not leave_unsalted:
            raise CannotErase(log.url, _unsalted(left))
        if not live:
            log.finish_erasing()
            return Erasure(0, (), (), tuple(left), why, who, None)
        said = {"why": why, "positions": sorted(live), "streams": streams, "left": left}
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        event = NewEvent(data=RawEvent(PERSONAL_DATA_ERASED, text), event_id=uuid.uuid4(), actor=who)
        try:
            done = log.erase_personal(
                STREAM, event, expected=len(so_far) or NO_STREAM, positions=sorted(live), streams=[*streams, STREAM]
            )
        except VersionConflict:
            continue
        return Erasure(done.last_position, tuple(sorted(live)), tuple(streams), tuple(left), why, who, done.recorded_at)
    raise CannotErase(log.url, "holds were placed and released all the time; try again")


def erasures(log: EventLog) -> list[Erasure]:
    """What was erased, as the log records it, in order.

    Example:
        >>> from orders_es.log import open_log
        >>> erasures(open_log("memory:"))  # nothing was erased
        []
    """
    check_log(log)
    found = []
    for event in log.load(STREAM):
        if event.type == PERSONAL_DATA_ERASED:
            said = said_by(event)
            found.append(
                Erasure(
                    event.position,
                    tuple(said["positions"]),
                    tuple(said["streams"]),
                    tuple(said["left"]),
                    said["why"],
                    event.actor or "",
                    event.recorded_at,
                )
            )
    return found


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
    _require_why(why)
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
    _require_why(why)

    def released(so_far: list[RecordedEvent]) -> RawEvent:
        if not any(one.hold == hold and one.released_at is None for one in _holds(so_far)):
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
    return _holds(log.load(STREAM))


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
    return sorted(_streams_of(log, {hold.subject}))


def _holds(so_far: list[RecordedEvent]) -> list[Hold]:
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
    for _ in range(_TRIES):
        so_far = log.load(STREAM)
        event = NewEvent(data=make(so_far), actor=by or getpass.getuser())
        try:
            log.append(STREAM, [event], expected=len(so_far) or NO_STREAM)
        except VersionConflict:
            continue
        return
    raise VersionConflict(STREAM, "the version that it was at", len(so_far))


def _require_why(why: object) -> None:
    if not isinstance(why, str) or not why.strip():
        raise InvalidSetting("why", why, "say what for; it is recorded")


def _require_free(log: EventLog, known: list[Hold], streams: Collection[str], customer: str | None) -> None:
    """Refuse where one of some streams, or its customer, is under a hold.

    Raises:
        UnderLegalHold: A hold on it is in force.
    """
    active = [one for one in known if one.released_at is None]
    for one in active:
        if one.kind == "order":
            held = one.subject in streams
        else:
            held = one.subject == customer or not _streams_of(log, {one.subject}).isdisjoint(streams)
        if held:
            raise UnderLegalHold(f"{one.kind} {one.subject!r}", one.hold, one.placed_by, one.why)


def _streams_of(log: EventLog, customers: Collection[str]) -> set[str]:
    """The streams with an event that names one of some customers."""
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


def _personal(log: EventLog, streams: Collection[str]) -> tuple[list[int], list[int]]:
    """The events of some streams with personal data: those under a salt that were not erased, and those without a salt."""
    live, unsalted = [], []
    for position, name, schema_version, payload, mark in _events(log, streams):
        if mark is not None:
            if is_live(mark):
                live.append(position)
        elif log.registry.is_today(name, schema_version):
            names = log.registry[name].personal
            if names and moved_to_the_end(payload, names) is not None:
                unsalted.append(position)
    return live, unsalted


def _events(log: EventLog, streams: Collection[str]) -> Iterator[tuple[int, str, int, str, str | None]]:
    """Position, type, schema version, payload and mark of the events of some streams; of many of them in one pass over the log."""
    if len(streams) <= _ONE_BY_ONE:
        for stream in streams:
            for event in log.load(stream):
                yield event.position, event.type, event.schema_version, event.payload, event.personal
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(streams, pa.string())
    for batch in log.read(columns=["stream_id", *_NEEDED]):
        mine = batch.filter(pc.is_in(batch.column("stream_id"), wanted))
        yield from zip(*(mine.column(name).to_pylist() for name in _NEEDED), strict=True)


def _is_about(event: RecordedEvent, customer: str) -> bool:
    said: dict[str, Any] = said_by(event) if event.type == LEGAL_HOLD_PLACED else {}
    return said.get("kind") == "customer" and said.get("subject") == customer


def _unsalted(positions: list[int]) -> str:
    named = ", ".join(map(str, positions[:5])) + (" …" if len(positions) > 5 else "")  # noqa: PLR2004 - some are enough
    return (
        f"the events at {named} were recorded before their fields were marked as personal, and their leaves are hashes of these very values, "
        "so that without them nothing could be proven any more. leave_unsalted=True (--leave-unsalted) erases the others"
    )
