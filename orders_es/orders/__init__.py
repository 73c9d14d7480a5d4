"""The order domain, pure: events, commands, the business rules and the order that they make. No clock, no I/O.

`decide(command, state)` gives events or says no; `fold(events)` gives the order. `orders_es.service.handle` puts the two
and a log together.
"""

from orders_es.orders.commands import (
    AddItem,
    ApplyDiscount,
    AssignCustomer,
    CancelOrder,
    ChangeItemQuantity,
    ChargeShipping,
    CreateOrder,
    DeliverOrder,
    IssueRefund,
    OrderCommand,
    PlaceOrder,
    RecordAdjustment,
    RecordPayment,
    RecordPaymentFailure,
    RemoveItem,
    ReturnItem,
    ShipOrder,
)
from orders_es.orders.decide import decide
from orders_es.orders.decider import ORDERS
from orders_es.orders.events import (
    EVENT_TYPES,
    MOST_PIECES,
    AdjustmentRecorded,
    CustomerAssigned,
    DiscountApplied,
    ItemAdded,
    ItemQuantityChanged,
    ItemRemoved,
    ItemReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEvent,
    OrderPlaced,
    OrderShipped,
    PaymentFailed,
    PaymentReceived,
    RefundIssued,
    ShippingCharged,
)
from orders_es.orders.evolve import evolve, fold
from orders_es.orders.foldable_event import EventLike, Happened
from orders_es.orders.money import format_amount, format_money, money
from orders_es.orders.order import STATUSES, AsOf, Line, Order, PaymentStatus, Status, initial_state
from orders_es.orders.order_fold import OrderFold
from orders_es.orders.rules import RULES
from orders_es.orders.summary import summarize
from orders_es.orders.upcasters import UPCASTERS

__all__ = [
    "EVENT_TYPES",
    "MOST_PIECES",
    "ORDERS",
    "RULES",
    "STATUSES",
    "UPCASTERS",
    "AddItem",
    "AdjustmentRecorded",
    "ApplyDiscount",
    "AsOf",
    "AssignCustomer",
    "CancelOrder",
    "ChangeItemQuantity",
    "ChargeShipping",
    "CreateOrder",
    "CustomerAssigned",
    "DeliverOrder",
    "DiscountApplied",
    "EventLike",
    "Happened",
    "IssueRefund",
    "ItemAdded",
    "ItemQuantityChanged",
    "ItemRemoved",
    "ItemReturned",
    "Line",
    "Order",
    "OrderCancelled",
    "OrderCommand",
    "OrderCreated",
    "OrderDelivered",
    "OrderEvent",
    "OrderFold",
    "OrderPlaced",
    "OrderShipped",
    "PaymentFailed",
    "PaymentReceived",
    "PaymentStatus",
    "PlaceOrder",
    "RecordAdjustment",
    "RecordPayment",
    "RecordPaymentFailure",
    "RefundIssued",
    "RemoveItem",
    "ReturnItem",
    "ShipOrder",
    "ShippingCharged",
    "Status",
    "decide",
    "evolve",
    "fold",
    "format_amount",
    "format_money",
    "initial_state",
    "money",
    "summarize",
]
