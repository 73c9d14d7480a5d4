"""One order as it stood at a moment, or an error that says what there is instead."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from orders_es.errors import OrderNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log import EventLog

__all__ = ["FILLING", "check_version", "order_lookup"]

FILLING = "orders-es simulate --orders 1000 --log {log}, or orders-es import online-retail FILE --log {log}"
"""How to put something into a log."""


@contextmanager
def order_lookup(log: EventLog, order_id: str) -> Iterator[None]:
    """Where the block finds no order because the log is empty, the error says so, and how to fill it.

    Raises:
        OrderNotFound: The block raised it.
    """
    try:
        yield
    except OrderNotFound as error:
        if log.head().position:
            raise
        raise OrderNotFound(order_id, f"the log is empty; fill it: {FILLING.format(log=log.url)}") from error


def check_version(log: EventLog, order_id: str, version: int | None) -> None:
    """Refuse a version that the order has not come to: its state now would be no answer to that question.

    Raises:
        OrderNotFound: The order is not there at that version yet.
    """
    if version is not None and version > (reached := log.stream_version(order_id)) > 0:
        raise OrderNotFound(order_id, f"it has not come to version {version}; it is at version {reached}")
