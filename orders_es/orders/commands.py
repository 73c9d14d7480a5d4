"""What somebody may ask of an order, for everybody who calls `decide` or `orders_es.service.handle`.

A command asks; `decide` says yes with events or no with `CommandRejected`. Money is a `Decimal` or an `int`, never a
float. A `currency`, where given, must be the order's: it guards against charging pounds to an order in euros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "AddItem",
    "ApplyDiscount",
    "AssignCustomer",
    "CancelOrder",
    "ChangeItemQuantity",
    "ChargeShipping",
    "CreateOrder",
    "DeliverOrder",
    "IssueRefund",
    "OrderCommand",
    "PlaceOrder",
    "RecordAdjustment",
    "RecordPayment",
    "RecordPaymentFailure",
    "RemoveItem",
    "ReturnItem",
    "ShipOrder",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    """Open an order, with its first items where they are given: all of it or nothing. The currency is a code of three capital letters and stays for good.

    Example:
        >>> CreateOrder(currency="GBP", customer_id="17850").currency
        'GBP'
        >>> len(CreateOrder(currency="GBP", items=(AddItem(item_id="mug", quantity=2, price=5),)).items)
        1
    """

    currency: str
    customer_id: str | None = None
    country: str | None = None
    channel: str | None = None
    items: tuple[AddItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddItem:
    """Put pieces of an item into an order that is not placed yet.

    Example:
        >>> AddItem(item_id="85123A", quantity=6, price=3).quantity
        6
    """

    item_id: str
    quantity: int
    price: Decimal | int
    description: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveItem:
    """Take pieces of an item out again, at the price at which they came in.

    Example:
        >>> RemoveItem(item_id="85123A", quantity=2).quantity
        2
    """

    item_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeItemQuantity:
    """Set the quantity of an item that is in the order; the event records the difference.

    Example:
        >>> ChangeItemQuantity(item_id="85123A", quantity=4).quantity
        4
    """

    item_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyDiscount:
    """Make the order cheaper by an amount, until it is shipped.

    Example:
        >>> ApplyDiscount(amount=5, code="WELCOME").code
        'WELCOME'
    """

    amount: Decimal | int
    code: str | None = None
    reason: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeShipping:
    """Charge for shipping, until the order is shipped.

    Example:
        >>> ChargeShipping(amount=4, method="courier").method
        'courier'
    """

    amount: Decimal | int
    method: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Commit to an order that has items.

    Example:
        >>> PlaceOrder()
        PlaceOrder()
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Record that money came in, up to what is still owed.

    Example:
        >>> RecordPayment(amount=20, method="card").method
        'card'
    """

    amount: Decimal | int
    method: str | None = None
    reference: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPaymentFailure:
    """Record that a payment was tried and did not go through.

    Example:
        >>> RecordPaymentFailure(amount=20, reason="card declined").reason
        'card declined'
    """

    amount: Decimal | int
    method: str | None = None
    reason: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder:
    """Send the goods of a placed order. It need not be paid: many customers pay on invoice.

    Example:
        >>> ShipOrder(carrier="Royal Mail").carrier
        'Royal Mail'
    """

    carrier: str | None = None
    tracking: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverOrder:
    """Record that the goods have arrived.

    Example:
        >>> DeliverOrder()
        DeliverOrder()
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnItem:
    """Take back pieces of an item that was delivered.

    Without a `price`, each piece is credited at what was paid for it: its price, less its share of the order's
    discounts, rounded down to four decimals.

    Example:
        >>> ReturnItem(item_id="22423", quantity=1, reason="broken").reason
        'broken'
    """

    item_id: str
    quantity: int
    price: Decimal | int | None = None
    reason: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRefund:
    """Send money back, up to what was paid and not yet refunded.

    Example:
        >>> IssueRefund(amount=12, reason="returned").amount
        12
    """

    amount: Decimal | int
    method: str | None = None
    reason: str | None = None
    reference: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Call off an order that has not been shipped.

    Example:
        >>> CancelOrder(reason="out of stock").reason
        'out of stock'
    """

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAdjustment:
    """Change what the order comes to, up or down: a bad debt, a correction. Bookkeepers may at any time.

    `quantity` is for a correction of how many pieces the order counts; leave it out where only money moves.

    Example:
        >>> RecordAdjustment(amount=-3, reason="rounding").amount
        -3
    """

    amount: Decimal | int
    reason: str | None = None
    item_id: str | None = None
    quantity: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCustomer:
    """Attribute the order to a customer.

    Example:
        >>> AssignCustomer(customer_id="17850").customer_id
        '17850'
    """

    customer_id: str


OrderCommand: TypeAlias = (
    CreateOrder
    | AddItem
    | RemoveItem
    | ChangeItemQuantity
    | ApplyDiscount
    | ChargeShipping
    | PlaceOrder
    | RecordPayment
    | RecordPaymentFailure
    | ShipOrder
    | DeliverOrder
    | ReturnItem
    | IssueRefund
    | CancelOrder
    | RecordAdjustment
    | AssignCustomer
)
"""Any command of the order domain."""
