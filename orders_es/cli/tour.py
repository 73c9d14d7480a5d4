"""What `orders-es demo` shows, worked out from a log of simulated orders: one order worth looking at, and totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from orders_es.orders import Happened, Order, fold, initial_state
from orders_es.replay import load_orders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["Totals", "Tour", "tour_of"]

LATE = timedelta(days=2)
"""Recorded so much after it happened, an event counts as late here."""

# An order that fits on a screen.
_EVENTS_LEAST, _EVENTS_MOST = 8, 14


@dataclass(frozen=True, slots=True)
class Totals:
    """All orders at one moment.

    Args:
        at: The moment.
        orders: How many had been opened by then.
        placed: How many of them had been placed.
        total: What the orders came to that were not cancelled.
        paid: What had been paid, less refunds.
    """

    at: datetime
    orders: int
    placed: int
    total: Decimal
    paid: Decimal


@dataclass(frozen=True, slots=True)
class Tour:
    """What there is to show.

    Args:
        events: The history of one order.
        late: The event of it that was recorded long after it had happened.
        moments: The order at three moments of its life, as known today.
        asked: A moment between the happening of the late event and its recording.
        known_then: The order at that moment, as it was known then.
        known_now: The order at the same moment, as it is known today.
        totals: All orders at two moments.
        currency: The currency of all amounts.
    """

    events: Sequence[RecordedEvent]
    late: RecordedEvent
    moments: Sequence[tuple[datetime, Order]]
    asked: datetime
    known_then: Order
    known_now: Order
    totals: Sequence[Totals]
    currency: str


def _totals(log: EventLog, at: datetime) -> Totals:
    """All orders of the log at one moment, as known now."""
    orders = load_orders(log, at=at).values()
    return Totals(
        at=at,
        orders=len(orders),
        placed=sum(order.placed_at is not None for order in orders),
        total=sum((order.total for order in orders if order.status != "cancelled"), Decimal("0.0000")),
        paid=sum((order.paid - order.refunded for order in orders), Decimal("0.0000")),
    )


class _Shop:
    """All events of a small log in memory, by order."""

    def __init__(self, log: EventLog) -> None:
        self.streams: dict[str, list[tuple[Happened, datetime]]] = {}
        columns = [
            "position",
            "stream_id",
            "version",
            "type",
            "schema_version",
            "occurred_at",
            "recorded_at",
            "payload",
        ]
        for batch in log.read(columns=columns):
            for row in batch.to_pylist():
                data = log.registry.decode(
                    row["type"], row["schema_version"], row["payload"], row["position"], row["stream_id"]
                )
                happened = Happened(data, row["occurred_at"].astimezone(UTC), row["version"], row["position"])
                self.streams.setdefault(row["stream_id"], []).append((happened, row["recorded_at"].astimezone(UTC)))

    def order(self, order_id: str, *, at: datetime, known_at: datetime | None = None) -> Order:
        """One order as of two clocks."""
        counts = (
            event
            for event, recorded_at in self.streams[order_id]
            if event.occurred_at <= at and (known_at is None or recorded_at <= known_at)
        )
        return fold(counts, initial_state(order_id))


def tour_of(log: EventLog, *, totals_at: Sequence[datetime]) -> Tour:
    """What to show of a log of simulated orders.

    Args:
        totals_at: The moments at which to show the totals of all orders.
    """
    shop = _Shop(log)
    order_id, late_version, asked = _best(shop)
    events = log.load(order_id)
    late = events[late_version - 1]
    return Tour(
        events=events,
        late=late,
        moments=_three_moments(shop, order_id),
        asked=asked,
        known_then=shop.order(order_id, at=asked, known_at=asked),
        known_now=shop.order(order_id, at=asked),
        totals=[_totals(log, at) for at in totals_at],
        currency=shop.order(order_id, at=asked).currency or "",
    )


def _best(shop: _Shop) -> tuple[str, int, datetime]:
    """The order in which one late event changes the answer most plainly; that event's version, and when to ask."""
    found: list[tuple[tuple[int, int, Decimal, str], int, datetime]] = []
    for order_id, events in shop.streams.items():
        for event, recorded_at in events:
            if recorded_at - event.occurred_at < LATE:
                continue
            asked = datetime.combine(event.occurred_at.date(), time.max, UTC)
            if asked >= recorded_at:
                continue
            then = shop.order(order_id, at=asked, known_at=asked)
            now = shop.order(order_id, at=asked)
            handy = _EVENTS_LEAST <= len(events) <= _EVENTS_MOST
            # A changed total is the plainest sign, then a changed balance, then the status alone.
            plain = 2 * (then.total != now.total) + (then.balance != now.balance)
            if then.event_count and now.version == event.version:
                rank = (int(handy), plain, abs(now.total - then.total), order_id)
                found.append((rank, event.version, asked))
    (_, _, _, order_id), version, asked = max(found)
    return order_id, version, asked


def _three_moments(shop: _Shop, order_id: str) -> list[tuple[datetime, Order]]:
    """Whole minutes in the beginning, the middle and the end of an order's life, at each of which it looks different."""
    changes: list[tuple[datetime, Order]] = []
    for moment in sorted({_next_minute(event.occurred_at) for event, _ in shop.streams[order_id]}):
        order = shop.order(order_id, at=moment)
        if not changes or _looks(changes[-1][1]) != _looks(order):
            changes.append((moment, order))
    return [changes[0], changes[len(changes) // 2], changes[-1]]


def _looks(order: Order) -> tuple[object, ...]:
    return order.status, order.total, order.balance


def _next_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
