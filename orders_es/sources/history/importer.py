"""A history table or change feed into the events of its rows; docs/import-history.md describes the shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting
from orders_es.log.relation import text
from orders_es.sources.history.known import identify, spread_truncations
from orders_es.sources.history.reading import open_source, read_records
from orders_es.sources.history.records import Settings
from orders_es.sources.history.shapes import SHAPES
from orders_es.sources.history.spelling import spell_keys
from orders_es.sources.history.weaving import Oddities, start_woven_changes, weave
from orders_es.sources.options import check_import_options
from orders_es.sources.rows.gaps import GapReport, note_gaps, read_gaps, start_gaps
from orders_es.sources.rows.instants import Instants
from orders_es.sources.rows.landing import Landed, land, rows_registry, take_domain
from orders_es.sources.rows.mapping import load_change_mapping
from orders_es.sources.rows.meaning import derive, note_nothing
from orders_es.sources.rows.work_database import pointer, value, workspace
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import duckdb

    from orders_es.log import EventLog
    from orders_es.sources.bad_rows import OnError

__all__ = ["BATCH_EVENTS", "HistoryResult", "import_history"]

BATCH_EVENTS = 131_072
"""How many events a commit holds, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryResult:
    """What an import of a history did.

    Args:
        shape: The shape that it has.
        rows: Rows or lines in the export, good and bad.
        records: What they say: so many records of rows.
        events: Events appended.
        duplicates: Records whose events the log had already.
        commits: Commits made.
        quarantined: Rows set aside.
        quarantine_path: The file that they were written to; None if there were none.
        gaps: What is odd about this history.
    """

    source: str
    shape: str
    rows: int
    records: int
    events: int
    duplicates: int
    commits: int
    first_position: int | None
    last_position: int | None
    quarantined: int = 0
    quarantine_path: Path | None = None
    gaps: GapReport = field(default_factory=lambda: GapReport(()))

    def __str__(self) -> str:
        said = f"{self.source}: {self.rows:,} rows of {SHAPES[self.shape].of}"
        known = f"; {self.duplicates:,} there already from an earlier import" if self.duplicates else ""
        aside = f"; {self.quarantined:,} bad rows set aside in {self.quarantine_path}" if self.quarantined else ""
        if not self.events:
            return f"{said}: added nothing{known}{aside}"
        return f"{said}; {self.events:,} events appended, positions {self.first_position:,} to {self.last_position:,}{known}{aside}"


def import_history(
    log: EventLog | str | os.PathLike[str],
    source: Any,
    *,
    mapping: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    shape: str | None = None,
    key: str | Sequence[str] = (),
    table: str | None = None,
    query: str | None = None,
    transactions: Any = None,
    occurred: str | None = None,
    scales: Mapping[str, int] | None = None,
    live: str | os.PathLike[str] | None = None,
    reading: TableOptions | None = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    batch_events: int = BATCH_EVENTS,
    actor: str = "import:history",
) -> HistoryResult:
    r"""What the import of a history did. It appends to the log, and writes a quarantine file if asked to and needed.

    Everything is looked at before anything is appended. Records that the log has already add nothing, so a longer export of the
    same history, or only its newer part, goes on where the log stands.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: A `.csv`, `.parquet`, `.xlsx` or `.jsonl` file, `-` for JSON lines from standard input, a frame, or, with `query`,
            a file of SQLite or DuckDB, the URL of a database, or a connection of DuckDB, SQLite, SQLAlchemy or any other of PEP 249.
        mapping: A TOML file that says what changes mean for orders, the same as a dict, or the name of one that comes with the package. Their events are appended beside those
            of the rows, in the same commits; without it there are only those of the rows.
        shape: Which of `SHAPES` it has; told by its columns if left out.
        key: The column that names a row, or several, where the history has none of its own for that.
        table: What to call the table, where the history does not say it; the file's name if left out.
        query: A SELECT of the history in a database, with an ORDER BY as the docs have it; columns of JSON as their text where a connection is given.
        transactions: The table in which times stand, where that is another: the transactions of SQLAlchemy-Continuum, Envers'
            REVINFO, SAP's CDHDR. A file or a frame.
        occurred: The column of the rows that says when something happened in the business, such as `updated_at`.
        scales: How many decimals the numbers of a column have that come as bytes, where no schema says so.
        live: The table as it stands now, to be compared with the last records: a file as `source` may be.
        reading: How the file and its times are read.
        on_error: `stop` at the first bad row, or `quarantine`: write the bad ones to a file and import the others.
        quarantine: That file; `<name of the source>.quarantine.csv` in the current folder if None. Never overwritten.
        batch_events: How many events a commit may hold.
        actor: Who is recorded as the cause where the history names nobody.

    Raises:
        BadSource: The export makes no sense, or `on_error` is `stop` and a row is bad; nothing was appended.
        InvalidSetting: An option makes no sense.

    Example:
        >>> import pyarrow as pa
        >>> from orders_es.log import open_log
        >>> from orders_es.sources.rows import rows_at
        >>> history = pa.table({
        ...     "history_id": ["1", "2"], "history_type": ["+", "~"], "id": ["7", "7"], "status": ["open", "paid"],
        ...     "history_date": ["2026-06-01 10:00:00+00:00", "2026-06-02 10:00:00+00:00"],
        ... })
        >>> log = open_log(":memory:")
        >>> import_history(log, history, key="id", table="orders").events
        2
        >>> rows_at(log, "orders", at="2026-06-01").to_pylist()
        [{'id': '7', 'status': 'open'}]
    """
    keys = (key,) if isinstance(key, str) else tuple(key)
    _check_settings(log, shape, on_error, quarantine, batch_events)
    options = reading or TableOptions()
    name = table or (
        Path(source).name.split(".")[0] if isinstance(source, str) or hasattr(source, "__fspath__") else ""
    )
    settings = Settings(
        table=name or "table", key=keys, options=options, scales=scales or {}, instants=Instants(options)
    )
    if "/" in settings.table:
        raise InvalidSetting("table", table, "give a name without a slash, which stands between a table and a key")
    opened = open_source(source, shape, settings, query, transactions)
    if opened.shape.keyed and not keys:
        raise InvalidSetting("key", key, "say which column names a row; this shape does not")
    with target_of(log, registry=rows_registry) as target, workspace() as work:
        if target.existing is not None:
            take_domain(target.existing)
        rules = None if mapping is None else load_change_mapping(mapping, target.registry)
        start_gaps(work)
        rows, bad = read_records(work, opened, settings, occurred)
        path = None
        if bad is not None:
            if on_error == "stop":
                bad.stop()
            path = bad.quarantine(quarantine)
            note_gaps(
                work, "set aside", text(settings.table), "NULL::TIMESTAMPTZ", text(str(path)), f"range({len(bad)})"
            )
        spell_keys(work, str(opened.path), settings)
        _close_intervals(work)
        spread_truncations(work, target.existing)
        identify(work, target.existing)
        odd = Oddities()
        weave(work, odd)
        odd.keep(work)
        if opened.shape.name == "shopify":
            unlisted = (
                "(SELECT DISTINCT row_key FROM record WHERE json_extract_string(after, '$.payments_listed') = 'false')"
            )
            note_gaps(work, "payments not listed", text("orders"), "NULL::TIMESTAMPTZ", "row_key", unlisted)
        if live is not None:
            _compare_live(work, live, settings)
        landed = Landed()
        start_woven_changes(work, actor, f"import:{opened.digest.hexdigest()[:16]}")
        meanings = None
        if rules is not None:
            instants = Instants(options)
            meanings = derive(work, rules, target.existing, target.registry, instants)
            instants.check(str(opened.path))
            note_nothing(work, meanings)
        if value(work, "SELECT count(*) FROM change"):
            known = target.log()
            take_domain(known)
            land(work, known, landed, batch_events=batch_events, meanings=meanings)
        return HistoryResult(
            source=str(opened.path),
            shape=opened.shape.name,
            rows=rows,
            records=value(work, "SELECT count(*) FROM record"),
            events=landed.events,
            duplicates=value(work, "SELECT count(*) FROM record WHERE seen"),
            commits=landed.commits,
            first_position=landed.first_position,
            last_position=landed.last_position,
            quarantined=0 if bad is None else len(bad),
            quarantine_path=path,
            gaps=read_gaps(work),
        )


def _check_settings(
    log: EventLog | str | os.PathLike[str],
    shape: str | None,
    on_error: str,
    quarantine: str | os.PathLike[str] | None,
    batch_events: int,
) -> None:
    if shape is not None and shape not in SHAPES:
        raise InvalidSetting("shape", shape, f"there are {', '.join(SHAPES)}")
    check_import_options(log, on_error, quarantine, batch_events)


def _close_intervals(work: duckdb.DuckDBPyConnection) -> None:
    """Where a version ends and none begins, the row was gone; note where versions do not follow each other."""
    work.execute(
        "CREATE OR REPLACE TEMP VIEW version AS SELECT *, lead(entered) OVER (PARTITION BY source_table, row_key "
        "ORDER BY entered, place) AS next_at FROM record WHERE interval"
    )
    told = "row_key || ' at ' || strftime(entered, '%Y-%m-%d %H:%M:%S')"
    note_gaps(work, "intervals overlap", "source_table", "entered", told, "version WHERE until > next_at")
    note_gaps(
        work, "interval missing", "source_table", "entered", told, "version WHERE until < next_at AND op <> 'delete'"
    )
    note_gaps(
        work, "two are current", "source_table", "entered", told, "version WHERE until IS NULL AND next_at IS NOT NULL"
    )
    work.execute(
        "INSERT INTO record BY NAME SELECT place, source_table, row_key, 'delete' AS op, until AS entered, true AS whole, true AS interval "
        "FROM version WHERE op <> 'delete' AND until IS NOT NULL AND (next_at IS NULL OR next_at > until)"
    )


def _compare_live(work: duckdb.DuckDBPyConnection, live: str | os.PathLike[str], settings: Settings) -> None:
    """Note where the table as it stands is not what the last records leave of it."""
    if not settings.key:
        raise InvalidSetting("live", str(live), "say which column names a row with key= (--key)")
    table = read_source(
        live, {name: (name,) for name in settings.key}, options=settings.options, rows_required=False
    ).table
    names = table.column_names
    work.register("given", table.rename_columns([f"d{i}" for i in range(len(names))]))
    by_name = {name.lower(): i for i, name in enumerate(names)}
    keys = " || '-' || ".join(f"trim(d{by_name[name.lower()]}::VARCHAR)" for name in settings.key)
    work.execute(f"CREATE OR REPLACE TABLE live AS SELECT {keys} AS k, * FROM given")
    work.unregister("given")
    differs = [
        f"(json_exists(row, {path}) AND json_extract_string(row, {path}) IS DISTINCT FROM nullif(d{i}::VARCHAR, ''))"
        for i, name in enumerate(names)
        for path in [text(pointer(name))]
    ]
    mine = f"(FROM left_rows WHERE source_table = {text(settings.table)} AND alive) AS l FULL JOIN live ON live.k = l.row_key"
    label, none = text(settings.table), "NULL::TIMESTAMPTZ"
    both = f"{mine} WHERE k IS NOT NULL AND row_key IS NOT NULL AND ({' OR '.join(differs) or 'false'})"
    note_gaps(work, "live row differs", label, none, "k", both)
    note_gaps(work, "live row without history", label, none, "k", f"{mine} WHERE row_key IS NULL")
    note_gaps(work, "history without live row", label, none, "row_key", f"{mine} WHERE k IS NULL")
