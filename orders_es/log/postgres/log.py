"""`PostgresLog`: the same promises as the folder log, in a PostgreSQL database, for programs on many machines."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import ErasureUnfinished, LogChanged, LogError, NotALog, UnansweredAppend
from orders_es.log.database_upkeep import KeepingLog
from orders_es.log.envelope import FIELDS
from orders_es.log.merkle import CompactRange
from orders_es.log.packages import Writers
from orders_es.log.postgres import reading
from orders_es.log.postgres.address import Address, address_of
from orders_es.log.postgres.connections import Connections
from orders_es.log.postgres.failures import cannot_write, is_lost, lost, words
from orders_es.log.postgres.following import Waiting
from orders_es.log.postgres.tables import add_columns, create_log, identity_of, state_of, state_query
from orders_es.log.postgres.writers import note_writers, writers_of
from orders_es.log.postgres.writing import copy_table, end_parameters, end_statement, event_arrays
from orders_es.log.primitives import Commit, End, commit_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import psycopg
    import pyarrow as pa

    from orders_es.log.batch import Batch, RowBatch
    from orders_es.log.event import Appended, Head, NewEvent, RecordedEvent
    from orders_es.log.expected import ExpectedVersion
    from orders_es.log.ids import Holder
    from orders_es.log.postgres.survey import DatabaseSurvey
    from orders_es.log.postgres.tables import State
    from orders_es.log.registry import EventRegistry
    from orders_es.log.retry import EventPlace

__all__ = ["PostgresLog"]

CACHE = "ORDERS_ES_CACHE"
"""The environment variable that names a folder of this machine for what can be made again of logs that have none beside them."""
_ROWS_MOST = 64
"""Up to so many events a commit go in as parameters of one statement; from there on COPY is faster."""
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"


class PostgresLog(KeepingLog):
    """A log in a PostgreSQL database; see `EventLog` for what it promises. Made by `open_log`.

    Any number of programs on any number of machines read and append. Whoever appends locks the one row that counts positions,
    checks versions, and writes events, commit and count in one transaction; the others wait for
    their turn. An append that has returned is on disk, as far as the server's `fsync` is on, which it is
    unless somebody switched it off.

    Args:
        url: `postgresql://user@host:port/database?schema=NAME`; see `address_of`.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
        create: Make the log if there is none yet.
        origin: Its name, if it is made now.
        incomplete: Open it even though it is a copy that is not complete; for copies.
        read_only: Let the server refuse whatever would write (`default_transaction_read_only`).
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        create: bool = False,
        origin: str | None = None,
        incomplete: bool = False,
        read_only: bool = False,
    ) -> None:
        given = os.fspath(url)
        self._address = address_of(given)
        super().__init__(self._address.shown, registry=registry, clock=clock, read_only=read_only)
        self._given = given
        self._connections = Connections(self._address, read_only=read_only)
        self._locked: tuple[psycopg.Connection, State] | None = None
        self._known = 0
        self._writers = Writers(registry)
        self._to_erase: Sequence[int] = ()
        self._types: tuple[int, frozenset[tuple[str, int]]] = (0, frozenset())
        try:
            if create:
                create_log(self._connections, self._address, origin)
            self._identity = identity_of(self._connections, self._address)
            self._columns = self._identity.columns
            if not self._identity.complete and not incomplete:
                reason = "it is an unfinished copy; finish it (the same copy again goes on where it ended), or drop its schema"
                raise NotALog(self._url, reason)
            if self._identity.is_erasing and not self.read_only and not incomplete:
                self._finish_erasing(0.0)
        except BaseException:
            self.close()
            raise
        registry.ask_writers(self)

    log_id = property(lambda self: self._identity.log_id, doc="The log's identity, given at its creation.")
    origin = property(lambda self: self._identity.origin, doc="The log's name, given at its creation.")

    @property
    def many_processes(self) -> bool:
        """True: other processes can open the log while this one has it open."""
        return True

    @property
    def address(self) -> Address:
        """The database and schema that the log is in."""
        return self._address

    def __repr__(self) -> str:
        return f"PostgresLog({self._url!r})"  # nothing is asked of a server to be shown in a traceback

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._given, self._registry, self._clock, self._read_only)

    def close(self) -> None:
        """Close the connections that are open. The object opens new ones when it is next used."""
        self._connections.forget()

    # -- appending

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._turn, self._connections.pinned() as connection:
            self._writer = connection
            try:
                yield
            finally:
                self._end_writing()

    def _end_writing(self) -> None:
        import psycopg

        self._locked = None
        writer = self._writer
        if not writer.closed and writer.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                writer.rollback()

    def _catch_up(self) -> None:
        """Take the turn: from here to the end of the transaction nobody else appends."""
        if self._locked is not None:
            return
        if self._missing():
            self._columns = add_columns(self._connections, self._address, self._columns)
        state = self._lock()  # perhaps by another connection than before
        self._locked = (self._writer, state)

    def _lock(self) -> State:
        import psycopg

        for again in (True, False):
            writer = self._writer
            try:
                cursor = writer.execute(f"{_BEGIN}; {state_query(self._address)} FOR UPDATE")
                cursor.nextset()
                return self._checked(state_of(self._address, cursor.fetchall()))
            except psycopg.Error as error:
                if not is_lost(error, writer):
                    raise cannot_write(self._address, error, writer) from error
                if not again:
                    raise lost(self._address, error) from error
                writer.close()  # it had died while it was idle, and nothing was asked of it yet
                self._connections.forget()
                self._writer = self._connections.connect()
                self._connections.repin(self._writer)
        raise AssertionError

    def _checked(self, state: State) -> State:
        """The same state, if it is of the log that was opened, and not an older one."""
        if state.log_id != self._identity.log_id:
            raise LogChanged(self._url, f"its identity is {state.log_id} now and was {self._identity.log_id}")
        if state.tree.end < self._known:
            raise LogChanged(self._url, f"it ends at position {state.tree.end:,} and had reached {self._known:,}")
        self._known = state.tree.end
        return state

    def _is_certain(self, known: int) -> bool:
        del known  # versions were read under the lock
        return True

    def _commit_rows(self, rows: RowBatch) -> Appended:
        if rows.count > _ROWS_MOST:
            return super()._commit_rows(rows)

        def place(first: int, recorded_at: int, bases: Sequence[int]) -> Commit:
            columns, leaves = rows.place(first, recorded_at, bases, {})
            return commit_of(rows, first, recorded_at, bases, columns, CompactRange.of_leaves(first - 1, leaves))

        return self._commit(rows, place)

    def _put(self, batch: Batch, commit: Commit) -> uuid.UUID:
        del batch  # all of it is in the commit
        import psycopg

        assert self._locked is not None
        assert commit.leaves is not None
        writer, state = self._locked
        commit_id, tree = uuid.uuid4(), state.tree.merge(commit.leaves)
        end = end_parameters(state.log_id, commit_id, commit.first, commit.recorded_at, tree)
        try:
            if self._to_erase:
                from orders_es.log.postgres import erasing

                erasing.change(writer, self._address, self._registry, self._to_erase)
            if written := self._writers.new_in(commit.events):
                note_writers(writer, self._address, written)
            if isinstance(commit.events, Mapping):
                arrays = event_arrays(commit.events)
                query, parameters = end_statement(self._address, list(arrays)), [*arrays.values(), *end]
            else:
                copy_table(writer, self._address, commit.events)
                query, parameters = end_statement(self._address, ()), end
            if not writer.execute(query, parameters).fetchall():  # somebody moved the end although we hold it
                raise LogChanged(self._url, f"it did not end at position {commit.first - 1:,} when it was written to")
            writer.execute("COMMIT")
        except psycopg.Error as error:
            self._locked = None
            if not is_lost(error, writer):
                raise cannot_write(self._address, error, writer) from error
            self._settle(commit_id, error)
        self._locked = None
        self._known = tree.end
        self._writers.noted(written)
        return commit_id

    def _settle(self, commit_id: uuid.UUID, error: psycopg.Error) -> None:
        """Find out whether a commit whose answer did not come was made: under the lock, which it held until it was decided.

        Raises:
            LogUnavailable: It was not.
            UnansweredAppend: The server does not answer this either.
        """
        import psycopg

        query = f"SELECT 1 FROM {self._address.name('commits')} WHERE commit_id = %s"
        try:
            with self._connections.connect() as connection:
                connection.execute(f"{_BEGIN}; {state_query(self._address)} FOR UPDATE")
                found = connection.execute(query, [commit_id]).fetchall()
        except (psycopg.Error, LogError) as second:
            raise UnansweredAppend(self._url, str(lost(self._address, error).reason)) from second
        if not found:
            raise lost(self._address, error) from error

    # -- erasing

    def erase_personal(
        self,
        stream_id: str,
        event: NewEvent,
        *,
        expected: ExpectedVersion,
        positions: Sequence[int],
        streams: Sequence[str],
    ) -> Appended:
        """Record an erasure, and erase the personal data of some events, in one transaction. See `CanErase.erase_personal`.

        The server writes the table anew afterwards (`VACUUM FULL`): that takes its size once more for a while, and appends and
        reads wait. It takes the role that owns the table.

        Raises:
            CannotErase: This role does not own it.
            ErasureUnfinished: It is erased, and somebody kept the server from writing the table anew.
        """
        del streams
        self._check_writable()
        with self._turn:
            self._to_erase = positions
            try:
                done = self.append(stream_id, [event], expected=expected)
            finally:
                self._to_erase = ()
            self._kept.remove()
        self.finish_erasing()
        return done

    def finish_erasing(self) -> None:
        """Go on with what was erased and not carried through. See `CanErase.finish_erasing`."""
        from orders_es.log.postgres.erasing import PATIENCE_SECONDS

        self._check_writable()
        self._finish_erasing(PATIENCE_SECONDS)

    def _finish_erasing(self, patience: float) -> None:
        import psycopg

        from orders_es.log.postgres import erasing

        with self._connections.one() as connection:
            try:
                erasing.finish(connection, self._address, patience=patience)
            except ErasureUnfinished:
                if patience:
                    raise
            except psycopg.Error as error:
                if patience:
                    raise ErasureUnfinished(self._url, words(error)) from error

    # -- asking

    def _missing(self) -> bool:
        return any(field.name not in self._columns for field in FIELDS)

    def _there(self) -> frozenset[str]:
        """The columns of `events`; asked again while there are fewer than the envelope has now."""
        if self._missing():
            self._columns = identity_of(self._connections, self._address).columns
        return self._columns

    def _end(self) -> End:
        if self._locked is not None and self._locked[0] is self._connections.mine():
            state = self._locked[1]
        else:
            known = self._known
            state = state_of(self._address, self._connections.rows(state_query(self._address)))
            if state.log_id != self._identity.log_id or state.tree.end < known:
                self._checked(state)
            self._known = max(self._known, state.tree.end)
        return End(state.tree, state.recorded_at)

    def _versions(self, stream_ids: Sequence[str]) -> list[int]:
        asked = [stream_id for stream_id in stream_ids if "\0" not in stream_id]
        table = self._address.name("events")
        rows = self._connections.rows(
            f"SELECT w.stream_id, (SELECT max(e.version) FROM {table} AS e WHERE e.stream_id = w.stream_id) "
            "FROM unnest(%s::text[]) AS w(stream_id)",
            [asked],
        )
        versions = dict(rows)
        return [versions.get(stream_id) or 0 for stream_id in stream_ids]

    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        return reading.stream_events(
            self._connections, self._address, self._there(), self._registry, stream_id, after, to
        )

    def _rows(self, wanted: Mapping[str, tuple[int, int | None]]) -> list[EventPlace]:
        return reading.retry_rows(self._connections, self._address, wanted)

    def _holder(self, ids: bytes) -> Holder | None:
        return reading.id_holder(self._connections, self._address, ids)

    def _ids(self, prefix: str, limit: int | None) -> list[str]:
        if "\0" in prefix:
            return []
        rows = self._connections.rows(  # each stream has one event of version 1, and there is an index of these
            f"SELECT stream_id FROM {self._address.name('events')} WHERE version = 1 AND stream_id >= %s "
            "AND starts_with(stream_id, %s) ORDER BY stream_id LIMIT %s",
            [prefix, prefix, limit],
        )
        return [stream_id for (stream_id,) in rows]

    def existing(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of some ids that are ids of streams. See `EventLog.existing`."""
        rows = self._connections.rows(
            f"SELECT stream_id FROM {self._address.name('events')} WHERE version = 1 AND stream_id = ANY(%s::text[])",
            [[stream_id for stream_id in stream_ids if "\0" not in stream_id]],
        )
        return {stream_id for (stream_id,) in rows}

    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return reading.pages(
            self._connections,
            self._address,
            self._there(),
            self._registry,
            after=after,
            to=to,
            batch_size=batch_size,
            names=names,
        )

    def _follow(
        self, after: int, batch_size: int, poll: float, stop: threading.Event | None, names: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        with Waiting(self._connections, self.log_id, poll, stop) as waiting:
            while stop is None or not stop.is_set():
                end = self.head().position
                if end <= after:
                    waiting.for_news()
                    continue
                for batch in self._shown(after, end, batch_size, names):
                    yield batch
                    after += batch.num_rows
                    if stop is not None and stop.is_set():
                        return

    def bind(self, connection: Any, name: str = "events") -> Head:
        """Show the log as a view in a DuckDB connection, over a copy of the events there. See `EventLog.bind`."""
        from orders_es.log.postgres.binding import bind_view

        head = self.head()
        held = self.event_types()
        bind_view(
            connection, name, self.log_id, self._registry, head.position, held, self._todays, erased=self._erasures()
        )
        return head

    def _copies_folder(self) -> Path | None:
        """A folder of this machine for this log, where the environment names one: nothing of a database is left about unasked."""
        place = os.environ.get(CACHE)
        return Path(place).absolute() / str(self.log_id) / "upcast" if place else None

    def _commit_end(self, position: int) -> tuple[int, bytes] | None:
        rows: list[Any] = self._connections.rows(
            f'SELECT "last", tree_root FROM {self._address.name("commits")} WHERE "first" > '
            f'coalesce((SELECT max("first") FROM {self._address.name("commits")} WHERE "first" <= %s), 0) - 1 '
            'AND "last" >= %s ORDER BY "first" LIMIT 1',
            [position, position],
        )
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew."""
        return writers_of(self._connections, self._address, name, schema_version)

    def event_types(self) -> frozenset[tuple[str, int]]:
        """The event types in the log, each with its schema version. See `EventLog.event_types`."""
        seen, known = self._types
        end = self._end().tree.end
        if end > seen:
            rows: list[Any] = self._connections.rows(
                f"SELECT DISTINCT type, schema_version FROM {self._address.name('events')} "
                'WHERE "position" > %s AND "position" <= %s',
                [seen, end],
            )
            known |= frozenset(rows)
            self._types = (end, known)
        return known

    def survey(self) -> DatabaseSurvey:
        """The tables as they are now, read without believing them. See `EventLog.survey`."""
        from orders_es.log.postgres.survey import DatabaseSurvey

        return DatabaseSurvey(self._connections, self._address, self._there(), self._registry, self._wrong_copies)


def _reopen(
    url: str,
    registry: EventRegistry,
    clock: Callable[[], datetime] | None,
    read_only: bool = False,  # noqa: FBT001, FBT002 - as pickle hands it over
) -> PostgresLog:
    return PostgresLog(url, registry=registry, clock=clock, read_only=read_only)
