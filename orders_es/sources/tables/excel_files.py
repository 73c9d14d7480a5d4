"""Excel workbooks, sheet after sheet; for `orders_es.sources.tables.files`. Needs the extra `excel`."""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from orders_es.errors import BadSource
from orders_es.sources.tables.headers import match_columns, require_columns
from orders_es.sources.tables.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["parse_workbook"]


def parse_workbook(
    path: Path,
    data: bytes,
    columns: Mapping[str, Sequence[str]],
    optional: Sequence[str] = (),
    *,
    progress: bool = False,
) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[str, int], ...]]:
    """Every cell as text, row numbers that run on from sheet to sheet, and the name and length of each sheet read.

    Sheets whose first row lacks the wanted columns (notes, pivots) are passed over. Numbers come out in their shortest
    exact spelling, so that a price Excel shows as 2.55 is `2.55`.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        columns: The columns that are wanted, and the names under which they may come.
        optional: Those that a sheet may lack.
        progress: Whether to show a bar on a terminal; a workbook of half a million rows takes about a minute.

    Raises:
        BadSource: `openpyxl` is not installed, the file is not a workbook, or no sheet has the columns.
    """
    try:
        import openpyxl  # noqa: PLC0415 - an optional dependency, slow to load
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
            return _read_sheets(path, book, columns, optional, progress=progress)
        except (zipfile.BadZipFile, KeyError, SyntaxError, EOFError) as error:
            raise BadSource(str(path), None, f"the workbook is damaged: {error}") from error
        finally:
            book.close()


def _read_sheets(
    path: Path, book: Any, columns: Mapping[str, Sequence[str]], optional: Sequence[str], *, progress: bool
) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[str, int], ...]]:
    tables: list[pa.Table] = []
    numbers: list[npt.NDArray[np.int64]] = []
    sheets: list[tuple[str, int]] = []
    refusal: BadSource | None = None
    last = 0
    for sheet in book.worksheets:
        # Some writers store a wrong size, and openpyxl would believe it.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True)
        header = [as_text(cell) or "" for cell in next(rows, ())]
        try:
            require_columns(path, header, match_columns(path, header, columns), columns, optional)
        except BadSource as error:
            refusal = refusal or error
            continue
        table, places = _read_rows(
            header, tqdm(rows, desc=sheet.title, unit=" rows", disable=None if progress else True)
        )
        tables.append(table)
        numbers.append(last + places)
        last += int(places[-1]) if len(places) else 0
        sheets.append((sheet.title, table.num_rows))
    if not tables:
        raise refusal or BadSource(str(path), None, "the workbook has no sheets with rows")
    return pa.concat_tables(tables, promote_options="default"), np.concatenate(numbers), tuple(sheets)


def _read_rows(header: list[str], rows: Iterable[tuple[Any, ...]]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    named = [i for i, name in enumerate(header) if name]
    cells: list[list[str | None]] = [[] for _ in named]
    places: list[int] = []
    for place, row in enumerate(rows, start=1):
        if not any(cell is not None for cell in row):
            continue
        places.append(place)
        for values, i in zip(cells, named, strict=True):
            values.append(as_text(row[i]) if i < len(row) else None)
    arrays = [pa.array(values, pa.string()) for values in cells]
    return pa.Table.from_arrays(arrays, names=_distinct([header[i] for i in named])), np.array(places, dtype=np.int64)


def _distinct(names: list[str]) -> list[str]:
    return [name if name not in names[:i] else f"{name} (column {i + 1})" for i, name in enumerate(names)]
