"""`write_report`: every read model as a file, and a page over them, all of one moment of one log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orders_es.errors import CannotExport
from orders_es.export import export
from orders_es.files import asked_for, write_whole
from orders_es.log.log_argument import check_session
from orders_es.log.target import check_target
from orders_es.replay.calendar import require_calendar
from orders_es.replay.moments import as_of
from orders_es.report.auditing.evidence import EVIDENCE, REPORT, evidence_of
from orders_es.report.front import front
from orders_es.report.page import TOP, WORTH, Section, page
from orders_es.report.pictures import pictures

if TYPE_CHECKING:
    import os

    from orders_es.evidence import Provenance
    from orders_es.export import Exported
    from orders_es.orders.moments import Moment
    from orders_es.read_models import ReadModel
    from orders_es.replay import Session

__all__ = ["Report", "write_report"]

_SHOWN = 20
_FIGURES = "key_figures"
_OF_EACH_LEAST = 5
NO_PAYMENTS = "this log records no payments, so nobody can tell from it what is owed: no balance stands here for a debt"
_WHOLE_LIFE = ("order_history", "order_record_history")
"""As long as the log itself, and for joining rather than for reading: left out."""
_LAST = "SELECT max(occurred_at) FROM events"
FIGURES = """
SELECT
    coalesce(currency, 'XXX') AS currency,
    count(*) AS orders,
    count(placed_at) AS placed,
    count(CASE WHEN status = 'delivered' THEN 1 END) AS delivered,
    count(cancelled_at) AS cancelled,
    coalesce(sum(CASE WHEN placed_at IS NOT NULL AND cancelled_at IS NULL THEN total END), 0)::DECIMAL(38, 4) AS revenue,
    sum(paid)::DECIMAL(38, 4) AS paid,
    sum(refunded)::DECIMAL(38, 4) AS refunded,
    CASE WHEN (SELECT bool_or(paid_at IS NOT NULL OR failed_payments > 0 OR refunded <> 0) FROM orders)
        THEN sum(balance)::DECIMAL(38, 4) END AS balance,
    count(estimated) AS at_estimated_times,
    count(CASE WHEN cancelled_at IS NOT NULL THEN placed_at END) AS placed_cancelled,
    count(DISTINCT customer_id) AS customers,
    coalesce(sum(returns), 0)::DECIMAL(38, 4) AS returns
FROM orders
GROUP BY ALL
ORDER BY orders DESC, currency
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What was written.

    Args:
        files: All files, the page first.
        tables: What each table came to.
        notes: What has to be said beside it: that nothing was known by then, or that the log records no payments. The page
            says so too.
    """

    page: str
    files: tuple[str, ...]
    tables: tuple[Exported, ...]
    notes: tuple[str, ...] = ()


def write_report(
    session: Session,
    out: str | os.PathLike[str],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    form: Literal["parquet", "csv", "xlsx"] = "parquet",
    replace: bool = False,
    progress: bool = False,
) -> Report:
    """Write all read models of a session, and `index.html`, to a folder. Read-only on the log.

    `evidence.json` names every file with its SHA-256, and every table with its rows and the exact sum of each numeric column;
    `check_audit`, or `orders-es export check FOLDER`, holds the folder to it and to the log.

    Everything is of one moment, even if others append meanwhile: where no `known_at` is given, it is the time at which the
    log's last event was recorded. The page comes last, so a folder with a page is complete.

    Args:
        session: The log's session; read models of one's own that it has are in the report.
        out: The folder; it is made if it is not there.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        form: The kind of file for the tables.
        replace: Replace a report that is there.
        progress: Show a bar, on a terminal.

    Raises:
        TargetInLog: The folder is in the log.
        CannotExport: There is a report already, or a table is too large for a workbook.
        InvalidEvent: An event's time lies outside the years 1 to 9999.
        NaiveTime: A time has no time zone.
        ImportError: matplotlib is not installed, or openpyxl for workbooks.
        CannotWriteFile: The disk refuses.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> report = write_report(connect(log), tempfile.mkdtemp())
        >>> [table.rows for table in report.tables if table.provenance.name == "orders"]
        [1]
    """
    from tqdm.auto import tqdm

    check_session(session)
    folder = Path(out)
    index = folder / "index.html"
    check_target(session.log, index)
    if index.exists() and not replace:
        raise CannotExport(str(index), "there is a report already; give another folder, or replace it")
    asked = as_of(at=at, known_at=known_at or session.log.head().recorded_at, recorded_by=recorded_by, tz=session.tz)
    at, known_at, recorded_by = asked.at, asked.known_at, asked.recorded_by
    require_calendar(session, at=at, known_at=known_at, recorded_by=recorded_by)
    models = [model for model in session.models if not model.internal and model.name not in _WHOLE_LIFE]
    done, sections = [], []
    with tqdm(total=len(models) + 3, desc="report", disable=None if progress else True) as bar:
        asked_for_figures = session.sql(FIGURES, at=at, known_at=known_at, recorded_by=recorded_by)
        figures, notes = asked_for_figures.to_arrow(), asked_for_figures.notes
        currencies = figures.column("currency").to_pylist()
        if len(figures) and not any(figures.column("balance").is_valid().to_pylist()):
            notes = (*notes, NO_PAYMENTS)
        drawn = (
            {}
            if not len(figures)
            else dict(pictures(session, currencies, at=at, known_at=known_at, recorded_by=recorded_by))
        )
        bar.update(2)
        # Not before the plots are there: without matplotlib, the folder and the report in it stay as they were.
        with asked_for(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for place in (index, folder / EVIDENCE):
                place.unlink(missing_ok=True)
        keys = export(
            session, FIGURES, folder / f"{_FIGURES}.{form}", at=at, known_at=known_at, recorded_by=recorded_by
        )
        for model in models:
            table = export(
                session, model.name, folder / f"{model.name}.{form}", at=at, known_at=known_at, recorded_by=recorded_by
            )
            shown = session.sql(
                _first(model, len(currencies)), at=at, known_at=known_at, recorded_by=recorded_by
            ).to_arrow()
            done.append(table)
            sections.append(
                Section(
                    model,
                    table.rows,
                    Path(table.path).name,
                    shown,
                    table.provenance.sums or (),
                    *drawn.get(model.name, ("", "")),
                )
            )
            bar.update(1)
        rows = {section.model.name: section.rows for section in sections}
        first = front(session, figures, rows, at=at, known_at=known_at, recorded_by=recorded_by)
        bar.update(1)
    [(last,)] = session.sql(_LAST, at=at, known_at=known_at, recorded_by=recorded_by).rows()
    text = page(keys.provenance, first, sections, notes, last, Path(keys.path).name).encode()
    named: list[tuple[list[Path], Provenance, dict[str, str | None]]] = [
        (list(map(Path, keys.files)), keys.provenance, {"title": "Key figures", "query": FIGURES})
    ]
    named += [
        (
            list(map(Path, table.files)),
            table.provenance,
            {"title": table.provenance.title, "name": table.provenance.name},
        )
        for table in done
    ]
    proof = folder / EVIDENCE
    with asked_for(index):
        write_whole(proof, evidence_of(REPORT, keys.provenance, text, named))
        write_whole(index, text)
    files = (str(index), *(file for table in (keys, *done) for file in table.files), str(proof))
    return Report(str(index), files, tuple(done), notes)


def _first(model: ReadModel, currencies: int) -> str:
    """SQL for the rows of a read model that the page shows: the first in its own order, or by its key.

    Of several currencies each has its part of them.
    """
    order = TOP.get(model.name) or ", ".join(f'"{column}"' for column in model.key) or "ALL"
    rows = f'SELECT * FROM "{model.name}"'
    if model.name in WORTH:
        rows = f"{rows} WHERE {WORTH[model.name]}"
    if "currency" in model.key and currencies > 1 and order != "ALL":
        most = max(_SHOWN // currencies, _OF_EACH_LEAST)
        return f"{rows} QUALIFY row_number() OVER (PARTITION BY currency ORDER BY {order}) <= {most} ORDER BY {order}"
    return f"{rows} ORDER BY {order} LIMIT {_SHOWN}"
