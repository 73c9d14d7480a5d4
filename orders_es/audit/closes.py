"""Closes: a moment on both clocks that has a name, such as "June as we reported it", recorded in the log itself.

Whoever asks for `--as-closed 2026-06` gets what was known of that month when it was closed, whatever has come in since; and
`check_close` says what has come in since, from whom, and how much it moved. docs/audit.md has the rules.
"""

from __future__ import annotations

import getpass
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import checkpoint
from orders_es.errors import DamagedLog, InvalidSetting, NoSuchClose, VersionConflict, WrongType
from orders_es.log import NO_STREAM, NewEvent, RawEvent
from orders_es.log.bookkeeping import PERIOD_CLOSED, said_by
from orders_es.log.log_argument import check_log
from orders_es.log.protocol import check_writable
from orders_es.log.roots import head_at
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve
from orders_es.replay import connect, diff
from orders_es.replay.suggestions import close_ids

if TYPE_CHECKING:
    import os
    from datetime import tzinfo

    from orders_es.audit.keys import Signer
    from orders_es.log import EventLog, RecordedEvent
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer

__all__ = ["CheckedClose", "Close", "check_close", "close", "closed", "closes"]

_STREAM = "close:"
_NAME = re.compile(r"[\w][\w .:/+-]{0,199}")
_NAMED_MOST = 1_000
_FIGURES = """
    SELECT coalesce(currency, '') AS currency, count(*) AS orders, coalesce(sum(total), 0) AS total, coalesce(sum(paid), 0) AS paid
    FROM orders GROUP BY ALL ORDER BY ALL
"""
_CAME_IN = """
    SELECT position, stream_id AS order_id, type, actor, occurred_at, recorded_at, entered_at FROM events
    WHERE occurred_at <= $at AND (coalesce(entered_at, recorded_at) > $known_at OR position > $position) AND stream_id IN (SELECT unnest($orders)) ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Close:
    """A close, as the log holds it.

    Args:
        at: What had happened by then was closed.
        known_at: As far as it was known by then.
        position: How many events the log had when it was closed.
        recorded_by: When the last of them had been recorded.
        root: The root of the tree over them.
        figures: For each currency the orders of that moment and their sums, as they were closed.
        closed_by: Who closed it.
        closed_at: When the log recorded that.
        checkpoint: The signed checkpoint of the log at `position`; None if no key was given.
    """

    name: str
    at: datetime
    known_at: datetime
    position: int
    recorded_by: datetime
    root: bytes
    figures: tuple[dict[str, Any], ...]
    closed_by: str | None
    closed_at: datetime
    checkpoint: str | None


@dataclass(frozen=True, slots=True)
class CheckedClose:
    """What has become of a close.

    Args:
        ok: Whether the root and the figures as closed are still found, and no sum of totals or payments has moved by more than the tolerance.
        tolerance: The tolerance, as a share of the closed sum: 0.005 is half a percent.
        currencies: For each currency the closed figures, those of now, the differences of totals and payments, and the shares that they are.
        orders: The orders that moved, each with the differences of its total and payments; those that moved most first.
        events: The events that came in since and belong to the closed time, at most 1,000 of them.
        actors: Who recorded them, with how many.
        reason: What is wrong where the figures as closed are not found any more; None otherwise.
    """

    close: Close
    ok: bool
    tolerance: Decimal
    currencies: tuple[dict[str, Any], ...]
    orders: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    actors: dict[str, int]
    reason: str | None = None


def close(
    log: EventLog,
    name: str,
    *,
    at: Moment,
    known_at: Moment | None = None,
    closed_by: str | None = None,
    key: Signer | str | os.PathLike[str] | None = None,
    tz: str | tzinfo | None = None,
) -> Close:
    """Give a moment on both clocks a name, and record that in the log, with the figures and the root of that moment.

    Args:
        name: The close's name, such as `2026-06`. A name is given once; what was closed is not closed again.
        at: What had happened by then is closed.
        known_at: As far as it had been recorded by then, which must have passed; the log's last event if left out.
        closed_by: Who closes it; the operating system's name of the user if left out.
        key: A private key, or its file: then the log's head is signed first, and the close holds the checkpoint.
        tz: The zone in which texts and dates are read; UTC if left out.

    Raises:
        InvalidSetting: The name is taken or is none, the log is empty, or `known_at` has not passed.
        InvalidTime, NaiveTime: A moment is none.
        ReadOnlyLog: The log was opened to be read; a close is an event of its own.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        >>> done = close(log, "2026-06", at="2099-12-31", closed_by="Zoë")
        >>> done.figures[0]["orders"], closed(log, "2026-06") == done
        (1, True)
    """
    check_log(log)
    check_writable(log)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        reason = "a close's name is a short text of letters, digits, . : / + - and blanks, but not at its end"
        raise InvalidSetting("name", name, reason)
    head = log.head()
    if head.recorded_at is None:
        raise InvalidSetting("name", name, "the log is empty, so there is nothing to close")
    happened = resolve("at", at, tz)
    known = head.recorded_at if known_at is None else resolve("known_at", known_at, tz)
    if happened is None or known is None:
        raise InvalidSetting("at", at, "a close needs a moment")
    # Whatever is recorded from now on is recorded later than that. A source may say of it that it was entered before; so a close
    # holds the end of the log as well, and what comes behind that end is none of what was closed.
    if known >= datetime.now(UTC):
        raise InvalidSetting("known_at", str(known), "it has not passed yet, so what is known then can still change")
    if taken := log.load(_STREAM + name, to_version=1):
        if taken[0].type != PERIOD_CLOSED:
            reason = f"the log has a stream {_STREAM + name!r} of something else; give the close another name"
            raise InvalidSetting("name", name, reason)
        raise InvalidSetting(
            "name", name, "it was closed already, and a close is not changed; give this one another name"
        )
    signed = None if key is None else checkpoint(log, key)
    end = head.position if signed is None else signed.size
    said = {
        "name": name,
        "at": _text(happened),
        "known_at": _text(known),
        "position": end,
        "root": (head.root if signed is None else signed.root).hex(),
        "figures": _figures(log, AsOf(at=happened, known_at=known, position=end)),
    }
    if signed is not None:
        said["checkpoint"] = str(signed)
    payload = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    actor = closed_by or getpass.getuser()
    try:
        log.append(_STREAM + name, [NewEvent(data=RawEvent(PERIOD_CLOSED, payload), actor=actor)], expected=NO_STREAM)
    except VersionConflict:
        raise InvalidSetting(
            "name", name, "somebody else closed it at this moment; look: orders-es close list"
        ) from None
    return closed(log, name)


def closes(log: EventLog) -> list[Close]:
    """The closes of a log, by name.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=0)
        >>> for month, last in (("2026-05", "2026-05-31"), ("2026-06", "2026-06-30")):
        ...     _ = close(log, month, at=last)
        >>> [each.name for each in closes(log)]
        ['2026-05', '2026-06']
    """
    check_log(log)
    return [closed(log, name) for name in _names(log)]


def closed(log: EventLog, name: str) -> Close:
    """The close of that name; its `at` and `known_at` are what reports of then were made at.

    Raises:
        NoSuchClose: There is none.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=0)
        >>> _ = close(log, "2026-06", at="2026-06-30", closed_by="Zoë")
        >>> closed(log, "2026-06").closed_by
        'Zoë'
    """
    check_log(log)
    if not isinstance(name, str):
        raise WrongType(f"name={name!r} is {type(name).__name__}; the name of a close is text, such as '2026-06'")
    events = log.load(_STREAM + name) if _NAME.fullmatch(name) else []
    if not events or events[0].type != PERIOD_CLOSED:
        known = _names(log)
        raise NoSuchClose(name, tuple(close_ids(name, known) or known[:5]))
    return _close(log, name, events[0])


def _names(log: EventLog) -> list[str]:
    """What was closed, by name; a stream that another domain gave such a name is no close."""
    streams = log.stream_ids(prefix=_STREAM)
    return [
        name
        for name in (stream.removeprefix(_STREAM) for stream in streams)
        if _NAME.fullmatch(name) and log.load(_STREAM + name, to_version=1)[0].type == PERIOD_CLOSED
    ]


def _close(log: EventLog, name: str, event: RecordedEvent) -> Close:
    said = said_by(event)
    if said["name"] != name or said["position"] >= event.position:
        wrong = (
            f"the close {said['name']!r}"
            if said["name"] != name
            else f"position {said['position']:,}, later than itself"
        )
        raise DamagedLog(f"position {event.position}", f"what was recorded as the close {name!r} speaks of {wrong}")
    [last] = log.read(after=said["position"] - 1, to=said["position"], columns=["recorded_at"])
    figures = tuple(
        {
            "currency": row["currency"],
            "orders": row["orders"],
            "total": Decimal(row["total"]),
            "paid": Decimal(row["paid"]),
        }
        for row in said["figures"]
    )
    return Close(
        said["name"],
        datetime.fromisoformat(said["at"]),
        datetime.fromisoformat(said["known_at"]),
        said["position"],
        last.column(0)[0].as_py(),
        bytes.fromhex(said["root"]),
        figures,
        event.actor,
        event.recorded_at,
        said.get("checkpoint"),
    )


def _figures(log: EventLog, moment: AsOf) -> list[dict[str, Any]]:
    """Orders and sums for each currency, at a moment; money as digits."""
    with connect(log) as session:
        rows = (
            session.sql(_FIGURES, at=moment.at, known_at=moment.known_at, position=moment.position)
            .to_arrow()
            .to_pylist()
        )
    return [{name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows]


def check_close(log: EventLog, name: str, *, tolerance: Decimal | str = "0") -> CheckedClose:
    """What is known now of a closed moment, beside what was closed: how much moved, in which orders, by which events and whose.

    Args:
        name: The close's name.
        tolerance: By how much the totals, and the payments, of a currency may have moved, as a share of the closed sum: `0.5%` or `0.005`.

    Raises:
        NoSuchClose: There is none of that name.
        InvalidSetting: The tolerance is none.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=0)
        >>> _ = close(log, "2026-06", at="2026-06-30", closed_by="Zoë")
        >>> check_close(log, "2026-06").ok
        True
    """
    check_log(log)
    share = _share(tolerance)
    done = closed(log, name)
    then, now = AsOf(at=done.at, known_at=done.known_at, position=done.position), AsOf(at=done.at)
    found = {row["currency"]: row for row in _figures(log, then)}
    stated = {row["currency"]: row for row in done.figures}
    reason = None
    if head_at(log, done.position).root != done.root:
        reason = "the log does not have the root any more that was closed: its past was altered, or somebody else recorded the close"
    elif {c: (r["orders"], Decimal(r["total"]), Decimal(r["paid"])) for c, r in found.items()} != {
        c: (r["orders"], r["total"], r["paid"]) for c, r in stated.items()
    }:
        reason = (
            "the log does not give the figures any more that were closed: its past was altered, or other rules count it"
        )
    today = {row["currency"]: row for row in _figures(log, now)}
    currencies = tuple(
        _moved(currency, stated.get(currency), today.get(currency)) for currency in sorted(stated | today)
    )
    moved = _orders_moved(diff(log, then, now))
    with connect(log) as session:
        asked = {
            "at": done.at,
            "known_at": done.known_at,
            "position": done.position,
            "orders": [row["order_id"] for row in moved],
        }
        events = session.sql(_CAME_IN, asked).to_arrow().to_pylist()
    actors: dict[str, int] = {}
    for event in events:
        who = event["actor"] or ""
        actors[who] = actors.get(who, 0) + 1
    ok = reason is None and all(
        abs(row[moved]) <= share * abs(row[was])
        for row in currencies
        for moved, was in (("difference", "closed_total"), ("paid_difference", "closed_paid"))
    )
    return CheckedClose(done, ok, share, currencies, tuple(moved), tuple(events[:_NAMED_MOST]), actors, reason)


def _orders_moved(changes: Answer) -> list[dict[str, Any]]:
    """The orders that differ, with what their totals and payments differ by: those that moved most first."""
    names = ("order_id", "change", "total_difference", "paid_before", "paid_after")
    rows = [
        {
            "order_id": row["order_id"],
            "change": row["change"],
            "total_difference": row["total_difference"],
            "paid_difference": (row["paid_after"] or Decimal(0)) - (row["paid_before"] or Decimal(0)),
        }
        for row in changes.to_arrow().select(names).to_pylist()
    ]
    return sorted(
        rows, key=lambda row: (-max(abs(row["total_difference"]), abs(row["paid_difference"])), row["order_id"])
    )


def _moved(currency: str, stated: dict[str, Any] | None, today: dict[str, Any] | None) -> dict[str, Any]:
    nothing = {"orders": 0, "total": 0, "paid": 0}
    before, after = stated or nothing, today or nothing
    was, now, paid_before, paid = (Decimal(side[name]) for name in ("total", "paid") for side in (before, after))
    return {
        "currency": currency,
        "closed_orders": before["orders"],
        "orders": after["orders"],
        "closed_total": was,
        "total": now,
        "difference": now - was,
        "share": (now - was) / abs(was) if was else None,
        "closed_paid": paid_before,
        "paid": paid,
        "paid_difference": paid - paid_before,
        "paid_share": (paid - paid_before) / abs(paid_before) if paid_before else None,
    }


def _share(tolerance: Decimal | str) -> Decimal:
    text = str(tolerance).strip()
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(%?)", text, re.ASCII)
    if found is None:
        raise InvalidSetting("tolerance", text, "give a share of the closed total, such as 0.5% or 0.005")
    return Decimal(found[1]) / (100 if found[2] else 1)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
