"""Invoice lines as streams of order events, without a loop over rows; for `orders_es.sources.online_retail`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.batches import StreamTable
from orders_es.sources.event_ids import derive_event_ids

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.online_retail.invoice_lines import Lines
    from orders_es.sources.tables.source import SourceTable

__all__ = ["to_streams"]

pc: Any = pyarrow.compute
array: Any = pa.array  # the type stubs take every NumPy array for one of booleans

_TYPES = ("OrderCreated", "ItemAdded", "ItemReturned", "AdjustmentRecorded", "OrderPlaced")
_CREATED, _ADDED, _RETURNED, _ADJUSTED, _PLACED = range(5)
# What an event id says about the row: the invoice's opening, the line itself, or the invoice's end.
_OPENING, _LINE, _END = range(3)


def to_streams(source: SourceTable, lines: Lines, currency: str, actor: str) -> StreamTable:
    """One stream per invoice, in the order of first lines: OrderCreated, an event per line, OrderPlaced.

    The events are made as they are asked for, so memory does not hold them all.

    Args:
        source: The file that the lines come from; its cells are not needed.
        lines: Good lines, in file order.
        currency: The currency of all prices.
        actor: Who is recorded as the cause.
    """
    events = _Events(source.digest, lines, currency, actor)
    return StreamTable(source.path, events, events.invoices, events.starts, events.first_rows)


class _Events:
    """A table of all events that is never there as a whole: it has a length, and slices that begin and end with a stream."""

    def __init__(self, digest: bytes, lines: Lines, currency: str, actor: str) -> None:
        self._digest, self._lines, self._currency, self._actor = digest, lines, currency, actor
        encoded = lines.invoice.dictionary_encode()
        self.invoices = encoded.dictionary
        invoice = encoded.indices.to_numpy(zero_copy_only=False)
        streams = len(self.invoices)
        order = np.argsort(invoice, kind="stable")
        self._order = order
        self._counts = np.bincount(invoice, minlength=streams).astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self._counts + 2)])
        self._first, self._last = np.cumsum(self._counts) - self._counts, np.cumsum(self._counts) - 1
        self._numbers = lines.numbers.to_numpy()
        self.first_rows = self._numbers[order[self._first]] if streams else self._numbers[:0]
        self._micros = lines.time.cast(pa.int64()).to_numpy(zero_copy_only=False)
        self._quantity = lines.quantity.to_numpy(zero_copy_only=False)
        self._adjustment = pc.starts_with(self.invoices, "A").to_numpy(zero_copy_only=False)
        ordered = self._micros[order]
        self._earliest = np.minimum.reduceat(ordered, self._first) if streams else ordered
        self._latest = np.maximum.reduceat(ordered, self._first) if streams else ordered
        self._customer = _first_given(lines.customer, order, invoice, streams)
        self._country = _first_given(lines.country, order, invoice, streams)

    @property
    def num_rows(self) -> int:
        return int(self.starts[-1])

    def slice(self, offset: int, length: int) -> pa.Table:
        one, end_stream = np.searchsorted(self.starts, [offset, offset + length])
        lines, counts = self._lines, self._counts[one:end_stream]

        # Each event's line: the first one for the opening, the last one for the end.
        stream = np.repeat(np.arange(one, end_stream), counts + 2)
        place = np.arange(offset, offset + length) - self.starts[stream]
        opening, end = place == 0, place == self._counts[stream] + 1
        line = self._order[np.clip(self._first[stream] + place - 1, self._first[stream], self._last[stream])]
        role = np.where(opening, _OPENING, np.where(end, _END, _LINE))

        kind = np.where(self._adjustment[stream], _ADJUSTED, np.where(self._quantity[line] < 0, _RETURNED, _ADDED))
        kind = np.where(opening, _CREATED, np.where(end, _PLACED, kind))
        item = (kind == _ADDED) | (kind == _RETURNED)
        adjusted = kind == _ADJUSTED

        def of_line(values: Any, only: npt.NDArray[np.bool_]) -> Any:
            return values.take(array(line, mask=~only))

        def of_stream(values: Any) -> Any:
            return values.take(array(stream, mask=~opening))

        def always(word: str, only: npt.NDArray[np.bool_]) -> Any:
            return array([word], pa.string()).take(array(np.zeros(len(line), dtype=np.int8), mask=~only))

        moments = np.where(opening, self._earliest[stream], np.where(end, self._latest[stream], self._micros[line]))
        pieces = np.where(kind == _RETURNED, -self._quantity[line], self._quantity[line])
        return pa.table(
            {
                "stream_id": self.invoices.take(array(stream)),
                "type": array(_TYPES).take(array(kind)),
                "occurred_at": array(moments).cast(pa.timestamp("us", tz="UTC")),
                "event_id": derive_event_ids(self._digest, self._numbers[line], role),
                "actor": always(self._actor, np.ones(len(line), dtype=np.bool_)),
                "currency": always(self._currency, opening),
                "customer_id": of_stream(self._customer),
                "country": of_stream(self._country),
                "item_id": of_line(lines.stock_code, item | adjusted),
                "quantity": array(pieces, pa.int64(), mask=~(item | adjusted)),
                "price": of_line(lines.price, item),
                "description": of_line(lines.description, item),
                "amount": of_line(lines.amount, adjusted),
                "reason": of_line(lines.description, adjusted),
            }
        )


def _first_given(values: Any, in_stream_order: npt.NDArray[Any], invoice: npt.NDArray[Any], streams: int) -> Any:
    """The first value of each stream that is not null, or null."""
    given = in_stream_order[values.is_valid().to_numpy(zero_copy_only=False)[in_stream_order]]
    which, at = np.unique(invoice[given], return_index=True)
    lines = np.full(streams, -1, dtype=np.int64)
    lines[which] = given[at]
    return values.take(array(lines, mask=lines < 0))
