"""Orders as a `Decider`: what services, process managers, snapshots and the command line need to know of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orders_es.decider import Decider, StateCodec
from orders_es.orders.decide import decide
from orders_es.orders.events import EVENT_TYPES
from orders_es.orders.evolve import evolve, fold
from orders_es.orders.order import initial_state
from orders_es.orders.order_bytes import order_bytes, order_from_bytes
from orders_es.orders.order_fold import VERSION
from orders_es.orders.summary import summarize
from orders_es.orders.upcasters import UPCASTERS

if TYPE_CHECKING:
    from orders_es.orders.order import Order

__all__ = ["ORDERS"]

ORDERS: Final[Decider[Order]] = Decider(
    name="orders",
    event_types=EVENT_TYPES,
    decide=decide,
    evolve=evolve,
    initial=initial_state,
    fold=fold,
    version=VERSION,
    snapshots=StateCodec(order_bytes, order_from_bytes),
    summarize=summarize,
    upcasters=UPCASTERS,
)
"""The order domain. A changed effect of an event needs a higher `version`; a test holds to that."""
