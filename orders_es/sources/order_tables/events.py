"""Checked rows as streams of order events, without a loop over rows; for `orders_es.sources.order_tables`.

A stream is `OrderCreated` at the earliest time of its rows; shipping and discount at that time; an event for each row
in the table's order; `OrderPlaced`; then what came later, by its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.batches import StreamTable
from orders_es.sources.event_ids import event_ids_of_places
from orders_es.sources.order_tables.rows import ten_thousandths
from orders_es.sources.tables.values import DECIMAL

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.order_tables.mapping import TableMapping
    from orders_es.sources.order_tables.rows import OrderRows
    from orders_es.sources.tables.source import SourceTable

__all__ = ["to_streams"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_TYPES = (
    *("OrderCreated", "ShippingCharged", "DiscountApplied", "ItemAdded", "ItemReturned", "AdjustmentRecorded"),
    *("OrderPlaced", "PaymentReceived", "OrderShipped", "OrderDelivered", "RefundIssued", "OrderCancelled"),
)
(
    _CREATED,
    _SHIPPING,
    _DISCOUNT,
    _ADDED,
    _RETURNED,
    _ADJUSTED,
    _PLACED,
    _PAID,
    _SHIPPED,
    _DELIVERED,
    _REFUND,
    _CANCELLED,
) = range(12)
_LATER = {"payment": _PAID, "shipped": _SHIPPED, "delivered": _DELIVERED, "refund": _REFUND, "cancelled": _CANCELLED}
_AMOUNTS = {
    _SHIPPING: "shipping.amount",
    _DISCOUNT: "discount.amount",
    _PAID: "payment.amount",
    _REFUND: "refund.amount",
}
_TEXTS = {
    "currency": {_CREATED: "order.currency"},
    "customer_id": {_CREATED: "order.customer_id"},
    "country": {_CREATED: "order.country"},
    "channel": {_CREATED: "order.channel"},
    "city": {_CREATED: "order.city"},
    "postal_code": {_CREATED: "order.postal_code"},
    "state": {_CREATED: "order.state"},
    "source_status": {_CREATED: "order.source_status"},
    "method": {_SHIPPING: "shipping.method", _PAID: "payment.method", _REFUND: "refund.method"},
    "code": {_DISCOUNT: "discount.code"},
    "reference": {_PAID: "payment.reference"},
    "carrier": {_SHIPPED: "shipped.carrier"},
    "tracking": {_SHIPPED: "shipped.tracking"},
    "reason": {_REFUND: "refund.reason", _CANCELLED: "cancelled.reason"},
}
_OF_LINE = ("line.item_id", "line.description", "line.quantity")
_ROUNDING = "rounding of a line total"


def to_streams(source: SourceTable, rows: OrderRows, mapping: TableMapping, actor: str) -> StreamTable:
    """One stream per order, in the order of first rows. The events are made as they are asked for.

    Args:
        source: Where the rows come from; its cells are not needed.
        rows: Good rows.
        actor: Who is recorded as the cause.
    """
    events = _Events(source, rows, mapping, actor)
    return StreamTable(source.path, events, events.ids, events.starts, events.first_rows)


class _Events:
    """A table of all events that is never there as a whole: it has a length, and slices of whole streams."""

    def __init__(self, source: SourceTable, rows: OrderRows, mapping: TableMapping, actor: str) -> None:
        self._source, self._actor = source, actor
        encoded = rows.ids.dictionary_encode()
        self.ids = encoded.dictionary
        self._code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        streams = len(self.ids)
        self._first = np.full(streams, len(self._code), dtype=np.int64)
        np.minimum.at(self._first, self._code, np.arange(len(self._code)))
        self.first_rows = rows.numbers[self._first]
        # Of the rows only what is said of each line is needed from here on.
        self._of_line = {name: rows.values[name] for name in _OF_LINE if name in rows.values}
        self._numbers, self._price, self._adjustment = rows.numbers, rows.price, rows.adjustment
        self._of_order = {
            name: _first_given(values, self._code, streams)
            for name, values in rows.values.items()
            if not name.startswith("line.") and name != "order.occurred"
        }
        parts = self._parts(rows, mapping, streams)
        kind, stream, row, time, rank, key = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((kind, key, rank, stream))
        self._kind, self._stream, self._row, self._time = (column[order] for column in (kind, stream, row, time))
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(stream, minlength=streams))]).astype(np.int64)

    def _parts(self, rows: OrderRows, mapping: TableMapping, streams: int) -> list[tuple[npt.NDArray[np.int64], ...]]:
        """Kind, stream, row, time, rank and place within the rank, of all events of a sort."""
        parts: list[tuple[npt.NDArray[np.int64], ...]] = []
        every = np.arange(streams)

        def add(kind: Any, stream: Any, row: Any, time: Any, rank: int, key: Any) -> None:
            shape = np.zeros(len(stream), dtype=np.int64)
            parts.append(tuple(shape + column for column in (kind, stream, row, time, rank, key)))

        times = _micros(rows.values["order.occurred"])
        earliest = np.full(streams, np.iinfo(np.int64).max)
        np.minimum.at(earliest, self._code, times)
        add(_CREATED, every, self._first, earliest, 0, 0)
        for kind in (_SHIPPING, _DISCOUNT):
            if _AMOUNTS[kind] in self._of_order:
                some = np.flatnonzero(ten_thousandths(self._of_order[_AMOUNTS[kind]]))
                add(kind, some, self._first[some], earliest[some], 1, 0)
        line = np.arange(len(self._code))
        bought = np.ones(len(line), dtype=np.bool_)
        if mapping.has_lines:
            returned = pc.less(rows.values["line.quantity"], 0).to_numpy(zero_copy_only=False)
            add(np.where(returned, _RETURNED, _ADDED), self._code, line, times, 2, line)
            left = np.flatnonzero(rows.adjustment)
            add(_ADJUSTED, self._code[left], left, times[left], 2, left)
            bought = ~returned
        if "order.placed" in self._of_order:
            self._add_at(add, "order.placed", _PLACED, 3)
        elif mapping.placed:
            # With the last line that was bought: a return comes later, and places nothing.
            latest = earliest.copy()
            np.maximum.at(latest, self._code[bought], times[bought])
            add(_PLACED, every, self._first, latest, 3, 0)
        for section, kind in _LATER.items():
            if f"{section}.at" in self._of_order:
                self._add_at(add, f"{section}.at", kind, 4)
        return parts

    def _add_at(self, add: Any, field: str, kind: int, rank: int) -> None:
        at = self._of_order[field]
        some = np.flatnonzero(at.is_valid().to_numpy(zero_copy_only=False))
        times = _micros(at)[some]
        add(kind, some, self._first[some], times, rank, times)

    @property
    def num_rows(self) -> int:
        return len(self._kind)

    def slice(self, offset: int, length: int) -> pa.Table:
        part = slice(offset, offset + length)
        kind, stream, row = self._kind[part], self._stream[part], self._row[part]
        values = self._of_line
        moved = (kind == _ADDED) | (kind == _RETURNED)

        def texts(field: str) -> Any:
            result = pa.nulls(length, pa.string())
            for which, name in _TEXTS[field].items():
                if name in self._of_order:
                    result = pc.coalesce(result, self._of_order[name].take(_array(stream, mask=kind != which)))
            return result

        def of_line(name: str, only: npt.NDArray[np.bool_], form: pa.DataType) -> Any:
            if name not in values:
                return pa.nulls(length, form)
            return values[name].take(_array(row, mask=~only))

        amount = np.zeros(length, dtype=np.int64)
        for which, name in _AMOUNTS.items():
            if name in self._of_order and (some := kind == which).any():
                amount[some] = ten_thousandths(self._of_order[name])[stream[some]]
        adjusted = kind == _ADJUSTED
        price = amount.copy()
        if len(self._price):
            amount[adjusted] = self._adjustment[row[adjusted]]
            price = self._price[row]
        reason = pc.coalesce(
            texts("reason"), _array([_ROUNDING]).take(_array(np.zeros(length, dtype=np.int8), mask=~adjusted))
        )
        with_amount = np.isin(kind, [*_AMOUNTS, _ADJUSTED])
        return pa.table(
            {
                "stream_id": self.ids.take(_array(stream)),
                "type": _array(_TYPES).take(_array(kind)),
                "occurred_at": _array(self._time[part]).cast(pa.timestamp("us", tz="UTC")),
                "event_id": event_ids_of_places(self._source.digests(self._numbers[row]), self._numbers[row], kind),
                "actor": pa.repeat(pa.scalar(self._actor), length),
                **{field: texts(field) for field in _TEXTS if field != "reason"},
                "reason": reason,
                "item_id": of_line("line.item_id", moved | adjusted, pa.string()),
                "description": of_line("line.description", moved, pa.string()),
                "quantity": pc.abs(of_line("line.quantity", moved, pa.int64())),
                "price": _decimals(price, moved),
                "amount": _decimals(amount, with_amount),
            }
        )


def _decimals(amounts: npt.NDArray[np.int64], only: npt.NDArray[np.bool_]) -> Any:
    words = np.stack([amounts, amounts >> 63], axis=1)
    values = pa.Array.from_buffers(DECIMAL, len(amounts), [None, pa.py_buffer(words.tobytes())])
    return values.take(_array(np.arange(len(amounts)), mask=~only))


def _micros(times: Any) -> npt.NDArray[np.int64]:
    micros: npt.NDArray[np.int64] = pc.fill_null(times.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return micros


def _first_given(values: Any, code: npt.NDArray[np.int64], streams: int) -> Any:
    """The first value of each stream that is not null, or null."""
    given = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    which, at = np.unique(code[given], return_index=True)
    rows = np.full(streams, -1, dtype=np.int64)
    rows[which] = given[at]
    return values.take(_array(rows, mask=rows < 0))
