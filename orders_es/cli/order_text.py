"""An order and its history as text: for `show`, `history` and `demo`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.cli.output import count, money, printable, table
from orders_es.orders.moments import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from orders_es.log import RecordedEvent
    from orders_es.orders import AsOf, Order
    from orders_es.replay import HistoryRow

__all__ = [
    "NEVER",
    "Claim",
    "claim_of",
    "event_facts",
    "history_text",
    "moment_text",
    "order_text",
    "plain_state",
    "question_text",
    "state_text",
]

DESCRIPTION_WIDTH = 34
NEVER = "-"


def question_text(
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
    version: int | None = None,
    recorded_by: datetime | None = None,
    zone: tzinfo = UTC,
) -> str:
    """The question as it was understood, with the instants that the typed times came to.

    Example:
        >>> question_text()
        'as it stands now'
        >>> from datetime import datetime
        >>> question_text(at=datetime(2026, 6, 3, 15, tzinfo=UTC), version=4)
        'at 2026-06-03 15:00 UTC, up to version 4'
    """
    parts = []
    if at is not None:
        parts.append(f"at {spoken(at, zone)}")
    if known_at is not None:
        parts.append(f"as known at {spoken(known_at, zone)}")
    if recorded_by is not None:
        parts.append(f"as recorded by {spoken(recorded_by, zone)}")
    if version is not None:
        parts.append(f"up to version {version}")
    return ", ".join(parts) or "as it stands now"


def order_text(order: Order, question: str, zone: tzinfo = UTC, *, claim: Claim | None = None) -> str:
    """An order with its lines, its money and the moments of its life.

    Args:
        question: What was asked, from `question_text`.
        zone: The zone to show times in.
        claim: What its source says of when it learned of the order's events; None where it says nothing.
    """
    who = [f"customer {order.customer_id}" if order.customer_id else "guest", order.country, order.channel]
    blocks = [
        f"order {printable(order.order_id)}: {order.status}, {order.payment_status.replace('_', ' ')}\n"
        f"{question}; version {order.version}\n" + printable(", ".join(part for part in who if part)),
    ]
    if order.lines:
        blocks.append(_lines(order))
    blocks.append(_sums(order))
    moments = _moments(order, zone)
    if moments:
        blocks.append(moments)
    if claim is not None:
        blocks.append(claim.text(zone))
    return "\n\n".join(blocks)


@dataclass(frozen=True, slots=True)
class Claim:
    """When a source says that it learned of the events of an order: a claim, which this log cannot vouch for.

    Args:
        events: How many events of the order count.
        entered: For how many of them the source says it.
        first: The earliest such time.
        last: The latest.
    """

    events: int
    entered: int
    first: datetime
    last: datetime

    def text(self, zone: tzinfo) -> str:
        """In words."""
        which = "all its events" if self.entered == self.events else f"{self.entered:,} of its {self.events:,} events"
        first, last = (spoken(moment, zone) for moment in (self.first, self.last))
        return f"  entered      {first if first == last else f'{first} to {last}'}, its source says of {which}"


def claim_of(events: Iterable[RecordedEvent], asked: AsOf) -> Claim | None:
    """What the source of events claims, of those that count; None where it says nothing."""
    from orders_es.replay.moments import counts

    counted = [event for event in events if counts(event, asked)]
    said = [event.entered_at for event in counted if event.entered_at is not None]
    return Claim(len(counted), len(said), min(said), max(said)) if said else None


def plain_state(state: Any) -> Any:
    """A state of any domain as JSON can hold it: by field where it is a dataclass.

    Example:
        >>> plain_state({"depot": "Leeds"})
        {'depot': 'Leeds'}
    """
    import msgspec

    return msgspec.to_builtins(state, builtin_types=(datetime, Decimal), str_keys=True, enc_hook=repr)


def state_text(stream_id: str, domain: str, state: Any, question: str) -> str:
    """A state of any domain, a line for each field.

    Args:
        domain: The domain's name.
        question: What was asked, from `question_text`.
    """
    fields = plain_state(state)
    if not isinstance(fields, dict):
        fields = {"state": fields}
    width = max((len(str(name)) for name in fields), default=0)
    lines = [f"  {printable(str(name)):<{width}}  {printable(_field(value))}" for name, value in fields.items()]
    return "\n".join([f"{printable(stream_id)} ({domain})", question, "", *lines])


def _field(value: Any) -> str:
    if isinstance(value, str | datetime | Decimal):
        return str(value)
    return NEVER if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _lines(order: Order) -> str:
    rows = [
        [
            printable(line.item_id, 20) or "(adjustment)",
            printable(line.description or "", DESCRIPTION_WIDTH),
            f"{line.quantity:,}",
            NEVER if line.price is None else money(line.price, order.currency),
            money(line.amount, order.currency),
        ]
        for line in order.lines
    ]
    return table(rows, heads=["item", "description", "quantity", "price", "amount"], right="llrrr")


def _sums(order: Order) -> str:
    """Only the sums that say something: gross alone where nothing was taken off or added."""
    parts = [
        ("gross", order.gross),
        ("discounts", -order.discounts),
        ("shipping", order.shipping),
        ("returns", -order.returns),
        ("adjustments", order.adjustments),
    ]
    rows = [[name, money(amount, order.currency)] for name, amount in parts if amount]
    if len(rows) == 1 and rows[0][0] == "gross":
        rows = []
    rows.append(["total", money(order.total, order.currency)])
    rows.append(["paid", money(order.paid, order.currency)])
    if order.refunded:
        rows.append(["refunded", money(order.refunded, order.currency)])
    rows.append(["balance", money(order.balance, order.currency)])
    items = f"{count(order.line_count, 'line')}, {count(order.item_count, 'item')}"
    return table(rows, heads=["", order.currency or ""], right="lr") + f"\n  {items}"


def _moments(order: Order, zone: tzinfo) -> str:
    steps = ("created", "placed", "paid", "shipped", "delivered", "cancelled")
    rows = []
    for step in steps:
        moment = getattr(order, f"{step}_at")
        if moment is not None:
            reason = f"  {printable(order.cancel_reason, 40)}" if step == "cancelled" and order.cancel_reason else ""
            estimate = step in (order.estimated or "").split(", ")
            rows.append(f"  {step:<11} {'~' if estimate else ' '}{spoken(moment, zone)}{reason}")
    if order.estimated:
        rows.append("\n  ~ estimated: nobody recorded when it was")
    return "\n".join(rows)


def event_facts(payload: str) -> str:
    """A payload in a few words: its values, money and all, in the order in which they were recorded.

    Example:
        >>> event_facts('{"item_id":"85123A","quantity":6,"price":"2.5500"}')
        'item_id=85123A quantity=6 price=2.55'
    """
    # Numbers that JSON writes with a point are shown as written: a float would lose digits.
    values: dict[str, Any] = json.loads(payload, parse_float=str)
    facts = (f"{name}={_short(name, value)}" for name, value in values.items() if value is not None)
    return " ".join(facts)


def _short(name: str, value: Any) -> str:
    if name in {"price", "amount"} and isinstance(value, str) and "." in value:
        whole, _, decimals = value.partition(".")
        return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def history_text(told: Sequence[tuple[RecordedEvent, HistoryRow | str | None]], zone: tzinfo = UTC) -> str:
    """Events in version order, each with its times, exact to what was recorded; when it was entered only where a source says.

    Args:
        told: The events, each with what it did to the order where that is known, or with words for what happened.
        zone: The zone to show times in.
    """
    rows = []
    claimed = any(event.entered_at is not None for event, _ in told)
    with_total = any(row is not None and not isinstance(row, str) for _, row in told)
    for event, row in told:
        effect = None if isinstance(row, str) else row
        estimate = "~" if effect is not None and effect.estimated else ""
        times = [estimate + moment_text(event.occurred_at, zone), moment_text(event.recorded_at, zone)]
        if claimed:
            times.append(NEVER if event.entered_at is None else moment_text(event.entered_at, zone))
        total = [NEVER if effect is None else money(effect.total_after)] if with_total else []
        rows.append([str(event.version), *times, *total, printable(_what(event, row))])
    heads = ["ver", f"occurred ({zone})", "recorded", *(["entered (source says)"] if claimed else [])]
    heads += ["total", ""] if with_total else [""]
    return table(rows, heads=heads, right=f"rll{'l' if claimed else ''}{'r' if with_total else ''}l")


def _what(event: RecordedEvent, row: HistoryRow | str | None) -> str:
    if row is None:
        return f"{event.type} {event_facts(event.payload)}".rstrip()
    if isinstance(row, str):
        return row
    notes = [row.summary]
    if row.recorded_as:
        notes.append(f"(recorded as {row.recorded_as})")
    if row.status_before != row.status_after:
        notes.append(f"[{row.status_before} -> {row.status_after}]")
    if row.late:
        notes.append("[late]")
    if row.actor:
        notes.append(f"by {row.actor}")
    return " ".join(notes)


def moment_text(moment: datetime, zone: tzinfo) -> str:
    """To the microsecond where it has any: `--at` includes its moment, so a rounded one would not find its event."""
    try:
        return moment.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ")
    except OverflowError:  # at an end of the calendar, in a zone that is past it
        return f"{moment.replace(tzinfo=None).isoformat(sep=' ')} UTC"
