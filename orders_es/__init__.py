"""An embedded time machine for orders: an append-only event log on plain files, replayed to any moment.

The names that most programs need are here. Event types and commands are in `orders_es.orders`, what tests need is in
`orders_es.testing`, errors are in `orders_es.errors`, imports and the simulator are in `orders_es.sources`.
"""

from orders_es.log import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    EventLog,
    EventRegistry,
    NewEvent,
    RawEvent,
    RecordedEvent,
    StreamAppend,
    open_log,
)
from orders_es.orders import Order
from orders_es.replay import connect, diff, explain, fold, history, load_order, load_orders, to_event_log
from orders_es.service import handle

__all__ = [
    "ANY",
    "NO_STREAM",
    "STREAM_EXISTS",
    "EventLog",
    "EventRegistry",
    "NewEvent",
    "Order",
    "RawEvent",
    "RecordedEvent",
    "StreamAppend",
    "connect",
    "diff",
    "explain",
    "fold",
    "handle",
    "history",
    "load_order",
    "load_orders",
    "open_log",
    "to_event_log",
]
