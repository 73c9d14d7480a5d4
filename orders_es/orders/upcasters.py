"""What the order events of earlier versions mean today, for logs that programs of then wrote.

| version | what it looked like |
| --- | --- |
| `OrderCreated` v1 | `order_id` and `customer_id`, a number; the first shop sold in euros only, and nobody wrote the currency down |
| `OrderCreated` v2 | today's: a currency, the customer as text, channel, country, … |
| `ItemAdded` v1 | `sku`, `quantity`, and `price` in whole cents |
| `ItemAdded` v2 | today's: `item_id`, `quantity`, an exact price, … |
| `StatusChanged` v1 | `status`: `new`, `placed`, `shipped`, `delivered` or `cancelled`, the last with a `reason` |

Before versions were counted, events in today's shape were recorded as v1, too. The two shapes cannot be taken for each other:
today's needs `currency` or `item_id`, which the early ones do not know, and the early ones have `order_id` or `sku`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from orders_es.upcaster import UNCHANGED, Renamed, SqlForm, Upcaster, upcaster

__all__ = ["UPCASTERS"]

_EARLY_CURRENCY: Final = "EUR"
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EarlyOrder:
    order_id: str
    customer_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _EarlyItem:
    sku: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _EarlyStatus:
    status: str
    reason: str | None = None


@upcaster(
    "OrderCreated",
    1,
    sql=SqlForm(
        _EarlyOrder,
        {"currency": f"'{_EARLY_CURRENCY}'", "customer_id": "{customer_id}::VARCHAR"},
        unchanged=True,
    ),
)
def with_a_currency(payload: dict[str, Any]) -> Any:
    """A customer as text, and the currency that all orders had."""
    if "currency" in payload or "order_id" not in payload:
        return UNCHANGED
    del payload["order_id"]  # it is the stream's id
    customer = payload.get("customer_id")
    return payload | {"currency": _EARLY_CURRENCY, "customer_id": None if customer is None else f"{customer:d}"}


@upcaster(
    "ItemAdded",
    1,
    sql=SqlForm(
        _EarlyItem,
        {"item_id": "{sku}", "quantity": "{quantity}", "price": "{price} * 0.01"},
        unchanged=True,
    ),
)
def with_an_exact_price(payload: dict[str, Any]) -> Any:
    """An exact price for whole cents."""
    if "item_id" in payload or "sku" not in payload:
        return UNCHANGED
    cents = payload["price"]
    if cents.__class__ is not int:
        raise ValueError(f"price {cents!r} is no whole number of cents")
    payload["item_id"] = payload.pop("sku")
    payload["price"] = cents * _CENT
    return payload


@upcaster(
    "StatusChanged",
    1,
    into={"OrderPlaced": 1, "OrderShipped": 1, "OrderDelivered": 1, "OrderCancelled": 1},
    may_retire=True,
    sql=SqlForm(
        _EarlyStatus,
        {"reason": "{reason}"},
        where="{status} = 'cancelled' OR {status} IN ('new', 'placed', 'shipped', 'delivered') AND {reason} IS NULL",
        type="CASE {status} WHEN 'placed' THEN 'OrderPlaced' WHEN 'shipped' THEN 'OrderShipped' WHEN 'delivered' THEN "
        "'OrderDelivered' WHEN 'cancelled' THEN 'OrderCancelled' END",
    ),
)
def as_what_happened(payload: dict[str, Any]) -> Renamed | None:
    """The event that a status stood for; `new` says no more than `OrderCreated` does."""
    match payload.pop("status"):
        case "new":
            return None
        case "placed":
            return Renamed("OrderPlaced", payload)
        case "shipped":
            return Renamed("OrderShipped", payload)
        case "delivered":
            return Renamed("OrderDelivered", payload)
        case "cancelled":
            return Renamed("OrderCancelled", payload)
        case other:
            raise ValueError(f"no program ever wrote the status {other!r}")


UPCASTERS: Final[tuple[Upcaster, ...]] = (with_a_currency, with_an_exact_price, as_what_happened)
"""The upcasters of the order domain; registries take them from here."""
