"""`check_export`: whether a file holds what its log gives, for auditors who are handed a figure. Read-only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotExport, NotAnExport
from orders_es.export.provenance import Provenance, definition_hash
from orders_es.export.reading import cover_and_rows, read_provenance
from orders_es.export.text_form import as_text, local_millis
from orders_es.export.writing import excel_form, select
from orders_es.log.relation import quoted
from orders_es.log.roots import root_at
from orders_es.log.scan import parquet_files, text_columns
from orders_es.read_models import load_read_models
from orders_es.replay import Session
from orders_es.replay.permissions import check_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from orders_es.log import EventLog, Head
    from orders_es.read_models import Folders

__all__ = ["Checked", "Finding", "check_export"]

_STEP = 20_000
_SHOWN = 300
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a spreadsheet's clock has no zone


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        about: What: `log`, `identity`, `definition`, `package`, `columns` or `rows`.
        good: Whether it is as it should be; None for what is worth knowing and decides nothing.
        text: What was found.
    """

    about: str
    good: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of an exported file came to.

    Args:
        provenance: What the file says of itself.
        findings: What was found, in the order in which it was looked at.
    """

    path: str
    provenance: Provenance
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the file holds, row by row, what this log gives."""
        return all(finding.good is not False for finding in self.findings)


def check_export(
    path: str | os.PathLike[str],
    log: EventLog,
    *,
    read_models: Folders = None,
    progress: bool = False,
    allow_files: bool = False,
) -> Checked:
    """Whether an exported file holds what a log gives: its events up to then are hashed, and the table computed again.

    The log may have grown since, be compacted, or be a copy. Numbers in a workbook are held to their digits, and times in
    it to the millisecond, for so they are written.

    Args:
        path: A file that `export` wrote.
        log: The log that it should come from.
        read_models: The folder of one's own read models, or several, where the file is of one of them.
        progress: Show a progress bar where a large log has to be hashed.
        allow_files: Let the query that the file names read other files; it comes with the file, so look at it first.

    Raises:
        FilesNotAllowed: The query that the file names would read or write files.
        NotAnExport: The file does not say where it comes from, or it was changed since.
        QueryError: DuckDB refuses the query.

    Example:
        >>> import tempfile
        >>> from orders_es.export import export
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> done = export(connect(log), "orders", tempfile.mkdtemp() + "/orders.parquet")
        >>> _ = log.append("A-2", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> check_export(done.path, log).ok
        True
    """
    provenance = read_provenance(path)
    findings = [_same_events(provenance, log, progress=progress)]
    if findings[0].good:
        if provenance.log_id != str(log.log_id):
            findings.append(
                Finding(
                    "identity", None, f"this log is {log.log_id}, the file names {provenance.log_id}: one is a copy"
                )
            )
        models, file = load_read_models(read_models), os.path.abspath(path)  # noqa: PTH100 - `..` goes as DuckDB has it
        with Session(log, models, tz=provenance.time_zone, allow_files=allow_files, files=[file]) as session:
            findings += _same_table(provenance, Path(file), session)
    return Checked(str(path), provenance, tuple(findings))


def _same_events(provenance: Provenance, log: EventLog, *, progress: bool) -> Finding:
    head = log.head()
    if head.position < provenance.position:
        return Finding(
            "log",
            False,
            f"the log ends at position {head.position:,}, and the file knows it up to {provenance.position:,}",
        )
    same = head.position == provenance.position
    root = head.root if same else root_at(log, provenance.position, progress=progress)
    if root.hex() != provenance.root:
        return Finding(
            "log",
            False,
            f"its root at position {provenance.position:,} is {root.hex()}, the file has {provenance.root}: it is another "
            "log, or its past was rewritten",
        )
    return Finding("log", True, f"the events up to position {provenance.position:,} have the root that the file names")


def _same_table(provenance: Provenance, path: Path, session: Session) -> Iterator[Finding]:
    from importlib.metadata import version  # loads half of the standard library

    source = provenance.name or provenance.query or ""
    try:
        query = select(session, source, str(path))
    except CannotExport as error:
        yield Finding("definition", False, f"{error.reason}; give the folder of the read models that it was made with")
        return
    if definition_hash(source, session.models) != provenance.definition_sha256:
        yield Finding(
            "definition", None, f"{provenance.title} is defined otherwise here than when the file was written"
        )
    if version("orders_es") != provenance.package:
        yield Finding("package", None, f"the file was written by {provenance.package}, this is {version('orders_es')}")

    def compare(cursor: duckdb.DuckDBPyConnection, _: Head) -> list[Finding]:
        return list(_compared(cursor, query, path, provenance))

    # The query is the file's, and the file somebody's.
    check_statements(session.connection, query, session.log, allow=session.allow_files, one=True)
    yield from session.using(
        compare,
        source,
        at=provenance.asked_at,
        known_at=provenance.asked_known_at,
        recorded_by=provenance.asked_recorded_by,
        position=provenance.position,
        reads=(query,),
    )


def _compared(cursor: Any, query: str, path: Path, provenance: Provenance) -> Iterator[Finding]:
    relation = cursor.sql(f"SELECT * FROM ({query}\n)")
    columns = list(zip(relation.columns, map(str, relation.types), strict=True))
    if tuple(columns) != provenance.columns:
        yield Finding("columns", False, "the table has other columns here, so that no rows can be compared")
        return
    fill, form = _FORMS[path.suffix.lower()]
    recomputed = ", ".join(f"{form(name, kind, provenance)} AS c{i}" for i, (name, kind) in enumerate(columns))
    cursor.execute(f"CREATE TEMP TABLE from_log AS SELECT {recomputed} FROM (\n{query}\n)")
    fill(cursor, path, columns)
    [(rows,)] = cursor.execute("SELECT count(*) FROM from_log").fetchall()
    [(held,)] = cursor.execute("SELECT count(*) FROM in_file").fetchall()
    extra = cursor.execute("FROM in_file EXCEPT ALL FROM from_log").fetchmany(1)
    missing = cursor.execute("FROM from_log EXCEPT ALL FROM in_file").fetchmany(1)
    if not extra and not missing:
        yield Finding("rows", True, f"all {rows:,} rows are what the log gives")
        return
    [(strange,)] = cursor.execute("SELECT count(*) FROM (FROM in_file EXCEPT ALL FROM from_log)").fetchall()
    [(absent,)] = cursor.execute("SELECT count(*) FROM (FROM from_log EXCEPT ALL FROM in_file)").fetchall()
    examples = "".join(
        f"; {where}, among others: {str(row[0])[:_SHOWN]}"
        for where, row in (("in the file", extra), ("from the log", missing))
        if row
    )
    yield Finding(
        "rows",
        False,
        f"the file has {held:,} rows and the log gives {rows:,}; {strange:,} of the file's are not the log's, and {absent:,} "
        f"of the log's are not in the file{examples}",
    )


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
