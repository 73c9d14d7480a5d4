"""Erasing what the law says: personal data of orders and customers. Legal holds on them are `orders_es.audit.holds`.

Both are recorded in one stream of the log, so that a hold and an erasure that are made at once cannot miss each other. docs/audit.md
says what is erased, and what stays.
"""

from __future__ import annotations

import getpass
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.audit.holds import TRIES, Hold, holds_in, require_why, streams_of
from orders_es.errors import CannotErase, InvalidSetting, StreamNotFound, UnderLegalHold, VersionConflict
from orders_es.log import NO_STREAM, NewEvent, RawEvent
from orders_es.log.bookkeeping import (
    LEGAL_HOLD_PLACED,
    PERSONAL_DATA_ERASED,
    PRIVACY_STREAM,
    said_by,
)
from orders_es.log.log_argument import check_log
from orders_es.log.personal import is_live, moved_to_the_end
from orders_es.log.protocol import CanErase, check_writable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["Erasure", "erase", "erasures"]

STREAM = PRIVACY_STREAM
_ONE_BY_ONE = 200
"""Up to so many streams are loaded each by itself."""
_NEEDED = ("position", "type", "schema_version", "payload", "personal")


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
    require_why(why)
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
    for _ in range(TRIES):
        so_far = log.load(STREAM)
        known = holds_in(so_far)
        streams = [stream] if stream is not None else sorted(streams_of(log, {customer or ""}))
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
            held = one.subject == customer or not streams_of(log, {one.subject}).isdisjoint(streams)
        if held:
            raise UnderLegalHold(f"{one.kind} {one.subject!r}", one.hold, one.placed_by, one.why)


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
