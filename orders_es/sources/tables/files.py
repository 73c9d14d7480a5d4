"""Tables of order lines out of CSV, Excel and Parquet files alike, for whoever writes an importer.

An importer says which columns it needs and under which names they may come; what it gets back is the file as it stands,
every row with its number, and a fingerprint of the file's bytes to derive event ids from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orders_es.errors import BadSource
from orders_es.sources.tables.csv_files import parse_csv
from orders_es.sources.tables.csv_pieces import read_in_pieces
from orders_es.sources.tables.csv_text import packed_as
from orders_es.sources.tables.excel_files import parse_workbook
from orders_es.sources.tables.guards import unguarded
from orders_es.sources.tables.headers import match_columns, require_columns
from orders_es.sources.tables.json_lines import parse_json_lines
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.tables.source import SourceTable
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

__all__ = ["SourceTable", "in_order_of", "read_source"]


_KINDS = {
    ".csv": ".csv",
    ".tsv": ".csv",
    ".xlsx": ".xlsx",
    ".xlsm": ".xlsx",
    ".parquet": ".parquet",
    ".jsonl": ".jsonl",
    ".ndjson": ".jsonl",
}
LARGE_PARQUET = 8 << 20
"""Of a Parquet file of more bytes only the columns that are asked for are held; packed, it is several times smaller than in memory."""
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")


def read_source(
    source: str | os.PathLike[str],
    columns: Mapping[str, Sequence[str]],
    *,
    options: TableOptions | None = None,
    optional: Sequence[str] = (),
    order_by: str | None = None,
    rows_required: bool = True,
    only_wanted: bool = False,
    progress: bool = False,
    at: Path | None = None,
    pieces: bool = False,
) -> SourceTable:
    r"""The rows of a `.csv`, `.xlsx`, `.parquet` or `.jsonl` file; read-only, never writes.

    Args:
        source: The file. Its extension says what it is; a pipe has none, and is known by its first bytes.
        columns: What the importer calls each column, and the names under which a file may hold it. Case, blanks and
            punctuation do not count: `Customer ID` is `CustomerID`.
        options: What was said about how to read it.
        optional: Those of `columns` that a file may lack.
        order_by: One of `columns`; where the file has it, rows are put in its order.
        rows_required: Whether a file with a header and nothing else is refused.
        only_wanted: Whether to leave columns aside that nobody asked for, if all others are there. Not for `.xlsx`.
        progress: Whether to show a bar, on a terminal, while a workbook is read.
        at: Where its bytes lie, if `source` is but its name; what kind of file it is, they say themselves then.
        pieces: Whether a large CSV file is read a piece at a time, so that it need not be held as a whole; `only_wanted` is for
            such a file only then, because a small one may as well be there with all that it has.

    Raises:
        BadSource: There is no such file, it is not one of these kinds, it cannot be read, it lacks a column, or it
            holds no rows where some are required.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.csv"
        >>> _ = path.write_text("Invoice,Price\n536365,2.55\n")
        >>> read_source(path, {"invoice": ("InvoiceNo", "Invoice"), "price": ("Price",)}).column("price").to_pylist()
        ['2.55']
    """
    path, options = Path(source), options or TableOptions()
    if at is None:
        refuse_special(path, pipes=True)
    kind = "" if at is not None else _KINDS.get(path.suffix.lower(), "")
    if not kind and at is None and not path.is_fifo():
        raise BadSource(str(path), None, _unknown_kind(path.suffix.lower()))
    result = None
    if pieces and kind in (".csv", "") and not path.is_fifo():
        result = _large_csv(path, at, columns, options, optional, only_wanted=only_wanted)
    if pieces and only_wanted and kind == ".parquet" and at is None and path.is_file():
        result = _large_parquet(path, columns)
    if result is None:
        result = _read_whole(
            path, kind, at, columns, options, optional, only_wanted=only_wanted and not pieces, progress=progress
        )
    header = result.names
    names = match_columns(path, header, columns)
    require_columns(path, header, names, columns, optional)
    result.columns.update(names)
    for name in options.verbatim:
        if name not in names and name not in names.values():
            raise BadSource(
                str(path),
                None,
                f"verbatim= (--verbatim) names {name!r}, which it does not read; it reads {', '.join(names.values())}",
            )
    if rows_required and result.table.num_rows == 0 and not result.damaged:
        raise BadSource(str(path), None, "it has a header but no rows; there is nothing to import")
    return result if order_by is None or order_by not in names else in_order_of(result, order_by)


def _large_csv(
    path: Path,
    at: Path | None,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    optional: Sequence[str],
    *,
    only_wanted: bool,
) -> SourceTable | None:
    place = at or path
    if not place.is_file():
        return None
    with place.open("rb") as file:
        head = file.read(65_536)
    if _kind_of(path, "" if at else ".csv", head) != ".csv":
        return None
    # What comes through a pipe is gone when rows are set aside, so all of its columns are kept.
    return read_in_pieces(path, place, columns, options, optional=optional, only_wanted=only_wanted and at is None)


def _large_parquet(path: Path, columns: Mapping[str, Sequence[str]]) -> SourceTable | None:
    """The columns that are wanted of a file whose others are larger; None if it has to be read as a whole."""
    if path.stat().st_size <= LARGE_PARQUET:
        return None
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
        schema = pq.read_schema(path)
        found = list(match_columns(path, schema.names, columns).values())
        if len(found) < len(columns):
            return None
        table = pq.ParquetFile(path, memory_map=False).read(columns=found)
    except (pa.ArrowException, OSError):
        return None  # and reading it as a whole says why

    def fetch(wanted: npt.NDArray[np.int64]) -> pa.Table:
        # A row group at a time, because only few rows of each are wanted.
        rows, parts, start = pq.ParquetFile(path), [], 0
        for group in range(rows.metadata.num_row_groups):
            length = rows.metadata.row_group(group).num_rows
            own = wanted[(wanted > start) & (wanted <= start + length)] - start - 1
            if len(own):
                parts.append(rows.read_row_group(group).take(pa.array(own)))
            start += length
        return pa.concat_tables(parts) if parts else schema.empty_table()

    return SourceTable(
        path,
        digest.digest(),
        table,
        {},
        np.arange(1, table.num_rows + 1),
        header=tuple(schema.names),
        fetch=fetch,
    )


def _read_whole(
    path: Path,
    kind: str,
    at: Path | None,
    columns: Mapping[str, Sequence[str]],
    options: TableOptions,
    optional: Sequence[str],
    *,
    only_wanted: bool,
    progress: bool,
) -> SourceTable:
    data = _read_bytes(path, at or path)
    kind = _kind_of(path, kind, data)
    digest = hashlib.sha256(data).digest()
    if kind == ".csv":
        table, numbers, lines, damaged = parse_csv(
            path, data, columns, options, optional=optional, only_wanted=only_wanted
        )
        return SourceTable(path, digest, unguarded(table), {}, numbers, damaged, lines=lines)
    if kind == ".jsonl":
        rows = parse_json_lines(path, data, options)
        return SourceTable(path, digest, rows.table, {}, rows.numbers, rows.damaged, lines=rows.lines, kinds=rows.kinds)
    if kind == ".xlsx":
        book = parse_workbook(path, data, columns, options, optional=optional, progress=progress)
        return SourceTable(path, digest, book.table, {}, book.numbers, (), book.sheets, book.lines, book.kinds)
    table = _parse_parquet(path, data, columns if only_wanted else {})
    return SourceTable(path, digest, table, {}, np.arange(1, table.num_rows + 1))


def _kind_of(path: Path, kind: str, data: bytes) -> str:
    """What a file is by its first bytes, which has to be what its extension says."""
    is_book = (data.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in data[:4096]) or b"xl/workbook.xml" in data[
        :65536
    ]
    found = ".parquet" if data.startswith(b"PAR1") else ".xlsx" if is_book else ""
    if not kind:
        kind = found or (".jsonl" if data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else ".csv")
    if kind == ".csv":
        if found:
            raise BadSource(str(path), None, f"it is not CSV but what {found} files are; rename it to {found}")
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            raise BadSource(str(path), None, "it is not CSV but an old Excel file (.xls); save it as .xlsx or .csv")
        if packed := packed_as(data):
            raise BadSource(str(path), None, f"it is packed with {packed}, so it is not a text file; unpack it first")
    if kind == ".xlsx" and (packed := packed_as(data)) not in (None, "zip"):
        raise BadSource(
            str(path), None, f"it is packed with {packed}, so it is not a readable .xlsx workbook; unpack it first"
        )
    return kind


def _unknown_kind(kind: str) -> str:
    if kind in _PACKED:
        return f"{kind!r} files are packed; unpack it first, and give the .csv, .xlsx or .parquet file"
    if kind == ".xls":
        return "old Excel files (.xls) cannot be read; save it as .xlsx or .csv"
    what = f"{kind!r} is not a kind of file" if kind else "it has no extension, so it is no kind of file"
    return f"{what} that can be imported; give a .csv, .tsv, .xlsx, .parquet or .jsonl file"


def _read_bytes(path: Path, at: Path) -> bytes:
    try:
        data = at.read_bytes()
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


def in_order_of(source: SourceTable, name: str) -> SourceTable:
    """The rows in the order that a column gives, whose values are whole numbers and no two alike.

    Args:
        source: The rows.
        name: What the importer calls the column.

    Raises:
        BadSource: They are not.
    """
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
    return source.take(np.argsort(places, kind="stable"))
