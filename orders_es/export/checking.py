"""`check_export`: whether a file holds what its log gives, for auditors who are handed a figure. Read-only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotExport, NotAnExport
from orders_es.evidence import LINES, OCEL, XES, Provenance, beside, definition_hash
from orders_es.export.answer_evidence import is_evidence, read_evidence, same_totals
from orders_es.export.finding import SHOWN, Checked, Finding, other_package
from orders_es.export.process.comparing import same_process
from orders_es.export.reading import read_facts
from orders_es.export.self_check import form_of, own_lines, own_totals
from orders_es.export.writing import in_lossless_types, select
from orders_es.log.roots import root_at
from orders_es.read_models import load_read_models
from orders_es.replay import Session
from orders_es.replay.permissions import check_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from orders_es.log import EventLog, Head
    from orders_es.read_models import Folders

__all__ = ["check_export", "check_one"]


def check_export(
    path: str | os.PathLike[str],
    log: EventLog | None = None,
    *,
    read_models: Folders = None,
    progress: bool = False,
    allow_files: bool = False,
) -> Checked:
    """Whether an exported file is as it was written, and holds what its log gives.

    First the file is held to itself: to its control totals, to the SHA-256 beside it where there is one, and JSON lines to the root of the
    log, which they give themselves. That needs no log, and finds what was edited by somebody who did not edit the evidence as
    well. Then it is held to the log: its events up to then are hashed, and the table computed again and compared row by row.

    The log may have grown since, be compacted, or be a copy. Numbers in a workbook are held to their digits, and times in
    it to the millisecond, for so they are written.

    Args:
        path: A file that `export`, `export_jsonl`, `export_ocel` or `export_xes` wrote.
        log: The log that it should come from; only the file itself is looked at if left out.
        read_models: The folder of one's own read models, or several, where the file is of one of them.
        progress: Show a progress bar where a large log has to be hashed.
        allow_files: Let the query that the file names read other files; it comes with the file, so look at it first.

    Raises:
        FilesNotAllowed: The query that the file names would read or write files.
        NotAnExport: The file does not say where it comes from, or cannot be read as what it is.
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
        >>> [(finding.about, finding.good) for finding in check_export(done.path, log).findings]
        [('totals', True), ('log', True), ('rows', True)]
    """
    return check_one(path, log, {}, read_models=read_models, progress=progress, allow_files=allow_files)


def check_one(
    path: str | os.PathLike[str],
    log: EventLog | None,
    known: dict[tuple[int, str], Finding],
    *,
    session: Session | None = None,
    scratch: duckdb.DuckDBPyConnection | None = None,
    read_models: Folders = None,
    progress: bool = False,
    allow_files: bool = False,
) -> Checked:
    """As `check_export`, for one file of several.

    Args:
        known: What is known already of the log's root at a position, so that many files of one moment hash it once.
        session: A session on the log that may read the file, for all those of its time zone.
        scratch: A DuckDB that holds nothing, to count what is in each file.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 - `..` goes as DuckDB has it
    if is_evidence(file) and not beside(file).exists():
        return _check_evidence(file, log, known, read_models=read_models, progress=progress, allow_files=allow_files)
    provenance, changed = read_facts(Path(path))
    findings = [] if changed is None else [Finding("file", False, changed)]
    if provenance.name == LINES:
        findings += own_lines(file, provenance)
    else:
        findings.append(own_totals(file, provenance, scratch))
    if log is not None:
        end = (provenance.position, provenance.root)
        same = known[end] = known.get(end) or _same_events(provenance, log, progress=progress)
        findings.append(same)
        if same.good and provenance.log_id != str(log.log_id):
            text = f"this log is {log.log_id}, the file names {provenance.log_id}: one is a copy"
            findings.append(Finding("identity", None, text))
        if same.good and provenance.name != LINES:
            compared = same_process if provenance.name in (OCEL, XES) else _same_table
            if session is not None and str(session.tz) == provenance.time_zone:
                findings += compared(provenance, file, session)
            else:
                models = load_read_models(read_models)
                with Session(log, models, tz=provenance.time_zone, allow_files=allow_files, files=[str(file)]) as own:
                    findings += compared(provenance, file, own)
    return Checked(str(path), provenance, tuple(findings))


def _check_evidence(
    file: Path,
    log: EventLog | None,
    known: dict[tuple[int, str], Finding],
    *,
    read_models: Folders,
    progress: bool,
    allow_files: bool,
) -> Checked:
    """Evidence of an answer that was printed: the log has to give the same figures."""
    provenance = read_evidence(file)
    findings = []
    if log is not None:
        end = (provenance.position, provenance.root)
        same = known[end] = known.get(end) or _same_events(provenance, log, progress=progress)
        findings.append(same)
        if same.good:
            models = load_read_models(read_models)
            with Session(log, models, tz=provenance.time_zone, allow_files=allow_files) as session:
                findings.append(same_totals(provenance, session))
    else:
        findings.append(Finding("totals", None, "it is evidence of an answer, and no file; give the log to hold it to"))
    return Checked(str(file), provenance, tuple(findings))


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
    yield from other_package(provenance)

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
    import duckdb

    query, columns = in_lossless_types(cursor, query)
    if columns != provenance.columns:
        yield Finding("columns", False, "the table has other columns here, so that no rows can be compared")
        return
    fill, form = form_of(path)
    recomputed = ", ".join(f"{form(name, kind, provenance)} AS c{i}" for i, (name, kind) in enumerate(columns))
    cursor.execute(f"CREATE TEMP TABLE from_log AS SELECT {recomputed} FROM (\n{query}\n)")
    try:
        fill(cursor, path, columns)
    except (NotAnExport, duckdb.Error) as error:
        yield Finding("rows", False, f"no rows can be compared: {str(error).partition(chr(10))[0][:SHOWN]}")
        return
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
        f"; {where}, among others: {str(row[0])[:SHOWN]}"
        for where, row in (("in the file", extra), ("from the log", missing))
        if row
    )
    yield Finding(
        "rows",
        False,
        f"the file has {held:,} rows and the log gives {rows:,}; {strange:,} of the file's are not the log's, and {absent:,} "
        f"of the log's are not in the file{examples}",
    )
