"""Order lives of eight events for the bulk benchmarks, made without a loop over rows where it matters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

TYPES = ["OrderCreated", *["ItemAdded"] * 4, "OrderPlaced", "PaymentReceived", "OrderShipped"]
START = 1_700_000_000_000_000


def order_events(rows: int, *, start: int = 0) -> pa.Table:
    """`rows` events from number `start` on, in the shape of `append_table`."""
    i = np.arange(start, start + rows)
    step = i % len(TYPES)
    order, created, item, paid = i // len(TYPES), step == 0, (step >= 1) & (step <= 4), step == 6

    def text(prefix: str, numbers: np.ndarray, mask: np.ndarray | None = None) -> pa.Array:
        return pa.array(np.char.add(prefix, numbers.astype(str)), pa.string(), mask=None if mask is None else ~mask)

    def money(units: np.ndarray, mask: np.ndarray) -> pa.Array:
        return pa.array(units, pa.int64(), mask=~mask).cast(pa.decimal128(19, 0)).cast(pa.decimal128(18, 4))

    return pa.table(
        {
            "stream_id": text("order-", order),
            "type": pa.array(TYPES).take(pa.array(step)),
            "occurred_at": pa.array(START + i * 1_000).cast(pa.timestamp("us", "UTC")),
            "actor": pa.repeat("web", rows),
            "currency": pa.array(np.full(rows, "GBP"), pa.string(), mask=~created),
            "customer_id": text("c-", order % 9_999, created),
            "item_id": text("SKU-", i % 999, item),
            "description": text("A thing of kind ", i % 999, item),
            "quantity": pa.array(i % 5 + 1, pa.int64(), mask=~item),
            "price": money(i % 100 + 1, item),
            "amount": money(i % 400 + 1, paid),
        }
    )
