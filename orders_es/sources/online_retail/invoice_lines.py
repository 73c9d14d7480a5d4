"""Rows of the file as typed columns, each row checked; for `orders_es.sources.online_retail`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.orders.events import MOST_PIECES
from orders_es.sources.tables.ids import read_ids, read_texts
from orders_es.sources.tables.numbers import read_decimals, read_integers
from orders_es.sources.tables.times import read_times
from orders_es.sources.tables.values import DECIMAL, as_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable
    from orders_es.sources.tables.values import Parsed

__all__ = ["Lines", "read_lines"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords


_LARGEST_AMOUNT = 10**14


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file in file order, one element per line in each column."""

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


def read_lines(source: SourceTable, options: TableOptions, bad: BadRows) -> Lines:
    """Every row's values, exact; null where the row is bad, with the reason noted in `bad`.

    Args:
        options: What was said about how to read columns that have two readings.
        bad: Where to note what is wrong with a row.

    Raises:
        BadSource: A column has two readings.
    """

    def note(parsed: Parsed, column: str, *, required: bool = True) -> Any:
        bad.add((parsed.required(source.columns[column]) if required else parsed).failures)
        return parsed.values

    invoice = note(read_ids(source, "invoice", options), "invoice")
    stock_code = note(read_ids(source, "stock_code", options), "stock_code")
    quantity = note(read_integers(source, "quantity", options), "quantity")
    time = note(read_times(source, "time", options), "time")
    price = note(read_decimals(source, "price", options), "price")
    description = note(read_texts(source, "description"), "description", required=False)
    customer = note(read_ids(source, "customer", options), "customer", required=False)
    country = note(read_texts(source, "country", trim=True), "country", required=False)

    many = pc.fill_null(pc.greater(pc.abs_checked(quantity), MOST_PIECES), fill_value=False)
    for row in np.flatnonzero(many.to_numpy(zero_copy_only=False)).tolist():
        bad.add(
            {
                row: f"{source.columns['quantity']} {quantity[row].as_py()} is more than the {MOST_PIECES:,} pieces that one line may have"
            }
        )
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
