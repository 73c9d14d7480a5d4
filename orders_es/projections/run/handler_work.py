"""Handlers called event by event, each event counted exactly once in their tables, whatever fails."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from time import monotonic
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from orders_es.errors import ProjectionChanged, ProjectionStopped, QueryError, WrongType
from orders_es.log.interrupts import is_interrupt
from orders_es.projections.definitions import Handlers
from orders_es.projections.file.dead_letters import Failure, close_letter, open_streams, put_aside, settle
from orders_es.projections.file.holding import CATALOG, held
from orders_es.projections.file.store import changing, refused_by_disk, show, take_tables
from orders_es.projections.file.tables import keep, place, save
from orders_es.projections.handler_tables import Tables
from orders_es.projections.run.erased import concerns, erased_between
from orders_es.projections.run.work import Last, Settings, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orders_es.log import RecordedEvent
    from orders_es.projections.definitions import Handler
    from orders_es.projections.file.tables import State

__all__ = ["HandlerWork"]

_HOLD_SECONDS = 0.3
"""So long a batch may hold the file before it is cut short and committed: readers are waiting."""
_BATCH_MOST = 1_000


class _Failed(Exception):
    """A handler failed on an event, or on one of several in a row; its error is the cause."""

    def __init__(self, event: RecordedEvent, index: int, count: int = 1) -> None:
        super().__init__(event, index, count)
        self.event = event
        self.index = index
        self.count = count


class HandlerWork(Work[Handlers]):
    """Handlers and where they stand; see `Work`.

    Args:
        settings: What all projections of the runner share.
        projection: The handlers.
    """

    def __init__(self, settings: Settings, projection: Handlers) -> None:
        super().__init__(settings, projection)
        classes = {t.cls: t.name for t in settings.log.registry}
        self._by_type: dict[str, Handler] = {
            key if isinstance(key, str) else classes.get(key, key.__name__): handler
            for key, handler in projection.handlers.items()
        }
        self._names: tuple[str, ...] | None = None
        self.building: State | None = None
        """The row of the generation that a rebuild is making; the one that serves stays as it is."""
        self._moved: State | None = None

    @property
    def current(self) -> State | None:
        """The row of the generation that is worked on."""
        return self.building or self.state

    @property
    def generation(self) -> int:
        """The generation that is worked on."""
        return 1 if self.current is None else self.current.generation

    @property
    def position(self) -> int:
        """The last position that the tables which are worked on account for."""
        return 0 if self.current is None else self.current.checkpoint

    def table_names(self) -> tuple[str, ...]:
        """The names of the tables that the handlers' SQL makes, found by making them elsewhere.

        Raises:
            QueryError: DuckDB refuses that SQL.
        """
        if self._names is None:
            import duckdb

            with duckdb.connect() as connection:
                try:
                    if self.projection.tables.strip():
                        connection.execute(self.projection.tables)
                except duckdb.Error as error:
                    raise QueryError(str(error), self.projection.tables) from error
                rows = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
            self._names = tuple(name for (name,) in rows)
        return self._names

    def goal(self, end: int) -> int:
        """The position at which the next batch ends at most.

        Args:
            end: The end of what there is.
        """
        return min(end, self.position + self.settings.batch_size, self.position + _BATCH_MOST)

    def batch(self, end: int) -> None:
        """As `Work.advance`. Several events are one transaction; where one fails, those before it, and it alone, are others."""
        if self.current is None:
            self.state = self.create()
        elif self.building is None:
            self._refuse_erased(end)
        self._process(self._events(self.position, end), end)

    def erased_of(self, state: State, end: int) -> int | None:
        """Where the last erasure is recorded that took something from events which the tables of a row were given; None where none did."""
        if not self.table_names():
            return None
        log, until = self.settings.log, state.checkpoint
        found = [e for e in erased_between(log, until, end) if concerns(log, e, self._by_type.keys(), until)]
        return found[-1].position if found else None

    def _refuse_erased(self, end: int) -> None:
        """Stop before an erasure of what the tables were given: only the functions know where they have put it.

        Raises:
            ProjectionChanged: There is one.
        """
        assert self.state is not None
        at = self.erased_of(self.state, end)
        if at is not None:
            reason = f"was given personal data that were erased since, as position {at:,} of the log records"
            raise ProjectionChanged(self.projection.name, reason, str(self.settings.path))

    def _process(self, events: Sequence[RecordedEvent], end: int) -> None:
        """As far as it goes; what is left over is the next batch's."""
        try:
            self._together(events, end)
        except _Failed as failed:
            if failed.count > 1:  # which of them it was, fewer at a time will show
                first = failed.index + failed.count // 2
                self._process(events[:first], events[first].position - 1)
                return
            before = failed.event.position - 1
            if before > self.position:
                # What they did to tables went with the transaction and is done again; what they did elsewhere stays done.
                self._together(events[: failed.index], before, called=not self.table_names())
            self._alone(failed.event)

    def create(self, generation: int | None = None) -> State:
        """The row of a generation whose tables are made now, empty; the first one serves at once.

        Args:
            generation: The generation, where it is not the first.
        """
        state = self.next_state(0, Last(None, None, None), generation)
        with self._writing() as connection:
            schema = place(state.name, state.generation)
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")
            connection.execute(f"USE {CATALOG}.{schema}")
            if self.projection.tables.strip():
                connection.execute(self.projection.tables)
            connection.execute(f"USE {CATALOG}")
            take_tables(connection, state)
            if generation is None:
                show(connection, state)
            else:
                keep(connection, state, "building")
        return state

    def _events(self, after: int, to: int) -> list[RecordedEvent]:
        """The events of the types that have handlers, in order."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from orders_es.log.columns import ENVELOPE_SCHEMA
        from orders_es.log.rows import events_of
        from orders_es.log.upcast_tables import old_rows

        log = self.settings.log
        table = pa.Table.from_batches(log.read(after=after, to=to, columns=ENVELOPE_SCHEMA.names), ENVELOPE_SCHEMA)
        self.window = table
        wanted = pc.is_in(table.column("type"), pa.array(sorted(self._by_type), pa.string()))
        old = old_rows(log.registry, table)
        if old is None:
            return events_of(table.filter(wanted), log.registry)
        events = events_of(table.filter(pc.or_(wanted, old)), log.registry)
        return [event for event in events if event.current_type in self._by_type]

    def _together(self, events: Sequence[RecordedEvent], end: int, *, called: bool = False) -> None:
        """Call the handlers and note the checkpoint, as one; fewer events where they take long.

        Args:
            events: Those that have handlers, up to `end`.
            end: The new checkpoint.
            called: Whether their handlers were called already, and the checkpoint alone is to be noted.
        """
        started = self.settings.clock()
        if self.table_names():
            with self._writing() as connection:
                connection.execute(f"USE {CATALOG}.{place(self.projection.name, self.generation)}")
                tables = Tables(connection)
                count = self._call_all(events, tables, blocked := self._blocked(connection))
                tables.check()
                connection.execute(f"USE {CATALOG}")
                self._done(connection, events, count, end, blocked, started)
        else:
            blocked = set()
            if self.projection.block_streams:
                with held(self.connection, self.settings.path, write=False, patience=self.settings.patience):
                    blocked = self._blocked(self.connection)
            count = len(events) if called else self._call_all(events, None, blocked)
            with self._writing() as connection:
                self._done(connection, events, count, end, blocked, started)

    def _call_all(self, events: Sequence[RecordedEvent], tables: Tables | None, blocked: set[str]) -> int:
        """How many of the events were passed in the time that a batch may take."""
        until = monotonic() + _HOLD_SECONDS
        index = 0
        while index < len(events):
            if index and (monotonic() > until or self.settings.stop.is_set()):
                return index
            run = self._run(events, index)
            if called := [event for event in events[index : index + run] if event.stream_id not in blocked]:
                self._call(called, index, run, tables)
            index += run
        return len(events)

    def _run(self, events: Sequence[RecordedEvent], index: int) -> int:
        """How many events, from that one on, their handler takes at once."""
        function = self._handler(events[index])
        if not hasattr(function, "in_batches"):
            return 1
        end = index + 1
        while end < len(events) and self._handler(events[end]) is function:
            end += 1
        return end - index

    def _handler(self, event: RecordedEvent) -> Handler:
        """The function for an event, by the name that its type has today."""
        return self._by_type[event.current_type or event.type]

    def _call(self, events: Sequence[RecordedEvent], index: int, run: int, tables: Tables | None) -> None:
        """Call the handler of some events, which are those of a run that are not blocked."""
        function: Any = self._handler(events[0])
        try:
            answer = function(events if hasattr(function, "in_batches") else events[0], tables)
            _check_done(answer)
        except KeyboardInterrupt:
            raise
        except (
            BaseException
        ) as error:  # `SystemExit` in a handler is that handler's failure, and no reason to end a runner
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            refused = refused_by_disk(self.settings.path, error)
            if refused is not None:  # which is no fault of the event
                raise refused from error
            raise _Failed(events[0], index, run) from error

    def _done(
        self,
        connection: Any,
        events: Sequence[RecordedEvent],
        count: int,
        end: int,
        blocked: set[str],
        started: datetime,
    ) -> None:
        """Note the checkpoint, and which events wait behind others."""
        now = self.settings.clock()
        for event in events[:count]:
            if event.stream_id in blocked:
                put_aside(connection, self.projection.name, self.generation, event, None, now)
        end = end if count == len(events) else events[count].position - 1
        streams = {event.stream_id for event in events[:count]}
        self._move(connection, end, started, len(streams))

    def _move(self, connection: Any, end: int, started: datetime, streams: int) -> None:
        """Write the row with its new checkpoint, within a transaction; it counts once that is committed."""
        known = self.current
        assert known is not None
        if known.status == "stopped_by_error":
            settle(connection, known.name, known.generation, known.checkpoint, end)
        last, recorded_at = self.seen(end)
        state = self.next_state(end, last, known.generation)
        self._write(connection, state)
        if self.building is None:
            self.note_batch(connection, state, recorded_at, streams, started)
        self._moved = state

    def _write(self, connection: Any, state: State) -> None:
        if self.building is None:
            save(connection, state)
        else:
            keep(connection, state, "building")

    def _blocked(self, connection: Any) -> set[str]:
        if not self.projection.block_streams:
            return set()
        return open_streams(connection, self.projection.name, self.generation, self.position)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A block that changes the file in one transaction; the row that it wrote counts after it."""
        settings = self.settings
        self._moved = None
        with changing(self.connection, settings.path, self.projection.name, self.state, settings.patience):
            yield self.connection
        self._settle_moved()

    def _settle_moved(self) -> None:
        if self._moved is not None and self.building is not None:
            self.building = self._moved
        elif self._moved is not None:
            self.state = self._moved
            self.samples.written()

    def _alone(self, event: RecordedEvent) -> None:
        """Try one event again and again; then do as the policy says."""
        projection, started = self.projection, self.settings.clock()
        for attempt in range(1, projection.attempts + 1):
            try:
                self._together([event], event.position)
            except _Failed as failed:
                failure = Failure.of(failed.__cause__ or failed, attempt)
            else:
                return
            if attempt < projection.attempts and self.settings.stop.wait(projection.pause * 2 ** (attempt - 1)):
                return
        now = self.settings.clock().astimezone(UTC)
        stops = projection.on_error == "stop"
        with self._writing() as connection:
            put_aside(connection, projection.name, self.generation, event, failure, now)
            if stops:
                assert self.current is not None
                self._moved = replace(self.current, status="stopped_by_error", error=failure.error, updated_at=now)
                self._write(connection, self._moved)
            else:
                self._move(connection, event.position, started, 1)
        if stops:
            raise ProjectionStopped(projection.name, event.position, event.stream_id, failure.error)

    def again(self, event: RecordedEvent) -> bool:
        """Whether the handler of an event that was put aside succeeds now, in as many tries as an event gets."""
        name, generation = self.projection.name, self.generation
        for attempt in range(1, self.projection.attempts + 1):
            try:
                with self._writing() as connection:
                    tables = None
                    if self.table_names():
                        connection.execute(f"USE {CATALOG}.{place(name, generation)}")
                        tables = Tables(connection)
                    self._call([event], 0, 1, tables)
                    if tables is not None:
                        tables.check()
                        connection.execute(f"USE {CATALOG}")
                    close_letter(connection, name, generation, event.position, "retried")
            except _Failed as failed:
                failure = Failure.of(failed.__cause__ or failed, attempt)
            else:
                return True
            if attempt < self.projection.attempts:
                self.settings.stop.wait(self.projection.pause * 2 ** (attempt - 1))
        with self._writing() as connection:
            put_aside(connection, name, generation, event, failure, self.settings.clock().astimezone(UTC))
        return False


def _check_done(answer: object) -> None:
    """Refuse an answer that shows that the work is still to be done, as of a lambda around an `async def`."""
    if isinstance(answer, CoroutineType | GeneratorType):
        answer.close()
    if isinstance(answer, CoroutineType | GeneratorType | AsyncGeneratorType):
        raise WrongType(
            f"the handler gave back a {type(answer).__name__.replace('_', ' ')} and did nothing yet; give a plain function"
        )
