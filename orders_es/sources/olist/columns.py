"""Columns of the Olist files as arrays, read in bulk where they are as published.

Ids, times and numbers are read as `orders_es.sources.tables` reads them; what is Olist's own stands here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.sources.tables import ids, numbers, times
from orders_es.sources.tables.values import as_text, parse_column

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.bad_rows import BadRows
    from orders_es.sources.tables.files import SourceTable
    from orders_es.sources.tables.options import TableOptions

__all__ = [
    "NEVER",
    "STATUSES",
    "read_amounts",
    "read_integers",
    "read_keys",
    "read_prefixes",
    "read_statuses",
    "read_texts",
    "read_times",
    "to_decimals",
]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

NEVER = np.iinfo(np.int64).min
"""What stands in an array of times or numbers where the file has none. Less than every time."""

STATUSES = ("created", "approved", "invoiced", "processing", "shipped", "delivered", "canceled", "unavailable")
"""What the files say of an order, in the spelling in which they were published."""

_LONGEST = 1024
# What programs write into a cell of text where there is nothing.
_NOTHING = frozenset({"nan", "<na>", "#n/a", "null"})
_BLANKS = "\u200b\u200c\u200d\u2060\ufeff"
"""Characters that nobody sees and that Unicode does not count among the blanks."""
_PREFIX = re.compile(r"([0-9]{1,5})(?:\.0+)?")
_DECIMAL = pa.decimal128(18, 4)


def read_texts(source: SourceTable, name: str, bad: BadRows, *, required: bool = True) -> Any:
    """A column of text without blanks at both ends, null where it is empty. Digits keep their leading zeros.

    A column that is not required may be missing, and `nan` in it is an empty cell.

    Args:
        name: The column.
        bad: Where to note what is wrong with a row.
        required: Whether an empty cell is wrong.
    """
    if name not in source.columns and not required:
        return pa.nulls(source.table.num_rows, pa.string())
    column = source.columns[name]
    cells = source.column(name)
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        text = pc.utf8_trim_whitespace(pc.utf8_trim(pc.utf8_trim_whitespace(cells.cast(pa.string())), _BLANKS))
    else:
        text = parse_column(cells, column, as_text, pa.string()).values
    empty = pc.equal(text, "")
    if pc.any(empty).as_py():
        text = pc.if_else(empty, None, text)
    if required:
        bad.add(_empty(text, column))
    elif pc.any(nothing := pc.is_in(pc.utf8_lower(text), pa.array(sorted(_NOTHING)))).as_py():
        text = pc.if_else(nothing, None, text)
    long = pc.fill_null(pc.greater(pc.binary_length(text), _LONGEST), fill_value=False)
    bad.add(
        {
            int(r): f"{column} is longer than {_LONGEST:,} bytes"
            for r in np.flatnonzero(long.to_numpy(zero_copy_only=False))
        }
    )
    return text


def read_keys(source: SourceTable, name: str, options: TableOptions, bad: BadRows) -> Any:
    """A column of ids, as `orders_es.sources.tables.ids` has it; an empty one is wrong."""
    parsed = ids.read_ids(source, name, options).required(source.columns[name])
    bad.add(parsed.failures)
    return parsed.values


def read_times(
    source: SourceTable, name: str, options: TableOptions, bad: BadRows, *, required: bool = True
) -> npt.NDArray[np.int64]:
    """A column of times as microseconds since 1970 UTC; `NEVER` where there is none.

    Args:
        name: The column.
        options: What was said about how times are written, and where.
        bad: Where to note what is wrong with a row.
        required: Whether an empty cell is wrong.

    Raises:
        BadSource: The column has two readings.
    """
    if name not in source.columns and not required:
        return np.full(source.table.num_rows, NEVER)
    parsed = times.read_times(source, name, options)
    if required:
        parsed = parsed.required(source.columns[name])
    bad.add(parsed.failures)
    micros: npt.NDArray[np.int64] = parsed.values.cast(pa.int64()).fill_null(NEVER).to_numpy(zero_copy_only=False)
    return micros


def read_statuses(source: SourceTable, name: str, bad: BadRows) -> Any:
    """A column of the files' statuses in their own spelling, whatever the case and the blanks around them.

    What is none of them is wrong: an order might be cancelled, and count as sold.
    """
    text = pc.utf8_lower(read_texts(source, name, bad))
    unknown = pc.fill_null(pc.invert(pc.is_in(text, pa.array(STATUSES))), fill_value=False)
    rows = np.flatnonzero(unknown.to_numpy(zero_copy_only=False))
    bad.add(
        {
            int(row): f"{source.columns[name]} {text[int(row)].as_py()!r} is none of {', '.join(STATUSES)}"
            for row in rows
            if text[int(row)].is_valid
        }
    )
    return text


def read_prefixes(source: SourceTable, name: str, bad: BadRows) -> Any:
    """A column of the first five digits of postal codes: text, with the leading zeros that a spreadsheet takes away."""

    def prefix(cell: Any) -> str | None:
        text = (as_text(cell) or "").strip().strip(_BLANKS)
        if not text or text.casefold() in _NOTHING:
            return None
        found = _PREFIX.fullmatch(text)
        if found is None:
            raise ValueError("is not the beginning of a postal code, up to five digits")
        return found[1].zfill(5)

    parsed = parse_column(source.column(name), source.columns[name], prefix, pa.string())
    bad.add(parsed.failures)
    return parsed.values


def read_integers(
    source: SourceTable, name: str, options: TableOptions, bad: BadRows, *, required: bool = True
) -> npt.NDArray[np.int64]:
    """A column of whole numbers; `NEVER` where there is none, and then the row is bad if it is required."""
    if name not in source.columns and not required:
        return np.full(source.table.num_rows, NEVER)
    parsed = numbers.read_integers(source, name, options)
    if required:
        parsed = parsed.required(source.columns[name])
    bad.add(parsed.failures)
    values: npt.NDArray[np.int64] = parsed.values.fill_null(NEVER).to_numpy(zero_copy_only=False)
    return values


def read_amounts(source: SourceTable, name: str, options: TableOptions, bad: BadRows) -> npt.NDArray[np.int64]:
    """A column of amounts, exact, in ten-thousandths; 0 where there is none or a negative one, and then the row is bad."""
    column = source.columns[name]
    parsed = numbers.read_decimals(source, name, options).required(column)
    bad.add(parsed.failures)
    # 128-bit numbers, of which 18 digits fill the low half; `take` made the buffer anew, so it starts at the array.
    halves = np.frombuffer(parsed.values.buffers()[1], dtype="<i8").reshape(-1, 2)
    amounts = np.where(parsed.values.is_valid().to_numpy(zero_copy_only=False), halves[: len(parsed.values), 0], 0)
    negative = np.flatnonzero(amounts < 0)
    bad.add({int(row): f"{column} {as_text(parsed.values[int(row)].as_py())} is negative" for row in negative})
    amounts[negative] = 0
    return amounts


def to_decimals(values: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> Any:
    """Ten-thousandths as DECIMAL(18, 4), null where not valid.

    Example:
        >>> to_decimals(np.array([25_500, 0]), np.array([True, False])).to_pylist()
        [Decimal('2.5500'), None]
    """
    halves = np.empty((len(values), 2), dtype="<i8")
    halves[:, 0] = np.where(valid, values, 0)
    halves[:, 1] = halves[:, 0] >> 63
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(_DECIMAL, len(values), [bits, pa.py_buffer(halves)])


def _empty(values: Any, column: str) -> dict[int, str]:
    if not values.null_count:
        return {}
    rows = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
    return {int(row): f"{column} is empty" for row in rows}
