"""A table of orders into a log, by a mapping, for everybody who has one; docs/import-table.md describes mappings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.errors import BadSource, InvalidSetting
from orders_es.log import open_log
from orders_es.replay import load_order
from orders_es.sources.bad_rows import BadRows, set_aside_together
from orders_es.sources.batches import append_new
from orders_es.sources.options import check_import_options
from orders_es.sources.order_tables.events import to_streams
from orders_es.sources.order_tables.inputs import read_mapped
from orders_es.sources.order_tables.mapping_file import load_table_mapping
from orders_es.sources.order_tables.rows import read_lines, read_rows, with_lines
from orders_es.sources.order_tables.several_files import joined, last_number
from orders_es.sources.result import ImportResult
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from orders_es.log import EventLog
    from orders_es.orders import Order
    from orders_es.sources.bad_rows import OnError
    from orders_es.sources.batches import StreamTable
    from orders_es.sources.order_tables.mapping import TableMapping
    from orders_es.sources.order_tables.rows import OrderRows
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["BATCH_EVENTS", "Preview", "import_table", "preview_table"]

BATCH_EVENTS = 131_072
"""How many events a commit holds, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do.

    Args:
        rows: Rows in the source, good and bad.
        orders: Orders that would be imported.
        events: Events that they would be.
        quarantined: Rows that would be set aside.
        first: The first orders, as they would be.
    """

    rows: int
    orders: int
    events: int
    quarantined: int
    first: tuple[Order, ...]


def import_table(
    log: EventLog | str | os.PathLike[str],
    source: Any,
    mapping: str | os.PathLike[str] | Mapping[str, Any],
    *,
    query: Any = None,
    table: str | None = None,
    lines: Any = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    reading: TableOptions | None = None,
    skip_known: bool = False,
    batch_events: int = BATCH_EVENTS,
    progress: bool = False,
    actor: str = "import:table",
) -> ImportResult:
    """What the import of a table did. It appends to the log, and writes a quarantine file if asked to and needed.

    All rows are checked before anything is appended. Importing the same source again adds nothing; an import that was
    interrupted is completed by running it again.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: A `.csv`, `.tsv`, `.xlsx` (with the extra `excel`), `.parquet` or `.jsonl` file, `-` for standard input, a
            pattern such as `orders-*.csv`, or a list of any of these, read as one table; an Arrow, pandas or Polars frame; a
            DuckDB relation; or, with `query` or `table`, a SQLite file, the URL of a database, or a connection of DuckDB, SQLite,
            SQLAlchemy (both with the extra `databases`) or any other of PEP 249.
        mapping: A TOML file that says which column is what, or the same as a dict.
        query: What to ask a database. Rows are told apart by their place, so it needs an ORDER BY.
        table: Which table of a database to read instead, in the order of its primary key, or else of all its values.
        lines: The table in which the lines of the orders stand, where that is another: a file, several, or a frame.
        on_error: `stop` at the first bad row, or `quarantine`: write all rows of every order that has a bad one to a
            file, each with its reason, and import the other orders.
        quarantine: That file; `<name of the source>.quarantine.csv` in the current folder if None. Never overwritten.
        reading: What neither the source nor the mapping says: whether days come first, where decimals stand, the zone.
        skip_known: Leave out orders that the log has already, the same, from another source.
        batch_events: How many events a commit may hold; an order is never cut.
        progress: Whether to show bars, on a terminal.
        actor: Who is recorded as the cause of the events.

    Raises:
        BadSource: The mapping or the source makes no sense, or `on_error` is `stop` and a row is bad; nothing was appended.
        SourceConflict: The log holds one of the orders already, with other events or from another source.
        InvalidSetting: An option makes no sense.

    Example:
        >>> lines = pa.table(
        ...     {"No": ["A-1", "A-1"], "SKU": ["cup", "pot"], "Qty": [2, 1], "Each": ["4.50", "12"], "Day": ["2026-06-03"] * 2}
        ... )
        >>> mapping = {
        ...     "rows": "line",
        ...     "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
        ...     "line": {"item_id": "SKU", "quantity": "Qty", "price": "Each"},
        ... }
        >>> log = open_log(":memory:")
        >>> import_table(log, lines, mapping).events
        4
        >>> load_order(log, "A-1").total
        Decimal('21.0000')
    """
    check_import_options(log, on_error, quarantine, batch_events)
    rules = load_table_mapping(mapping)
    with target_of(log) as target:
        streams, facts = _read(
            source,
            rules,
            reading,
            query=query,
            table=table,
            lines=lines,
            on_error=on_error,
            actor=actor,
            progress=progress,
            put_aside=lambda bad, name: bad.quarantine(_beside(quarantine, name)),
        )
        loaded = append_new(
            target,
            streams,
            facts["digest"],
            set_aside=facts["quarantined"] > 0,
            batch_events=batch_events,
            progress=progress,
            skip_known=skip_known,
        )
    return ImportResult(
        **dataclasses.asdict(loaded),
        repeated=0,
        **facts,
    )


def preview_table(
    source: Any,
    mapping: str | os.PathLike[str] | Mapping[str, Any],
    *,
    query: Any = None,
    table: str | None = None,
    lines: Any = None,
    orders: int = 3,
    on_error: OnError = "stop",
    reading: TableOptions | None = None,
) -> Preview:
    """What `import_table` would do, with the first orders as they would be; read-only, never writes.

    Args:
        orders: How many orders to show.

    Raises:
        BadSource: As `import_table` would raise it.

    Example:
        >>> table = pa.table({"No": ["A-1"], "Day": ["2026-06-03"]})
        >>> mapping = {"rows": "order", "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True}}
        >>> preview_table(table, mapping).first[0].status
        'placed'
    """
    if orders < 1:
        raise InvalidSetting("orders", orders, "show at least one")
    rules = load_table_mapping(mapping)
    streams, facts = _read(
        source,
        rules,
        reading,
        query=query,
        table=table,
        lines=lines,
        on_error=on_error,
        actor="preview",
        progress=False,
        put_aside=lambda _bad, _name: None,
    )
    ids = streams.stream_ids.slice(0, orders)
    first: list[Order] = []
    if len(ids):
        with open_log(":memory:") as log:
            log.append_table(streams.events.slice(0, int(streams.starts[len(ids)])))
            first = [load_order(log, name) for name in ids.to_pylist()]
    return Preview(facts["rows"], len(streams.stream_ids), streams.events.num_rows, facts["quarantined"], tuple(first))


def _beside(quarantine: str | os.PathLike[str] | None, name: str) -> Path | None:
    """Where bad rows of the table of lines go: beside those of the orders."""
    if quarantine is None:
        return None
    path = Path(quarantine)
    return path.with_name(f"{path.stem}.{name}{path.suffix}") if name else path


def _read(
    source: Any,
    mapping: TableMapping,
    reading: TableOptions | None,
    *,
    query: Any,
    table: str | None,
    lines: Any,
    on_error: OnError,
    actor: str,
    progress: bool,
    put_aside: Callable[[BadRows, str], Path | None],
) -> tuple[StreamTable, dict[str, Any]]:
    options = mapping.reading(reading)
    if (lines is not None) != bool(mapping.line_ids):
        raise mapping.wrong(
            "line.order" if mapping.line_ids else "rows",
            "line.order says that lines stand in another table; give it with lines= (--lines)"
            if mapping.line_ids
            else "lines= (--lines) names a table of lines, and the mapping does not say which of its columns names the order: "
            'order = "…" under [line]',
        )
    found = read_mapped(source, mapping, mapping.columns, options, query=query, table=table, progress=progress)
    bad = BadRows(found)
    rows = read_rows(found, mapping, options, bad)
    tables = [(found, bad, rows, "", mapping.columns)]
    if lines is not None:
        other = read_mapped(lines, mapping, mapping.line_columns, options, progress=progress)
        bad_lines = BadRows(other)
        tables.append(
            (other, bad_lines, read_lines(other, rows, mapping, options, bad_lines), "lines", mapping.line_columns)
        )
    _judge(tables, mapping, on_error)
    paths = [put_aside(unfit, name) for _, unfit, _, name, _ in tables] if on_error == "quarantine" else []
    facts: dict[str, Any] = {
        "source": " with ".join(str(given.path) for given, *_ in tables),
        "digest": "",
        "rows": sum(given.table.num_rows + len(given.damaged) for given, *_ in tables),
        "quarantined": sum(len(unfit) for _, unfit, *_ in tables),
        "quarantine_path": next((path for path in paths if path), None),
    }
    kept = [own.select(unfit.good) for _, unfit, own, *_ in tables]
    # What was read is larger than what is needed of it.
    sources = [given.without_cells() for given, *_ in tables]
    del bad, found, rows, tables
    if lines is not None:
        del other, bad_lines
    pa.default_memory_pool().release_unused()
    whole = joined(sources)
    facts["digest"] = whole.digest.hex()
    all_rows = kept[0] if len(kept) == 1 else with_lines(kept[0], kept[1], last_number(sources[0]))
    del kept
    streams = to_streams(whole, all_rows, mapping, actor)
    del all_rows
    # What it took to put the events in order is more than what is left of it, and stays with the pool until it is asked for.
    pa.default_memory_pool().release_unused()
    return streams, facts


def _judge(tables: Sequence[tuple[Any, BadRows, Any, str, Any]], mapping: TableMapping, on_error: OnError) -> None:
    """Stop at the first bad row, or set aside whole orders; apart, so that no variable of it keeps a table."""
    if on_error == "stop":
        for _, unfit, *_ in tables:
            unfit.stop()
        return
    for given, unfit, own, _, columns in tables:
        _set_orders_aside(given, unfit, own, columns, mapping)
    if len(tables) > 1:
        (_, bad, rows, *_), (_, bad_lines, lines, *_) = tables
        set_aside_together((bad, rows.ids), (bad_lines, lines.ids))


def _set_orders_aside(
    given: SourceTable, bad: BadRows, rows: OrderRows, columns: Mapping[str, Any], mapping: TableMapping
) -> None:
    if given.damaged and len(mapping.ids) > 1:
        damaged = given.damaged[0]
        raise BadSource(
            str(given.path),
            damaged.number,
            f"{damaged.reason}; with an id of several columns it cannot be said which order such a row belongs to, so none "
            "can be set aside. Correct the row. Nothing was appended",
        )
    bad.add_companions(rows.ids, given.columns[next(iter(columns))])
