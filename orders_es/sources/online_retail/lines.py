"""Rows of the file as typed columns, each row checked; for `orders_es.sources.online_retail`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.tables.values import (
    DECIMAL,
    as_decimal,
    as_identifier,
    as_integer,
    as_text,
    instant_in,
    parse_column,
)

if TYPE_CHECKING:
    from datetime import tzinfo

    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.tables.files import SourceTable

__all__ = ["Lines", "read_lines"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

_LONGEST_ID = 1024
_LARGEST_AMOUNT = 10**14


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file in file order, one element a line in each column."""

    numbers: Any
    invoice: Any
    stock_code: Any
    description: Any
    quantity: Any
    time: Any
    price: Any
    amount: Any
    """Quantity times price; only on adjustments, where it is recorded."""
    customer: Any
    country: Any

    def select(self, keep: npt.NDArray[np.bool_]) -> Lines:
        """Only the lines where `keep` is true."""
        if keep.all():
            return self
        mask = pa.array(keep)
        return Lines(**{f.name: getattr(self, f.name).filter(mask) for f in fields(self)})


def read_lines(source: SourceTable, zone: tzinfo, bad: BadRows) -> Lines:
    """Every row's values, exact; null where the row is bad, with the reason noted in `bad`.

    Args:
        source: The file.
        zone: The zone of times that name none.
        bad: Where to note what is wrong with a row.
    """

    def read(column: str, parse: Any, kind: pa.DataType, *, required: bool = True) -> Any:
        name = source.columns[column]
        parsed = parse_column(source.column(column), name, parse, kind)
        if required:
            parsed = parsed.required(name)
        bad.add(parsed.failures)
        return parsed.values

    invoice = read("invoice", _invoice, pa.string())
    stock_code = read("stock_code", _code, pa.string())
    quantity = read("quantity", as_integer, pa.int64())
    time = read("time", instant_in(zone), pa.timestamp("us", tz="UTC"))
    price = read("price", as_decimal, DECIMAL)
    # Spelt as in the source: `read` would trim nothing either, but text needs no parsing.
    described = source.column("description")
    if pa.types.is_string(described.type):
        description = pc.if_else(pc.equal(described, ""), None, described)
    else:
        description = read("description", as_text, pa.string(), required=False)
    customer = read("customer", as_identifier, pa.string(), required=False)
    country = read("country", _code, pa.string(), required=False)

    adjustment = pc.fill_null(pc.starts_with(invoice, "A"), fill_value=False)
    wrong = pc.fill_null(pc.and_not(pc.less(price, pa.scalar(0, DECIMAL)), adjustment), fill_value=False)
    name = source.columns["price"]
    for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist():
        bad.add(
            {
                row: f"{name} {as_text(price[row].as_py())} is negative, and only invoices that start with A may have that"
            }
        )
    return Lines(
        numbers=pa.array(source.numbers),
        invoice=invoice,
        stock_code=stock_code,
        description=description,
        quantity=quantity,
        time=time,
        price=price,
        amount=_amounts(quantity, price, adjustment, bad),
        customer=customer,
        country=country,
    )


def _invoice(cell: Any) -> str | None:
    text = as_identifier(cell)
    if text is not None and len(text.encode()) > _LONGEST_ID:
        raise ValueError(f"is longer than {_LONGEST_ID:,} bytes")
    return text


def _code(cell: Any) -> str | None:
    return (as_text(cell) or "").strip() or None


def _amounts(quantity: Any, price: Any, adjustment: Any, bad: BadRows) -> Any:
    # In plain integers of a ten-thousandth, because a product of two decimal columns can run out of digits.
    amounts: dict[int, Any] = {}
    for row in np.flatnonzero(adjustment.to_numpy(zero_copy_only=False)).tolist():
        pieces, each = quantity[row].as_py(), price[row].as_py()
        if pieces is None or each is None:
            continue
        if abs(amount := pieces * each) >= _LARGEST_AMOUNT:
            bad.add({row: f"quantity {pieces} times price {as_text(each)} has more than 14 digits before the point"})
            continue
        amounts[row] = amount
    values = [None] * len(quantity)
    for row, amount in amounts.items():
        values[row] = amount
    return pa.array(values, DECIMAL)
