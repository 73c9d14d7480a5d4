"""Orders of the Olist data set as streams of events, some at a time and without a loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.sources.batches import StreamTable
from orders_es.sources.event_ids import derive_event_ids
from orders_es.sources.olist.columns import NEVER, to_decimals

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.olist.rows import Olist

__all__ = ["CANCELLING", "estimated_times", "to_streams"]

array: Any = pa.array  # the type stubs take every NumPy array for one of booleans

CANCELLING = ("canceled", "unavailable")
"""The statuses that mean that nothing more will come of an order."""

# The order within a stream, and what an event id says about the row that an event comes from.
_CREATED, _ITEM, _SHIPPING, _PLACED, _PAID, _SHIPPED, _DELIVERED, _CANCELLED = range(8)
_TYPES = (
    "OrderCreated",
    "ItemAdded",
    "ShippingCharged",
    "OrderPlaced",
    "PaymentReceived",
    "OrderShipped",
    "OrderDelivered",
    "OrderCancelled",
)


def estimated_times(olist: Olist) -> int:
    """How many events have a time that the files do not give: payments without an approval, and cancellations."""
    cancelled = pc.is_in(olist.orders.status, value_set=array(CANCELLING)).to_numpy(zero_copy_only=False)
    unapproved = olist.orders.approved[olist.payments.order] == NEVER
    return int(cancelled.sum()) + int(unapproved.sum())


def to_streams(olist: Olist, currency: str, country: str, actor: str) -> StreamTable:
    """One stream per order, in file order. The events are made as they are asked for, so memory does not hold them all.

    Args:
        olist: Good orders.
        currency: The currency of all prices.
        country: The country of all customers.
        actor: Who is recorded as the cause.
    """
    events = _Events(olist, currency, country, actor)
    return StreamTable(olist.path, events, olist.orders.order_id, events.starts, olist.orders.numbers)


class _Events:
    """A table of all events that is never there as a whole: it has a length, and slices that begin and end with a stream."""

    def __init__(self, olist: Olist, currency: str, country: str, actor: str) -> None:
        self._olist, self._words = olist, (currency, country, actor)
        orders, n = olist.orders, len(olist.orders.order_id)
        self._items, items = _starts(olist.items.order, n)
        self._payments, payments = _starts(olist.payments.order, n)
        self._has = {
            _SHIPPING: items > 0,
            _SHIPPED: orders.carrier != NEVER,
            _DELIVERED: orders.delivered != NEVER,
            _CANCELLED: pc.is_in(orders.status, value_set=array(CANCELLING)).to_numpy(zero_copy_only=False),
        }
        self._freight = np.zeros(n, dtype=np.int64)
        np.add.at(self._freight, olist.items.order, olist.items.freight)
        counts = 2 + items + payments + sum(has.astype(np.int64) for has in self._has.values())
        self.starts = np.concatenate([[0], np.cumsum(counts)])

    @property
    def num_rows(self) -> int:
        return int(self.starts[-1])

    def slice(self, offset: int, length: int) -> pa.Table:
        first, end = np.searchsorted(self.starts, [offset, offset + length])
        kind, order, index = self._sequence(int(first), int(end))
        orders, items, payments = self._olist.orders, self._olist.items, self._olist.payments
        currency, country, actor = self._words
        created, item, paid = kind == _CREATED, kind == _ITEM, kind == _PAID
        shipping, cancelled = kind == _SHIPPING, kind == _CANCELLED

        def only(rows: npt.NDArray[np.bool_], values: Any) -> Any:
            return values.take(array(index, mask=~rows))

        def always(rows: npt.NDArray[np.bool_], word: str) -> Any:
            return array([word]).take(array(np.zeros(len(rows), dtype=np.int8), mask=~rows))

        amount = np.zeros(len(kind), dtype=np.int64)
        amount[shipping] = self._freight[index[shipping]]
        amount[paid] = payments.amount[index[paid]]
        price = np.zeros(len(kind), dtype=np.int64)
        price[item] = items.price[index[item]]
        promised = orders.promised[order]
        installments = np.full(len(kind), NEVER)
        installments[paid] = payments.installments[index[paid]]
        estimated = cancelled | (paid & (orders.approved[order] == NEVER))
        numbers = orders.numbers[order]
        numbers[item] = items.numbers[index[item]]
        numbers[paid] = payments.numbers[index[paid]]
        return pa.table(
            {
                "stream_id": orders.order_id.take(array(order)),
                "type": array(_TYPES).take(array(kind)),
                "occurred_at": array(self._moments(kind, order)).cast(pa.timestamp("us", tz="UTC")),
                "event_id": derive_event_ids(self._olist.digest, numbers, kind),
                "actor": always(np.ones(len(kind), dtype=np.bool_), actor),
                "currency": always(created, currency),
                "customer_id": only(created, orders.customer),
                "country": always(created, country),
                "postal_code": only(created, orders.postal_code),
                "city": only(created, orders.city),
                "state": only(created, orders.state),
                "source_status": only(created, orders.status),
                "promised_at": array(promised, mask=~created | (promised == NEVER)).cast(pa.timestamp("us", tz="UTC")),
                "item_id": only(item, items.product),
                "quantity": array(np.ones(len(kind), dtype=np.int64), mask=~item),
                "price": to_decimals(price, item),
                "description": only(item, items.description),
                "seller_id": only(item, items.seller),
                "amount": to_decimals(amount, shipping | paid),
                "method": only(paid, payments.method),
                "installments": array(installments, mask=installments == NEVER),
                "reason": only(cancelled, orders.status),
                "time_estimated": array(estimated, mask=~estimated),
            }
        )

    def _sequence(self, first: int, end: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Kind, order and source row of each event: of its item, its payment, or the order itself."""
        orders = np.arange(first, end)
        items = np.arange(self._items[first], self._items[end])
        payments = np.arange(self._payments[first], self._payments[end])
        parts = [(_CREATED, orders, orders), (_ITEM, self._olist.items.order[items], items), (_PLACED, orders, orders)]
        parts.append((_PAID, self._olist.payments.order[payments], payments))
        for some, has in self._has.items():
            those = orders[has[first:end]]
            parts.append((some, those, those))
        kind = np.concatenate([np.full(len(order), kind) for kind, order, _ in parts])
        order = np.concatenate([order for _, order, _ in parts])
        sequence = np.argsort(order * len(_TYPES) + kind, kind="stable")
        return kind[sequence], order[sequence], np.concatenate([index for _, _, index in parts])[sequence]

    def _moments(self, kind: npt.NDArray[Any], order: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        orders = self._olist.orders
        purchased, approved = orders.purchased[order], orders.approved[order]
        carrier, delivered = orders.carrier[order], orders.delivered[order]
        # NEVER is less than every time, so the latest of the four is the last that is known.
        latest = np.maximum.reduce([purchased, approved, carrier, delivered])
        return np.select(
            [kind == _PAID, kind == _SHIPPED, kind == _DELIVERED, kind == _CANCELLED],
            [np.where(approved == NEVER, purchased, approved), carrier, delivered, latest],
            purchased,
        )


def _starts(order: npt.NDArray[np.int64], n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the rows of each order start, with the end behind; and how many each has."""
    counts = np.bincount(order, minlength=n).astype(np.int64)
    return np.concatenate([[0], np.cumsum(counts)]), counts
