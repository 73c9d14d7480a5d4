"""A file held to what it says of itself: its control totals and, where lines give one, its root. No log is needed.

Also how the rows of each kind of file are taken out of it, for whoever compares them with the log's.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, NotAnExport
from orders_es.evidence import OCEL, XES, Controls, Provenance, table_controls
from orders_es.export.finding import SHOWN, Finding
from orders_es.export.process.evidence import process_controls
from orders_es.export.reading import cover_and_rows
from orders_es.export.text_form import as_text, local_millis
from orders_es.export.writing import excel_form
from orders_es.log.relation import quoted
from orders_es.log.scan import parquet_files, text_columns
from orders_es.replay.defining import set_time_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import duckdb

__all__ = ["form_of", "own_lines", "own_totals"]

_STEP = 20_000
_NAMED = 5
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a spreadsheet's clock has no zone


def own_totals(file: Path, known: Provenance, scratch: duckdb.DuckDBPyConnection | None = None) -> Finding:
    """Whether a file has the rows and sums that it says.

    Args:
        scratch: A DuckDB that holds nothing, for all files that are looked at together: to start one takes longer than most files.
    """
    import duckdb

    before = known.controls
    if before is None:
        return Finding("totals", None, "the file is from before control totals were written")
    try:
        if known.name in (OCEL, XES):
            found = process_controls(file, known)
        else:
            fill, _ = form_of(file)
            columns = list(known.columns)
            with duckdb.connect() if scratch is None else scratch.cursor() as plain:
                set_time_zone(plain, known.time_zone)
                fill(plain, file, columns)
                # What is no number any more is none of its column's values.
                typed = [(name, kind, f"try_cast(c{i} AS {kind})") for i, (name, kind) in enumerate(columns)]
                found = table_controls(plain, "in_file", typed)
    except (NotAnExport, BadSource, duckdb.Error, OSError) as error:
        return Finding(
            "totals", False, f"it cannot be read as it was written: {str(error).partition(chr(10))[0][:SHOWN]}"
        )
    return _held(before, found)


def _held(before: Controls, found: Controls) -> Finding:
    wrong = list(before.differences(found))
    if not wrong:
        sums = f", and the sums of numeric columns ({len(before.sums):,})" if before.sums else ""
        return Finding("totals", True, f"rows: {before.rows:,}{sums}, as they were written")
    more = f"; and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
    return Finding("totals", False, f"it was changed after the export: {'; '.join(wrong[:_NAMED])}{more}")


def own_lines(file: Path, known: Provenance) -> Iterator[Finding]:
    """Whether a file of lines has the numbers that it says, and gives the root that it says."""
    from orders_es.sources.jsonl.evidence import read_lines  # the room loads what reads tables

    before = known.controls
    try:
        found, root = read_lines(file)
    except (ValueError, OSError) as error:
        yield Finding("totals", False, str(error))
        return
    yield Finding("totals", None, "it says nothing of control totals") if before is None else _held(before, found)
    if root.hex() == known.root:
        yield Finding(
            "lines", True, f"its {found.rows:,} lines give the root that it names, so each is as it was recorded"
        )
    else:
        yield Finding("lines", False, f"its lines give the root {root.hex()}, and it names {known.root}")


def form_of(path: Path) -> tuple[Callable[..., None], Callable[..., str]]:
    """How a table's rows come out of a file of this kind, and how a value of the log looks there."""
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise NotAnExport(str(path), "its name ends in none of .parquet, .csv and .xlsx")
    return form


def _fill_from_parquet(cursor: Any, path: Path, columns: list[tuple[str, str]]) -> None:
    values = ", ".join(f"{as_text(name, kind)} AS c{i}" for i, (name, kind) in enumerate(columns))
    cursor.execute(f"CREATE TEMP TABLE in_file AS SELECT {values} FROM {parquet_files([str(path)])}")


def _fill_from_csv(cursor: Any, path: Path, columns: list[tuple[str, str]]) -> None:
    cursor.execute(f"CREATE TEMP TABLE in_file AS FROM {text_columns(str(path), len(columns))}")


def _fill_from_workbook(cursor: Any, path: Path, columns: list[tuple[str, str]]) -> None:
    import pyarrow as pa

    kinds = [pa.float64() if excel_form(kind) == "double" else pa.string() for _, kind in columns]
    names = [f"c{i}" for i in range(len(columns))]
    cast = ", ".join(f"nullif({name}::VARCHAR, '') AS {name}" for name in names)
    cursor.execute(f"CREATE TEMP TABLE in_file({', '.join(f'{name} VARCHAR' for name in names)})")
    with cover_and_rows(path) as (_, rows):
        heads = [str(value) for value in next(rows, ())]
        if heads != [name for name, _ in columns]:
            raise NotAnExport(str(path), "it was changed after the export: its first row names other columns")
        while chunk := list(islice(rows, _STEP)):
            arrays = [
                pa.array([_cell(row[i] if i < len(row) else None, kind) for row in chunk], form)
                for i, ((_, kind), form) in enumerate(zip(columns, kinds, strict=True))
            ]
            cursor.register("orders_es_cells", pa.table(arrays, names))
            cursor.execute(f"INSERT INTO in_file SELECT {cast} FROM orders_es_cells")
            cursor.unregister("orders_es_cells")


def _cell(value: Any, kind: str) -> Any:
    """What a cell of a column of that type holds, in the words of `_workbook_text`."""
    form = excel_form(kind)
    if value is None or (form == "double" and isinstance(value, int | float)):
        return value
    if form in ("time", "date") and isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
        return str(round((moment - _EPOCH) / timedelta(milliseconds=1)))
    if form in ("money", "number") and isinstance(value, int | float):
        scale = int(kind.partition(",")[2].rstrip(")") or 0)
        try:
            digits = Decimal(repr(value))
        except InvalidOperation:
            return repr(value)
        return f"{digits:.{scale}f}" if digits == round(digits, scale) else str(digits)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _workbook_text(name: str, kind: str, _: Provenance) -> str:
    form = excel_form(kind)
    if form in ("time", "date"):
        return f"{local_millis(name, kind)}::VARCHAR"
    return f"nullif({as_text(name, kind)}, '')" if form == "text" else f"{quoted(name)}::VARCHAR"


_FORMS: dict[str, tuple[Callable[[Any, Path, list[tuple[str, str]]], None], Callable[[str, str, Provenance], str]]] = {
    ".parquet": (_fill_from_parquet, lambda name, kind, _: as_text(name, kind)),
    ".csv": (_fill_from_csv, lambda name, kind, provenance: as_text(name, kind, guard=provenance.guarded)),
    ".xlsx": (_fill_from_workbook, _workbook_text),
}
