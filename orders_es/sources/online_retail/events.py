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

    from orders_es.sources.online_retail.lines import Lines
    from orders_es.sources.tables.files import SourceTable

__all__ = ["to_streams"]

pc: Any = pyarrow.compute
array: Any = pa.array  # the type stubs take every NumPy array for one of booleans

_TYPES = ("OrderCreated", "ItemAdded", "ItemReturned", "AdjustmentRecorded", "OrderPlaced")
_CREATED, _ADDED, _RETURNED, _ADJUSTED, _PLACED = range(5)
# What an event id says about the row: the invoice's opening, the line itself, or the invoice's end.
_OPENING, _LINE, _END = range(3)


def to_streams(source: SourceTable, lines: Lines, currency: str, actor: str) -> StreamTable:
    """One stream per invoice, in the order of first lines: OrderCreated, an event per line, OrderPlaced.

    Args:
        source: The file that the lines come from.
        lines: Good lines, in file order.
        currency: The currency of all prices.
        actor: Who is recorded as the cause.
    """
    encoded = lines.invoice.dictionary_encode()
    invoice = encoded.indices.to_numpy(zero_copy_only=False)
    in_stream_order = np.argsort(invoice, kind="stable")
    counts = np.bincount(invoice, minlength=len(encoded.dictionary)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts + 2)])
    first, last = np.cumsum(counts) - counts, np.cumsum(counts) - 1

    # Each event's line: the first one for the opening, the last one for the end.
    stream = np.repeat(np.arange(len(counts)), counts + 2)
    place = np.arange(starts[-1]) - starts[stream]
    opening, end = place == 0, place == counts[stream] + 1
    line = in_stream_order[np.clip(first[stream] + place - 1, first[stream], last[stream])]
    role = np.where(opening, _OPENING, np.where(end, _END, _LINE))

    quantity = lines.quantity.to_numpy(zero_copy_only=False)
    adjustment = pc.starts_with(encoded.dictionary, "A").to_numpy(zero_copy_only=False)[stream]
    kind = np.where(adjustment, _ADJUSTED, np.where(quantity[line] < 0, _RETURNED, _ADDED))
    kind = np.where(opening, _CREATED, np.where(end, _PLACED, kind))
    item = (kind == _ADDED) | (kind == _RETURNED)
    adjusted = kind == _ADJUSTED

    def of_line(values: Any, only: npt.NDArray[np.bool_]) -> Any:
        return values.take(array(line, mask=~only))

    def of_stream(values: Any) -> Any:
        return values.take(array(stream, mask=~opening))

    micros = lines.time.cast(pa.int64()).to_numpy(zero_copy_only=False)
    ordered = micros[in_stream_order]
    moments = micros[line]
    if len(counts):
        moments[opening] = np.minimum.reduceat(ordered, first)
        moments[end] = np.maximum.reduceat(ordered, first)
    pieces = np.where(kind == _RETURNED, -quantity[line], quantity[line])
    actors = array([actor]).take(array(np.zeros(len(line), dtype=np.int8)))
    events = {
        "stream_id": encoded.dictionary.take(array(stream)),
        "type": array(_TYPES).take(array(kind)),
        "occurred_at": array(moments).cast(pa.timestamp("us", tz="UTC")),
        "event_id": derive_event_ids(source.digest, lines.numbers.to_numpy()[line], role),
        "actor": actors,
        "currency": of_stream(array([currency] * len(counts), pa.string())),
        "customer_id": of_stream(_first_given(lines.customer, in_stream_order, invoice, len(counts))),
        "country": of_stream(_first_given(lines.country, in_stream_order, invoice, len(counts))),
        "item_id": of_line(lines.stock_code, item | adjusted),
        "quantity": array(pieces, pa.int64(), mask=~(item | adjusted)),
        "price": of_line(lines.price, item),
        "description": of_line(lines.description, item),
        "amount": of_line(lines.amount, adjusted),
        "reason": of_line(lines.description, adjusted),
    }
    first_rows = lines.numbers.to_numpy()[in_stream_order[first]]
    return StreamTable(source.path, pa.table(events), encoded.dictionary, starts, first_rows)


def _first_given(values: Any, in_stream_order: npt.NDArray[Any], invoice: npt.NDArray[Any], streams: int) -> Any:
    """The first value of each stream that is not null, or null."""
    given = in_stream_order[values.is_valid().to_numpy(zero_copy_only=False)[in_stream_order]]
    which, at = np.unique(invoice[given], return_index=True)
    lines = np.full(streams, -1, dtype=np.int64)
    lines[which] = given[at]
    return values.take(array(lines, mask=lines < 0))
