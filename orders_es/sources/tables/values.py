"""Cells into exact values, with a reason for each that is none; for whoever writes an importer.

A cell may be text, a number, a time or an exact decimal, as the file's kind has it. Columns of real data repeat
themselves, so each distinct cell is read once, in plain Python, and the answers are spread over the column.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ERRORS", "Parsed", "as_decimal", "as_identifier", "as_integer", "as_text", "parse_column"]

DECIMAL = pa.decimal128(18, 4)
_QUANTUM = Decimal("0.0001")
_LARGEST = Decimal(10) ** 14
_INT64 = 2**63
_SHOWN = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE_FLOAT = re.compile(r"([0-9]+)\.0+")
_NOTHING = frozenset({"", "nan", "nat", "na", "n/a", "<na>", "null", "none"})
_LONGEST_EXACT = 15
"""So many digits a spreadsheet keeps of a number, and a binary float of every decimal that was typed."""

_FLOAT_INTEGERS = 10**_LONGEST_EXACT

ERRORS = frozenset(
    {
        *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!", "#CALC!"),
        *("#FIELD!", "#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!", "#EXTERNAL!", "#PYTHON!"),
    }
)
"""What a spreadsheet shows where a formula failed; it is never what somebody meant to say."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A column's values, null where there is none, and the rows whose cell could not be read.

    Args:
        values: One value per row.
        failures: The reason, by row.
    """

    values: Any
    failures: dict[int, str]

    def required(self, name: str) -> Parsed:
        """The same, with an empty cell counted as a failure.

        Args:
            name: The column's name in the file, for the reason.
        """
        empty = {
            int(row): f"{name} is empty" for row in np.flatnonzero(self.values.is_null().to_numpy(zero_copy_only=False))
        }
        return Parsed(self.values, empty | self.failures)


def parse_column(column: Any, name: str, parse: Callable[[Any], Any], kind: pa.DataType) -> Parsed:
    """Every cell of a column, parsed; equal cells are parsed once.

    Args:
        column: An Arrow array of any type.
        name: The column's name in the file, for the reasons.
        parse: From a cell's Python value to the parsed one, or None where the cell says nothing. It raises `ValueError`
            with what is wrong with the cell.
        kind: The Arrow type of the parsed values.

    Example:
        >>> parsed = parse_column(pa.array(["6", "six", None]), "Quantity", as_integer, pa.int64())
        >>> parsed.values.to_pylist(), parsed.failures
        ([6, None, None], {1: "Quantity 'six' is not a whole number"})
    """
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = _spelt_if_finer(column)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values: list[Any] = []
    reasons: dict[int, str] = {}
    for code, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(None if cell is None else parse(cell))
        except ValueError as error:
            values.append(None)
            reasons[code] = f"{name} {_shown(cell)} {error}"
    parsed = pa.array(values, kind).take(encoded.indices)
    failures: dict[int, str] = {}
    if reasons:
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(np.isin(codes, list(reasons)))
        failures = {int(row): reasons[int(codes[row])] for row in rows}
    return Parsed(parsed, failures)


def _spelt_if_finer(column: Any) -> Any:
    """Times of nanoseconds as microseconds; as text, if some have digits that would be lost."""
    try:
        return column.cast(pa.timestamp("us", column.type.tz))
    except pa.ArrowException:
        return column.cast(pa.string())


def _shown(cell: Any) -> str:
    if isinstance(cell, str):
        return repr(cell if len(cell) <= _SHOWN else cell[:_SHOWN] + "…")
    return as_text(cell) or ""


def as_text(cell: Any) -> str | None:  # noqa: PLR0911 - one line for each kind of cell
    """A cell as the text a person would expect to see, exact; None for an empty one. Blanks stay.

    Example:
        >>> as_text(17850.0), as_text(2.55), as_text(" JAR "), as_text("")
        ('17850', '2.55', ' JAR ', None)
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        # Fifteen digits are what a spreadsheet shows, and come back from a binary float as they were typed.
        if math.isnan(cell):
            return None
        shortest = repr(float(f"{cell:.{_LONGEST_EXACT}g}"))
        return str(int(cell)) if cell.is_integer() and abs(cell) < _FLOAT_INTEGERS else _plain(shortest)
    if isinstance(cell, Decimal):
        return str(int(cell)) if cell == cell.to_integral_value() else format(cell, "f")
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return str(cell)


def _plain(number: str) -> str:
    """A number without an exponent, as long as it is not one of those that have lost digits."""
    return number if "e+" in number else format(Decimal(number), "f")


def as_identifier(cell: Any) -> str | None:
    """A cell as a name for something: `17850` for 17850, 17850.0 and "17850.0"; None for `nan` and its kin.

    Example:
        >>> as_identifier("17850.0"), as_identifier(" C536379 "), as_identifier("nan")
        ('17850', 'C536379', None)

    Raises:
        ValueError: It is what a spreadsheet shows where a formula failed.
    """
    text = (as_text(cell) or "").strip()
    if text.casefold() in _NOTHING:
        return None
    if text in ERRORS:
        raise ValueError("is an error of the spreadsheet, not a value")
    whole = _WHOLE_FLOAT.fullmatch(text)
    return whole[1] if whole else text


def as_decimal(cell: Any) -> Decimal | None:
    """A cell as an exact amount with at most four decimals; None for an empty one.

    A binary float counts as its shortest decimal spelling: 2.55 is 2.55.

    Raises:
        ValueError: It is not a number, or needs more digits than there are.

    Example:
        >>> as_decimal("2.550"), as_decimal(0.001)
        (Decimal('2.5500'), Decimal('0.0010'))
    """
    value = _number(cell, "a number")
    if value is None:
        return None
    if abs(value) >= _LARGEST:
        raise ValueError("has more than 14 digits before the point")
    quantized = value.quantize(_QUANTUM)
    if quantized != value:
        raise ValueError("has more than 4 decimals")
    return quantized


def as_integer(cell: Any) -> int | None:
    """A cell as a whole number; None for an empty one.

    Raises:
        ValueError: It is something else.

    Example:
        >>> as_integer("6"), as_integer(6.0), as_integer(" -1 ")
        (6, 6, -1)
    """
    value = _number(cell, "a whole number")
    if value is None:
        return None
    if abs(value) >= _INT64:
        raise ValueError("does not fit 64 bits")
    if value != value.to_integral_value():
        raise ValueError("is not a whole number")
    return int(value)


def _number(cell: Any, what: str) -> Decimal | None:
    if isinstance(cell, bool):
        raise ValueError(f"is not {what}")  # noqa: TRY004 - the cell is wrong, not the call
    text = (as_text(cell) or "") if isinstance(cell, float) else str(cell).strip()
    if not text or text.casefold() == "nan":
        return None
    try:
        # Decimal also reads "1_000" and digits of other scripts; a spreadsheet's number is neither.
        plain = text.isascii() and "_" not in text and not (isinstance(cell, str) and "e" in text.lower())
        value = Decimal(text) if plain else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        if text in ERRORS:
            raise ValueError("is an error of the spreadsheet, not a value")
        raise ValueError(f"is not {what}")
    return value
