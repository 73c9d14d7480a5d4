"""What has to hold of rows, each alone and against its order; for `orders_es.sources.order_tables.rows`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.orders.events import MOST_PIECES
from orders_es.sources.order_tables.mapping import EVENTS, table_of
from orders_es.sources.tables.values import DECIMAL, as_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.order_tables.mapping import Rule, TableMapping
    from orders_es.sources.tables.source import SourceTable

__all__ = [
    "check_created_once",
    "check_currency",
    "check_lines",
    "check_once",
    "check_one_value",
    "check_order_totals",
    "check_paid",
    "check_sign",
    "first_given",
    "rows_where",
    "ten_thousandths",
]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

UNIT = 10_000
"""Amounts are counted in ten-thousandths where they are divided, because that is exact."""
_CREATED = list(EVENTS).index("OrderCreated")


def rows_where(condition: Any) -> list[int]:
    """The numbers of the rows for which a condition holds."""
    found: list[int] = np.flatnonzero(pc.fill_null(condition, fill_value=False).to_numpy(zero_copy_only=False)).tolist()
    return found


def check_currency(mapping: TableMapping, values: Any, codes: npt.NDArray[np.int64], bad: BadRows) -> None:
    """Note what is no currency, and orders that name none."""
    column = mapping.rules["order.currency"].column
    for row in rows_where(pc.invert(pc.match_substring_regex(values, "^[A-Z]{3}$"))):
        bad.add({row: f"{column} {values[row].as_py()!r} is no currency: three capital letters, such as EUR, are"})
    given = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.bool_)
    there = values.is_valid().to_numpy(zero_copy_only=False) & (codes >= 0)
    given[codes[there]] = True
    for row in np.flatnonzero((codes >= 0) & ~np.append(given, True)[codes]).tolist():
        bad.add({row: f"{column} is empty in every row of the order, and an order has a currency"})


def check_one_value(
    source: SourceTable,
    mapping: TableMapping,
    rule: Rule,
    values: Any,
    codes: npt.NDArray[np.int64],
    bad: BadRows,
) -> None:
    """Note the rows that say otherwise than the first one of their order that says anything."""
    rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False) & (codes >= 0))
    if not len(rows):
        return
    said = values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    _, at = np.unique(codes[rows], return_index=True)
    first = np.full(int(codes.max()) + 1, -1, dtype=np.int64)
    first[codes[rows[at]]] = rows[at]
    for row in rows[said[rows] != said[first[codes[rows]]]].tolist():
        other = int(first[codes[row]])
        bad.add(
            {
                row: f"{rule.column} is {_shown(values[row])} here and {_shown(values[other])} in {source.named(int(source.numbers[other]))} of the "
                f"same order, and {rule.where} ({mapping.place(rule.where)}) is one value for the whole order"
            }
        )


def _shown(value: Any) -> str:
    plain = value.as_py()
    return repr(plain) if isinstance(plain, str) else as_text(plain) or ""


def check_once(source: SourceTable, mapping: TableMapping, codes: npt.NDArray[np.int64], bad: BadRows) -> None:
    """Note orders that come a second time, where a row is an order."""
    rows = np.flatnonzero(codes >= 0)
    which, at = np.unique(codes[rows], return_index=True)
    first = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[which] = rows[at]
    for row in rows[first[codes[rows]] != rows].tolist():
        bad.add(
            {
                row: f"the order stands in {source.named(int(source.numbers[first[codes[row]]]))} already, and the mapping "
                f"({mapping.place('rows')}) says that a row is an order"
            }
        )


def check_created_once(
    source: SourceTable, mapping: TableMapping, codes: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64], bad: BadRows
) -> None:
    """Note orders that are created a second time."""
    rows = np.flatnonzero((kinds == _CREATED) & (codes >= 0))
    _, at = np.unique(codes[rows], return_index=True)
    again = np.delete(rows, at)
    first = dict(zip(codes[rows[at]].tolist(), rows[at].tolist(), strict=True))
    for row in again.tolist():
        other = source.named(int(source.numbers[first[int(codes[row])]]))
        bad.add(
            {row: f"the order is created in {other} already ({mapping.place('event.types')}); an order is created once"}
        )


def check_sign(mapping: TableMapping, where: str, values: Any, bad: BadRows) -> None:
    """Note amounts below 0, where there is no such thing."""
    column = mapping.rules[where].column
    for row in rows_where(pc.less(values, pa.scalar(Decimal(0), DECIMAL))):
        bad.add({row: f"{column} {as_text(values[row].as_py())} is negative, and {where} is never below 0"})


def check_paid(
    mapping: TableMapping, section: str, values: dict[str, Any], codes: npt.NDArray[np.int64], bad: BadRows
) -> None:
    """Money that moved at some time has an amount, somewhere in its order."""
    streams = int(codes.max(initial=-1)) + 1
    if mapping.belongs_to_row(f"{section}.at"):
        codes = np.arange(len(codes))  # each row for itself
        streams = len(codes)
    amount = np.zeros(streams + 1, dtype=np.bool_)
    there = values[f"{section}.amount"].is_valid().to_numpy(zero_copy_only=False) & (codes >= 0)
    amount[codes[there]] = True
    rule = mapping.rules[f"{section}.amount"]
    when = values[f"{section}.at"].is_valid().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(when & (codes >= 0) & ~amount[codes]).tolist():
        bad.add({row: f"{rule.column} is empty, and {mapping.rules[f'{section}.at'].column} says that money moved"})


def check_lines(
    mapping: TableMapping,
    values: dict[str, Any],
    bad: BadRows,
    lines: npt.NDArray[np.bool_],
    returns: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What a piece costs and what a line comes to beyond its pieces, in ten-thousandths; what makes no sense is noted."""
    quantity = values["line.quantity"]
    name = mapping.rules["line.quantity"].column
    for row in rows_where(pc.greater(pc.abs_checked(quantity), MOST_PIECES)):
        bad.add({row: f"{name} {quantity[row].as_py()} is more than the {MOST_PIECES:,} pieces that one line may have"})
    if not mapping.returns:
        _check_returns(mapping, quantity, returns, bad)
    pieces = pc.fill_null(quantity, 0).to_numpy(zero_copy_only=False)
    if "line.price" in values:
        price = ten_thousandths(values["line.price"])
        if "line.total" not in values:
            return price, np.zeros(len(price), dtype=np.int64)
        return price, _compare_totals(mapping, values, price, pieces, lines, bad)
    total = ten_thousandths(values["line.total"])
    column = mapping.rules["line.total"].column
    known = values["line.total"].is_valid().to_numpy(zero_copy_only=False) & quantity.is_valid().to_numpy(
        zero_copy_only=False
    )
    known &= lines
    for row in np.flatnonzero(known & (pieces == 0) & (total != 0)).tolist():
        bad.add({row: f"{column} {_money(total[row])} of no pieces has no price"})
    for row in np.flatnonzero(known & (np.sign(pieces) * np.sign(total) < 0)).tolist():
        bad.add({row: f"{column} {_money(total[row])} and {name} {pieces[row]} differ in sign: no price is below 0"})
    price = np.abs(total) // np.maximum(np.abs(pieces), 1)
    adjustment = total - price * pieces
    uneven = known & (adjustment != 0) & (pieces != 0) & (np.sign(pieces) * np.sign(total) >= 0)
    if not mapping.rounding:
        for row in np.flatnonzero(uneven).tolist():
            bad.add(
                {
                    row: f"{column} {_money(total[row])} does not divide into {abs(int(pieces[row]))} pieces with four "
                    f'decimals; rounding = "adjustment" under [line] ({mapping.place("line.total")}) records what is '
                    "left over as an adjustment"
                }
            )
    return price, np.where(uneven, adjustment, 0)


def _check_returns(mapping: TableMapping, quantity: Any, returns: npt.NDArray[np.bool_], bad: BadRows) -> None:
    name = mapping.rules["line.quantity"].column
    for row in rows_where(pc.less(quantity, 0)):
        if returns[row]:
            continue
        bad.add(
            {
                row: f'{name} {quantity[row].as_py()} is negative; if that is a return, say negative = "return" under '
                f"[line] ({mapping.place('line')})"
            }
        )


def _compare_totals(
    mapping: TableMapping,
    values: dict[str, Any],
    price: npt.NDArray[np.int64],
    pieces: npt.NDArray[np.int64],
    lines: npt.NDArray[np.bool_],
    bad: BadRows,
) -> npt.NDArray[np.int64]:
    """What each line comes to beyond its pieces at their price: as much as the price was rounded by, and no more."""
    total = ten_thousandths(values["line.total"])
    rest = np.where(lines & values["line.total"].is_valid().to_numpy(zero_copy_only=False), total - price * pieces, 0)
    # A price of two decimals is off by half a cent at most, and so is a total.
    rounded = np.abs(rest) <= (np.abs(pieces) + 1) * (UNIT // 200)
    wrong = rest != 0
    if mapping.rounding:
        wrong &= ~rounded
    names = [mapping.rules[f"line.{key}"].column for key in ("total", "quantity", "price")]
    for row in np.flatnonzero(wrong).tolist():
        why = (
            'rounding = "adjustment" under [line] records what rounding left over as an adjustment'
            if rounded[row] and not mapping.rounding
            else "more than rounding explains: is a discount or a tax in one of them?"
        )
        bad.add(
            {
                row: f"{names[0]} {_money(total[row])} is not {names[1]} {pieces[row]} times {names[2]} {_money(price[row])}, which "
                f"is {_money(price[row] * pieces[row])}; {why} ({mapping.place('line.total')})"
            }
        )
    return np.where(rest != 0, rest, 0)


def check_order_totals(
    mapping: TableMapping,
    values: dict[str, Any],
    lines: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
    bad: BadRows,
) -> None:
    """Note orders that do not come to what their total says.

    Args:
        lines: What each row's line comes to, in ten-thousandths.
    """
    known = np.flatnonzero(codes >= 0)
    streams = int(codes.max(initial=-1)) + 1
    sums = np.zeros(streams, dtype=np.int64)
    np.add.at(sums, codes[known], lines[known])
    for where, amounts in values.items():
        table, _, key = where.partition(".")
        sign = {"shipping": 1, "adjustment": 1, "discount": -1}.get(table_of(table))
        if key != "amount" or sign is None:
            continue
        if mapping.belongs_to_row(where):
            np.add.at(sums, codes[known], sign * ten_thousandths(amounts)[known])
        else:
            sums += sign * ten_thousandths(first_given(amounts.take(pa.array(known)), codes[known], streams))
    said = first_given(values["order.total"].take(pa.array(known)), codes[known], streams)
    wrong = pc.is_valid(said).to_numpy(zero_copy_only=False) & (ten_thousandths(said) != sums)
    first = np.full(streams, len(codes), dtype=np.int64)
    np.minimum.at(first, codes[known], known)
    for stream in np.flatnonzero(wrong).tolist():
        bad.add(
            {
                int(
                    first[stream]
                ): f"{mapping.rules['order.total'].column} is {as_text(said[stream].as_py())}, and lines, shipping, discounts "
                f"and adjustments of the order come to {as_text(Decimal(int(sums[stream])) / UNIT)} ({mapping.place('order.total')}): "
                "something that belongs to it is not in the mapping, or is in it twice"
            }
        )


def _money(amount: Any) -> str:
    return as_text(Decimal(int(amount)) / UNIT) or ""


def ten_thousandths(values: Any) -> npt.NDArray[np.int64]:
    """Decimals as whole numbers of ten-thousandths; 0 for none."""
    filled = pc.fill_null(values, pa.scalar(Decimal(0), DECIMAL))
    words = np.frombuffer(filled.buffers()[1], dtype=np.int64).reshape(-1, 2)
    numbers: npt.NDArray[np.int64] = words[filled.offset : filled.offset + len(filled), 0].copy()
    return numbers


def first_given(values: Any, code: npt.NDArray[np.int64], streams: int) -> Any:
    """The first value of each stream that is not null, or null."""
    given = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    which, at = np.unique(code[given], return_index=True)
    rows = np.full(streams, -1, dtype=np.int64)
    rows[which] = given[at]
    return values.take(pa.array(rows, mask=rows < 0))
