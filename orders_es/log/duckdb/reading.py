"""Events out of the tables of a DuckDB log: pages of the whole, a stream, and what telling a retry needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.errors import DamagedLog
from orders_es.log.columns import ARROW_TYPES, conform, event_schema
from orders_es.log.duckdb.failures import reading
from orders_es.log.envelope import ENVELOPE, FIELDS
from orders_es.log.event import RecordedEvent, beyond_calendar, from_micros
from orders_es.log.ids import Holder, blob_bytes
from orders_es.log.relation import COLUMN_TYPES, quoted
from orders_es.log.retry import EventPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from orders_es.log.duckdb.store import Store
    from orders_es.log.registry import EventRegistry

__all__ = ["id_holder", "ids_after", "pages", "retry_rows", "stream_events"]

_PAGE = 16_384
"""Events a query: small batches are cut from such pages, large ones are pages of their own."""
_LONG_STREAM = 1_000
_ENTERED = ENVELOPE.index("entered_at")
_DUCKDB_TYPES = {COLUMN_TYPES[kind]: ARROW_TYPES[kind] for kind in COLUMN_TYPES}


def pages(
    using: Callable[[], AbstractContextManager[Store]],
    kinds: Mapping[str, str],
    *,
    after: int,
    to: int,
    batch_size: int,
    names: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """The events with `after < position <= to`, in batches.

    Every page is a query of its own, by position: memory stays flat however long the log, no transaction stays open
    while the reader takes its time, and since no position ever changes its event the pages belong together.

    Args:
        using: Gives the store, for a while.
        kinds: The registry's columns.
        after: Begin after this position.
        to: End with this position; the log must reach it.
        batch_size: At most so many events a batch.
        names: The columns, in their order.
    """
    size = max(batch_size, _PAGE - _PAGE % batch_size)
    schema = event_schema(kinds)
    while after < to:
        end = min(after + size, to)
        with using() as store:
            page = _page(store, after, end, names, schema)
        yield from page.to_batches(batch_size)
        after = end


def _page(store: Store, after: int, end: int, names: Sequence[str], schema: pa.Schema) -> pa.Table:
    wanted = {field.name: field.type for field in schema}
    alike = {
        name
        for name, kind in store.columns.items()
        if name in ENVELOPE or (name in wanted and _DUCKDB_TYPES.get(kind) == wanted[name])
    }
    present = [name for name in dict.fromkeys(("position", *names)) if name in alike]
    chosen = ", ".join("event_id::BLOB AS event_id" if name == "event_id" else quoted(name) for name in present)
    with reading(store.path), store.cursor() as cursor:
        table = cursor.sql(
            f"SELECT {chosen} FROM events WHERE position > ? AND position <= ? ORDER BY position",
            params=[after, end],
        ).to_arrow_table()
    positions = table.column("position")
    if table.num_rows != end - after or positions[0].as_py() != after + 1 or positions[-1].as_py() != end:
        raise DamagedLog(
            store.path,
            f"events between the positions {after + 1} and {end} are missing; restore the file from a backup",
        )
    if "event_id" in present:
        ids = table.column("event_id").cast(pa.binary(16)).combine_chunks()
        ids = pa.ExtensionArray.from_storage(pa.uuid(), ids)
        table = table.set_column(table.schema.get_field_index("event_id"), "event_id", ids)
    return conform(table, names, schema).combine_chunks()


def _of_stream(store: Store) -> str:
    """SELECT for the envelope of a stream's events; a column that the table does not have yet is null."""
    columns = [
        "NULL"
        if field.name not in store.columns
        else f"epoch_us({field.name})"
        if field.kind == "timestamp"
        else quoted(field.name)
        for field in FIELDS
    ]
    return f"SELECT {', '.join(columns)} FROM events WHERE stream_id = ?"


def stream_events(
    store: Store, registry: EventRegistry, stream_id: str, after: int, to: int | None
) -> list[RecordedEvent]:
    """A stream's events with `after < version <= to`, in version order."""
    query, parameters = _of_stream(store), [stream_id]
    if after >= _LONG_STREAM:  # with a second condition DuckDB scans and uses no index; worth it for a few of very many
        query, parameters = f"{query} AND version > ?", [stream_id, after]  # type: ignore[list-item]
    rows: list[Any] = store.ask(f"{query} ORDER BY version", parameters)
    events = []
    for row in rows:
        if row[2] > after and (to is None or row[2] <= to):
            try:
                entered = None if row[_ENTERED] is None else from_micros(row[_ENTERED])
                moments = (from_micros(row[6]), from_micros(row[7]), entered)
            except OverflowError as error:
                raise beyond_calendar(row[0], stream_id, row[6]) from error
            values = (*row[:6], *moments, *row[9:], registry)
            events.append(RecordedEvent(*values))
    return events


def retry_rows(store: Store, wanted: Mapping[str, tuple[int, int | None]]) -> list[EventPlace]:
    """The recorded events of some streams."""
    columns = "stream_id, event_id, version, position, epoch_us(recorded_at)"
    if len(wanted) == 1:
        rows = store.ask(f"SELECT {columns} FROM events WHERE stream_id = ?", list(wanted))
    else:
        query = f"SELECT {columns} FROM events WHERE stream_id IN (SELECT unnest(?::VARCHAR[]))"
        rows = store.ask(query, [list(wanted)])
    return [EventPlace(row[0], row[1].bytes, *row[2:]) for row in rows]


def ids_after(store: Store, after: int) -> Iterator[bytes]:
    """The event ids of all events after a position, 16 bytes each."""
    with reading(store.path), store.cursor() as cursor:
        query = cursor.sql("SELECT event_id::BLOB AS id FROM events WHERE position > ?", params=[after])
        yield from blob_bytes(query.to_arrow_table().column("id"))


def id_holder(store: Store, ids: list[UUID], after: int) -> Holder | None:
    """An event after a position that has one of some ids."""
    rows: list[Any] = store.ask(
        "SELECT event_id, stream_id, version, position FROM events "
        "WHERE position > ? AND event_id IN (SELECT unnest(?::UUID[])) ORDER BY position LIMIT 1",
        [after, ids],
    )
    return Holder(*rows[0]) if rows else None


def types_in(store: Store) -> frozenset[tuple[str, int]]:
    """The event types of the log, each with its schema version; only what is new since the last look is looked at."""
    seen, known = store.types
    end = store.state.tree.end
    if end > seen:
        rows: list[Any] = store.ask(
            "SELECT DISTINCT type, schema_version FROM events WHERE position > ? AND position <= ?", [seen, end]
        )
        known |= frozenset((name, version) for name, version in rows)
        store.types = (end, known)
    return known
