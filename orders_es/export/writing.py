"""`export`: a read model or a query, at a moment, into a file that says where its figures come from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotExport
from orders_es.evidence import KEY, Provenance, provenance_of, table_controls, write_beside
from orders_es.export.text_form import as_text, guarded, local_millis
from orders_es.export.workbook import write_workbook
from orders_es.log.log_argument import check_session
from orders_es.log.relation import quoted, text
from orders_es.log.streaming import streamed
from orders_es.orders.moments import spoken
from orders_es.replay.lossless_types import lossless
from orders_es.replay.moments import as_of
from orders_es.replay.permissions import check_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import duckdb

    from orders_es.log import Head
    from orders_es.orders.moments import Moment
    from orders_es.replay import Session

__all__ = ["Exported", "excel_form", "export", "select"]

_NAME = re.compile(r"\w+")
_BATCH = 10_000
_ROWS = "orders_es_rows"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to.

    Args:
        files: All files that belong to it: the file, and beside a `.csv` the `.csv.json` that says where it comes from.
        rows: How many rows it has.
        provenance: From which log, moment and definition.
    """

    path: str
    files: tuple[str, ...]
    rows: int
    provenance: Provenance


def export(
    session: Session,
    source: str,
    path: str | os.PathLike[str],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    guard: bool = True,
) -> Exported:
    """Write a table as it stood at a moment to a `.parquet`, `.csv` or `.xlsx` file; the name's ending says which.

    The file appears whole or not at all, in the place of what was there, and the same question to the same log gives the
    same rows in the same order: those of a read model are sorted, those of a query as it says. Money is exact in each form.
    A Parquet file carries its provenance in its metadata, a workbook on its first sheet, and a CSV file in a second file
    beside it, `<path>.json`: the query, the moments, the log, its last position and root, how many rows there are, and the exact sum of each
    numeric column. Read-only on the log.

    Args:
        source: A read model's name, `events`, or one SELECT.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        guard: In CSV, put an apostrophe before text that a spreadsheet would take for a formula.

    Raises:
        CannotExport: The name has another ending, there is no such read model, or Excel cannot hold such a table.
        NaiveTime: A time has no time zone.
        QueryError: DuckDB refuses the query.
        CannotWriteFile: The disk refuses.
        UnknownEventType: A read model met an event whose meaning nobody registered.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> done = export(connect(log), "orders", tempfile.mkdtemp() + "/orders.parquet")
        >>> done.rows, done.provenance.position
        (1, 1)
    """
    check_session(session)
    target = Path(path).absolute()
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=session.tz)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise CannotExport(str(path), f"its name ends in {target.suffix!r}; name it .parquet, .csv or .xlsx")
    query = select(session, source, str(path))
    with session.writing(query, target) as fresh:

        def use(cursor: duckdb.DuckDBPyConnection, head: Head) -> tuple[int, Provenance]:
            exact, columns = in_lossless_types(cursor, query)
            # Computed once: the sums have to be those of the rows that are written, also where a query may give others each time.
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT * FROM (\n{exact}\n)")
            is_name = _NAME.fullmatch(source.strip()) is not None
            provenance = provenance_of(
                session,
                cursor,
                head,
                asked,
                name=source.strip() if is_name else None,
                query=None if is_name else source,
                columns=columns,
            )
            controls = table_controls(cursor, _ROWS, [(name, kind, quoted(name)) for name, kind in columns])
            provenance = replace(provenance, rows=controls.rows, sums=controls.sums)
            if target.suffix.lower() == ".csv":
                provenance = replace(provenance, guarded=guard)
            return write(session, cursor, f"FROM {_ROWS}", fresh, provenance), provenance

        try:
            rows, provenance = session.using(
                use,
                source,
                at=asked.at,
                known_at=asked.known_at,
                recorded_by=asked.recorded_by,
                reads=(query, "FROM moment"),
            )
        except CannotExport as error:  # which knows the file by its name for the time being
            raise CannotExport(str(path), error.reason) from error
        files = [str(target)]
        if target.suffix.lower() == ".csv":
            files.append(str(write_beside(target, provenance, fresh)))
    return Exported(str(target), tuple(files), rows, provenance)


def select(session: Session, source: str, path: str) -> str:
    """SQL for what is to be exported: a relation by its name, its rows sorted, or a query as it is.

    Args:
        source: A read model's name, `events`, or one SELECT.
        path: The file, for the error.

    Raises:
        CannotExport: There is no such read model.
    """
    check_text(source)
    source = source.strip().rstrip(";")
    if not _NAME.fullmatch(source):
        return source
    if source == "events":
        return 'SELECT * FROM events ORDER BY "position"'
    models = {model.name: model for model in session.models}
    if source not in models:
        raise CannotExport(path, f"there is no read model {source!r}; there are events, {', '.join(sorted(models))}")
    order = ", ".join(map(quoted, models[source].key)) or "ALL"
    return f"SELECT * FROM {quoted(source)} ORDER BY {order}"


def in_lossless_types(cursor: Any, query: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The query with its answer in types that every form of file holds, and the names and types of its columns."""
    asked = cursor.sql(f"SELECT * FROM ({query}\n)")
    exact = lossless(query, zip(asked.columns, asked.types, strict=True), "parquet")
    relation = asked if exact is query else cursor.sql(exact)
    return exact, tuple(zip(relation.columns, map(str, relation.types), strict=True))


def _write_parquet(session: Session, cursor: Any, query: str, path: Path, provenance: Provenance) -> int:
    facts = json.dumps(provenance.to_dict(), ensure_ascii=False)
    options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{text(KEY)}: {text(facts)}}}"
    return session.copy_out(cursor, query, options, path)


def _write_csv(session: Session, cursor: Any, query: str, path: Path, provenance: Provenance) -> int:
    guard = provenance.guarded
    names = _heads(cursor, [name for name, _ in provenance.columns], guard=guard)
    columns = ", ".join(
        f"{as_text(name, kind, guard=guard)} AS {quoted(head)}"
        for (name, kind), head in zip(provenance.columns, names, strict=True)
    )
    return session.copy_out(cursor, f"SELECT {columns} FROM (\n{query}\n)", "FORMAT csv, HEADER", path)


def _heads(cursor: Any, names: list[str], *, guard: bool) -> list[str]:
    if not guard:
        return names
    return [
        cursor.execute(f"SELECT {guarded('name')} FROM (SELECT ? AS name)", [name]).fetchall()[0][0] for name in names
    ]


def _write_workbook(_: Session, cursor: Any, query: str, path: Path, provenance: Provenance) -> int:
    names = [name for name, _ in provenance.columns]
    forms = [excel_form(kind) for _, kind in provenance.columns]
    values = [
        local_millis(name, kind)
        if form in ("time", "date")
        else quoted(name)
        if form in ("bool", "double")
        else as_text(name, kind)
        for (name, kind), form in zip(provenance.columns, forms, strict=True)
    ]
    columns = ", ".join(f"{value} AS c{i}" for i, value in enumerate(values))
    relation = cursor.sql(f"SELECT {columns} FROM (\n{query}\n)")
    batches = ([column.to_pylist() for column in batch.columns] for batch in streamed(relation, _BATCH))
    return write_workbook(str(path), names, forms, batches, _cover(provenance), provenance.title)


def excel_form(kind: str) -> str:
    """As what a column of a DuckDB type goes into a workbook, in the words of `write_workbook`.

    Args:
        kind: The DuckDB type.

    Example:
        >>> excel_form("DECIMAL(28,4)"), excel_form("TIMESTAMP WITH TIME ZONE"), excel_form("VARCHAR")
        ('money', 'time', 'text')
    """
    if kind.startswith("DECIMAL") and kind.endswith(")"):
        return "number" if kind.endswith(",0)") else "money"
    if re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", kind):
        return "number"
    forms = {"TIMESTAMP WITH TIME ZONE": "time", "TIMESTAMP": "time", "DATE": "date", "BOOLEAN": "bool"}
    return forms.get(kind, "double" if kind in ("DOUBLE", "FLOAT") else "text")


def _cover(provenance: Provenance) -> Iterator[tuple[str, str]]:
    def limit(asked: datetime | None, resolved: datetime | None) -> str:
        if resolved is None:
            return "no events"
        said = spoken(resolved, provenance.time_zone)
        return said if asked is not None else f"{said} (no limit was asked for: the last event)"

    yield "Table", provenance.title
    if provenance.query is not None:
        yield "Query", provenance.query
    yield "What had happened by (at)", limit(provenance.asked_at, provenance.at)
    yield "What was known by (known_at)", limit(provenance.asked_known_at, provenance.known_at)
    if provenance.asked_recorded_by is not None:
        by = spoken(provenance.asked_recorded_by, provenance.time_zone)
        yield "What this log itself had recorded by (recorded_by)", by
    yield "Times in the table", f"the clock in {provenance.time_zone}, to the millisecond"
    yield "Log", provenance.origin
    yield "Log's identity", provenance.log_id
    yield "Log's last position", str(provenance.position)
    yield "Log's root", provenance.root
    yield "Definition (SHA-256)", provenance.definition_sha256
    yield "Rows", str(provenance.rows)
    for each in provenance.sums or ():
        yield f"Sum of {each.column}", f"{each.total} ({each.values} values)"
    yield "orders_es", provenance.package
    yield "To check", "orders-es export check FILE --log LOG"
    yield KEY, json.dumps(provenance.to_dict(), ensure_ascii=False)


_WRITERS: dict[str, Callable[[Session, Any, str, Path, Provenance], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".xlsx": _write_workbook,
}
