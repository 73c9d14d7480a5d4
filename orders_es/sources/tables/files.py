"""Tables of order lines out of CSV, Excel and Parquet files alike, for whoever writes an importer.

An importer says which columns it needs and under which names they may come; what it gets back is the file as it stands,
every row with its number, and a fingerprint of the file's bytes to derive event ids from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_files import parse_csv
from orders_es.sources.tables.excel_files import parse_workbook
from orders_es.sources.tables.headers import match_columns, require_columns

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from orders_es.sources.tables.csv_files import DamagedRow

_array: Any = pa.array  # the type stubs take every NumPy array for one of booleans

__all__ = ["SourceTable", "read_source"]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source file's rows, as they stand in it.

    Args:
        path: The file, as it was named.
        digest: SHA-256 of its bytes.
        table: Its rows under the file's own column names.
        columns: Which of those names holds what the importer asked for.
        numbers: Each row's number in the file; the first row of data is 1.
        damaged: Rows that could not even be cut into columns; they are not in `table`.
        sheets: Name and number of rows of each sheet of a workbook; empty for other files.
    """

    path: Path
    digest: bytes
    table: pa.Table
    columns: dict[str, str]
    numbers: npt.NDArray[np.int64]
    damaged: tuple[DamagedRow, ...] = ()
    sheets: tuple[tuple[str, int], ...] = ()

    def column(self, name: str) -> Any:
        """The column that the importer calls `name`, as one Arrow array of whatever type the file gives it."""
        values = self.table.column(self.columns[name])
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)

    def without_cells(self) -> SourceTable:
        """The same file without what stands in its rows; for whoever has read them and needs to know only how many."""
        return SourceTable(
            self.path, self.digest, self.table.select([]), self.columns, self.numbers, self.damaged, self.sheets
        )

    def select(self, keep: npt.NDArray[np.bool_]) -> SourceTable:
        """The same file with only the rows where `keep` is true; their numbers stay what they were."""
        return SourceTable(
            self.path,
            self.digest,
            self.table.filter(_array(keep)),
            self.columns,
            self.numbers[keep],
            self.damaged,
        )


def read_source(
    source: str | os.PathLike[str],
    columns: Mapping[str, Sequence[str]],
    *,
    optional: Sequence[str] = (),
    order_by: str | None = None,
    rows_required: bool = True,
    only_wanted: bool = False,
    progress: bool = False,
) -> SourceTable:
    r"""The rows of a `.csv`, `.xlsx` or `.parquet` file; read-only, never writes.

    Args:
        source: The file. Its extension says what it is.
        columns: What the importer calls each column, and the names under which a file may hold it. Case, blanks and
            punctuation do not count: `Customer ID` is `CustomerID`.
        optional: Those of `columns` that a file may lack.
        order_by: One of `columns`; where the file has it, rows are put in its order.
        rows_required: Whether a file with a header and nothing else is refused.
        only_wanted: Whether to leave columns aside that nobody asked for, if all others are there. Not for `.xlsx`.
        progress: Whether to show a bar, on a terminal, while a workbook is read.

    Raises:
        BadSource: There is no such file, it is not one of the three kinds, it cannot be read, it lacks a column, or it
            holds no rows where some are required.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.csv"
        >>> _ = path.write_text("Invoice,Price\n536365,2.55\n")
        >>> read_source(path, {"invoice": ("InvoiceNo", "Invoice"), "price": ("Price",)}).column("price").to_pylist()
        ['2.55']
    """
    path = Path(source)
    kind = path.suffix.lower()
    if kind not in (".csv", ".xlsx", ".parquet"):
        raise BadSource(str(path), None, _unknown_kind(kind))
    data = _read_bytes(path)
    damaged: tuple[DamagedRow, ...] = ()
    sheets: tuple[tuple[str, int], ...] = ()
    if kind == ".csv":
        table, numbers, damaged = parse_csv(path, data, columns, only_wanted=only_wanted)
    elif kind == ".xlsx":
        table, numbers, sheets = parse_workbook(path, data, columns, optional, progress=progress)
    else:
        table = _parse_parquet(path, data, columns if only_wanted else {})
        numbers = np.arange(1, table.num_rows + 1)
    names = match_columns(path, table.column_names, columns)
    require_columns(path, table.column_names, names, columns, optional)
    if rows_required and table.num_rows == 0 and not damaged:
        raise BadSource(str(path), None, "it has a header but no rows; there is nothing to import")
    result = SourceTable(path, hashlib.sha256(data).digest(), table, names, numbers, damaged, sheets)
    return result if order_by is None or order_by not in names else _in_order_of(result, order_by)


def _unknown_kind(kind: str) -> str:
    if kind == ".xls":
        return "old Excel files (.xls) cannot be read; save it as .xlsx or .csv"
    what = f"{kind!r} is not a kind of file" if kind else "it has no extension, so it is no kind of file"
    return f"{what} that can be imported; give a .csv, .xlsx or .parquet file"


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadSource(str(path), None, "there is no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise BadSource(str(path), None, "it is a folder; name the file in it") from None
    except OSError as error:
        raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error
    if not data:
        raise BadSource(str(path), None, "it is empty (0 bytes); was the download cut off?")
    return data


def _parse_parquet(path: Path, data: bytes, only: Mapping[str, Sequence[str]]) -> pa.Table:
    try:
        found = list(match_columns(path, pq.read_schema(pa.BufferReader(data)).names, only).values())
        return pq.read_table(pa.BufferReader(data), columns=found if only and len(found) == len(only) else None)
    except (pa.ArrowException, OSError) as error:
        raise BadSource(str(path), None, f"it is not a readable Parquet file: {error}") from error


def _in_order_of(source: SourceTable, name: str) -> SourceTable:
    column = source.columns[name]
    values = source.column(name)
    try:
        places = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowException, ValueError) as error:
        raise BadSource(str(source.path), None, f"column {column!r} is not all whole numbers: {error}") from error
    if values.null_count == 0 and bool(np.all(places[1:] > places[:-1])):
        return source
    if values.null_count or len(np.unique(places)) != len(places):
        raise BadSource(str(source.path), None, f"column {column!r} gives the order of the rows and must be unique")
    if source.damaged:
        raise BadSource(
            str(source.path), source.damaged[0].number, f"{source.damaged[0].reason}, and rows are not in file order"
        )
    order = np.argsort(places, kind="stable")
    return SourceTable(
        source.path,
        source.digest,
        source.table.take(_array(order)),
        source.columns,
        source.numbers,
        (),
        source.sheets,
    )
