"""The tables of a PostgreSQL log, looked at without believing them: for `verify`. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog, LogError
from orders_es.log.core import schema_columns
from orders_es.log.postgres.reading import table_page
from orders_es.log.postgres.tables import micros, state_of, state_query, tree_of
from orders_es.log.survey import CommitsSurvey, Finding, Stated, Stretch, everything, paged_stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from orders_es.log.postgres.address import Address
    from orders_es.log.postgres.connections import Connections
    from orders_es.log.registry import EventRegistry
    from orders_es.log.survey import Wanted

__all__ = ["DatabaseSurvey"]

_PAGE = 65_536
_RESTORE = "restore the database from a backup"


class DatabaseSurvey(CommitsSurvey):
    """The commits of a log in a PostgreSQL database; see `Survey`.

    Args:
        there: The columns of `events`.
        registry: The event types that this program knows.
        kept: Gives the files of this machine that are not what the log's events give, and why.
    """

    def __init__(
        self,
        connections: Connections,
        address: Address,
        there: frozenset[str],
        registry: EventRegistry,
        kept: Callable[[], Iterator[tuple[str, str]]],
    ) -> None:
        super().__init__(kept)
        self._connections = connections
        self._address = address
        self._there = there
        self._registry = registry
        self._checksums = connections.rows("SELECT current_setting('data_checksums')") == [("on",)]
        self._commits = self._stated()

    def _say(self, where: str, what: str) -> None:
        self._found.append(Finding(where, f"{what}; {_RESTORE}"))

    def _stated(self) -> list[Stated]:
        name = self._address.name
        try:  # the end first: commits that come in between are beyond it, and are left to the next look
            state = state_of(self._address, self._connections.rows(state_query(self._address)))
            end = state.tree.end
            rows: list[Any] = self._connections.rows(
                f'SELECT "first", "last", {micros("recorded_at")}, commit_id, tree_root, tree FROM {name("commits")} '
                'WHERE "first" <= %s ORDER BY "first"',
                [end],
            )
            [(count, first, last)] = self._connections.rows(
                f'SELECT count(*), min("position"), max("position") FROM {name("events")} WHERE "position" <= %s', [end]
            )
        except LogError as error:
            self._found.append(Finding(self._address.shown, str(error)))
            return []
        commits = []
        position = 0
        for first_of, last_of, recorded_at, commit_id, root, raw in rows:
            where = f"commit of positions {first_of} to {last_of}"
            if first_of != position + 1 or last_of < first_of:
                self._say(where, f"it does not follow position {position}")
            position = last_of
            try:
                tree = tree_of(self._address, last_of, bytes(raw))
            except DamagedLog as error:
                self._found.append(Finding(where, error.reason))
                continue
            if tree.root() != bytes(root):
                self._say(where, "its tree head does not fit its hashes")
            commits.append(Stated(first_of, last_of, recorded_at, tree, commit_id))
        if position != end:
            self._say(self._address.shown, f"its table `log` ends at position {end}, its commits at {position}")
        elif commits and (commits[-1].tree, commits[-1].recorded_at) != (state.tree, state.recorded_at):
            self._say(self._address.shown, "its table `log` states another head than its last commit")
        if (count, first, last) != ((position, 1, position) if position else (0, None, None)):
            said = f"its table `events` has {count} events from position {first} to {last}, its commits {position}"
            self._say(self._address.shown, said)
        return commits

    def stretches(self, wanted: Wanted = everything) -> Iterator[Stretch]:
        """The commits, in order of position."""
        return paged_stretches(self._commits, self._page, wanted, protected=self._checksums)

    def _page(self, start: int) -> pa.Table:
        names = schema_columns(None, self._registry)
        return table_page(
            self._connections, self._address, self._there, self._registry, start - 1, start - 1 + _PAGE, names
        )
