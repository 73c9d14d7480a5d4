"""A PostgreSQL log as a view in somebody's DuckDB connection, over a copy of the events there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.log.binding import copied_events
from orders_es.log.known_columns import known_columns
from orders_es.log.relation import event_columns, quoted, text
from orders_es.log.shredding import columns_of, lacks, readings_of, with_readings

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Collection, Iterator

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry

__all__ = ["bind_view"]


def bind_view(
    connection: Any,
    name: str,
    log_id: uuid.UUID,
    registry: EventRegistry,
    end: int,
    held: Collection[tuple[str, int]],
    todays: Callable[[int, int], Iterator[pa.RecordBatch]],
    *,
    erased: int = 0,
) -> None:
    """Make the view `name` in a connection, over the log up to a position.

    Where a payload does not fit its type, a query fails that needs its values, and no other.

    Args:
        name: The view's name.
        registry: The event types that the program knows.
        end: The last position.
        held: The types and schema versions in the log, as recorded.
        todays: Gives the events after a position up to another, with all columns, as they are today.
        erased: How often something was erased from the log, or held.
    """
    kinds = registry.columns
    as_read = registry.fingerprint if registry.evolves else ""
    table = copied_events(connection, log_id, kinds, end, todays, as_read=as_read, erased=erased)
    arms = [f"WHEN {text(t.name)} THEN {said}" for t in registry if (said := lacks(t, kinds))]
    found: list[Any] = []
    if arms:
        found = connection.execute(
            f'SELECT "position", stream_id, type, schema_version, payload FROM {table} '
            f'WHERE "position" <= {end} AND CASE type {" ".join(arms)} ELSE false END'
        ).fetchall()
    readings = readings_of(registry, found)
    if readings:
        columns = columns_of(registry, readings, lambda column, _: f"event.{quoted(column)}")
    else:
        columns = [f"event.{quoted(column)}" for column in event_columns(kinds)]
    events = f'SELECT {", ".join(columns)} FROM {with_readings(table, readings)} WHERE event."position" <= {end}'
    connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {known_columns(events, registry, held)}")
