"""The tables of a DuckDB log, looked at without believing them: for `verify`. Read-only.

DuckDB keeps a checksum of each block of its file and of each entry of its write-ahead log, and refuses to read a block that
does not have it. What its tables say is recomputed here as for any other log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.errors import LogError
from orders_es.log.columns import conform, event_schema
from orders_es.log.duckdb.binding import of_one_type
from orders_es.log.duckdb.failures import reading
from orders_es.log.merkle import CompactRange, decompose
from orders_es.log.relation import quoted
from orders_es.log.survey import CommitsSurvey, Finding, Stated, Stretch, everything, paged_stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders_es.log.duckdb.store import Store
    from orders_es.log.registry import EventRegistry
    from orders_es.log.survey import Wanted

__all__ = ["TableSurvey"]

_PAGE = 65_536
_HASH = 32
_RESTORE = "restore the file from a backup"


class TableSurvey(CommitsSurvey):
    """The commits of a log in one DuckDB file; see `Survey`.

    Args:
        registry: The event types that this program knows.
        lacking: Gives the event types some of whose values are in the payload only.
        kept: Gives the files beside the log that are not what its events give, and why.
    """

    def __init__(
        self,
        store: Store,
        registry: EventRegistry,
        lacking: Callable[[], set[str]],
        kept: Callable[[], Iterator[tuple[str, str]]],
    ) -> None:
        self._store = store
        super().__init__(kept)
        self._registry = registry
        self._lacking: frozenset[str] = frozenset()
        try:
            self._lacking = frozenset(lacking())
        except LogError as error:
            self._found.append(Finding(store.path, str(error)))
        self._commits = self._stated()

    def _stated(self) -> list[Stated]:
        try:
            rows: list[Any] = self._store.ask(
                'SELECT "first", "last", epoch_us(recorded_at), commit_id, tree_size, tree_root, tree_range '
                'FROM commits ORDER BY "first"'
            )
            [(events, first, last)] = self._store.ask("SELECT count(*), min(position), max(position) FROM events")
        except LogError as error:
            self._found.append(Finding(self._store.path, str(error)))
            return []
        commits = []
        position = 0
        for first_of, last_of, recorded_at, commit_id, size, root, raw in rows:
            where = f"commit of positions {first_of} to {last_of}"
            if first_of != position + 1 or last_of < first_of:
                self._found.append(Finding(where, f"it does not follow position {position}; {_RESTORE}"))
            position = last_of
            if size != last_of or size < 1 or len(raw) != _HASH * len(decompose(0, size)):
                self._found.append(Finding(where, f"its tree is not that of {last_of} events; {_RESTORE}"))
                continue
            tree = CompactRange(0, size, tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH)))
            if tree.root() != root:
                self._found.append(Finding(where, f"its tree head does not fit its hashes; {_RESTORE}"))
            commits.append(Stated(first_of, last_of, recorded_at, tree, commit_id))
        if events and (events, first, last) != (position, 1, position):
            said = f"its table has {events} events from position {first} to {last}, its commits {position}"
            self._found.append(Finding(self._store.path, f"{said}; {_RESTORE}"))
        return commits

    def stretches(self, wanted: Wanted = everything) -> Iterator[Stretch]:
        """The commits, in order of position."""
        return paged_stretches(self._commits, self._page, wanted, nulls=self._lacking)

    def _page(self, start: int) -> pa.Table:
        """The events from a position on, as many as one query gives."""
        schema = event_schema(self._registry.columns)
        there = of_one_type(self._store.columns, self._registry.columns)
        names = [name for name in schema.names if name in there]
        chosen = ", ".join("event_id::BLOB AS event_id" if name == "event_id" else quoted(name) for name in names)
        with reading(self._store.path), self._store.cursor() as cursor:
            table = cursor.sql(
                f"SELECT {chosen} FROM events WHERE position >= ? AND position < ? ORDER BY position",
                params=[start, start + _PAGE],
            ).to_arrow_table()
        ids = pa.ExtensionArray.from_storage(pa.uuid(), table.column("event_id").cast(pa.binary(16)).combine_chunks())
        table = table.set_column(table.schema.get_field_index("event_id"), "event_id", ids)
        return conform(table, names, schema).combine_chunks()
