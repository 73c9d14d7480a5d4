"""How events make an order, for everybody who folds history: the reference that every other replay is held to.

`evolve` is pure and total: it never raises on a recorded history of order events, however odd. It is set-based: sums,
earliest and latest, first and last by version; so it does not matter in which order events are folded, and folding in
parts equals folding at once. There is one definition of each event's effect, in `_Builder`; `evolve` and `fold` differ
only in how many events they take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from orders_es.errors import NaiveTime, UnknownEventType
from orders_es.orders import events as e
from orders_es.orders.money import EXACT, ZERO
from orders_es.orders.order import Line, Order, initial_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from decimal import Decimal

__all__ = ["Happened", "Recorded", "evolve", "fold"]

_add = EXACT.add
_fma = EXACT.fma


class Recorded(Protocol):
    """What a fold needs of an event; the log's `RecordedEvent` has it, and so does `Happened`."""

    @property
    def data(self) -> Any:
        """The event itself: an instance of one of `EVENT_TYPES`."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """When it happened in the business, with time zone."""
        ...

    @property
    def version(self) -> int:
        """Its place in its stream: 1, 2, 3 …."""
        ...

    @property
    def position(self) -> int:
        """Its place in the log; 0 if it is in none."""
        ...


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with its moment and version, for folding without a log and for tests.

    Args:
        data: The event.
        occurred_at: When it happened, with time zone.
        version: Its place in its stream: 1, 2, 3 ….
        position: Its place in a log; 0 if it is in none.

    Raises:
        NaiveTime: `occurred_at` has no time zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> Happened(e.OrderPlaced(), datetime(2011, 6, 3, tzinfo=UTC), 1).position
        0
    """

    data: Any
    occurred_at: datetime
    version: int
    position: int = 0

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise NaiveTime("occurred_at", self.occurred_at)


def evolve(state: Order, event: Recorded) -> Order:
    """The order after one more event. For a whole history, `fold` is the fast way to the same.

    Args:
        state: The order so far; `initial_state` begins one.
        event: What happened.

    Raises:
        UnknownEventType: It is not an order event.

    Example:
        >>> from datetime import UTC, datetime
        >>> noon = datetime(2011, 6, 3, 12, tzinfo=UTC)
        >>> evolve(initial_state("A-1"), Happened(e.OrderCreated(currency="GBP"), noon, 1)).status
        'created'
    """
    return fold((event,), state)


def fold(events: Iterable[Recorded], state: Order | None = None) -> Order:
    """The order that these events come to, in time linear in their number.

    Args:
        events: The history, or any part of it, in any order.
        state: The order so far; an order without events and name if left out.

    Raises:
        UnknownEventType: One of them is not an order event.

    Example:
        >>> fold([]).version
        0
    """
    builder = _Builder(initial_state() if state is None else state)
    builder.apply(events)
    return builder.freeze()


class _LineBuilder:
    """A `Line` under construction."""

    __slots__ = (
        "added",
        "changed",
        "described_version",
        "description",
        "first_version",
        "gross",
        "price",
        "priced_version",
        "removed",
        "returned",
        "returns",
    )

    def __init__(self) -> None:
        self.description: str | None = None
        self.price: Decimal | None = None
        self.added = self.removed = self.changed = self.returned = 0
        self.gross = self.returns = ZERO
        self.first_version = self.described_version = self.priced_version = 0

    @classmethod
    def of(cls, line: Line) -> _LineBuilder:
        self = cls()
        self.description = line.description
        self.price = line.price
        self.added = line.added
        self.removed = line.removed
        self.changed = line.changed
        self.returned = line.returned
        self.gross = line.gross
        self.returns = line.returns
        self.first_version = line._first_version  # noqa: SLF001 - the fold owns these marks
        self.described_version = line._described_version  # noqa: SLF001 - as above
        self.priced_version = line._priced_version  # noqa: SLF001 - as above
        return self

    def describe(self, description: str | None, version: int) -> None:
        if description is not None and (not self.described_version or version < self.described_version):
            self.description = description
            self.described_version = version

    def freeze(self, item_id: str) -> Line:
        return Line(
            item_id=item_id,
            description=self.description,
            price=self.price,
            added=self.added,
            removed=self.removed,
            changed=self.changed,
            returned=self.returned,
            gross=self.gross,
            returns=self.returns,
            _first_version=self.first_version,
            _described_version=self.described_version,
            _priced_version=self.priced_version,
        )


class _Builder:
    """An `Order` under construction: each event's effect, once, on a state that may be changed in place."""

    def __init__(self, state: Order) -> None:
        self.state = state
        self.lines = {line.item_id: _LineBuilder.of(line) for line in state.lines}
        self.currency, self.currency_version = state.currency, state._currency_version  # noqa: SLF001 - the fold owns these marks
        self.customer_id, self.customer_version = state.customer_id, state._customer_version  # noqa: SLF001 - as above
        self.country, self.country_version = state.country, state._country_version  # noqa: SLF001 - as above
        self.channel, self.channel_version = state.channel, state._channel_version  # noqa: SLF001 - as above
        self.cancel_reason, self.reason_version = state.cancel_reason, state._cancel_reason_version  # noqa: SLF001 - as above
        self.discounts = state.discounts
        self.shipping = state.shipping
        self.adjustments = state.adjustments
        self.adjusted_quantity = state.adjusted_quantity
        self.paid = state.paid
        self.refunded = state.refunded
        self.failed_payments = state.failed_payments
        self.created_at = state.created_at
        self.placed_at = state.placed_at
        self.paid_at = state.paid_at
        self.shipped_at = state.shipped_at
        self.delivered_at = state.delivered_at
        self.cancelled_at = state.cancelled_at
        self.first = state.first_occurred_at
        self.last = state.last_occurred_at
        self.version = state.version
        self.position = state.position
        self.event_count = state.event_count

    def apply(self, events: Iterable[Recorded]) -> None:
        """Take in events, in any order."""
        effects = _EFFECTS
        first, last, version_max, position_max, count = self.first, self.last, self.version, self.position, 0
        for event in events:
            data, at, version, position = event.data, event.occurred_at, event.version, event.position
            effect = effects.get(type(data))
            if effect is None:
                raise UnknownEventType(type(data).__name__, position, self.state.order_id)
            effect(self, data, at, version)
            count += 1
            if first is None or at < first:
                first = at
            if last is None or at > last:
                last = at
            if version > version_max:  # noqa: PLR1730 - `max` is a call, once per event
                version_max = version
            if position > position_max:  # noqa: PLR1730 - as above
                position_max = position
        self.first, self.last, self.version, self.position = first, last, version_max, position_max
        self.event_count += count

    def line(self, item_id: str, version: int) -> _LineBuilder:
        line = self.lines.get(item_id)
        if line is None:
            line = self.lines[item_id] = _LineBuilder()
        if not line.first_version or version < line.first_version:
            line.first_version = version
        return line

    def order_created(self, data: e.OrderCreated, at: datetime, version: int) -> None:
        self.created_at = _earlier(self.created_at, at)
        if not self.currency_version or version < self.currency_version:
            self.currency, self.currency_version = data.currency, version
        if data.country is not None and (not self.country_version or version < self.country_version):
            self.country, self.country_version = data.country, version
        if data.channel is not None and (not self.channel_version or version < self.channel_version):
            self.channel, self.channel_version = data.channel, version
        if data.customer_id is not None and version > self.customer_version:
            self.customer_id, self.customer_version = data.customer_id, version

    def customer_assigned(self, data: e.CustomerAssigned, _at: datetime, version: int) -> None:
        if version > self.customer_version:
            self.customer_id, self.customer_version = data.customer_id, version

    def item_added(self, data: e.ItemAdded, _at: datetime, version: int) -> None:
        line = self.line(data.item_id, version)
        line.added += data.quantity
        line.gross = _fma(data.quantity, data.price, line.gross)
        line.describe(data.description, version)
        if version > line.priced_version:
            line.price, line.priced_version = data.price, version

    def item_removed(self, data: e.ItemRemoved, _at: datetime, version: int) -> None:
        line = self.line(data.item_id, version)
        line.removed += data.quantity
        line.gross = _fma(-data.quantity, data.price, line.gross)

    def item_quantity_changed(self, data: e.ItemQuantityChanged, _at: datetime, version: int) -> None:
        line = self.line(data.item_id, version)
        line.changed += data.difference
        line.gross = _fma(data.difference, data.price, line.gross)

    def item_returned(self, data: e.ItemReturned, _at: datetime, version: int) -> None:
        line = self.line(data.item_id, version)
        line.returned += data.quantity
        line.returns = _fma(data.quantity, data.price, line.returns)
        line.describe(data.description, version)

    def discount_applied(self, data: e.DiscountApplied, _at: datetime, _version: int) -> None:
        self.discounts = _add(self.discounts, data.amount)

    def shipping_charged(self, data: e.ShippingCharged, _at: datetime, _version: int) -> None:
        self.shipping = _add(self.shipping, data.amount)

    def adjustment_recorded(self, data: e.AdjustmentRecorded, _at: datetime, _version: int) -> None:
        self.adjustments = _add(self.adjustments, data.amount)
        self.adjusted_quantity += data.quantity or 0

    def order_placed(self, _data: e.OrderPlaced, at: datetime, _version: int) -> None:
        self.placed_at = _earlier(self.placed_at, at)

    def payment_received(self, data: e.PaymentReceived, at: datetime, _version: int) -> None:
        self.paid = _add(self.paid, data.amount)
        if self.paid_at is None or at > self.paid_at:
            self.paid_at = at

    def payment_failed(self, _data: e.PaymentFailed, _at: datetime, _version: int) -> None:
        self.failed_payments += 1

    def refund_issued(self, data: e.RefundIssued, _at: datetime, _version: int) -> None:
        self.refunded = _add(self.refunded, data.amount)

    def order_shipped(self, _data: e.OrderShipped, at: datetime, _version: int) -> None:
        self.shipped_at = _earlier(self.shipped_at, at)

    def order_delivered(self, _data: e.OrderDelivered, at: datetime, _version: int) -> None:
        self.delivered_at = _earlier(self.delivered_at, at)

    def order_cancelled(self, data: e.OrderCancelled, at: datetime, version: int) -> None:
        self.cancelled_at = _earlier(self.cancelled_at, at)
        if data.reason is not None and (not self.reason_version or version < self.reason_version):
            self.cancel_reason, self.reason_version = data.reason, version

    def freeze(self) -> Order:
        """The order as it stands; lines in the order in which their items were first named."""
        by_first = sorted(self.lines.items(), key=lambda named: (named[1].first_version, named[0]))
        lines = tuple(line.freeze(item_id) for item_id, line in by_first)
        gross = returns = ZERO
        for line in lines:
            gross, returns = _add(gross, line.gross), _add(returns, line.returns)
        return Order(
            order_id=self.state.order_id,
            currency=self.currency,
            customer_id=self.customer_id,
            country=self.country,
            channel=self.channel,
            lines=lines,
            gross=gross,
            discounts=self.discounts,
            shipping=self.shipping,
            returns=returns,
            adjustments=self.adjustments,
            adjusted_quantity=self.adjusted_quantity,
            paid=self.paid,
            refunded=self.refunded,
            failed_payments=self.failed_payments,
            cancel_reason=self.cancel_reason,
            created_at=self.created_at,
            placed_at=self.placed_at,
            paid_at=self.paid_at,
            shipped_at=self.shipped_at,
            delivered_at=self.delivered_at,
            cancelled_at=self.cancelled_at,
            first_occurred_at=self.first,
            last_occurred_at=self.last,
            version=self.version,
            position=self.position,
            event_count=self.event_count,
            _currency_version=self.currency_version,
            _customer_version=self.customer_version,
            _country_version=self.country_version,
            _channel_version=self.channel_version,
            _cancel_reason_version=self.reason_version,
        )


def _earlier(known: datetime | None, at: datetime) -> datetime:
    return at if known is None or at < known else known


_EFFECTS: dict[type, Callable[[_Builder, Any, datetime, int], None]] = {
    e.OrderCreated: _Builder.order_created,
    e.ItemAdded: _Builder.item_added,
    e.ItemRemoved: _Builder.item_removed,
    e.ItemQuantityChanged: _Builder.item_quantity_changed,
    e.DiscountApplied: _Builder.discount_applied,
    e.ShippingCharged: _Builder.shipping_charged,
    e.OrderPlaced: _Builder.order_placed,
    e.PaymentReceived: _Builder.payment_received,
    e.PaymentFailed: _Builder.payment_failed,
    e.OrderShipped: _Builder.order_shipped,
    e.OrderDelivered: _Builder.order_delivered,
    e.ItemReturned: _Builder.item_returned,
    e.RefundIssued: _Builder.refund_issued,
    e.OrderCancelled: _Builder.order_cancelled,
    e.AdjustmentRecorded: _Builder.adjustment_recorded,
    e.CustomerAssigned: _Builder.customer_assigned,
}
