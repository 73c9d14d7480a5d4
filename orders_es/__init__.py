"""An embedded time machine for orders: an append-only event log on plain files, replayed to any moment.

The names that most programs need are here. Event types and commands are in `orders_es.orders`, what tests need is in
`orders_es.testing`, errors are in `orders_es.errors`, imports and the simulator are in `orders_es.sources`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from orders_es.replay import connect, fold_streams, load_order, load_orders, to_event_log
    from orders_es.replay.diff import diff
    from orders_es.replay.explain import explain
    from orders_es.replay.history import history
    from orders_es.service import handle
    from orders_es.sources.order_tables import import_table

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
    "fold_streams",
    "handle",
    "history",
    "import_table",
    "load_order",
    "load_orders",
    "open_log",
    "to_event_log",
]

_ROOMS = {
    "orders_es.log": (
        "ANY",
        "NO_STREAM",
        "STREAM_EXISTS",
        "EventLog",
        "EventRegistry",
        "NewEvent",
        "RawEvent",
        "RecordedEvent",
        "StreamAppend",
        "open_log",
    ),
    "orders_es.orders": ("Order",),
    "orders_es.replay": (
        "connect",
        "diff",
        "explain",
        "fold_streams",
        "history",
        "load_order",
        "load_orders",
        "to_event_log",
    ),
    "orders_es.service": ("handle",),
    "orders_es.sources.order_tables": ("import_table",),
}
_ROOM = {name: room for room, names in _ROOMS.items() for name in names}
"""Where each name is. Its room is loaded when somebody asks for it, so that whoever needs one does not pay for all."""


def __getattr__(name: str) -> Any:
    if name not in _ROOM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_ROOM[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
