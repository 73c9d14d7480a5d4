"""`write_audit`: all questions of an auditor at a moment, as files and one page, with evidence over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orders_es.audit.checkpoint import sign_head
from orders_es.audit.keys import read_signer
from orders_es.audit.questions.caveats import caveats
from orders_es.audit.verify import verify
from orders_es.errors import CannotExport
from orders_es.export import export
from orders_es.files import asked_for, write_whole
from orders_es.log.log_argument import check_log
from orders_es.log.target import check_target
from orders_es.orders.moments import resolve
from orders_es.replay import connect
from orders_es.report.auditing.evidence import AUDIT, EVIDENCE, SIGNED, evidence_of, extension_of
from orders_es.report.auditing.page import audit_page
from orders_es.report.auditing.tables import Thresholds, asked_of

if TYPE_CHECKING:
    import os
    from datetime import tzinfo

    import pyarrow as pa

    from orders_es.audit import SignedCheckpoint, Verified
    from orders_es.evidence import Provenance
    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Session
    from orders_es.report.auditing.tables import Asked

__all__ = ["Audit", "Written", "write_audit"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Written:
    """One table of an audit, written.

    Args:
        asked: What was asked.
        files: The table's file first.
        rows: How many rows it has.
        provenance: Where it comes from.
        first: The rows that the page shows.
        notes: What has to be said of the whole page.
        caveats: What has to be said beside the table.
    """

    asked: Asked
    files: tuple[Path, ...]
    rows: int
    provenance: Provenance
    first: pa.Table
    notes: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What was written.

    Args:
        files: All files, the page first.
        tables: The tables, in the order of the page.
        verified: What reading and hashing the whole log came to; None if that was left out.
        signed: The checkpoint that signs the evidence; None without a key.
    """

    page: str
    files: tuple[str, ...]
    tables: tuple[Written, ...]
    verified: Verified | None
    signed: SignedCheckpoint | None

    @property
    def findings(self) -> dict[str, int]:
        """How many rows each table has that wants an explanation."""
        return {each.asked.name: each.rows for each in self.tables if each.asked.finding and each.rows}


def write_audit(
    log: EventLog,
    out: str | os.PathLike[str],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
    thresholds: Thresholds | None = None,
    form: Literal["parquet", "csv", "xlsx"] = "parquet",
    key: str | os.PathLike[str] | None = None,
    whole: bool = True,
    replace: bool = False,
    progress: bool = False,
) -> Audit:
    """Ask a log everything that auditors ask, and write the answers, a page over them and the evidence into a folder.

    The log is only read; open it with `read_only=True`, and not even a derived copy comes about beside it. All tables are of one state of the
    log, its last event when this began, whatever others append meanwhile. `evidence.json` names every file with its SHA-256, and every table with its
    query, rows and control totals; with a key, a checkpoint of the log signs that too. The page and the evidence come last, so a folder with
    both is complete.

    Args:
        out: The folder; it is made if it is not there.
        at: Only what had happened by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then; its last event if left out.
        tz: The zone in which days begin; UTC if left out.
        thresholds: From when on something is worth a look.
        form: The kind of file for the tables.
        key: The file of a private key. Its memory, `<key>.signed`, is written, as for `checkpoint`.
        whole: Read and hash the whole log first, as `verify` does, and say what came of it.
        replace: Replace a report that is there.
        progress: Show bars, on a terminal.

    Raises:
        TargetInLog: The folder is in the log.
        CannotExport: There is a report already, or a table is too large for a workbook.
        InvalidSetting: A threshold or a rule is none.
        BadKey: The key cannot be used.
        NotAnExtension: The log is not what this key signed before with events added.
        NaiveTime: A time has no time zone.
        CannotWriteFile: The disk refuses.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, RefundIssued
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), RefundIssued(amount=100)], expected=NO_STREAM)
        >>> write_audit(log, tempfile.mkdtemp()).findings
        {'unexplained_totals': 1, 'round_amounts': 1}
    """
    check_log(log)
    folder = Path(out)
    index = folder / "index.html"
    check_target(log, index)
    if index.exists() and not replace:
        raise CannotExport(str(index), "there is a report already; give another folder, or replace it")
    signer = None if key is None else read_signer(key)  # a key that cannot be used is said at once
    head = log.head()
    end = resolve("recorded_by", recorded_by, tz) or head.recorded_at
    verified = verify(log, progress=progress) if whole else None
    with connect(log, tz=tz, recorded_by=end) as session:
        asked = asked_of(session, thresholds or Thresholds())
        with asked_for(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for place in (index, folder / EVIDENCE, folder / SIGNED):
                place.unlink(missing_ok=True)
        tables = tuple(_written(session, each, folder, form, at, known_at) for each in asked)
    page = audit_page(tables, verified, None if signer is None else signer.key).encode()
    named = [(each.files, each.provenance, {"title": each.asked.title, "query": each.asked.query}) for each in tables]
    evidence = evidence_of(AUDIT, tables[0].provenance, page, named, {"verified": _said_of(verified)})
    made = None
    if key is not None:
        made = sign_head(log, key, extension=extension_of(evidence), progress=progress)
        with asked_for(folder):
            write_whole(folder / SIGNED, made.note)
    with asked_for(folder):
        write_whole(folder / EVIDENCE, evidence)
        write_whole(index, page)
    last = [folder / EVIDENCE, *([folder / SIGNED] if made is not None else [])]
    files = [index, *(path for each in tables for path in each.files), *last]
    return Audit(str(index), tuple(map(str, files)), tables, verified, made)


def _said_of(verified: Verified | None) -> dict[str, Any] | None:
    if verified is None:
        return None
    problems = [{"where": each.where, "what": each.what} for each in verified.problems]
    return {"ok": verified.ok, "events": verified.events, "problems": problems, "erased": len(verified.erased)}


def _written(
    session: Session, asked: Asked, folder: Path, form: str, at: Moment | None, known_at: Moment | None
) -> Written:
    done = export(session, asked.query, folder / f"{asked.name}.{form}", at=at, known_at=known_at)
    first = session.sql(f"FROM (\n{asked.query}\n) LIMIT {_SHOWN}", at=at, known_at=known_at)
    more = caveats(session, asked.question, asked.query, at=at, known_at=known_at)
    files = tuple(map(Path, done.files))
    return Written(asked, files, done.rows, done.provenance, first.to_arrow(), tuple(first.notes), more)
