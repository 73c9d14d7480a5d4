"""Columns of numbers, exact, in whatever way a whole column writes them; for whoever writes an importer.

`1.234` is one and a bit where decimals stand behind a point, and more than a thousand where they stand behind a comma.
Another number of the column says which, or somebody has to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.cells import BLANKS, cells_of, matches, shown, trimmed
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, TEXT
from orders_es.sources.tables.values import DECIMAL, Parsed, as_decimal, as_integer

if TYPE_CHECKING:
    from orders_es.sources.tables.cells import Cells
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["read_decimals", "read_integers"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

_PLAIN = r"[+-]?[0-9]{1,14}(\.[0-9]{1,4})?"
# What can only be meant with decimals behind a point, or with thousands between commas; and the other way round.
_PROOF = (
    r"[+-]?([0-9]*\{p}([0-9]{{1,2}}|[0-9]{{4,}})|[0-9]{{4,}}\{p}[0-9]*|0[0-9]*\{p}[0-9]*|\{p}[0-9]+|"
    r"[0-9]{{1,3}}(\{c}[0-9]{{3}})+\{p}[0-9]*|[0-9]{{1,3}}(\{c}[0-9]{{3}}){{2,}}|"
    r"[0-9]{{1,3}}([{b}][0-9]{{3}})+\{p}[0-9]*)"
)
_BLANKS = " \u00a0\u2009\u202f'’"
"""What stands between thousands where neither a point nor a comma does."""
_POINT, _COMMA = _PROOF.format(p=".", c=",", b=_BLANKS), _PROOF.format(p=",", c=".", b=_BLANKS)
_EITHER = r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
_SIGNS = {"point": ".", "comma": ","}
_KINDS = {
    BOOLEAN: "is true or false, and no number",
    DATE: "is a date: a spreadsheet made one of what was typed",
    CLOCK: "is a time of day: a spreadsheet made one of what was typed",
    ERROR: "is an error of the spreadsheet, not a value",
}


def read_decimals(source: SourceTable, column: str, options: TableOptions) -> Parsed:
    """A column of amounts with at most four decimals, null where its cell is empty.

    Args:
        column: What the importer calls the column.
        options: Whether decimals stand behind a point or a comma, if somebody said so.

    Raises:
        BadSource: The column has two readings.
    """
    cells = cells_of(source, column)
    texts = trimmed(cells.texts)
    if not cells.kinds.any() and matches(texts, _PLAIN).all() and _sign(source, cells, texts, options) == "point":
        return Parsed(cells.spread(texts.cast(DECIMAL)), {})
    return _read(source, cells, texts, options, as_decimal, DECIMAL)


def read_integers(source: SourceTable, column: str, options: TableOptions) -> Parsed:
    """A column of whole numbers, null where its cell is empty. See `read_decimals`."""
    cells = cells_of(source, column)
    texts = trimmed(cells.texts)
    if not cells.kinds.any() and matches(texts, "-?[0-9]{1,18}").all():
        return Parsed(cells.spread(texts.cast(pa.int64())), {})
    return _read(source, cells, texts, options, as_integer, pa.int64())


def _sign(source: SourceTable, cells: Cells, texts: Any, options: TableOptions) -> str:
    """Behind what the column's decimals stand."""
    if options.decimal is not None:
        return options.decimal
    written = cells.kinds == TEXT
    point, comma, either = (matches(texts, pattern) & written for pattern in (_POINT, _COMMA, _EITHER))
    if point.any() and comma.any():
        raise _two_readings(
            source,
            cells,
            cells.first_row(comma),
            f"{cells.name} has decimals behind a point ({shown(cells.first_cell(point))}) and behind a comma "
            f"({shown(cells.first_cell(comma))})",
        )
    if either.any() and not point.any() and not comma.any():
        first = cells.first_cell(either)
        sign = "." if "." in first else ","
        raise _two_readings(
            source,
            cells,
            cells.first_row(either),
            f"{cells.name} {shown(first)} has two readings, {first.replace(sign, '.')} and {first.replace(sign, '')}, and no "
            "other number of the column says which",
        )
    return "comma" if comma.any() else "point"


def _two_readings(source: SourceTable, cells: Cells, row: int, what: str) -> BadSource:
    del cells
    return BadSource(
        *source.where(row),
        f"{what}; say what decimals stand behind with decimal= (--decimal point or --decimal comma). Nothing was appended",
    )


def _read(
    source: SourceTable, cells: Cells, texts: Any, options: TableOptions, parse: Any, kind: pa.DataType
) -> Parsed:
    sign = _SIGNS[_sign(source, cells, texts, options)]
    group = "," if sign == "." else "."
    spelling = re.compile(
        rf"([+-]?)(?:([0-9]*)|([0-9]{{1,3}}(?:(?:\{group}[0-9]{{3}})+|(?:[{_BLANKS}][0-9]{{3}})+)))(?:\{sign}([0-9]*))?"
    )
    values: list[Any] = []
    reasons: dict[int, str] = {}
    for code, (text, what) in enumerate(zip(texts.to_pylist(), cells.kinds.tolist(), strict=True)):
        try:
            if what in _KINDS:
                raise ValueError(_KINDS[what])
            values.append(parse(text if what != TEXT else _respelt(text, spelling, sign)))
        except ValueError as error:
            values.append(None)
            reasons[code] = f"{error}{_hint(text, str(error))}"
    return Parsed(cells.spread(pa.array(values, kind)), cells.failures(reasons))


def _respelt(text: str, spelling: re.Pattern[str], sign: str) -> str:
    """A number as `Decimal` reads it; what is none stays, to be refused."""
    found = spelling.fullmatch(text)
    if found is None or not (found[2] or found[3] or found[4]):
        return text if sign == "." and "," not in text else text.replace(",", "?").replace(".", "?")
    whole = found[2] if found[3] is None else re.sub("[^0-9]", "", found[3])
    return f"{found[1]}{whole or '0'}.{found[4] or '0'}" if found[4] is not None else f"{found[1]}{whole}"


_HINTS = (
    (
        re.compile(r"[+-]?[0-9.,]+[eE][+-]?[0-9]+"),
        "; a spreadsheet shortened it: give the column a format that shows all digits",
    ),
    (re.compile(r"\(.*\)"), "; write a negative number with a - before it"),
    (re.compile(r".*[−–‐].*"), "; its sign is not the - of the keyboard"),
    (re.compile(r".*%"), "; a percentage of what? Give the number itself"),
    (re.compile(r"[+-]?\s*[$€£¥₹R].*|.*[$€£¥₹]|.*[0-9]\s*zł"), "; leave the currency out of the column"),
    (re.compile(r"[+-]?[0-9.,]*[,.][0-9.,]*"), "; decimal= (--decimal) says what stands before its decimals"),
)


def _hint(text: str, error: str) -> str:
    if "is not a" not in error:
        return ""
    text = text.strip(BLANKS)
    if not text.isascii() and any(c.isdigit() and not c.isascii() for c in text):
        return "; its digits are not 0 to 9"
    return next((hint for pattern, hint in _HINTS if pattern.fullmatch(text)), "")
