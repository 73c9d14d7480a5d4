"""What happens to an order: every kind of step, with the event that it leaves in the log.

A kind is finer than an event type: a refund for a return and a refund for a cancellation are the same event with
another cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

__all__ = ["KIND_TABLE", "Kind", "KindFacts", "flags_of"]


class Kind(IntEnum):
    """A step in the life of an order, in the order in which steps of the same moment stand in the log."""

    CREATED = 0
    ITEM_ADDED = 1
    ITEM_REMOVED = 2
    QUANTITY_CHANGED = 3
    DISCOUNT = 4
    SHIPPING = 5
    PLACED = 6
    ABANDONED = 7
    PAYMENT_FAILED = 8
    PAID = 9
    PAID_REST = 10
    GIVEN_UP = 11
    CANCELLED_UNPAID = 12
    CANCELLED_PAID = 13
    REFUND_CANCELLED = 14
    SHIPPED = 15
    DELIVERED = 16
    ITEM_RETURNED = 17
    REFUND_RETURNED = 18
    GOODWILL = 19
    REFUND_GOODWILL = 20
    CORRECTED = 21
    REFUND_CORRECTED = 22
    PAID_CORRECTED = 23
    ASSIGNED = 24


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What the log shows of a kind.

    Args:
        type: The event type.
        actor: Who did it.
        process: Prefix of the correlation id: the conversation with the customer that it belongs to.
        cause: The kind whose event (of the same order) caused it.
        same_line: Whether the cause has the same line number; otherwise it is the first of its kind.
        first: The text column that the low half of the event's reference fills.
        second: The text column that the high half fills.
        late: Whether it may be recorded late of itself.
        basket: Whether it is entered together with the basket.
    """

    type: str
    actor: str
    process: str
    cause: Kind | None = None
    same_line: bool = False
    first: str | None = None
    second: str | None = None
    late: bool = True
    basket: bool = False


_REFUND = "RefundIssued"
_K = KindFacts

KIND_TABLE: dict[Kind, KindFacts] = {
    Kind.CREATED: _K("OrderCreated", "customer", "cart", first="channel", second="country", late=False, basket=True),
    Kind.ITEM_ADDED: _K("ItemAdded", "customer", "cart", late=False, basket=True),
    Kind.ITEM_REMOVED: _K("ItemRemoved", "customer", "cart", Kind.ITEM_ADDED, same_line=True, late=False, basket=True),
    Kind.QUANTITY_CHANGED: _K(
        "ItemQuantityChanged", "customer", "cart", Kind.ITEM_ADDED, same_line=True, late=False, basket=True
    ),
    Kind.DISCOUNT: _K("DiscountApplied", "pricing", "cart", first="code", second="reason", late=False, basket=True),
    Kind.SHIPPING: _K("ShippingCharged", "pricing", "cart", first="method", late=False, basket=True),
    Kind.PLACED: _K("OrderPlaced", "customer", "cart", late=False, basket=True),
    Kind.ABANDONED: _K("OrderCancelled", "housekeeping", "cart", first="reason", late=False),
    Kind.PAYMENT_FAILED: _K("PaymentFailed", "payments", "cart", Kind.PLACED, first="method", second="reason"),
    Kind.PAID: _K("PaymentReceived", "payments", "cart", Kind.PLACED, first="method"),
    Kind.PAID_REST: _K("PaymentReceived", "payments", "cart", Kind.PLACED, first="method"),
    Kind.GIVEN_UP: _K("OrderCancelled", "payments", "cart", Kind.PAYMENT_FAILED, first="reason"),
    Kind.CANCELLED_UNPAID: _K("OrderCancelled", "customer", "case", first="reason"),
    Kind.CANCELLED_PAID: _K("OrderCancelled", "customer", "case", first="reason"),
    Kind.REFUND_CANCELLED: _K(_REFUND, "payments", "case", Kind.CANCELLED_PAID, first="method", second="reason"),
    Kind.SHIPPED: _K("OrderShipped", "warehouse", "ship", Kind.PAID, first="carrier"),
    Kind.DELIVERED: _K("OrderDelivered", "carrier", "ship", Kind.SHIPPED),
    Kind.ITEM_RETURNED: _K("ItemReturned", "warehouse", "case"),
    Kind.REFUND_RETURNED: _K(_REFUND, "payments", "case", Kind.ITEM_RETURNED, first="method", second="reason"),
    Kind.GOODWILL: _K("AdjustmentRecorded", "service desk", "case", first="reason"),
    Kind.REFUND_GOODWILL: _K(_REFUND, "payments", "case", Kind.GOODWILL, first="method", second="reason"),
    Kind.CORRECTED: _K("AdjustmentRecorded", "accounting", "case", first="reason", late=False),
    Kind.REFUND_CORRECTED: _K(_REFUND, "payments", "case", Kind.CORRECTED, first="method", second="reason"),
    Kind.PAID_CORRECTED: _K("PaymentReceived", "payments", "case", Kind.CORRECTED, first="method"),
    Kind.ASSIGNED: _K("CustomerAssigned", "service desk", "case"),
}
"""Every kind, by number."""


def flags_of(**wanted: object) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For every kind, whether its facts have these values.

    Example:
        >>> int(flags_of(type="RefundIssued").sum())
        4
    """
    return np.array([all(getattr(KIND_TABLE[kind], name) == value for name, value in wanted.items()) for kind in Kind])
