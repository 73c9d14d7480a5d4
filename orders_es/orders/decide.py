"""What the business allows, for everybody who turns a command into events.

`decide` is pure and strict: it gives the events that a command comes to, or raises `CommandRejected` with the name of
the rule (see `RULES`) that says no. It has no clock and no I/O; money in its events always has four decimals.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orders_es.errors import CommandRejected, WrongType
from orders_es.orders import commands as c
from orders_es.orders import events as e
from orders_es.orders.evolve import evolve
from orders_es.orders.foldable_event import Happened
from orders_es.orders.money import EXACT, LIMIT, format_money, money, multiply
from orders_es.orders.requirements import (
    line_in_order,
    positive_amount,
    positive_quantity,
    price_of,
    price_paid,
    require_chargeable,
    require_created,
    require_currency,
    require_goods_cover_discounts,
    require_not_cancelled,
    require_not_shipped,
    require_open,
    require_placed,
    require_text,
    was_placed,
    was_shipped,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders_es.orders.order import Order

__all__ = ["decide"]

_CURRENCY = re.compile(r"[A-Z]{3}")
_NO_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
"""No rule asks when it was; events get their time from whoever appends them."""


def decide(command: Any, state: Order) -> list[e.OrderEvent]:
    """The events that a command comes to, given the order as it stands.

    Args:
        command: One of the order commands.

    Raises:
        CommandRejected: A business rule says no; the state it stands in allows no such thing.
        TypeError: It is not an order command.

    Example:
        >>> from orders_es.orders import CreateOrder, initial_state
        >>> decide(CreateOrder(currency="GBP"), initial_state("A-1"))[0].currency
        'GBP'
    """
    decision = _DECISIONS.get(type(command))
    if decision is None:
        raise WrongType(
            f"{type(command).__name__} is not an order command; orders_es.orders.commands has {', '.join(t.__name__ for t in _DECISIONS)}"
        )
    decided = [decision(command, state)]
    return [*decided, *_first_items(command, decided[0], state)] if isinstance(command, c.CreateOrder) else decided


def _first_items(command: c.CreateOrder, created: e.OrderEvent, state: Order) -> Iterator[e.OrderEvent]:
    """The items that an order is opened with, each decided on the order as the ones before it leave it."""
    if not isinstance(command.items, tuple) or not all(isinstance(item, c.AddItem) for item in command.items):
        raise WrongType(
            f"items={command.items!r}: give a tuple of AddItem, such as (AddItem(item_id='mug', quantity=1, price=5),)"
        )
    event = created
    for version, item in enumerate(command.items, 1):
        state = evolve(state, Happened(event, _NO_MOMENT, version))
        event = _add_item(item, state)
        yield event


def _create_order(command: c.CreateOrder, state: Order) -> e.OrderEvent:
    if state.event_count:
        raise CommandRejected(
            "created_once", f"order {state.order_id!r} exists already ({state.status}); take another id"
        )
    if not isinstance(command.currency, str) or not _CURRENCY.fullmatch(command.currency):
        raise CommandRejected(
            "currency_code", f"currency={command.currency!r} is not a code of three capital letters, such as 'GBP'"
        )
    if command.customer_id is not None:
        require_text(command.customer_id, "customer_id")
    return e.OrderCreated(
        currency=command.currency, customer_id=command.customer_id, country=command.country, channel=command.channel
    )


def _add_item(command: c.AddItem, state: Order) -> e.OrderEvent:
    require_open(state, command.currency)
    require_text(command.item_id, "item_id")
    quantity = positive_quantity(command.quantity)
    price = price_of(command.price)
    line = state.line(command.item_id)
    if line is not None and line.kept > 0 and line.price is not None and price != line.price:
        raise CommandRejected(
            "one_price_per_item",
            f"item {command.item_id!r} is in order {state.order_id!r} at {format_money(line.price)} each, so no more of it "
            f"can be added at {format_money(price)}; remove it first, or give a discount",
        )
    goods = EXACT.add(state.gross, multiply(quantity, price))
    if goods >= LIMIT:
        raise CommandRejected(
            "at_most_14_digits",
            f"with {quantity:,} of item {command.item_id!r} the goods would come to {format_money(goods)}",
        )
    return e.ItemAdded(item_id=command.item_id, quantity=quantity, price=price, description=command.description)


def _remove_item(command: c.RemoveItem, state: Order) -> e.OrderEvent:
    require_open(state)
    quantity = positive_quantity(command.quantity)
    line, price = line_in_order(state, command.item_id)
    if quantity > line.kept:
        raise CommandRejected(
            "no_more_than_there",
            f"order {state.order_id!r} has {line.kept:,} of item {command.item_id!r}, so {quantity:,} cannot be removed",
        )
    require_goods_cover_discounts(state, -quantity, price)
    return e.ItemRemoved(item_id=command.item_id, quantity=quantity, price=price)


def _change_item_quantity(command: c.ChangeItemQuantity, state: Order) -> e.OrderEvent:
    require_open(state)
    quantity = positive_quantity(command.quantity)
    line, price = line_in_order(state, command.item_id)
    difference = quantity - line.kept
    if difference == 0:
        raise CommandRejected(
            "quantity_differs", f"order {state.order_id!r} has {quantity:,} of item {command.item_id!r} already"
        )
    require_goods_cover_discounts(state, difference, price)
    return e.ItemQuantityChanged(item_id=command.item_id, difference=difference, price=price)


def _apply_discount(command: c.ApplyDiscount, state: Order) -> e.OrderEvent:
    require_chargeable(state, command.currency, "discounted")
    amount = positive_amount(command.amount)
    left = EXACT.subtract(EXACT.subtract(state.gross, state.discounts), state.returns)
    if amount > left:
        raise CommandRejected(
            "discount_within_goods",
            f"a discount of {format_money(amount)} is more than the {format_money(left, state.currency)} that the goods of order "
            f"{state.order_id!r} come to after earlier discounts",
        )
    return e.DiscountApplied(amount=amount, code=command.code, reason=command.reason)


def _charge_shipping(command: c.ChargeShipping, state: Order) -> e.OrderEvent:
    require_chargeable(state, command.currency, "charged for shipping")
    return e.ShippingCharged(amount=price_of(command.amount, "amount"), method=command.method)


def _place_order(_command: c.PlaceOrder, state: Order) -> e.OrderEvent:
    require_created(state)
    require_not_cancelled(state)
    if was_placed(state):
        raise CommandRejected("placed_once", f"order {state.order_id!r} was placed already; it is {state.status}")
    if not any(line.kept > 0 for line in state.lines):
        raise CommandRejected("placed_with_items", f"order {state.order_id!r} has no items; add one before placing it")
    return e.OrderPlaced()


def _record_payment(command: c.RecordPayment, state: Order) -> e.OrderEvent:
    require_placed(state, command.currency)
    amount = positive_amount(command.amount)
    if amount > state.balance:
        raise CommandRejected(
            "no_more_than_owed",
            f"{format_money(amount)} is more than the {format_money(state.balance, state.currency)} owed for order {state.order_id!r}",
        )
    return e.PaymentReceived(amount=amount, method=command.method, reference=command.reference)


def _record_payment_failure(command: c.RecordPaymentFailure, state: Order) -> e.OrderEvent:
    require_placed(state, command.currency)
    return e.PaymentFailed(amount=positive_amount(command.amount), method=command.method, reason=command.reason)


def _ship_order(command: c.ShipOrder, state: Order) -> e.OrderEvent:
    require_placed(state)
    if was_shipped(state):
        raise CommandRejected("shipped_once", f"order {state.order_id!r} was shipped already; it is {state.status}")
    return e.OrderShipped(carrier=command.carrier, tracking=command.tracking)


def _deliver_order(_command: c.DeliverOrder, state: Order) -> e.OrderEvent:
    require_created(state)
    require_not_cancelled(state)
    if state.delivered_at is not None:
        raise CommandRejected("delivered_once", f"order {state.order_id!r} was delivered already")
    if state.shipped_at is None:
        raise CommandRejected(
            "shipped_first", f"order {state.order_id!r} is {state.status}, not shipped; ship it first"
        )
    return e.OrderDelivered()


def _return_item(command: c.ReturnItem, state: Order) -> e.OrderEvent:
    require_created(state)
    require_currency(state, command.currency)
    if state.delivered_at is None:
        raise CommandRejected(
            "delivered_first",
            f"order {state.order_id!r} is {state.status}, not delivered, so nothing can come back from it",
        )
    quantity = positive_quantity(command.quantity)
    line, charged = line_in_order(state, command.item_id)
    if quantity > line.kept:
        raise CommandRejected(
            "no_more_than_delivered",
            f"{line.kept:,} of item {command.item_id!r} of order {state.order_id!r} are with the customer "
            f"({line.ordered:,} delivered, {line.returned:,} returned), so {quantity:,} cannot come back",
        )
    price = price_paid(state, charged) if command.price is None else price_of(command.price)
    if price > charged:
        raise CommandRejected(
            "return_within_price",
            f"item {command.item_id!r} cost {format_money(charged)}, so it cannot be credited at {format_money(price)}",
        )
    left = EXACT.subtract(EXACT.subtract(state.gross, state.discounts), state.returns)
    value = multiply(quantity, price)
    if value > left:
        raise CommandRejected(
            "return_within_price",
            f"crediting {quantity:,} x {format_money(price)} = {format_money(value)} is more than the "
            f"{format_money(left, state.currency)} left of goods less discounts in order {state.order_id!r}; give a lower price",
        )
    return e.ItemReturned(
        item_id=command.item_id, quantity=quantity, price=price, description=line.description, reason=command.reason
    )


def _issue_refund(command: c.IssueRefund, state: Order) -> e.OrderEvent:
    require_created(state)
    require_currency(state, command.currency)
    amount = positive_amount(command.amount)
    left = EXACT.subtract(state.paid, state.refunded)
    if amount > left:
        raise CommandRejected(
            "no_more_than_paid",
            f"{format_money(amount)} is more than the {format_money(left, state.currency)} paid and not yet refunded "
            f"of order {state.order_id!r}",
        )
    return e.RefundIssued(amount=amount, method=command.method, reason=command.reason, reference=command.reference)


def _cancel_order(command: c.CancelOrder, state: Order) -> e.OrderEvent:
    require_created(state)
    if state.cancelled_at is not None:
        raise CommandRejected("cancelled_once", f"order {state.order_id!r} was cancelled already")
    require_not_shipped(state, "cancelled; take its items back instead")
    return e.OrderCancelled(reason=command.reason)


def _record_adjustment(command: c.RecordAdjustment, state: Order) -> e.OrderEvent:
    require_created(state)
    require_currency(state, command.currency)
    amount = money(command.amount)
    quantity = None if command.quantity is None else whole(command.quantity)
    if not amount and not quantity:
        raise CommandRejected(
            "amount_not_zero", "an adjustment of nothing changes nothing; give the amount it comes to"
        )
    if command.item_id is not None:
        require_text(command.item_id, "item_id")
    return e.AdjustmentRecorded(amount=amount, reason=command.reason, item_id=command.item_id, quantity=quantity)


def _assign_customer(command: c.AssignCustomer, state: Order) -> e.OrderEvent:
    require_created(state)
    require_text(command.customer_id, "customer_id")
    if command.customer_id == state.customer_id:
        raise CommandRejected(
            "customer_differs", f"order {state.order_id!r} is attributed to customer {command.customer_id!r} already"
        )
    return e.CustomerAssigned(customer_id=command.customer_id)


_DECISIONS: dict[type, Callable[[Any, Order], e.OrderEvent]] = {
    c.CreateOrder: _create_order,
    c.AddItem: _add_item,
    c.RemoveItem: _remove_item,
    c.ChangeItemQuantity: _change_item_quantity,
    c.ApplyDiscount: _apply_discount,
    c.ChargeShipping: _charge_shipping,
    c.PlaceOrder: _place_order,
    c.RecordPayment: _record_payment,
    c.RecordPaymentFailure: _record_payment_failure,
    c.ShipOrder: _ship_order,
    c.DeliverOrder: _deliver_order,
    c.ReturnItem: _return_item,
    c.IssueRefund: _issue_refund,
    c.CancelOrder: _cancel_order,
    c.RecordAdjustment: _record_adjustment,
    c.AssignCustomer: _assign_customer,
}
