"""Rows of a table as typed columns, each row checked, alone and against its order; for `orders_es.sources.order_tables`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.order_tables.checks import (
    check_created_once,
    check_currency,
    check_lines,
    check_once,
    check_one_value,
    check_order_totals,
    check_paid,
    check_sign,
    first_given,
    rows_where,
)
from orders_es.sources.order_tables.mapping import EVENTS, FIELDS, table_of
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.ids import read_ids, read_texts
from orders_es.sources.tables.numbers import read_decimals, read_integers
from orders_es.sources.tables.times import read_times
from orders_es.sources.tables.values import DECIMAL, Parsed

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.order_tables.mapping import Rule, TableMapping
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["OrderRows", "read_lines", "read_rows", "with_lines"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_PER_ROW = (
    *("line.item_id", "line.description", "line.quantity", "line.price", "line.total", "line.occurred"),
    "order.occurred",
)
_ROWS_OWN = (*_PER_ROW, "order.entered", "line.entered")
_RETURNED = list(EVENTS).index("ItemReturned")
_ITEMS = (list(EVENTS).index("ItemAdded"), _RETURNED)
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
        is_line: Which rows say something about an item.
        kinds: Where a row is an event: which of `EVENTS` each is, -1 for none. Empty elsewhere.
    """

    numbers: npt.NDArray[np.int64]
    ids: Any
    values: dict[str, Any]
    price: npt.NDArray[np.int64]
    adjustment: npt.NDArray[np.int64]
    is_line: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.int64]

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
            self.is_line[keep],
            self.kinds[keep] if len(self.kinds) else self.kinds,
        )


def read_rows(source: SourceTable, mapping: TableMapping, options: TableOptions, bad: BadRows) -> OrderRows:
    """Every row's values, exact; null where the row is bad, with the reason noted in `bad`.

    Raises:
        BadSource: A column has two readings.
    """
    ids = _ids(source, mapping, mapping.ids, options, bad)
    apart = bool(mapping.line_ids)
    kinds = _kinds(source, mapping, options, bad)
    values = {
        rule.where: _column(source, mapping, rule, options, bad, _needed(rule.where, kinds, mapping))
        for rule in mapping.rules.values()
        if rule.where != "event.type" and not (apart and rule.where.startswith("line."))
    }
    codes = ids.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = source.numbers
    for where in mapping.once:
        values[where] = _of_whole_order(source, mapping, mapping.rules[where], values[where], codes, bad)
    _check(source, mapping, values, codes, kinds, bad)
    price = adjustment = np.zeros(0, dtype=np.int64)
    is_line = np.full(len(numbers), mapping.has_lines and not apart)
    if len(kinds):
        is_line = np.isin(kinds, _ITEMS)
    if mapping.has_lines and not apart:
        returned = kinds == _RETURNED if len(kinds) else ~is_line
        price, adjustment = check_lines(mapping, values, bad, is_line, returned)
        if "order.total" in values:
            pieces = pc.fill_null(values["line.quantity"], 0).to_numpy(zero_copy_only=False)
            check_order_totals(mapping, values, np.where(is_line, price * pieces + adjustment, 0), codes, bad)
        # What comes back is written as a number of pieces or as a negative one, and is taken off either way.
        turned = returned & (pc.fill_null(values["line.quantity"], 0).to_numpy(zero_copy_only=False) > 0)
        adjustment = np.where(turned, -adjustment, adjustment)
    return OrderRows(numbers, ids, values, price, adjustment, is_line, kinds)


def _of_whole_order(
    source: SourceTable, mapping: TableMapping, rule: Rule, values: Any, codes: npt.NDArray[np.int64], bad: BadRows
) -> Any:
    """A time that stands in some of an order's rows, for all of them."""
    check_one_value(source, mapping, rule, values, codes, bad)
    known = np.flatnonzero(codes >= 0)
    first = first_given(values.take(_array(known)), codes[known], int(codes.max(initial=-1)) + 1)
    found = first.take(_array(codes, mask=codes < 0))
    if rule.where == "order.occurred":
        column = source.columns[_key(mapping, rule)]
        bad.add(
            {
                row: f"{column} is empty in every row of the order"
                for row in rows_where(found.is_null())
                if codes[row] >= 0
            }
        )
    return found


def _check(
    source: SourceTable,
    mapping: TableMapping,
    values: dict[str, Any],
    codes: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int64],
    bad: BadRows,
) -> None:
    check_currency(mapping, values["order.currency"], codes, bad)
    for where, rule in mapping.rules.items():
        if rule.column is not None and where in values and where not in _ROWS_OWN and not mapping.belongs_to_row(where):
            check_one_value(source, mapping, rule, values[where], codes, bad)
    if mapping.rows == "order":
        check_once(source, mapping, codes, bad)
    if len(kinds):
        check_created_once(source, mapping, codes, kinds, bad)
    for where, said in values.items():
        table, _, key = where.partition(".")
        if where == "line.price" or (
            key == "amount" and table_of(table) in ("shipping", "discount", "payment", "refund")
        ):
            check_sign(mapping, where, said, bad)
    for section in [name.partition(".")[0] for name in values if name.endswith(".at")]:
        if table_of(section) in ("payment", "refund"):
            check_paid(mapping, section, values, codes, bad)


def read_lines(
    source: SourceTable, orders: OrderRows, mapping: TableMapping, options: TableOptions, bad: BadRows
) -> OrderRows:
    """The rows of a table of lines that belong to orders of another table.

    Args:
        source: The table of lines.
        orders: The rows of the orders, good and bad.

    Raises:
        BadSource: A column has two readings.
    """
    ids = _ids(source, mapping, mapping.line_ids, options, bad)
    length = source.table.num_rows
    values = {
        rule.where: _column(source, mapping, rule, options, bad, None)
        for rule in mapping.rules.values()
        if rule.where.startswith("line.")
    }
    order = pc.index_in(ids, value_set=orders.ids)
    for row in rows_where(pc.and_(order.is_null(), ids.is_valid())):
        bad.add(
            {
                row: f"there is no order {ids[row].as_py()!r} in the table of orders, and line.order "
                f"({mapping.place('line.order')}) says that this line is one of it"
            }
        )
    for key in ("occurred", "entered"):
        if f"line.{key}" not in values and f"order.{key}" in orders.values:
            values[f"line.{key}"] = orders.values[f"order.{key}"].take(order)
    every = np.ones(length, dtype=np.bool_)
    price, adjustment = check_lines(mapping, values, bad, every, ~every)
    return OrderRows(source.numbers, ids, values, price, adjustment, every, np.zeros(0, dtype=np.int64))


def with_lines(orders: OrderRows, lines: OrderRows, before: int) -> OrderRows:
    """Orders and their lines as rows of one table: first all orders, then all lines.

    Args:
        before: By how much the numbers of the lines are raised.
    """
    first, second = len(orders.numbers), len(lines.numbers)
    none = np.zeros(first, dtype=np.int64)
    values = {}
    for name in orders.values.keys() | lines.values.keys() | {"order.entered"}:
        own: Any = orders.values.get(name)
        other: Any = lines.values.get(name)
        if name in ("order.occurred", "order.entered"):
            other = lines.values.get(name.replace("order", "line"))
        if own is None and other is None:
            continue
        kind = (other if own is None else own).type
        one = pa.nulls(first, kind) if own is None else own
        two = pa.nulls(second, kind) if other is None else other
        values[name] = pa.concat_arrays([one, two])
    return OrderRows(
        np.concatenate([orders.numbers, lines.numbers + before]),
        pa.concat_arrays([orders.ids, lines.ids]),
        values,
        np.concatenate([none, lines.price]),
        np.concatenate([none, lines.adjustment]),
        np.concatenate([none.astype(np.bool_), lines.is_line]),
        np.zeros(0, dtype=np.int64),
    )


def _kinds(source: SourceTable, mapping: TableMapping, options: TableOptions, bad: BadRows) -> npt.NDArray[np.int64]:
    """Which event each row is, where a row is one; -1 where it is none."""
    rule = mapping.rules.get("event.type")
    if rule is None or rule.column is None:
        return np.zeros(0, dtype=np.int64)
    said = _read(source, _key(mapping, rule), "text", mapping.reading_of(rule, options))
    bad.add(said.failures)
    names = list(mapping.types)
    order = list(EVENTS)
    which = np.array([-1 if (kind := mapping.types[name]) is None else order.index(kind) for name in names])
    found = pc.index_in(pc.fill_null(said.values, ""), value_set=pa.array(names))
    for row in rows_where(found.is_null()):
        if row not in said.failures:
            text = said.values[row].as_py() or ""
            bad.add(
                {
                    row: f"{source.columns[_key(mapping, rule)]} {text!r} is no type that the mapping names "
                    f"({mapping.place('event.types')}): say which event it is, or {text!r} = false for none"
                }
            )
    kinds: npt.NDArray[np.int64] = which[pc.fill_null(found, 0).to_numpy(zero_copy_only=False)]
    return np.where(found.is_valid().to_numpy(zero_copy_only=False), kinds, -1)


def _needed(where: str, kinds: npt.NDArray[np.int64], mapping: TableMapping) -> npt.NDArray[np.bool_] | None:
    """The rows in which a field may not be empty, where that depends on what event a row is; None for all of them."""
    section, _, key = where.partition(".")
    if where in mapping.once:
        return np.zeros(0, dtype=np.bool_)
    if not len(kinds) or section in ("order", "event"):
        return None
    of = [i for i, table in enumerate(EVENTS.values()) if table == section]
    required = key == "amount" or where in ("line.item_id", "line.quantity", "line.price", "line.total")
    return np.isin(kinds, of) if required else np.zeros(len(kinds), dtype=np.bool_)


def _column(
    source: SourceTable,
    mapping: TableMapping,
    rule: Rule,
    options: TableOptions,
    bad: BadRows,
    needed: npt.NDArray[np.bool_] | None,
) -> Any:
    section, _, name = rule.where.partition(".")
    form = FIELDS[table_of(section)][name]
    if rule.column is None:
        return pa.repeat(pa.scalar(rule.value, _TYPES[form]), source.table.num_rows)
    key = _key(mapping, rule)
    parsed = _read(source, key, form, mapping.reading_of(rule, options))
    if needed is not None and needed.any():
        some = np.flatnonzero(needed & parsed.values.is_null().to_numpy(zero_copy_only=False))
        bad.add({int(row): f"{source.columns[key]} is empty" for row in some if int(row) not in parsed.failures})
    elif needed is None and rule.where in _PER_ROW and form != "note":
        parsed = parsed.required(source.columns[key])
    bad.add(parsed.failures)
    return parsed.values


def _key(mapping: TableMapping, rule: Rule) -> str:
    """What the source calls the column of a rule: two spellings of one name are one column."""
    names = mapping.line_columns if mapping.line_ids and rule.where.startswith("line.") else mapping.columns
    return next(name for name in names if plain(name) == plain(rule.column or ""))


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


def _ids(
    source: SourceTable, mapping: TableMapping, rules: tuple[Rule, ...], options: TableOptions, bad: BadRows
) -> Any:
    parts = []
    for rule in rules:
        key = _key(mapping, rule)
        parsed = read_ids(source, key, options).required(source.columns[key])
        bad.add(parsed.failures)
        parts.append(parsed.values)
        if len(rules) > 1:
            within = pc.fill_null(pc.match_substring(parsed.values, mapping.separator), fill_value=False)
            for row in np.flatnonzero(within.to_numpy(zero_copy_only=False)).tolist():
                bad.add(
                    {
                        row: f"{source.columns[key]} {parsed.values[row].as_py()!r} holds {mapping.separator!r}, which stands "
                        f"between the parts of an id ({mapping.place('order.separator')}): give another separator"
                    }
                )
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, mapping.separator)
