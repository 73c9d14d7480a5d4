"""Evidence of an answer that goes to standard output: where it comes from, how many rows it has and what its numbers add up to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import NotAnExport
from orders_es.evidence import FORMAT, Controls, Provenance, provenance_of, table_controls
from orders_es.export.finding import Finding
from orders_es.export.writing import in_lossless_types
from orders_es.files import asked_for, write_whole
from orders_es.log.relation import quoted
from orders_es.log.roots import head_at
from orders_es.log.target import check_target

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from orders_es.log import Head
    from orders_es.replay import Answer, Session

__all__ = ["answer_provenance", "is_evidence", "read_evidence", "same_totals", "write_answer_evidence"]

_ROWS = "orders_es_answered"


def answer_provenance(session: Session, answer: Answer) -> Provenance:
    """From which log, moment and query an answer was computed, with its rows and control totals. Read-only.

    Args:
        session: The session that gave the answer.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> session = connect(open_log(":memory:"))
        >>> known = answer_provenance(session, session.sql("SELECT 1 AS a UNION ALL SELECT 2"))
        >>> known.rows, known.sums
        (2, (Sum(column='a', values=2, total='3'),))
    """
    head, asked = answer.log_head, answer.as_of
    if asked.position is not None and (head is None or asked.position < head.position):
        head = head_at(session.log, asked.position)

    def use(cursor: Any, shown: Head) -> Provenance:
        _, columns = in_lossless_types(cursor, answer.query)
        return provenance_of(session, cursor, head or shown, asked, name=None, query=answer.query, columns=columns)

    known = session.using(
        use,
        answer.query,
        at=asked.at,
        known_at=asked.known_at,
        recorded_by=asked.recorded_by,
        position=None if head is None else head.position,
        reads=(answer.query, "FROM moment"),
    )
    held = _controls(answer, known.columns)
    return replace(known, rows=held.rows, sums=held.sums)


def _controls(answer: Answer, columns: Sequence[tuple[str, str]]) -> Controls:
    import duckdb

    given = answer.to_arrow()
    with duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        plain.register("given", given.rename_columns([f"c{i}" for i in range(given.num_columns)]))
        plain.execute(f"CREATE TABLE {_ROWS} AS SELECT * FROM given")
        return table_controls(plain, _ROWS, [(name, kind, f"c{i}::{kind}") for i, (name, kind) in enumerate(columns)])


def write_answer_evidence(
    session: Session, answer: Answer, path: str | os.PathLike[str], *, digest: str | None = None, guarded: bool = False
) -> Provenance:
    """Write where an answer comes from to a file, whole or not at all.

    Args:
        session: The session that gave it.
        path: The file. Beside `june.csv`, name it `june.csv.json`, and `export check june.csv` reads it.
        digest: The SHA-256 of the bytes that the answer was printed as, where they may be kept.
        guarded: Whether text that a spreadsheet would take for a formula was printed with an apostrophe before it.

    Raises:
        CannotWriteFile: The disk refuses.
        TargetInLog: The file would be in the log.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> from orders_es.replay import connect
        >>> session = connect(open_log(":memory:"))
        >>> write_answer_evidence(session, session.sql("FROM orders"), tempfile.mkdtemp() + "/orders.csv.json").rows
        0
    """
    check_target(session.log, path)
    known = replace(answer_provenance(session, answer), guarded=guarded)
    facts = known.to_dict() | ({} if digest is None else {"file_sha256": digest})
    with asked_for(path):
        write_whole(Path(path), (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode())
    return known


def is_evidence(file: Path) -> bool:
    """Whether a file is such evidence itself, and not what another one is evidence of."""
    if file.suffix.lower() != ".json":
        return False
    with file.open("rb") as opened:
        start = opened.read(200)
    return start.lstrip().startswith(b"{") and f'"format": "{FORMAT}"'.encode() in start


def read_evidence(file: Path) -> Provenance:
    """What such evidence says.

    Raises:
        NotAnExport: It is not as it was written.
    """
    try:
        return Provenance.from_dict(json.loads(file.read_bytes()))
    except (ValueError, AttributeError) as error:
        raise NotAnExport(str(file), f"it is not as it was written ({error})") from error


def same_totals(known: Provenance, session: Session) -> Finding:
    """Whether the log gives an answer with the rows and control totals that evidence names. Raises as `Session.sql` does."""
    answer = session.sql(
        known.query or f"FROM {quoted(known.name or '')}",
        at=known.asked_at,
        known_at=known.asked_known_at,
        recorded_by=known.asked_recorded_by,
        position=known.position,
    )
    found = answer_provenance(session, answer).controls
    before = known.controls
    if before is None or found is None:
        return Finding("totals", None, "the evidence is from before control totals were written")
    wrong = list(before.differences(found))
    if wrong:
        return Finding("totals", False, f"the log gives other figures than the evidence names: {'; '.join(wrong[:5])}")
    return Finding(
        "totals",
        True,
        f"the log gives {before.rows:,} rows and the same sums of numeric columns ({len(before.sums):,})",
    )
