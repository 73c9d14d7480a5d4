"""CSV files in whatever encoding and with whatever separator people save them; for `orders_es.sources.tables.files`."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from orders_es.errors import BadSource
from orders_es.sources.tables.headers import match_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["DamagedRow", "parse_csv"]

_BLOCK = 16 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that does not have one field for each column.

    Args:
        number: Its number in the file; the first row of data is 1.
        fields: The fields it has.
        reason: What is wrong with it.
    """

    number: int
    fields: tuple[str, ...]
    reason: str


def parse_csv(
    path: Path, data: bytes, columns: Mapping[str, Sequence[str]], *, only_wanted: bool = False
) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[DamagedRow, ...]]:
    """Every column as text, each row's number, and the rows that could not be cut into columns. Empty lines do not count.

    UTF-8 (with or without a byte order mark), UTF-16 with one, and otherwise Windows-1252, which is what `£` comes in.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        columns: The columns that are wanted; the separator is the one that makes most of them appear in the header.
        only_wanted: Whether to leave out all others, if all that are wanted are there.

    Raises:
        BadSource: It is not text, or not CSV.
    """
    text = _as_utf8(data)
    if b"\0" in text:
        raise BadSource(str(path), None, "it holds zero bytes, so it is not a text file; was it renamed to .csv?")
    delimiter, header = _header(path, text, columns)
    damaged: list[DamagedRow] = []
    found = list(match_columns(path, header, columns).values())

    def set_aside(row: Any) -> Literal["skip"]:
        fields = tuple(next(csv.reader([row.text], delimiter=delimiter), ()))
        expected = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        damaged.append(DamagedRow(row.number - 1, fields, f"{expected}: {row.text[:200]!r}"))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(text),
            # One thread, because only then does Arrow know the number of a row that it cannot read.
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=found if only_wanted and len(found) == len(columns) else None,
            ),
        )
    except pa.ArrowException as error:
        raise BadSource(str(path), None, f"it is not readable as CSV: {error}") from error
    numbers = np.arange(1, table.num_rows + len(damaged) + 1)
    return table, np.delete(numbers, [row.number - 1 for row in damaged]), tuple(damaged)


def _as_utf8(data: bytes) -> bytes:
    if data.startswith(_UTF16):
        return data.decode("utf-16", errors="replace").encode()
    try:
        _check_utf8(data)
    except UnicodeDecodeError:
        # Five byte values have no character in Windows-1252; ISO 8859-1 gives every byte one.
        try:
            return data.decode("cp1252").encode()
        except UnicodeDecodeError:
            return data.decode("latin-1").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _check_utf8(data: bytes) -> None:
    """Raise `UnicodeDecodeError` if it is something else; in pieces, because the text as a whole is not needed."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        decoder.decode(data[start : start + _BLOCK])
    decoder.decode(b"", final=True)


def _header(path: Path, text: bytes, columns: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    lines = (
        text.lstrip(b"\r\n").splitlines()[:1] if len(text) < _BLOCK else text[:_BLOCK].lstrip(b"\r\n").splitlines()[:1]
    )
    line = lines[0].decode(errors="replace") if lines else ""
    best = (-1, ",", [line])
    for delimiter in ",;\t|":
        header = next(csv.reader([line], delimiter=delimiter), [])
        score = len({name.strip() for name in header} & set(match_columns(path, header, columns).values()))
        if score > best[0]:
            best = (score, delimiter, header)
    return best[1], best[2]
