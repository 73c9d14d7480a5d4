"""A table as its rows stand in a log: at any moment for whoever asks, and at the end for the next import."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource
from orders_es.log.relation import quoted, text
from orders_es.read_models.load import load_read_models
from orders_es.replay.moments import as_of
from orders_es.replay.session import Session
from orders_es.rows import ROWS
from orders_es.sources.rows.landing import take_domain
from orders_es.sources.rows.work_database import pointer, value

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.read_models.model import ReadModel

__all__ = ["fill_known_rows", "rows_at", "start_known_rows", "unknown_at"]

_BUCKET = 200_000
"""So many rows are put together at a time: what an aggregate holds of texts does not go to temporary files."""


def rows_at(log: EventLog, table: str, *, at: Moment | None = None, known_at: Moment | None = None) -> pa.Table:
    """A table of the source as it stood: a column of text for each of its columns, in the order of keys. Read-only.

    Between two dumps nobody knows how it stood; it is then shown as in the dump before, and `unknown_at` says which rows may
    have stood otherwise.

    Args:
        table: The source's table, by the name that its import gave it.
        at: The moment; now if left out.
        known_at: Only what the source knew by then.

    Raises:
        BadSource: The log holds no rows of such a table.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.rows import RowInserted
        >>> log = open_log(":memory:")
        >>> take_domain(log)
        >>> _ = log.append(
        ...     "orders/1", [RowInserted(source_table="orders", row_key="1", row_after='{"id":"1"}')], expected=NO_STREAM
        ... )
        >>> rows_at(log, "orders").to_pylist()
        [{'id': '1'}]
    """
    take_domain(log)
    with Session(log, _models()) as session:
        names = _columns(session, table, at, known_at)
        said = ", ".join(f"row_values->>{text(pointer(name))} AS {quoted(name)}" for name in names) or "row_key"
        rows: pa.Table = session.sql(
            f"SELECT {said} FROM table_rows WHERE source_table = ? ORDER BY row_key", [table], at=at, known_at=known_at
        ).to_arrow()
        return rows


@functools.cache
def _models() -> tuple[ReadModel, ...]:
    """The read model of rows, and none of orders: a session that knows little is there at once."""
    return tuple(model for model in load_read_models(ROWS.read_models) if model.name == "table_rows")


def _columns(session: Any, table: str, at: Moment | None, known_at: Moment | None) -> list[str]:
    there = session.sql("SELECT DISTINCT source_table FROM events WHERE source_table IS NOT NULL ORDER BY ALL").rows()
    if (table,) not in there:
        raise BadSource(
            session.log.url,
            None,
            f"it holds no rows of a table {table!r}; it has {', '.join(n for (n,) in there) or 'none'}",
        )
    dumped = session.sql(
        "SELECT arg_max(json_extract_string(payload, '$.dump_columns'), version) FROM events "
        "WHERE type = 'TableDumped' AND source_table = ?",
        [table],
        at=at,
        known_at=known_at,
    ).rows()[0][0]
    if dumped is not None:
        return list(json.loads(dumped))
    found = session.sql(
        "SELECT name FROM (SELECT unnest(json_keys(row_values)) AS name, generate_subscripts(json_keys(row_values), 1) AS place "
        "FROM table_rows WHERE source_table = ?) GROUP BY name ORDER BY min(place), name",
        [table],
        at=at,
        known_at=known_at,
    ).rows()
    return [name for (name,) in found]


def unknown_at(log: EventLog, table: str, at: Moment) -> pa.Table:
    """The rows of which nobody knows how they stood at a moment: they changed at some time around it. Read-only.

    Answers with `row_key`, the `type` of the event, and the times between which it happened: `changed_after` and, at the
    latest, `seen_at`. Empty at the moment of a dump.

    Args:
        table: The source's table.
        at: The moment.

    Example:
        >>> from orders_es.log import open_log
        >>> unknown_at(open_log(":memory:"), "orders", "2026-06-03").num_rows
        0
    """
    asked = as_of(at=at, known_at=None).at
    take_domain(log)
    with Session(log, ()) as session:
        rows: pa.Table = session.sql(
            "SELECT row_key, type, changed_after, occurred_at AS seen_at FROM events "
            "WHERE source_table = $1 AND changed_after < $2 AND occurred_at > $2 ORDER BY row_key",
            [table, asked],
        ).to_arrow()
        return rows


def start_known_rows(work: duckdb.DuckDBPyConnection) -> None:
    """Make an empty table `known_rows`: how rows stand in a log; `own_time` is when a row came to be so, if that is known."""
    work.execute(
        "CREATE OR REPLACE TABLE known_rows (source_table VARCHAR, row_key VARCHAR, version INTEGER, row VARCHAR, own_time TIMESTAMPTZ)"
    )


def fill_known_rows(work: duckdb.DuckDBPyConnection, tables: str) -> None:
    """Fill `known_rows` from the view `events`, a part of the rows at a time, however many there are.

    Args:
        tables: SQL for a list of the source's tables.
    """
    ours = f"source_table IN {tables} AND type IN ('RowInserted', 'RowChanged', 'RowDeleted')"
    streams = int(value(work, f"SELECT approx_count_distinct(stream_id) FROM events WHERE {ours}"))
    buckets = 1 + streams // _BUCKET
    rows = resources.files("orders_es.rows").joinpath("read_models/table_rows.sql").read_text(encoding="utf-8")
    for bucket in range(buckets):
        part = f"SELECT * FROM events WHERE {ours} AND hash(stream_id) % {buckets} = {bucket}"
        work.execute(f"CREATE OR REPLACE TABLE part_of_events AS SELECT {_READ} FROM ({part})")
        standing = rows.replace("FROM events", "FROM part_of_events")
        work.execute(
            "INSERT INTO known_rows SELECT v.source_table, v.row_key, v.version, r.row_values::VARCHAR, "
            "CASE WHEN r.changed_after IS NULL THEN r.changed_at END FROM (SELECT stream_id, any_value(source_table) AS source_table, "
            "any_value(row_key) AS row_key, max(version) AS version FROM part_of_events GROUP BY stream_id) AS v "
            f"LEFT JOIN ({standing}) AS r ON r.stream_id = v.stream_id"
        )
    work.execute("DROP TABLE IF EXISTS part_of_events")


_READ = "stream_id, source_table, row_key, version, type, occurred_at, changed_after, row_after"
