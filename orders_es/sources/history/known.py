"""Records beside what a log knows already: which are there, and of which rows a whole table's record speaks; for `orders_es.sources.history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import BadSource
from orders_es.sources.rows.rows_in_log import fill_known_rows, start_known_rows
from orders_es.sources.rows.work_database import event_id_of, value

if TYPE_CHECKING:
    import duckdb

    from orders_es.log import EventLog

__all__ = ["identify", "spread_truncations"]

_FEW = 20_000


def spread_truncations(work: duckdb.DuckDBPyConnection, log: EventLog | None) -> None:
    """A record of a table that was emptied speaks of each of its rows: of those in this export, and of those that a log knew by then."""
    emptied = (
        "FROM record AS r JOIN {} AS k ON k.source_table = r.source_table WHERE r.op = 'truncate' AND r.row_key = ''"
    )
    if log is not None and log.head().position and value(work, "SELECT count(*) FROM record WHERE op = 'truncate'"):
        log.bind(work)
        known = (
            "(SELECT source_table, row_key, max(coalesce(entered_at, recorded_at)) AS last FROM events "
            "WHERE type IN ('RowInserted', 'RowChanged', 'RowDeleted') GROUP BY ALL)"
        )
        # What the log knows of a row since then says that it is another story: an older export may come in once more.
        work.execute(
            f"INSERT INTO record SELECT r.* REPLACE (k.row_key AS row_key) {emptied.format(known)} AND k.last <= r.entered "
            "AND NOT EXISTS (FROM record AS own WHERE own.source_table = k.source_table AND own.row_key = k.row_key)"
        )
        work.execute("DROP VIEW events")
    work.execute(
        "INSERT INTO record SELECT r.* REPLACE (k.row_key AS row_key) "
        + emptied.format("(SELECT DISTINCT source_table, row_key FROM record WHERE op <> 'truncate')")
    )
    work.execute("DELETE FROM record WHERE op = 'truncate' AND row_key = ''")


def identify(work: duckdb.DuckDBPyConnection, log: EventLog | None) -> None:
    """Give each record an identity, say which ones a log has already, and how the rows stand there."""
    said = "concat_ws('|', source_table, row_key, op, epoch_us(entered), ord, txn, md5(coalesce(before, '')), md5(coalesce(after, '')))"
    work.execute(
        f"CREATE OR REPLACE TABLE record AS SELECT *, {said} || '#' || row_number() OVER (PARTITION BY {said} ORDER BY place) "
        "AS identity, false AS seen FROM record"
    )
    start_known_rows(work)
    if log is None or log.head().position == 0:
        return
    log.bind(work)
    ours = "source_table IN (SELECT DISTINCT source_table FROM record) AND type IN ('RowInserted', 'RowChanged', 'RowDeleted')"
    dumped = work.execute(
        "SELECT DISTINCT source_table FROM events WHERE type = 'TableDumped' AND source_table IN (SELECT source_table FROM record)"
    ).fetchall()
    if dumped:
        raise BadSource(
            "history", None, f"the log has dumps of {dumped[0][0]}; give its history another name with table= (--table)"
        )
    _narrow(work)
    work.execute(
        f"UPDATE record SET seen = true WHERE lower(hex({event_id_of('identity')})) IN "
        f"(SELECT replace(event_id::VARCHAR, '-', '') FROM events WHERE {ours})"
    )
    fill_known_rows(work, "(SELECT source_table FROM record)")
    work.execute("DROP VIEW events")
    work.execute("DROP TABLE IF EXISTS events_of_these")


def _narrow(work: duckdb.DuckDBPyConnection) -> None:
    """Where few rows are spoken of, let `events` be theirs alone, so that a part of a feed costs by what it says and not by what the log holds."""
    named = "SELECT DISTINCT source_table || '/' || row_key FROM record"
    if value(work, f"SELECT count(*) FROM ({named})") > _FEW:
        return
    work.execute(
        "CREATE OR REPLACE TABLE events_of_these AS SELECT stream_id, source_table, row_key, version, type, occurred_at, changed_after, "
        f"row_after, event_id FROM events WHERE stream_id IN ({named})"
    )
    work.execute("CREATE OR REPLACE TEMP VIEW events AS FROM events_of_these")
