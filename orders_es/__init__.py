"""An embedded time machine for orders: an append-only event log on plain files, replayed to any moment.

The names that most programs need are here. Event types and commands are in `orders_es.orders`, what tests need is in
`orders_es.testing`, errors are in `orders_es.errors`, imports and the simulator are in `orders_es.sources`.
"""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from orders_es.sources.order_tables import import_table

_WHEN_ASKED = {"import_table": "orders_es.sources.order_tables"}
"""What loads libraries that nobody else needs: it is imported by whoever names it."""


def __getattr__(name: str) -> Any:
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHEN_ASKED[name]), name)


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
    "import_table",
    "load_order",
    "load_orders",
    "open_log",
    "to_event_log",
]
