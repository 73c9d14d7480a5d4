"""The distinct cells of a column, which is what its readers look at; for `orders_es.sources.tables`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, NUMBER, TEXT
from orders_es.sources.tables.values import ERRORS, as_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.tables.source import SourceTable

__all__ = ["BLANKS", "Cells", "as_texts", "cells_of", "matches", "shown", "trimmed"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_SHOWN = 60
BLANKS = (
    "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\u00a0\u00ad\u061c\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2061\u2062"
    "\u2063\u2064\u2066\u2067\u2068\u2069\u3000\ufeff"
)
"""Whatever leaves no ink: blanks of all widths (none included), soft hyphens, marks of direction and byte order."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as its distinct cells.

    Args:
        name: The column's name in the file.
        texts: Each distinct cell that is not empty, as text.
        kinds: What each of them is: `TEXT`, `NUMBER`, …
        codes: Which of them each row has; -1 where its cell is empty.
    """

    name: str
    texts: Any
    kinds: npt.NDArray[np.int8]
    codes: npt.NDArray[np.int64]

    def first_row(self, wanted: npt.NDArray[np.bool_]) -> int:
        """The first row that has one of these cells; it has to exist."""
        return int(np.argmax(np.append(wanted, False)[self.codes]))

    def first_cell(self, wanted: npt.NDArray[np.bool_]) -> str:
        """The first of these cells in the order of the rows, as text."""
        return str(self.texts[int(self.codes[self.first_row(wanted)])].as_py())

    def spread(self, values: Any) -> Any:
        """One value per row, from one per distinct cell."""
        return values.take(_array(self.codes, mask=self.codes < 0))

    def failures(self, reasons: dict[int, str]) -> dict[int, str]:
        """The rows whose cell has something against it, from the reasons by cell."""
        if not reasons:
            return {}
        rows = np.flatnonzero(np.isin(self.codes, list(reasons)))
        return {
            int(row): f"{self.name} {shown(self.texts[int(self.codes[row])].as_py())} {reasons[int(self.codes[row])]}"
            for row in rows
        }


def cells_of(source: SourceTable, column: str) -> Cells:
    """The distinct cells of a column of text, numbers or truth values.

    Args:
        column: What the importer calls the column.
    """
    name, values = source.columns[column], source.column(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type):
        raise BadSource(
            str(source.path),
            None,
            f"the column {name!r} holds {values.type}, no single values; unpack it first, as with a query",
        )
    typed = source.kinds.get(name)
    if typed is not None and typed.any():
        # A number and the same digits as text are two cells.
        values = pc.binary_join_element_wise(_array(typed).cast(pa.string()), values, "")
    encoded = values.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct = encoded.dictionary
    kinds = np.zeros(len(distinct), dtype=np.int8)
    if typed is not None and typed.any():
        kinds = pc.utf8_slice_codeunits(distinct, 0, 1).cast(pa.int8()).to_numpy(zero_copy_only=False)
        distinct = pc.utf8_slice_codeunits(distinct, 1)
    elif pa.types.is_large_string(distinct.type) or pa.types.is_string_view(distinct.type):
        distinct = distinct.cast(pa.string())
    elif not pa.types.is_string(distinct.type):
        kinds[:] = _kind_of(distinct.type)
        distinct = as_texts(distinct)
    empty = pc.fill_null(pc.equal(distinct, ""), fill_value=True).to_numpy(zero_copy_only=False)
    if empty.any():
        codes[np.append(empty, False)[codes]] = -1
        distinct = distinct.fill_null("")
    errors = pc.is_in(distinct, value_set=_array(sorted(ERRORS))).to_numpy(zero_copy_only=False)
    return Cells(name, distinct, np.where(errors & (kinds == TEXT), ERROR, kinds).astype(np.int8), codes)


def _kind_of(kind: pa.DataType) -> int:
    if pa.types.is_boolean(kind):
        return BOOLEAN
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return CLOCK
    if pa.types.is_temporal(kind):
        return DATE
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return NUMBER if number else TEXT


def as_texts(values: Any) -> Any:
    """A column of anything as the texts that a person would expect to see."""
    if pa.types.is_integer(values.type):
        return values.cast(pa.string())
    if pa.types.is_floating(values.type) and values.type.bit_width < 64:  # noqa: PLR2004 - bits of a double
        # The shortest spelling that such a narrow float has: 2.55, and not the double next to it.
        return _array(
            [None if np.isnan(v) else str(v).removesuffix(".0") for v in values.to_numpy(zero_copy_only=False)],
            pa.string(),
        )
    return _array([as_text(value) for value in values.to_pylist()], pa.string())


def trimmed(texts: Any) -> Any:
    """The texts without blanks, seen or unseen, at both ends."""
    return pc.utf8_trim(texts, characters=BLANKS)


def matches(texts: Any, pattern: str) -> npt.NDArray[np.bool_]:
    """Which of the texts are wholly as an RE2 pattern says."""
    found: npt.NDArray[np.bool_] = pc.fill_null(
        pc.match_substring_regex(texts, f"^(?:{pattern})$"), fill_value=False
    ).to_numpy(zero_copy_only=False)
    return found


def shown(cell: str) -> str:
    """A cell as an error shows it: in quotes, with what cannot be seen spelt out, and not endless."""
    return repr(cell if len(cell) <= _SHOWN else cell[:_SHOWN] + "…")
