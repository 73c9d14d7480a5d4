"""Each event's effect on an order, once: for `fold`, `evolve`, and whoever folds many orders at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Final

from orders_es.errors import UnknownEventType
from orders_es.orders import events as e
from orders_es.orders.money import EXACT, ZERO
from orders_es.orders.order import DETAILS, NO_CURRENCY, STATUSES, Line, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from decimal import Decimal

    from orders_es.orders.foldable_event import EventLike
    from orders_es.orders.order import AsOf

__all__ = ["VERSION", "OrderFold"]

VERSION: Final = 2
"""Raise it with any change of what events come to: snapshots go by it, and a test holds to it."""

_CREATED, _PLACED, _PAID, _SHIPPED, _DELIVERED, _CANCELLED = (
    1 << STATUSES.index(status) for status in ("created", "placed", "paid", "shipped", "delivered", "cancelled")
)
_add = EXACT.add
_fma = EXACT.fma

# Lines are most of what a replay of many orders makes, and a frozen dataclass's own `__init__` takes more than twice as
# long as filling its slots, field by field, does.
_new_line = object.__new__
_LINE_FIELDS: Final = tuple(getattr(Line, field.name).__set__ for field in dataclasses.fields(Line))


class _LineBuilder:
    """A `Line` under construction."""

    __slots__ = (
        "added",
        "adjusted",
        "adjustments",
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
        self.added = self.removed = self.changed = self.returned = self.adjusted = 0
        self.gross = self.returns = self.adjustments = ZERO
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
        self.adjusted = line.adjusted
        self.adjustments = line.adjustments
        self.first_version = line._first_version  # noqa: SLF001 - the fold owns these marks
        self.described_version = line._described_version  # noqa: SLF001 - as above
        self.priced_version = line._priced_version  # noqa: SLF001 - as above
        return self

    def describe(self, description: str | None, version: int) -> None:
        if description is not None and (not self.described_version or version < self.described_version):
            self.description = description
            self.described_version = version

    def mention(self, price: Decimal, version: int) -> None:
        """Take a price that no addition names; it counts only until one does."""
        if self.priced_version <= 0 and version > -self.priced_version:
            self.price, self.priced_version = price, -version

    def freeze(self, item_id: str) -> Line:
        values = (
            item_id,
            self.description,
            self.price,
            self.added,
            self.removed,
            self.changed,
            self.returned,
            self.gross,
            self.returns,
            self.adjusted,
            self.adjustments,
            self.first_version,
            self.described_version,
            self.priced_version,
        )
        line = _new_line(Line)
        for put, value in zip(_LINE_FIELDS, values, strict=True):
            put(line, value)
        return line


class OrderFold:
    """An `Order` under construction, for those who fold many orders at once; `fold` is the plain way.

    Here is each event's effect, once, on a state that changes in place; only `order` copies anything.

    Args:
        state: The order so far; it is not changed.

    Example:
        >>> from orders_es.orders import initial_state
        >>> folding = OrderFold(initial_state("A-1"))
        >>> folding.apply([])
        >>> folding.order().order_id
        'A-1'
    """

    def __init__(self, state: Order) -> None:
        self.state = state
        # Lines that no event names stay as they are: one more event on an order of many lines costs no copies of them.
        self.lines: dict[str, Line | _LineBuilder] = {line.item_id: line for line in state.lines}
        # Whether the lines stand in the order in which they were named, as they do where events come in theirs.
        self.in_order = True
        self.newest_line = state.lines[-1]._first_version if state.lines else 0  # noqa: SLF001 - the fold owns these marks
        self.currency = state.currency
        self.customer_id, self.customer_version = state.customer_id, state._customer_version  # noqa: SLF001 - as above
        self.country, self.country_version = state.country, state._country_version  # noqa: SLF001 - as above
        self.channel, self.channel_version = state.channel, state._channel_version  # noqa: SLF001 - as above
        self.cancel_reason, self.reason_version = state.cancel_reason, state._cancel_reason_version  # noqa: SLF001 - as above
        self.details = [getattr(state, name) for name in DETAILS]
        self.detail_versions = list(state._detail_versions)  # noqa: SLF001 - as above
        self.estimated = state._estimated  # noqa: SLF001 - as above
        self.discounts = state.discounts
        self.shipping = state.shipping
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

    def apply(self, events: Iterable[EventLike]) -> None:
        """Take in events, in any order.

        Raises:
            UnknownEventType: One of them is not an order event.
        """
        self.apply_rows([(event.data, event.occurred_at, event.version, event.position) for event in events])

    def apply_rows(self, rows: Iterable[tuple[Any, datetime, int, int]]) -> None:
        """Take in events, in any order, each as what it takes to fold it: data, occurred_at, version, position.

        Raises:
            UnknownEventType: One of them is not an order event.
        """
        effects = self._effects
        first, last, version_max, position_max, count = self.first, self.last, self.version, self.position, 0
        for data, at, version, position in rows:
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

    def _line(self, item_id: str, version: int) -> _LineBuilder:
        line = self.lines.get(item_id)
        if isinstance(line, Line):
            line = self.lines[item_id] = _LineBuilder.of(line)
        if line is None:
            line = self.lines[item_id] = _LineBuilder()
            line.first_version = version
            if version <= self.newest_line:
                self.in_order = False
            else:
                self.newest_line = version
        elif version < line.first_version:
            line.first_version = version
            self.in_order = False
        return line

    def _order_created(self, data: e.OrderCreated, at: datetime, version: int) -> None:
        self.created_at = _earlier(self.created_at, at)
        if self.currency is None:
            self.currency = data.currency
        elif self.currency != data.currency:
            self.currency = NO_CURRENCY
        if data.country is not None and (not self.country_version or version < self.country_version):
            self.country, self.country_version = data.country, version
        if data.channel is not None and (not self.channel_version or version < self.channel_version):
            self.channel, self.channel_version = data.channel, version
        if data.customer_id is not None and version > self.customer_version:
            self.customer_id, self.customer_version = data.customer_id, version
        for place, name in enumerate(DETAILS):
            detail = getattr(data, name)
            if detail is not None and not 0 < self.detail_versions[place] <= version:
                self.details[place], self.detail_versions[place] = detail, version
        if data.time_estimated:
            self.estimated |= _CREATED

    def _customer_assigned(self, data: e.CustomerAssigned, _at: datetime, version: int) -> None:
        if version > self.customer_version:
            self.customer_id, self.customer_version = data.customer_id, version

    def _item_added(self, data: e.ItemAdded, _at: datetime, version: int) -> None:
        line = self._line(data.item_id, version)
        line.added += data.quantity
        line.gross = _fma(data.quantity, data.price, line.gross)
        line.describe(data.description, version)
        if version > line.priced_version:
            line.price, line.priced_version = data.price, version

    def _item_removed(self, data: e.ItemRemoved, _at: datetime, version: int) -> None:
        line = self._line(data.item_id, version)
        line.removed += data.quantity
        line.gross = _fma(-data.quantity, data.price, line.gross)
        line.mention(data.price, version)

    def _item_quantity_changed(self, data: e.ItemQuantityChanged, _at: datetime, version: int) -> None:
        line = self._line(data.item_id, version)
        line.changed += data.difference
        line.gross = _fma(data.difference, data.price, line.gross)
        line.mention(data.price, version)

    def _item_returned(self, data: e.ItemReturned, _at: datetime, version: int) -> None:
        line = self._line(data.item_id, version)
        line.returned += data.quantity
        line.returns = _fma(data.quantity, data.price, line.returns)
        line.mention(data.price, version)
        line.describe(data.description, version)

    def _discount_applied(self, data: e.DiscountApplied, _at: datetime, _version: int) -> None:
        self.discounts = _add(self.discounts, data.amount)

    def _shipping_charged(self, data: e.ShippingCharged, _at: datetime, _version: int) -> None:
        self.shipping = _add(self.shipping, data.amount)

    def _adjustment_recorded(self, data: e.AdjustmentRecorded, _at: datetime, version: int) -> None:
        line = self._line(data.item_id or "", version)
        line.adjusted += data.quantity or 0
        line.adjustments = _add(line.adjustments, data.amount)

    def _order_placed(self, data: e.OrderPlaced, at: datetime, _version: int) -> None:
        self.placed_at = _earlier(self.placed_at, at)
        if data.time_estimated:
            self.estimated |= _PLACED

    def _payment_received(self, data: e.PaymentReceived, at: datetime, _version: int) -> None:
        self.paid = _add(self.paid, data.amount)
        if self.paid_at is None or at > self.paid_at:
            self.paid_at = at
        if data.time_estimated:
            self.estimated |= _PAID

    def _payment_failed(self, _data: e.PaymentFailed, _at: datetime, _version: int) -> None:
        self.failed_payments += 1

    def _refund_issued(self, data: e.RefundIssued, _at: datetime, _version: int) -> None:
        self.refunded = _add(self.refunded, data.amount)

    def _order_shipped(self, data: e.OrderShipped, at: datetime, _version: int) -> None:
        self.shipped_at = _earlier(self.shipped_at, at)
        if data.time_estimated:
            self.estimated |= _SHIPPED

    def _order_delivered(self, data: e.OrderDelivered, at: datetime, _version: int) -> None:
        self.delivered_at = _earlier(self.delivered_at, at)
        if data.time_estimated:
            self.estimated |= _DELIVERED

    def _order_cancelled(self, data: e.OrderCancelled, at: datetime, version: int) -> None:
        self.cancelled_at = _earlier(self.cancelled_at, at)
        if data.reason is not None and (not self.reason_version or version < self.reason_version):
            self.cancel_reason, self.reason_version = data.reason, version
        if data.time_estimated:
            self.estimated |= _CANCELLED

    _effects: ClassVar[dict[type, Callable[[OrderFold, Any, datetime, int], None]]] = {
        e.OrderCreated: _order_created,
        e.ItemAdded: _item_added,
        e.ItemRemoved: _item_removed,
        e.ItemQuantityChanged: _item_quantity_changed,
        e.DiscountApplied: _discount_applied,
        e.ShippingCharged: _shipping_charged,
        e.OrderPlaced: _order_placed,
        e.PaymentReceived: _payment_received,
        e.PaymentFailed: _payment_failed,
        e.OrderShipped: _order_shipped,
        e.OrderDelivered: _order_delivered,
        e.ItemReturned: _item_returned,
        e.RefundIssued: _refund_issued,
        e.OrderCancelled: _order_cancelled,
        e.AdjustmentRecorded: _adjustment_recorded,
        e.CustomerAssigned: _customer_assigned,
    }

    def order(self, as_of: AsOf | None = None) -> Order:
        """The order as it stands; lines in the order in which their items were first named.

        Args:
            as_of: The question that it answers, to be noted on it.
        """
        lines = tuple(
            [line.freeze(item_id) if isinstance(line, _LineBuilder) else line for item_id, line in self.lines.items()]
        )
        if not self.in_order:
            lines = tuple(sorted(lines, key=lambda line: (line._first_version, line.item_id)))  # noqa: SLF001 - as above
        gross = returns = adjustments = ZERO
        for line in lines:
            gross, returns = _add(gross, line.gross), _add(returns, line.returns)
            if line.adjustments:
                adjustments = _add(adjustments, line.adjustments)
        return Order(
            order_id=self.state.order_id,
            currency=self.currency,
            customer_id=self.customer_id,
            country=self.country,
            channel=self.channel,
            **dict(zip(DETAILS, self.details, strict=True)),
            lines=lines,
            gross=gross,
            discounts=self.discounts,
            shipping=self.shipping,
            returns=returns,
            adjustments=adjustments,
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
            as_of=as_of,
            _customer_version=self.customer_version,
            _country_version=self.country_version,
            _channel_version=self.channel_version,
            _cancel_reason_version=self.reason_version,
            _detail_versions=tuple(self.detail_versions),
            _estimated=self.estimated,
        )


def _earlier(known: datetime | None, at: datetime) -> datetime:
    return at if known is None or at < known else known
