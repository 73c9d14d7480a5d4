"""Excel workbooks, sheet after sheet; for `orders_es.sources.tables.files`. Needs the extra `excel`."""

from __future__ import annotations

import io
import math
import re
import warnings
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from orders_es.errors import BadSource
from orders_es.sources.tables.headers import distinct, match_columns, missing_columns, require_columns
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, NUMBER, TEXT
from orders_es.sources.tables.values import ERRORS, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from orders_es.sources.tables.options import TableOptions

__all__ = ["Workbook", "parse_workbook"]

_PADDED = re.compile(r"00+")
_PADDED_CODE = re.compile(rb'formatCode="00+"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_NUMBER = re.compile(rb'\br="([0-9]+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_FORMULA = re.compile(rb"<f[ >/]")
_TITLES = 30
"""So many rows at most are looked at for a header that does not stand in the first."""


@dataclass(frozen=True, slots=True)
class Workbook:
    """The sheets of a workbook that have the columns, one after the other.

    Args:
        table: Every cell as text.
        numbers: Row numbers, which run on from sheet to sheet.
        lines: Each row's number in its own sheet, as Excel shows it.
        sheets: Name and length of each sheet read.
        kinds: What Excel says of each cell, by column.
    """

    table: pa.Table
    numbers: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    sheets: tuple[tuple[str, int], ...]
    kinds: dict[str, npt.NDArray[np.int8]]


def parse_workbook(
    path: Path,
    data: bytes,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    *,
    optional: Sequence[str] = (),
    progress: bool = False,
) -> Workbook:
    """The rows of the sheets that have the wanted columns; sheets without them (notes, pivots) are passed over.

    Numbers come out with their 15 significant digits, which is what a spreadsheet shows of them and all that it keeps.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        columns: The columns that are wanted, and the names under which they may come.
        options: Which sheets and which row holds the names, if somebody said so.
        optional: Those that a sheet may lack.
        progress: Whether to show a bar on a terminal; a workbook of half a million rows takes about a minute.

    Raises:
        BadSource: `openpyxl` is not installed, the file is not a workbook, no sheet has the columns, or a hidden one has.
    """
    try:
        import openpyxl  # an optional dependency, slow to load
    except ModuleNotFoundError:
        raise BadSource(
            str(path),
            None,
            "reading .xlsx needs openpyxl; install it with pip install 'orders_es[excel]', or save the file as .csv",
        ) from None
    with warnings.catch_warnings():
        # openpyxl warns about styles and validations it leaves out; none of them is data.
        warnings.simplefilter("ignore", UserWarning)
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
            raise BadSource(str(path), None, f"it is not a readable .xlsx workbook: {error}") from error
        try:
            read = _read_sheets(
                path, data, book, columns, options, optional, padded=_has_padded(data), progress=progress
            )
            if _has_formulas(data):
                formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
                for title, _ in read.sheets:
                    _require_values(path, title, book[title], formulas[title])
                formulas.close()
        except (zipfile.BadZipFile, KeyError, SyntaxError, EOFError, ValueError) as error:
            if isinstance(error, BadSource):
                raise
            raise BadSource(str(path), None, f"the workbook is damaged: {error}") from error
        finally:
            book.close()
        return read


def _has_formulas(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name in book.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with book.open(name) as sheet:
                before = b""
                while piece := sheet.read(1 << 20):
                    if _FORMULA.search(before + piece):
                        return True
                    before = piece[-8:]
    return False


def _has_padded(data: bytes) -> bool:
    """Whether there is a format such as `000`, which shows 7 as 007."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "xl/styles.xml" in book.namelist() and _PADDED_CODE.search(book.read("xl/styles.xml")) is not None


def _shown_rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """The values of each row, whole numbers with the leading zeros that their formats give them: what people know them by."""
    for row in sheet.iter_rows():
        yield tuple(
            str(cell.value).zfill(len(cell.number_format))
            if type(cell.value) is int and cell.value >= 0 and _PADDED.fullmatch(cell.number_format)
            else cell.value
            for cell in row
        )


def _require_values(path: Path, title: str, values: Any, formulas: Any) -> None:
    """Refuse a sheet with formulas that nothing has computed: their cells would be taken for empty ones."""
    formulas.reset_dimensions()
    pairs = zip(values.iter_rows(values_only=True), formulas.iter_rows(), strict=False)
    for number, (row, cells) in enumerate(pairs, 1):
        for value, cell in zip(row, cells, strict=False):
            if value is None and cell.data_type == "f":
                raise BadSource(
                    str(path),
                    None,
                    f"the cell {cell.coordinate} of the sheet {title!r} (row {number:,}) is a formula without a value; open the "
                    "workbook in a spreadsheet and save it, or save the values alone",
                )


def _hidden_rows(data: bytes, sheet: Any) -> frozenset[int]:
    """The numbers of a sheet's rows that a filter or somebody has hidden."""
    found, number, before = set(), 0, b""
    with zipfile.ZipFile(io.BytesIO(data)) as book, book.open(sheet._worksheet_path.lstrip("/")) as file:  # noqa: SLF001 - nothing public says it
        while piece := file.read(1 << 20):
            whole, _, rest = (before + piece).rpartition(b">")
            for row in _ROW.finditer(whole + b">"):
                said = _NUMBER.search(row[1])
                number = int(said[1]) if said else number + 1
                if _HIDDEN.search(row[1]):
                    found.add(number)
            before = rest
    return frozenset(found)


def _without(
    path: Path, title: str, rows: Iterable[tuple[int, tuple[Any, ...]]], hidden: frozenset[int], *, skip: bool
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows that are shown.

    Raises:
        BadSource: A hidden one holds something, and nobody said that such rows do not count.
    """
    for number, row in rows:
        if number not in hidden:
            yield number, row
        elif not skip and any(cell is not None for cell in row):
            raise BadSource(
                str(path),
                None,
                f"{len(hidden):,} rows of the sheet {title!r} are hidden, by a filter or by somebody, such as row {number:,}; "
                "say with hidden_rows= (--hidden-rows read or skipped) whether they count",
            )


def _read_sheets(
    path: Path,
    data: bytes,
    book: Any,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    optional: Sequence[str],
    *,
    padded: bool,
    progress: bool,
) -> Workbook:
    parts: list[Workbook] = []
    refusal: BadSource | None = None
    last = 0
    for sheet in _wanted(path, book, options):
        # Some writers store a wrong size, and openpyxl would believe it.
        sheet.reset_dimensions()
        rows: Iterator[tuple[int, tuple[Any, ...]]] = enumerate(
            _shown_rows(sheet) if padded else sheet.iter_rows(values_only=True), 1
        )
        try:
            header, at = _header(path, sheet.title, rows, columns, options, optional)
        except BadSource as error:
            refusal = refusal or error
            if options.sheets:
                raise
            continue
        if sheet.sheet_state != "visible" and not options.sheets:
            raise BadSource(
                str(path),
                None,
                f"the sheet {sheet.title!r} is hidden and has the columns too; say which sheets count with sheets= "
                "(--sheet NAME)",
            )
        hidden = _hidden_rows(data, sheet) if options.hidden_rows != "read" else frozenset()
        if hidden:
            rows = _without(path, sheet.title, rows, hidden, skip=options.hidden_rows == "skipped")
        bar = tqdm(rows, desc=sheet.title, unit=" rows", disable=None if progress else True)
        part = _read_rows(sheet.title, header, bar, at, last)
        parts.append(part)
        last = int(part.numbers[-1]) if len(part.numbers) else last
    if not parts:
        raise refusal or BadSource(str(path), None, "the workbook has no sheets with rows")
    table = pa.concat_tables([part.table for part in parts], promote_options="default")
    kinds = {
        name: np.concatenate([part.kinds.get(name, np.zeros(part.table.num_rows, dtype=np.int8)) for part in parts])
        for name in table.column_names
    }
    return Workbook(
        table,
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.lines for part in parts]),
        tuple(sheet for part in parts for sheet in part.sheets),
        kinds,
    )


def _wanted(path: Path, book: Any, options: TableOptions) -> list[Any]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    for name in options.sheets:
        if name not in sheets:
            raise BadSource(str(path), None, f"it has no sheet {name!r}; there are {', '.join(map(repr, sheets))}")
    return [sheet for title, sheet in sheets.items() if not options.sheets or title in options.sheets]


def _header(
    path: Path,
    title: str,
    rows: Iterable[tuple[int, tuple[Any, ...]]],
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    optional: Sequence[str],
) -> tuple[list[str], int]:
    """The sheet's column names, and the row that they stand in; `rows` goes on below it."""
    first: list[str] | None = None
    for number, row in rows:
        names = [(as_text(cell) or "").strip() for cell in row]
        if options.header_row is not None:
            if number < options.header_row:
                continue
        elif not any(names) and first is None:
            continue
        if options.header_row is not None or not missing_columns(names, columns, optional):
            if first is not None:
                raise BadSource(
                    str(path),
                    None,
                    f"the column names of the sheet {title!r} stand in row {number}, below {next(filter(None, first), '')[:60]!r}; "
                    f"say so with header_row={number} (--header-row {number}), or remove the rows above",
                )
            require_columns(path, names, match_columns(path, names, columns), columns, optional)
            return names, number
        first = names if first is None else first
        if number >= _TITLES:
            break
    names = first or []
    require_columns(path, names, match_columns(path, names, columns), columns, optional)
    return names, 1


def _read_rows(
    title: str, header: list[str], rows: Iterable[tuple[int, tuple[Any, ...]]], at: int, last: int
) -> Workbook:
    named = [i for i, name in enumerate(header) if name]
    cells: list[list[str | None]] = [[] for _ in named]
    kinds: list[bytearray] = [bytearray() for _ in named]
    places: list[int] = []
    for place, row in rows:
        if not any(cell is not None and (not isinstance(cell, str) or cell.strip()) for cell in row):
            continue
        places.append(place)
        for values, kind, i in zip(cells, kinds, named, strict=True):
            text, what = _cell(row[i]) if i < len(row) else (None, TEXT)
            values.append(text)
            kind.append(what)
    names = distinct([header[i] for i in named])
    lines = np.array(places, dtype=np.int64)
    return Workbook(
        pa.Table.from_arrays([pa.array(values, pa.string()) for values in cells], names=names),
        lines - at + last,
        lines,
        ((title, len(places)),),
        {name: np.frombuffer(bytes(kind), dtype=np.int8) for name, kind in zip(names, kinds, strict=True)},
    )


def _cell(cell: Any) -> tuple[str | None, int]:  # noqa: PLR0911 - one line for each kind of cell
    if cell is None:
        return None, TEXT
    if isinstance(cell, str):
        return cell or None, ERROR if cell in ERRORS else TEXT
    if isinstance(cell, bool):
        return str(cell).upper(), BOOLEAN
    if isinstance(cell, int | float):
        if isinstance(cell, float) and not math.isfinite(cell):
            return None, TEXT
        return as_text(cell), NUMBER
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat(), DATE
    return str(cell), CLOCK if isinstance(cell, time | timedelta) else TEXT
