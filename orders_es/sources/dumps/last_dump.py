"""How a table stands according to a log, so that the next dump can be compared with it; for `orders_es.sources.dumps`.

The table `last` in DuckDB has a row for each row that the table ever had: `k` (its key), `version` (of its stream), `alive`
(whether the table has it), `t` (its own time) and `c0`, `c1`, … for the columns that any dump had.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orders_es.errors import BadSource
from orders_es.log.relation import text
from orders_es.sources.rows.rows_in_log import fill_known_rows, start_known_rows
from orders_es.sources.rows.work_database import pointer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from orders_es.log import EventLog
    from orders_es.sources.dumps.files import LoadedDump
    from orders_es.sources.dumps.names import DumpFile

__all__ = ["Standing", "read_standing", "stand"]


@dataclass(slots=True)
class Standing:
    """What is known of the dumps of a table, up to the last one.

    Args:
        version: Of the table's own stream.
        at: When the last dump was taken; None if there is none.
        since: When it was taken at the earliest.
        columns: All columns that any dump had.
        present: Those that the last one had.
        digests: The digest of each dump, by its time.
        names: The name of its file.
        gaps: What was odd about it, as it was kept; None where an earlier version kept nothing.
        new: The times of those that were recorded in this import.
    """

    version: int = 0
    at: datetime | None = None
    since: datetime | None = None
    columns: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    digests: dict[datetime, str] = field(default_factory=dict)
    names: dict[datetime, str] = field(default_factory=dict)
    gaps: dict[datetime, str | None] = field(default_factory=dict)
    new: set[datetime] = field(default_factory=set)


def read_standing(work: duckdb.DuckDBPyConnection, log: EventLog | None, table: str, keys: Sequence[str]) -> Standing:
    """How a table stands at the end of a log; fills `last`.

    Args:
        log: The log, if there is one.
        keys: The columns that name a row.

    Raises:
        BadSource: Another key named the rows before.
    """
    standing = Standing()
    work.execute("CREATE TABLE last (k VARCHAR, version INTEGER, alive BOOLEAN, t TIMESTAMPTZ)")
    if log is None or log.head().position == 0:
        return standing
    log.bind(work)
    gaps = "dump_gaps" if "dump_gaps" in log.registry.columns else "NULL"
    dumps = work.execute(
        f"SELECT version, occurred_at, coalesce(dump_from, occurred_at), dump_columns, dump_key, dump_digest, dump_name, {gaps} FROM events "
        "WHERE type = 'TableDumped' AND stream_id = ? ORDER BY version",
        [table],
    ).fetchall()
    for version, at, since, columns, key, digest, name, found in dumps:
        if json.loads(key) != list(keys):
            raise BadSource(
                table,
                None,
                f"its rows are named by {', '.join(json.loads(key))} in the log, and not by {', '.join(keys)}",
            )
        standing.version, standing.at, standing.since = version, at, since
        standing.present = json.loads(columns)
        standing.digests[at], standing.names[at], standing.gaps[at] = digest, name, found
        standing.columns += [column for column in standing.present if column not in standing.columns]
    found = work.execute(
        "SELECT DISTINCT unnest(json_keys(row_after)) FROM events WHERE source_table = ? AND row_after IS NOT NULL ORDER BY ALL",
        [table],
    ).fetchall()
    standing.columns += [name for (name,) in found if name not in standing.columns]
    for i in range(len(standing.columns)):
        work.execute(f"ALTER TABLE last ADD COLUMN c{i} VARCHAR")
    start_known_rows(work)
    fill_known_rows(work, f"({text(table)})")
    cells = "".join(f", row->>{text(pointer(name))}" for name in standing.columns)
    work.execute(f"INSERT INTO last SELECT row_key, version, row IS NOT NULL, own_time {cells} FROM known_rows")
    work.execute("DROP TABLE known_rows")
    work.execute("DROP VIEW events")
    return standing


def stand(work: duckdb.DuckDBPyConnection, dump: DumpFile, digest: str, loaded: LoadedDump, standing: Standing) -> None:
    """Take the rows to stand as a dump has them, once what leads there is appended; reads the table `diff`."""
    work.execute("DELETE FROM last WHERE k IN (SELECT k FROM diff)")
    cells = "".join(f", n{i} AS c{i}" for i in range(len(standing.columns)))
    work.execute(f"INSERT INTO last BY NAME SELECT k, new_version AS version, there AS alive, t {cells} FROM diff")
    standing.version += 1
    standing.at, standing.since = dump.at, dump.since
    standing.present = loaded.columns
    standing.digests[dump.at], standing.names[dump.at] = digest, dump.path.name
    standing.new.add(dump.at)
