"""What leads from a table's rows as they stand to those of its next dump, as one set operation; for `orders_es.sources.dumps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.log.relation import text
from orders_es.sources.rows.gaps import note_gaps
from orders_es.sources.rows.landing import start_changes
from orders_es.sources.rows.work_database import json_of

if TYPE_CHECKING:
    import duckdb

    from orders_es.sources.dumps.files import LoadedDump
    from orders_es.sources.dumps.last_dump import Standing
    from orders_es.sources.dumps.names import DumpFile

__all__ = ["compare"]

_MANY = 10
"""Of fewer rows than this, half may go on any day."""


def compare(
    work: duckdb.DuckDBPyConnection,
    table: str,
    dump: DumpFile,
    loaded: LoadedDump,
    standing: Standing,
    occurred: str | None,
    digest: str,
    *,
    actor: str,
    run: str,
    images: bool,
) -> None:
    """Fill `diff`, with all rows that stand otherwise than in `last`, and `change`, with an event for each.

    Args:
        occurred: The column of the rows' own times.
        actor: Who is recorded as the cause.
        run: What the events' `correlation_id` says.
        images: Whether each change holds the whole row, before and after, for a mapping.
    """
    came = [name for name in loaded.columns if name not in standing.columns]
    for name in came:
        work.execute(f"ALTER TABLE last ADD COLUMN c{len(standing.columns)} VARCHAR")
        standing.columns.append(name)
    _diff(work, loaded, standing)
    _changes(work, table, dump, loaded, standing, digest, actor=actor, run=run, images=images)
    _oddities(work, table, dump, loaded, standing, occurred)


def _diff(work: duckdb.DuckDBPyConnection, loaded: LoadedDump, standing: Standing) -> None:
    places = {name: i for i, name in enumerate(loaded.columns)}
    # A column that this dump has not: how it stands is not known, so it stands as before.
    new = [f"d.d{places[name]}" if name in places else f"l.c{i}" for i, name in enumerate(standing.columns)]
    cells = ", ".join(f"{cell} AS n{i}, l.c{i} AS o{i}" for i, cell in enumerate(new))
    shared = [(f"d.d{places[name]}", f"l.c{i}") for i, name in enumerate(standing.columns) if name in places]
    differ = f"({', '.join(n for n, _ in shared)}) IS DISTINCT FROM ({', '.join(o for _, o in shared)})"
    if len(shared) == 1:
        differ = f"{shared[0][0]} IS DISTINCT FROM {shared[0][1]}"
    # Of a row whose key is not readable nobody knows which one it is; it may be any that seems to be gone.
    gone = (
        "false" if loaded.nameless else "d.k IS NULL AND l.alive AND l.k NOT IN (SELECT k FROM bad WHERE k IS NOT NULL)"
    )
    work.execute(
        f"CREATE OR REPLACE TABLE diff AS SELECT coalesce(d.k, l.k) AS k, d.row AS row, coalesce(l.version, 0) + 1 AS new_version, "
        f"coalesce(l.alive, false) AS was, d.k IS NOT NULL AS there, l.t AS old_t, CAST(NULL AS TIMESTAMPTZ) AS t, {cells} "
        f"FROM good AS d FULL JOIN last AS l ON d.k = l.k "
        f"WHERE ({gone}) OR (d.k IS NOT NULL AND (l.k IS NULL OR NOT l.alive OR {differ}))"
    )
    work.execute("UPDATE diff SET t = own_time.t FROM own_time WHERE own_time.row = diff.row")


def _changes(
    work: duckdb.DuckDBPyConnection,
    table: str,
    dump: DumpFile,
    loaded: LoadedDump,
    standing: Standing,
    digest: str,
    *,
    actor: str,
    run: str,
    images: bool,
) -> None:
    start_changes(work)
    here = [(i, name) for i, name in enumerate(standing.columns) if name in loaded.columns]
    pairs = ", ".join(f"struct_pack(k := {text(name)}, o := o{i}, n := n{i})" for i, name in here)
    moved = f"list_filter([{pairs}], lambda x: x.o IS DISTINCT FROM x.n)"

    def told(side: str) -> str:
        entries = f"list_transform(moved, lambda x: struct_pack(k := x.k, v := x.{side}))"
        return f"to_json(map_from_entries({entries}))::VARCHAR"

    whole = json_of({name: f"n{i}" for i, name in here})
    every = {name: i for i, name in enumerate(standing.columns)}
    old_image = f"CASE WHEN was THEN {json_of({name: f'o{i}' for name, i in every.items()})} END" if images else "NULL"
    new_image = (
        f"CASE WHEN there THEN {json_of({name: f'n{i}' for name, i in every.items()})} END" if images else "NULL"
    )
    before = json_of({name: f"o{i}" for i, name in enumerate(standing.columns)})
    work.execute(
        f"""
        INSERT INTO change BY NAME
        WITH each_row AS (
            SELECT *, row_number() OVER (ORDER BY row NULLS LAST, k) AS seq,
                CASE WHEN NOT there THEN 'RowDeleted' WHEN NOT was THEN 'RowInserted' ELSE 'RowChanged' END AS type,
                -- Its own time counts where it can be true: after the dump before, and not after this one.
                there AND t IS NOT NULL AND t <= $at AND ($last IS NULL OR t > $last) AS timed,
                CASE WHEN there AND was THEN {moved} END AS moved
            FROM diff
        )
        SELECT seq, $table AS source_table, k AS row_key, new_version AS version, type,
            CASE type WHEN 'RowDeleted' THEN {before} WHEN 'RowChanged' THEN {told("o")} END AS row_before,
            CASE type WHEN 'RowInserted' THEN {whole} WHEN 'RowChanged' THEN {told("n")} END AS row_after,
            CASE WHEN timed THEN t ELSE $at END AS occurred_at, $at AS entered_at,
            CASE WHEN NOT timed THEN $since END AS changed_after,
            {old_image} AS image_before, {new_image} AS image_after,
            CASE WHEN $last IS NULL THEN true END AS opening,
            $actor AS actor, $run AS correlation_id,
            $table || '/' || k || '#' || new_version || '#' || $digest AS identity
        FROM each_row
        """,
        {
            "table": table,
            "at": dump.at,
            "last": standing.at,
            "since": standing.since,
            "actor": actor,
            "run": run,
            "digest": digest,
        },
    )


def _oddities(
    work: duckdb.DuckDBPyConnection,
    table: str,
    dump: DumpFile,
    loaded: LoadedDump,
    standing: Standing,
    occurred: str | None,
) -> None:
    name, at = text(table), f"TIMESTAMPTZ {text(dump.at.isoformat())}"
    day = text(f" in {dump.path.name}")
    note_gaps(work, "gone", name, at, f"k || {day}", "diff WHERE NOT there")
    if not loaded.rows:
        note_gaps(work, "all gone", name, at, text(dump.path.name), "(FROM diff WHERE NOT there LIMIT 1)")
    else:
        lost = "SELECT count(*) FILTER (NOT there) AS lost, count(*) FILTER (there AND NOT was) AS came FROM diff"
        all_before = f"(SELECT lost, {loaded.rows} - came + lost AS before FROM ({lost}))"
        told = f"lost || ' of ' || before || ' rows' || {day}"
        note_gaps(work, "many gone", name, at, told, f"{all_before} WHERE before >= {_MANY} AND lost * 2 >= before")
    note_gaps(work, "came back", name, at, f"k || {day}", "diff WHERE there AND NOT was AND new_version > 1")
    if standing.at is not None:
        for column in loaded.columns:
            if column not in standing.present:
                note_gaps(work, "column came", name, at, f"{text(column)} || {day}", "range(1)")
        for column in standing.present:
            if column not in loaded.columns:
                note_gaps(work, "column went", name, at, f"{text(column)} || {day}", "range(1)")
    if occurred is None:
        return
    own = standing.columns.index(loaded.column(occurred) or "")
    others = [i for i, column in enumerate(standing.columns) if i != own and column in loaded.columns]
    same = " AND ".join(f"n{i} IS NOT DISTINCT FROM o{i}" for i in others) or "true"
    changed = "diff WHERE there AND was"
    note_gaps(work, "only its time changed", name, at, f"k || {day}", f"{changed} AND {same}")
    told = f"k || {day} || ', ' || coalesce(n{own}, 'no time')"
    note_gaps(work, "ahead of its record", name, at, told, f"diff WHERE there AND t > {at}")
    note_gaps(work, "older than before", name, at, f"{told} || ' after ' || o{own}", f"{changed} AND t < old_t")
    if standing.at is not None:
        last = f"TIMESTAMPTZ {text(standing.at.isoformat())}"
        stood = f"(t IS NULL OR (t <= {last} AND (old_t IS NULL OR t >= old_t)))"
        note_gaps(work, "time did not move", name, at, told, f"{changed} AND {stood}")
        note_gaps(work, "appeared late", name, at, told, f"diff WHERE there AND NOT was AND t <= {last}")
