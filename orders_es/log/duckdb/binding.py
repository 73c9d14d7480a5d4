"""A DuckDB log as a view in somebody's DuckDB connection."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.log.binding import copied_events
from orders_es.log.duckdb.store import MEMORY
from orders_es.log.relation import event_columns, quoted, text
from orders_es.log.shredding import Reading, columns_of, lacks, odd, readings_of, with_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from orders_es.log.duckdb.store import Store
    from orders_es.log.registry import EventRegistry

__all__ = ["Lacking", "bind_view"]


class Lacking:
    """Which event types have values in their payloads only, since whoever wrote them did not know the type.

    Args:
        registry: The event types that the program knows.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._known = len(registry)
        self._until = 0
        self._types: set[str] = set()
        self.readings: dict[int, Reading] = {}

    def up_to(self, store: Store, end: int) -> set[str]:
        """Their names, among the events up to a position; only what is new since the last look is looked at.

        `readings` is then what the rule for payloads makes of those of them that SQL might read otherwise.
        """
        if self._known != len(self._registry):  # a type was registered meanwhile
            self._known, self._until = len(self._registry), 0
            self._types.clear()
            self.readings = {}
        arms = [f"WHEN {text(t.name)} THEN {told}" for t in self._registry if (told := lacks(t, store.columns))]
        if arms and end > self._until:
            lacking = f"position > ? AND position <= ? AND CASE type {' '.join(arms)} ELSE false END"
            rows = store.ask(f"SELECT DISTINCT type FROM events WHERE {lacking}", [self._until, end])
            self._types.update(name for (name,) in rows)
            if rows:
                found: list[Any] = store.ask(
                    f"SELECT position, stream_id, type, schema_version, payload FROM events WHERE {lacking} "
                    f"AND {odd(self._registry)}",
                    [self._until, end],
                )
                self.readings |= readings_of(self._registry, found)
        self._until = max(self._until, end)
        return set(self._types)


def bind_view(
    connection: Any,
    name: str,
    store: Store,
    registry: EventRegistry,
    end: int,
    lacking: set[str],
    readings: Mapping[int, Reading],
    read: Callable[[int, int], Iterator[pa.RecordBatch]],
) -> None:
    """Make the view `name` in a connection, over the log up to a position.

    A connection to the log's own file looks at its table, through a temporary view, for nothing of it belongs in the file.
    Any other one gets a copy of the events, to which each call adds what is new, for DuckDB lets no second database of a
    process open a file.

    Args:
        name: The view's name.
        registry: The event types that the program knows.
        end: The last position.
        lacking: The event types some of whose values are in the payload only.
        readings: What the rule for such payloads makes of those that SQL might read otherwise.
        read: Gives the events after a position up to another, with all columns.
    """
    own = _own_database(connection, store.path)
    kinds = registry.columns
    if own is None:
        kind_of, table, there = (
            "VIEW",
            copied_events(connection, store.identity.log_id, kinds, end, read),
            event_columns(kinds),
        )
    else:
        kind_of, table, there = "TEMPORARY VIEW", f"{quoted(own)}.main.events", store.columns

    def own_value(column: str, kind: str) -> str:
        return f"event.{quoted(column)}" if column in there else f"NULL::{kind}"

    source = f"{table} AS event"
    if lacking:
        source = with_readings(table, readings)
        columns = columns_of(registry, readings, own_value)
    else:
        columns = [
            f"{own_value(column, kind)}::{kind} AS {quoted(column)}" for column, kind in event_columns(kinds).items()
        ]
    connection.execute(
        f"CREATE OR REPLACE {kind_of} {quoted(name)} AS SELECT {', '.join(columns)} FROM {source} "
        f'WHERE event."position" <= {end}'
    )


def _own_database(connection: Any, path: str) -> str | None:
    """The name under which a connection knows the log's own file, if it does."""
    if path == MEMORY:
        return None
    for name, other in connection.execute("SELECT database_name, path FROM duckdb_databases()").fetchall():
        with suppress(OSError):
            if other and Path(other).samefile(path):
                return str(name)
    return None
