"""Rows of a table as typed columns, each row checked, alone and against its order; for `orders_es.sources.order_tables`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.orders.events import MOST_PIECES
from orders_es.sources.order_tables.mapping import FIELDS
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.ids import read_ids, read_texts
from orders_es.sources.tables.numbers import read_decimals, read_integers
from orders_es.sources.tables.times import read_times
from orders_es.sources.tables.values import DECIMAL, Parsed, as_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.order_tables.mapping import Rule, TableMapping
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["UNIT", "OrderRows", "read_rows"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

UNIT = 10_000
"""Amounts are counted in ten-thousandths where they are divided, because that is exact."""
_PER_ROW = ("line.item_id", "line.description", "line.quantity", "line.price", "line.total", "order.occurred")
_TYPES = {"text": pa.string(), "note": pa.string(), "id": pa.string(), "integer": pa.int64(), "decimal": DECIMAL}


@dataclass(frozen=True, slots=True)
class OrderRows:
    """The rows of a table in its order, one element a row in each column.

    Args:
        numbers: The number of each row in the source.
        ids: The order of each row.
        values: The columns by field, as `order.customer_id`.
        price: What a piece costs, in ten-thousandths; empty where rows say nothing about items.
        adjustment: What a line comes to beyond its pieces, in ten-thousandths.
    """

    numbers: npt.NDArray[np.int64]
    ids: Any
    values: dict[str, Any]
    price: npt.NDArray[np.int64]
    adjustment: npt.NDArray[np.int64]

    def select(self, keep: npt.NDArray[np.bool_]) -> OrderRows:
        """Only the rows where `keep` is true."""
        if keep.all():
            return self
        mask = _array(keep)
        return OrderRows(
            self.numbers[keep],
            self.ids.filter(mask),
            {name: values.filter(mask) for name, values in self.values.items()},
            self.price[keep] if len(self.price) else self.price,
            self.adjustment[keep] if len(self.adjustment) else self.adjustment,
        )


def read_rows(source: SourceTable, mapping: TableMapping, options: TableOptions, bad: BadRows) -> OrderRows:
    """Every row's values, exact; null where the row is bad, with the reason noted in `bad`.

    Raises:
        BadSource: A column has two readings.
    """
    ids = _ids(source, mapping, options, bad)
    values = {rule.where: _column(source, mapping, rule, options, bad) for rule in mapping.rules.values()}
    codes = ids.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = source.numbers
    _check_currency(mapping, values["order.currency"], codes, bad)
    for where, rule in mapping.rules.items():
        if rule.column is not None and where not in _PER_ROW:
            _check_one_value(source, mapping, rule, values[where], codes, bad)
    if mapping.rows == "order":
        _check_once(source, mapping, codes, bad)
    for where in ("shipping.amount", "discount.amount", "payment.amount", "refund.amount", "line.price"):
        if where in values:
            _check_sign(mapping, where, values[where], bad)
    for section in ("payment", "refund"):
        if f"{section}.at" in values:
            _check_paid(mapping, section, values, codes, bad)
    price = adjustment = np.zeros(0, dtype=np.int64)
    if mapping.has_lines:
        price, adjustment = _check_lines(mapping, values, bad)
    return OrderRows(numbers, ids, values, price, adjustment)


def _column(source: SourceTable, mapping: TableMapping, rule: Rule, options: TableOptions, bad: BadRows) -> Any:
    section, _, name = rule.where.partition(".")
    form = FIELDS[section][name]
    if rule.column is None:
        return pa.repeat(pa.scalar(rule.value, _TYPES[form]), source.table.num_rows)
    key = _key(mapping, rule)
    parsed = _read(source, key, form, mapping.reading_of(rule, options))
    if rule.where in _PER_ROW and form != "note":
        parsed = parsed.required(source.columns[key])
    bad.add(parsed.failures)
    return parsed.values


def _key(mapping: TableMapping, rule: Rule) -> str:
    """What the source calls the column of a rule: two spellings of one name are one column."""
    return next(name for name in mapping.columns if plain(name) == plain(rule.column or ""))


def _read(source: SourceTable, key: str, form: str, options: TableOptions) -> Parsed:
    if form == "id":
        return read_ids(source, key, options)
    if form == "time":
        return read_times(source, key, options)
    if form == "integer":
        return read_integers(source, key, options)
    if form == "decimal":
        return read_decimals(source, key, options)
    return read_texts(source, key, trim=form == "text")


def _ids(source: SourceTable, mapping: TableMapping, options: TableOptions, bad: BadRows) -> Any:
    parts = []
    for rule in mapping.ids:
        key = _key(mapping, rule)
        parsed = read_ids(source, key, options).required(source.columns[key])
        bad.add(parsed.failures)
        parts.append(parsed.values)
        if len(mapping.ids) > 1:
            within = pc.fill_null(pc.match_substring(parsed.values, mapping.separator), fill_value=False)
            for row in np.flatnonzero(within.to_numpy(zero_copy_only=False)).tolist():
                bad.add(
                    {
                        row: f"{source.columns[key]} {parsed.values[row].as_py()!r} holds {mapping.separator!r}, which stands "
                        f"between the parts of an id ({mapping.place('order.separator')}): give another separator"
                    }
                )
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, mapping.separator)


def _rows(condition: Any) -> list[int]:
    found: list[int] = np.flatnonzero(pc.fill_null(condition, fill_value=False).to_numpy(zero_copy_only=False)).tolist()
    return found


def _check_currency(mapping: TableMapping, values: Any, codes: npt.NDArray[np.int64], bad: BadRows) -> None:
    column = mapping.rules["order.currency"].column
    for row in _rows(pc.invert(pc.match_substring_regex(values, "^[A-Z]{3}$"))):
        bad.add({row: f"{column} {values[row].as_py()!r} is no currency: three capital letters, such as EUR, are"})
    given = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.bool_)
    there = values.is_valid().to_numpy(zero_copy_only=False) & (codes >= 0)
    given[codes[there]] = True
    for row in np.flatnonzero((codes >= 0) & ~np.append(given, True)[codes]).tolist():
        bad.add({row: f"{column} is empty in every row of the order, and an order has a currency"})


def _check_one_value(
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


def _check_once(source: SourceTable, mapping: TableMapping, codes: npt.NDArray[np.int64], bad: BadRows) -> None:
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


def _check_sign(mapping: TableMapping, where: str, values: Any, bad: BadRows) -> None:
    column = mapping.rules[where].column
    for row in _rows(pc.less(values, pa.scalar(Decimal(0), DECIMAL))):
        bad.add({row: f"{column} {as_text(values[row].as_py())} is negative, and {where} is never below 0"})


def _check_paid(
    mapping: TableMapping, section: str, values: dict[str, Any], codes: npt.NDArray[np.int64], bad: BadRows
) -> None:
    """Money that moved at some time has an amount, somewhere in its order."""
    streams = int(codes.max(initial=-1)) + 1
    amount = np.zeros(streams + 1, dtype=np.bool_)
    there = values[f"{section}.amount"].is_valid().to_numpy(zero_copy_only=False) & (codes >= 0)
    amount[codes[there]] = True
    rule = mapping.rules[f"{section}.amount"]
    when = values[f"{section}.at"].is_valid().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(when & (codes >= 0) & ~amount[codes]).tolist():
        bad.add({row: f"{rule.column} is empty, and {mapping.rules[f'{section}.at'].column} says that money moved"})


def _check_lines(
    mapping: TableMapping, values: dict[str, Any], bad: BadRows
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    quantity = values["line.quantity"]
    name = mapping.rules["line.quantity"].column
    for row in _rows(pc.greater(pc.abs_checked(quantity), MOST_PIECES)):
        bad.add({row: f"{name} {quantity[row].as_py()} is more than the {MOST_PIECES:,} pieces that one line may have"})
    if not mapping.returns:
        for row in _rows(pc.less(quantity, 0)):
            bad.add(
                {
                    row: f'{name} {quantity[row].as_py()} is negative; if that is a return, say negative = "return" under '
                    f"[line] ({mapping.place('line')})"
                }
            )
    pieces = pc.fill_null(quantity, 0).to_numpy(zero_copy_only=False)
    if "line.price" in values:
        price = ten_thousandths(values["line.price"])
        return price, np.zeros(len(price), dtype=np.int64)
    total = ten_thousandths(values["line.total"])
    column = mapping.rules["line.total"].column
    known = values["line.total"].is_valid().to_numpy(zero_copy_only=False) & quantity.is_valid().to_numpy(
        zero_copy_only=False
    )
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


def _money(amount: Any) -> str:
    return as_text(Decimal(int(amount)) / UNIT) or ""


def ten_thousandths(values: Any) -> npt.NDArray[np.int64]:
    """Decimals as whole numbers of ten-thousandths; 0 for none."""
    filled = pc.fill_null(values, pa.scalar(Decimal(0), DECIMAL))
    words = np.frombuffer(filled.buffers()[1], dtype=np.int64).reshape(-1, 2)
    numbers: npt.NDArray[np.int64] = words[filled.offset : filled.offset + len(filled), 0].copy()
    return numbers
