"""What can happen to an order, for everybody who records it or reads it back.

Class names and field names are storage format: they stand in every log as event type names, payload keys and column
names. Rename nothing here. A field name means one thing, and has one type, in all of them. `upcasters` has what some of them
looked like in earlier versions, and how those are read.

Events are additive facts: each carries all that its effect needs (an item removed carries its price, a changed quantity
its difference), so that the state of an order is a function of the *set* of its events. They are plain data and check
nothing, because recorded history may be odd; the rules are in `decide`.

Any of them may say `time_estimated`: whoever recorded it did not know when it happened, and `occurred_at` is a best guess.
Such a time is shown with a mark and is never made into a length of time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - decoders resolve these annotations at run time
from decimal import Decimal  # noqa: TC003 - as above
from typing import Any, Final, TypeAlias

__all__ = [
    "EVENT_TYPES",
    "MOST_PIECES",
    "AdjustmentRecorded",
    "CustomerAssigned",
    "DiscountApplied",
    "ItemAdded",
    "ItemQuantityChanged",
    "ItemRemoved",
    "ItemReturned",
    "OrderCancelled",
    "OrderCreated",
    "OrderDelivered",
    "OrderEvent",
    "OrderPlaced",
    "OrderShipped",
    "PaymentFailed",
    "PaymentReceived",
    "RefundIssued",
    "ShippingCharged",
]

MOST_PIECES: Final = 999_999_999
"""The most pieces, more or fewer, in one event. At the highest price that comes to 23 digits, of which a sum holds 10^11."""


def pieces(**options: Any) -> Any:
    """A field for a number of pieces."""
    return field(metadata={"largest": MOST_PIECES}, **options)


def identifier(**options: Any) -> Any:
    """A field for an id or a code, which is never empty."""
    return field(metadata={"identifier": True}, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated:
    """Somebody opened an order, in one currency for all of its life: three capital letters.

    `postal_code` is text, because leading zeros are part of it. `source_status` is what another system, from which the
    order was imported, said about it in the end; it is a record of that word, and no status of ours depends on it.
    `promised_at` is until when delivery was promised.

    Example:
        >>> OrderCreated(currency="GBP", customer_id="17850").country is None
        True
    """

    currency: str = field(metadata={"identifier": True, "pattern": ("[A-Z]{3}", "three capital letters, such as EUR")})
    customer_id: str | None = identifier(default=None)
    country: str | None = None
    channel: str | None = None
    postal_code: str | None = None
    source_status: str | None = None
    city: str | None = None
    state: str | None = None
    promised_at: datetime | None = None
    time_estimated: bool | None = None

    __schema_version__ = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAdded:
    """So many pieces of an item came into the order, at this price each; where many sell, `seller_id` is who does.

    Example:
        >>> ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55")).quantity
        6
    """

    item_id: str = identifier()
    quantity: int = pieces()
    price: Decimal
    description: str | None = None
    seller_id: str | None = identifier(default=None)
    time_estimated: bool | None = None

    __schema_version__ = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRemoved:
    """So many pieces of an item left the order, at the price at which they had come in.

    Example:
        >>> ItemRemoved(item_id="85123A", quantity=2, price=Decimal("2.55")).item_id
        '85123A'
    """

    item_id: str = identifier()
    quantity: int = pieces()
    price: Decimal
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemQuantityChanged:
    """The quantity of an item went up or down by `difference`, at this price each.

    Example:
        >>> ItemQuantityChanged(item_id="85123A", difference=-1, price=Decimal("2.55")).difference
        -1
    """

    item_id: str = identifier()
    difference: int = pieces()
    price: Decimal
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountApplied:
    """The order became cheaper by `amount`: what the discount came to, not its percentage.

    Example:
        >>> DiscountApplied(amount=Decimal(5), code="WELCOME").code
        'WELCOME'
    """

    amount: Decimal
    code: str | None = None
    reason: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingCharged:
    """The order became dearer by what its shipping costs.

    Example:
        >>> ShippingCharged(amount=Decimal("4.95"), method="courier").method
        'courier'
    """

    amount: Decimal
    method: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced:
    """The customer committed to the order; its items are fixed from here on.

    Example:
        >>> OrderPlaced() == OrderPlaced(time_estimated=True)
        False
    """

    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReceived:
    """Money came in for the order, all of it or a part; `installments` is in how many parts the customer pays it off.

    Example:
        >>> PaymentReceived(amount=Decimal(20), method="card").reference is None
        True
    """

    amount: Decimal
    method: str | None = None
    reference: str | None = None
    installments: int | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """A payment was tried and did not go through; no money moved.

    Example:
        >>> PaymentFailed(amount=Decimal(20), reason="card declined").reason
        'card declined'
    """

    amount: Decimal
    method: str | None = None
    reason: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShipped:
    """The goods left the house.

    Example:
        >>> OrderShipped(carrier="Royal Mail").carrier
        'Royal Mail'
    """

    carrier: str | None = None
    tracking: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDelivered:
    """The goods reached the customer.

    Example:
        >>> OrderDelivered(time_estimated=True).time_estimated
        True
    """

    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReturned:
    """So many pieces of an item came back, credited at this price each.

    Example:
        >>> ItemReturned(item_id="22423", quantity=1, price=Decimal("12.75"), reason="broken").reason
        'broken'
    """

    item_id: str = identifier()
    quantity: int = pieces()
    price: Decimal
    description: str | None = None
    reason: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundIssued:
    """Money went back to the customer.

    Example:
        >>> RefundIssued(amount=Decimal("12.75")).amount
        Decimal('12.75')
    """

    amount: Decimal
    method: str | None = None
    reason: str | None = None
    reference: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """The order was called off; nothing is owed for it any more.

    Example:
        >>> OrderCancelled(reason="out of stock").time_estimated is None
        True
    """

    reason: str | None = None
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRecorded:
    """The bookkeepers changed what the order comes to: a bad debt, a correction. The amount may be negative.

    Example:
        >>> AdjustmentRecorded(amount=Decimal("-11062.06"), reason="Adjust bad debt").quantity is None
        True
    """

    amount: Decimal
    reason: str | None = None
    item_id: str | None = identifier(default=None)
    quantity: int | None = pieces(default=None)
    time_estimated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAssigned:
    """The order was attributed to a customer, after it had been opened as a guest or as somebody else.

    Example:
        >>> CustomerAssigned(customer_id="17850").customer_id
        '17850'
    """

    customer_id: str = identifier()
    time_estimated: bool | None = None


OrderEvent: TypeAlias = (
    OrderCreated
    | ItemAdded
    | ItemRemoved
    | ItemQuantityChanged
    | DiscountApplied
    | ShippingCharged
    | OrderPlaced
    | PaymentReceived
    | PaymentFailed
    | OrderShipped
    | OrderDelivered
    | ItemReturned
    | RefundIssued
    | OrderCancelled
    | AdjustmentRecorded
    | CustomerAssigned
)
"""Any event of the order domain."""

EVENT_TYPES: tuple[type, ...] = (
    OrderCreated,
    ItemAdded,
    ItemRemoved,
    ItemQuantityChanged,
    DiscountApplied,
    ShippingCharged,
    OrderPlaced,
    PaymentReceived,
    PaymentFailed,
    OrderShipped,
    OrderDelivered,
    ItemReturned,
    RefundIssued,
    OrderCancelled,
    AdjustmentRecorded,
    CustomerAssigned,
)
"""All event types of the order domain, in the order of an order's life; registries take them from here."""
