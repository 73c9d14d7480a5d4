"""Events in words, for everybody who shows a history to people."""

from __future__ import annotations

from typing import Any

from orders_es.orders import events as e
from orders_es.orders.money import format_money

__all__ = ["summarize"]


def summarize(event: Any, currency: str | None = None) -> str:
    """One line that says what an order event says; for an event of another domain, its repr.

    Args:
        currency: The order's currency, shown behind amounts.

    Example:
        >>> from decimal import Decimal
        >>> summarize(e.ItemAdded(item_id="22423", quantity=2, price=Decimal("12.75"), description="CAKESTAND"), "GBP")
        'added 2 x 22423 CAKESTAND at 12.75 GBP'
    """
    text = _said(event, currency)
    if getattr(event, "time_estimated", None) is not True:
        return text
    return f"{text[:-1]}, time estimated)" if text.endswith(")") else f"{text} (time estimated)"


def _said(event: Any, currency: str | None) -> str:
    match event:
        case e.ItemAdded() | e.ItemRemoved() | e.ItemReturned() | e.ItemQuantityChanged():
            text = _of_item(event, currency)
        case e.DiscountApplied():
            text = f"discount of {format_money(event.amount, currency)}{_because(event.code, event.reason)}"
        case e.ShippingCharged():
            text = f"shipping for {format_money(event.amount, currency)}{_because(event.method)}"
        case e.PaymentReceived():
            parts = f"{event.installments} installments" if (event.installments or 0) > 1 else None
            text = f"received {format_money(event.amount, currency)}{_because(event.method, event.reference, parts)}"
        case e.PaymentFailed():
            text = f"payment of {format_money(event.amount, currency)} failed{_because(event.method, event.reason)}"
        case e.RefundIssued():
            what = format_money(event.amount, currency)
            text = f"refunded {what}{_because(event.method, event.reason, event.reference)}"
        case e.AdjustmentRecorded():
            pieces = None if event.quantity is None else f"{event.quantity:,} x"
            about = " ".join(part for part in (pieces, event.item_id) if part)
            text = f"adjusted by {format_money(event.amount, currency)}{_because(about, event.reason)}"
        case _:
            text = _of_step(event)
    return text


def _of_item(event: Any, currency: str | None) -> str:
    what = " ".join(part for part in (event.item_id, getattr(event, "description", None)) if part)
    each = format_money(event.price, currency)
    match event:
        case e.ItemQuantityChanged():
            return f"{event.difference:+,} x {what} at {each}"
        case e.ItemAdded():
            verb, why = "added", ""
        case e.ItemRemoved():
            verb, why = "removed", ""
        case _:
            verb, why = "returned", _because(event.reason)
    return f"{verb} {event.quantity:,} x {what} at {each}{why}"


def _of_step(event: Any) -> str:
    match event:
        case e.OrderCreated():
            who = f"customer {event.customer_id}" if event.customer_id else "a guest"
            text = f"created in {event.currency} for {who}{_because(event.city, event.state, event.country, event.channel)}"
        case e.CustomerAssigned():
            text = f"assigned to customer {event.customer_id}"
        case e.OrderPlaced():
            text = "placed"
        case e.OrderShipped():
            text = f"shipped{_because(event.carrier, event.tracking)}"
        case e.OrderDelivered():
            text = "delivered"
        case e.OrderCancelled():
            text = f"cancelled{_because(event.reason)}"
        case _:
            text = repr(event)
    return text


def _because(*parts: str | None) -> str:
    said = ", ".join(part for part in parts if part)
    return f" ({said})" if said else ""
