"""CSV files in whatever encoding and with whatever separator people save them; for `orders_es.sources.tables.files`."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as arrow_csv

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_text import as_utf8, find_rows
from orders_es.sources.tables.headers import distinct, match_columns, missing_columns
from orders_es.sources.tables.source import DamagedRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.sources.tables.csv_text import BadBytes, Rows
    from orders_es.sources.tables.options import TableOptions

__all__ = ["Header", "ParsedRows", "find_header", "parse_csv", "parse_rows"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_BLOCK = 16 << 20
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_SEPARATORS = ",;\t|"
_TITLES = 30
"""So many lines at most are looked at for a header that does not stand on the first."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where the column names of a text stand, and what stands between them.

    Args:
        names: As they are written.
        offset: Where the header begins in the text.
        line: The line on which it does.
    """

    delimiter: str
    names: list[str]
    offset: int
    line: int


def parse_csv(
    path: Path,
    data: bytes,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    *,
    optional: Sequence[str] = (),
    only_wanted: bool = False,
) -> tuple[pa.Table, npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[DamagedRow, ...]]:
    """Every column as text; each row's number, and its line; and the rows that could not be read.

    Lines with nothing in them do not count. Rows whose cells are all empty do, but are left out.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        columns: The columns that are wanted; the separator is the one that makes most of them appear in the header.
        options: What was said about encoding, delimiter and header.
        optional: Those of `columns` that may be missing.
        only_wanted: Whether to leave out all others, if all that are wanted are there.

    Raises:
        BadSource: It is not text, not CSV, or has something above its header.
    """
    text, bad_bytes = as_utf8(path, data, options.encoding)
    header = find_header(path, text, columns, options, optional)
    found = list(match_columns(path, header.names, columns).values())
    only = found if only_wanted and len(found) == len(columns) else None
    parsed = parse_rows(path, text[header.offset :] if header.offset else text, header, only, bad_bytes)
    return parsed.table, parsed.numbers, parsed.lines, parsed.damaged


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """The rows of a text, or of a piece of one.

    Args:
        table: Those that could be read and have something in them.
        numbers: Their numbers; 1 is the one below the header.
        lines: The lines on which they begin.
        damaged: Those that could not be read.
        count: How many there are, with those that have nothing in them.
    """

    table: pa.Table
    numbers: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    damaged: tuple[DamagedRow, ...]
    count: int


def parse_rows(
    path: Path, text: bytes, header: Header, only: Sequence[str] | None, bad_bytes: list[BadBytes]
) -> ParsedRows:
    """The rows of a text that begins with the header.

    Args:
        path: The file, for the errors.
        only: The columns to read, if not all of them.
        bad_bytes: What is no UTF-8 in it.

    Raises:
        BadSource: It is not CSV.
    """
    rows = find_rows(path, text, header.delimiter, len(header.names), header.line)
    damaged: dict[int, DamagedRow] = {}

    def set_aside(row: Any) -> Literal["skip"]:
        fields = _fields(row.text, header.delimiter)
        expected = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        number = row.number - 1
        damaged[number] = DamagedRow(number, fields, f"{expected}: {row.text[:200]!r}", int(rows.lines[number]))
        return "skip"

    names = distinct(header.names)

    def read(handler: Callable[[Any], Literal["skip", "error"]], *, threads: bool) -> pa.Table:
        return arrow_csv.read_csv(
            io.BytesIO(text),
            read_options=arrow_csv.ReadOptions(
                use_threads=threads, block_size=max(_BLOCK, _longest(rows, text)), column_names=names, skip_rows=0
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=handler
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, include_columns=only
            ),
        ).slice(1)

    try:
        try:
            table = read(lambda _row: "error", threads=True)
        except pa.ArrowInvalid:
            # With one thread only does Arrow know the number of a row that it cannot read.
            table = read(set_aside, threads=False)
    except pa.ArrowException as error:
        raise BadSource(str(path), None, f"it is not readable as CSV: {error}") from error
    if table.num_rows + len(damaged) != len(rows.starts) - 1:
        raise BadSource(
            str(path),
            None,
            f"its rows cannot be told apart: {len(rows.starts) - 1:,} begin on lines of their own, and "
            f"{table.num_rows + len(damaged):,} are read; are there stray quotes or carriage returns in it?",
        )
    numbers = np.delete(np.arange(1, len(rows.starts)), [number - 1 for number in damaged])
    for number, row in _undecodable(rows, text, bad_bytes, header):
        damaged.setdefault(number, row)
    something = _has_something(table)
    if only is not None:
        # What nobody asked for may be there all the same, and then it is a row.
        ends = np.append(rows.starts[1:], len(text))
        for i in np.flatnonzero(~something).tolist():
            raw = text[rows.starts[numbers[i]] : ends[numbers[i]]]
            something[i] = bool(raw.replace(header.delimiter.encode(), b"").replace(b'"', b"").strip())
    kept = ~np.isin(numbers, list(damaged)) & something
    if not kept.all():
        table, numbers = table.filter(_array(kept)), numbers[kept]
    found = tuple(damaged[number] for number in sorted(damaged))
    return ParsedRows(table, numbers, rows.lines[numbers], found, len(rows.starts) - 1)


def _longest(rows: Rows, text: bytes) -> int:
    """A block has to hold the longest row, or Arrow cannot cut it."""
    ends = np.append(rows.starts[1:], len(text))
    return int((ends - rows.starts).max(initial=0)) * 2 + 1024


def _fields(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ()))
    except csv.Error:  # a field of more than 128 KiB
        return tuple(text.split(delimiter))


def _has_something(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows have a cell that is not blank; spreadsheets leave rows of separators behind."""
    nothing = np.ones(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        nothing &= pc.or_(pc.equal(column, ""), pc.utf8_is_space(column)).to_numpy()
        if not nothing.any():
            break
    return ~nothing


def _undecodable(
    rows: Rows, text: bytes, bad_bytes: list[BadBytes], header: Header
) -> Iterator[tuple[int, DamagedRow]]:
    for bad in bad_bytes:
        offset = bad.offset - header.offset
        number = int(np.searchsorted(rows.starts, offset, side="right")) - 1
        if number < 1:
            continue  # in the header, or above it: a name that is damaged is not found
        start = int(rows.starts[number])
        end = int(rows.starts[number + 1]) if number + 1 < len(rows.starts) else len(text)
        fields = _fields(text[start:end].decode(errors="replace").rstrip("\r\n"), header.delimiter)
        before = len(_fields(text[start:offset].decode(errors="replace") + "x", header.delimiter))
        name = header.names[before - 1] if before <= len(header.names) else f"field {before}"
        line = int(rows.lines[number])
        shown = fields[before - 1][:60] if before <= len(fields) else ""
        yield (
            number,
            DamagedRow(
                number,
                fields,
                f"{name} {shown!r} has the byte 0x{bad.raw.hex()} where U+FFFD stands, which is no UTF-8, as the rest of the "
                "file is; correct it, or say what the file is in with encoding= (--encoding)",
                line,
            ),
        )


def find_header(
    path: Path,
    text: bytes,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    optional: Sequence[str],
) -> Header:
    """The line that holds the column names.

    Raises:
        BadSource: There is none, or it stands below others and nobody said so.
    """
    delimiter = options.separator
    lines = list(_first_lines(text, max(_TITLES, options.header_row or 0)))
    # A line that tells Excel, and nobody else, what the separator is.
    if lines and (said := _said_separator(lines[0][2])) is not None:
        delimiter = delimiter or said
        if options.header_row is None:
            lines = lines[1:]
    if options.header_row is not None:
        lines = [line for line in lines if line[0] == options.header_row]
        if not lines:
            raise BadSource(
                str(path), None, f"it has nothing on line {options.header_row}, where the header is said to be"
            )
    lines = [line for line in lines if line[2].strip()]
    headers = [_best(path, line, columns, delimiter) for line in lines]
    if not headers:
        raise BadSource(str(path), None, "it holds no line with anything in it; was the download cut off?")
    if missing_columns(headers[0].names, columns, optional):
        for header in headers[1:]:
            if not missing_columns(header.names, columns, optional):
                raise BadSource(
                    str(path),
                    None,
                    f"its column names stand on line {header.line}, below {lines[0][2].strip()[:60]!r}; say so with "
                    f"header_row={header.line} (--header-row {header.line}), or remove the lines above",
                )
    return headers[0]


def _first_lines(text: bytes, count: int) -> Iterator[tuple[int, int, str]]:
    """Number, offset and text of the first rows; a name in quotes may hold line ends."""
    number, start, held = 1, 0, 0
    for found in _LINE.finditer(text[:_BLOCK]):
        held += 1
        line = text[start : found.end()]
        if line.count(b'"') % 2 and held < _TITLES:
            continue
        yield number, start, line.decode(errors="replace").rstrip("\r\n")
        number, start, held = number + held, found.end(), 0
        if number > count:
            return


def _said_separator(line: str) -> str | None:
    line = line.strip(' "')
    return line[4:] if line[:4].lower() == "sep=" and len(line) == len("sep=,") else None


def _best(
    path: Path, line: tuple[int, int, str], columns: Mapping[str, Sequence[str]], delimiter: str | None
) -> Header:
    best = (-1, Header(delimiter or ",", [line[2]], line[1], line[0]))
    for separator in delimiter or _SEPARATORS:
        names = [name.strip() for name in _fields(line[2], separator)]
        try:
            score = len(match_columns(path, names, columns))
        except BadSource:
            score = len(names)  # two columns for one thing: the right separator, and whoever reads on says so
        if score > best[0]:
            best = (score, Header(separator, names, line[1], line[0]))
    return best[1]
