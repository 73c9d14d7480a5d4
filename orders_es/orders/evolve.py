"""How events make an order, for everybody who folds history: the reference that every other replay is held to.

`evolve` is pure and total: it never raises on a recorded history of order events, however odd. It is set-based: sums,
earliest and latest, first and last by version; so it does not matter in which order events are folded, and folding in
parts equals folding at once. Each event's effect is defined once, in `OrderFold`; `evolve` and `fold` differ only in how
many events they take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.orders.order import Order, initial_state
from orders_es.orders.order_fold import OrderFold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders_es.orders.foldable_event import EventLike

__all__ = ["evolve", "fold"]


def evolve(state: Order, event: EventLike) -> Order:
    """The order after one more event. For a whole history, `fold` is the fast way to the same.

    Args:
        state: The order so far; `initial_state` begins one.
        event: What happened.

    Raises:
        UnknownEventType: It is not an order event.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.orders import Happened, OrderCreated
        >>> noon = datetime(2011, 6, 3, 12, tzinfo=UTC)
        >>> evolve(initial_state("A-1"), Happened(OrderCreated(currency="GBP"), noon, 1)).status
        'created'
    """
    return fold((event,), state)


def fold(events: Iterable[EventLike], state: Order | None = None) -> Order:
    """The order that these events come to, in time linear in their number.

    Args:
        events: The history, or any part of it, in any order.
        state: The order so far; an order without events and name if left out.

    Raises:
        UnknownEventType: One of them is not an order event.

    Example:
        >>> fold([]).version
        0
    """
    folding = OrderFold(initial_state() if state is None else state)
    folding.apply(events)
    return folding.order()
