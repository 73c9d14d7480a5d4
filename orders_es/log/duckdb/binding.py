"""A DuckDB log as a view in somebody's DuckDB connection."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.log.binding import copied_events
from orders_es.log.bookkeeping import PRIVACY_STREAM
from orders_es.log.duckdb.store import MEMORY
from orders_es.log.duckdb.versions import version_of
from orders_es.log.known_columns import known_columns
from orders_es.log.relation import event_columns, quoted, text
from orders_es.log.shredding import Reading, columns_of, lacks, odd, readings_of, with_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import pyarrow as pa

    from orders_es.log.duckdb.store import Store
    from orders_es.log.registry import EventRegistry

__all__ = ["Lacking", "bind_view", "of_one_type"]


class Lacking:
    """Which event types have values in their payloads only, since whoever wrote them did not know the type.

    Args:
        registry: The event types that the program knows.
    """

    def __init__(self, registry: EventRegistry) -> None:
        self._registry = registry
        self._known = (registry.revision, 0)
        self._until = 0
        self._types: set[str] = set()
        self.readings: dict[int, Reading] = {}

    def up_to(self, store: Store, end: int) -> set[str]:
        """Their names, among the events up to a position; only what is new since the last look is looked at.

        `readings` is then what the rule for payloads makes of those of them that SQL might read otherwise.
        """
        known = (self._registry.revision, version_of(store, PRIVACY_STREAM))
        if self._known != known:  # something was registered meanwhile, or erased
            self._known, self._until = known, 0
            self._types.clear()
            self.readings = {}
        there = of_one_type(store.columns, self._registry.columns)
        changed = store.columns.keys() - there.keys()
        arms = [
            f"WHEN type = {text(t.name)} AND schema_version = {t.schema_version} THEN {told}"
            for t in self._registry
            if (told := "true" if any(f.name in changed for f in t.fields) else lacks(t, there))
        ]
        if arms and end > self._until:
            lacking = f"position > ? AND position <= ? AND CASE {' '.join(arms)} ELSE false END"
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


def of_one_type(columns: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """The columns of a log's table but those that an older version of an event had with another type than the registry says.

    Args:
        columns: The table's, name to DuckDB type.
        kinds: The registry's.
    """
    wanted = event_columns(kinds)
    return {name: kind for name, kind in columns.items() if wanted.get(name, kind) == kind}


def bind_view(
    connection: Any,
    name: str,
    store: Store,
    registry: EventRegistry,
    end: int,
    lacking: set[str],
    readings: Mapping[int, Reading],
    held: Collection[tuple[str, int]],
    todays: Callable[[int, int], Iterator[pa.RecordBatch]],
    *,
    erased: int = 0,
) -> None:
    """Make the view `name` in a connection, over the log up to a position.

    A connection to the log's own file looks at its table, through a temporary view, for nothing of it belongs in the file; or,
    where there are events of old versions, at a temporary copy.
    Any other one gets a copy of the events, to which each call adds what is new, for DuckDB lets no second database of a
    process open a file.

    Args:
        name: The view's name.
        registry: The event types that the program knows.
        end: The last position.
        lacking: The event types some of whose values are in the payload only.
        readings: What the rule for such payloads makes of those that SQL might read otherwise.
        held: The types and schema versions in the log, as recorded.
        todays: Gives the events after a position up to another, with all columns, as they are today.
        erased: How often something was erased from the log, or held.
    """
    own = _own_database(connection, store.path)
    kinds = registry.columns
    old = any(registry.upcasts(*pair) for pair in held)
    kind_of = "VIEW" if own is None else "TEMPORARY VIEW"
    if own is None or old:
        as_read = registry.fingerprint if registry.evolves else ""
        table = copied_events(
            connection,
            store.identity.log_id,
            kinds,
            end,
            todays,
            as_read=as_read,
            erased=erased,
            beside=own is not None,
        )
        there: Mapping[str, str] = event_columns(kinds)
    else:
        table, there = f"{quoted(own)}.main.events", of_one_type(store.columns, kinds)

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
    events = f'SELECT {", ".join(columns)} FROM {source} WHERE event."position" <= {end}'
    connection.execute(f"CREATE OR REPLACE {kind_of} {quoted(name)} AS {known_columns(events, registry, held)}")


def _own_database(connection: Any, path: str) -> str | None:
    """The name under which a connection knows the log's own file, if it does."""
    if path == MEMORY:
        return None
    for name, other in connection.execute("SELECT database_name, path FROM duckdb_databases()").fetchall():
        with suppress(OSError):
            if other and Path(other).samefile(path):
                return str(name)
    return None
