"""A read model as a table: recomputed for the streams that a batch touches, and merged together with the checkpoint."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from orders_es.errors import (
    InvalidEvent,
    OrdersEsError,
    ProjectionChanged,
    ProjectionStopped,
    QueryError,
    UnknownEventType,
    UpcastFailed,
)
from orders_es.log.relation import quoted
from orders_es.log.upcast_tables import upcast_table
from orders_es.projections.definitions import SetProjection
from orders_es.projections.file.dead_letters import Failure, put_aside, settle
from orders_es.projections.file.store import changing, drop_earlier, show, take_tables
from orders_es.projections.file.tables import place, save
from orders_es.projections.run.erased import erased_between
from orders_es.projections.run.touched import few, from_payloads, reach
from orders_es.projections.run.work import Work, event_at
from orders_es.replay.permissions import check_models, not_allowed, restrict, with_companions
from orders_es.replay.relations import guarded, inline, oddity, refusal
from orders_es.replay.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log import RecordedEvent
    from orders_es.projections.file.tables import State

__all__ = ["RESULT", "TOUCHED", "SetWork"]

RESULT = "orders_es_result"
TOUCHED = "orders_es_touched"
_SHARE = 0.3
"""Where more than so much of the log is new, one pass over all of it is cheaper than batches."""


class SetWork(Work[SetProjection]):
    """A read model's projection and where it stands; see `Work`."""

    _session: Session | None = None

    @property
    def session(self) -> Session:
        """A session that knows the read model, for what needs a look at the whole log."""
        if self._session is None:
            models = (*self.projection.reads, self.projection.model)
            self._session = Session(
                self.settings.log,
                models,
                tz=self.settings.tz,
                memory_limit=self.settings.memory_limit,
                allow_files=self.settings.allow_files,
                files=with_companions(self.settings.path),
            )
        return self._session

    @property
    def connection(self) -> Any:
        """As `Work.connection`; read models are SQL of whoever wrote them, so it is shut as a session is."""
        new = self._connection is None
        connection = super().connection
        if new:
            files, allow = with_companions(self.settings.path), self.settings.allow_files
            restrict(connection, self.settings.log, files=files, allow=allow)
            check_models(connection, (*self.projection.reads, self.projection.model), self.settings.log, allow=allow)
        return connection

    def table_names(self) -> tuple[str, ...]:
        """The read model's name."""
        return (self.projection.name,)

    def close(self) -> None:
        """Let go of the connections."""
        super().close()
        if self._session is not None:
            self._session.close()
            self._session = None

    def goal(self, end: int) -> int:
        """The position at which the next batch ends.

        Args:
            end: The end of what there is.
        """
        after = self.position
        if self.projection.model.stream is None or end - after > _SHARE * end:
            return end
        return min(end, after + self.settings.batch_size)

    def batch(self, end: int) -> None:
        """As `Work.advance`; a batch that cannot be processed is cut short before the event that is to blame."""
        started = self.settings.clock()
        try:
            self._process(end, started)
        except (UnknownEventType, InvalidEvent, QueryError) as error:
            if _no_fault_of_events(error) or isinstance(error, UpcastFailed):  # which is the program's fault
                raise
            self._stand_before(end, error, started)

    def _process(self, end: int, started: datetime) -> None:
        if self.state is not None and self._was_erased(end):
            with changing(
                self.connection, self.settings.path, self.projection.name, self.state, self.settings.patience
            ):
                drop_earlier(self.connection, self.state)
        self.compute(end, lambda cursor, whole, streams: self._merge(cursor, end, started, streams, whole=whole))

    def compute(self, end: int, use: Callable[[Any, bool, int], None]) -> None:
        """Make the rows as they are at a position, in a temporary table, and hand them on.

        Args:
            use: Is given the cursor that has the tables, whether the rows are all there are or those of the streams touched
                since the checkpoint, and how many streams that is.

        Raises:
            UnknownEventType, InvalidEvent, QueryError: An event has no meaning for the read model.
        """
        model = self.projection.model
        self.window = None
        if model.stream is None or end - self.position > _SHARE * end or self.state is None or self._was_erased(end):
            self.compute_all(end, lambda cursor: use(cursor, True, 0))
            return
        events = few(self.settings.log, self.position, end)
        if events is None:
            self._many(end, use)
        else:
            self.window = events
            self._few(events, use)

    def begin_anew(self) -> None:
        """Make sure, before all rows are made anew, that they may go where they belong."""

    def _was_erased(self, end: int) -> bool:
        """Whether personal data were erased since the checkpoint: then rows of streams without any new event are others, too."""
        return bool(erased_between(self.settings.log, self.position, end))

    def compute_all(self, end: int, use: Callable[[Any], None]) -> None:
        """Make all rows as they are at a position, in one pass over the log, and hand them on. Raises as `compute` does.

        Args:
            use: Is given the cursor that has them.
        """

        def all_rows(cursor: Any, _: object) -> None:
            self._fill(cursor, end)
            use(cursor)

        self.session.using(all_rows, self.projection.model.name, position=end, reads=self._reads())

    def _reads(self) -> tuple[str, ...]:
        return (f"FROM {quoted(self.projection.model.name)}",)

    def _fill(self, cursor: Any, end: int) -> None:
        """Make the rows that the cursor's events give; meanwhile, whoever shows progress may ask the cursor for it."""
        cursor.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        self.asking = (cursor, end)
        try:
            cursor.execute(f"CREATE TEMP TABLE {RESULT} AS SELECT * FROM {quoted(self.projection.model.name)}")
        finally:
            self.asking = None

    def _many(self, end: int, use: Callable[[Any, bool, int], None]) -> None:
        after = self.position

        def touched_rows(cursor: Any, _: object) -> None:
            events = "memory.main.events"
            cursor.execute(
                f"CREATE TEMP TABLE {TOUCHED} AS SELECT stream_id, min(version) AS first FROM {events} "
                f'WHERE "position" > {after} AND "position" <= {end} GROUP BY stream_id'
            )
            lowest = reach(cursor, events, TOUCHED, after)
            cursor.execute(
                f'CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM {events} WHERE "position" >= {lowest} '
                f'AND "position" <= {end} AND stream_id IN (SELECT stream_id FROM {TOUCHED})'
            )
            self._fill(cursor, end)
            [(streams,)] = cursor.execute(f"SELECT count(*) FROM {TOUCHED}").fetchall()
            use(cursor, False, streams)

        self.session.using(touched_rows, self.projection.model.name, position=end, reads=self._reads())

    def _few(self, events: pa.Table, use: Callable[[Any, bool, int], None]) -> None:
        import duckdb

        events = upcast_table(self.settings.log.registry, events)
        cursor = self.connection.cursor()
        try:
            # A table of DuckDB's own: it is read several times, and filters then are the engine's, not Arrow's.
            cursor.register("orders_es_given", events)
            cursor.execute("CREATE TEMP TABLE orders_es_landed AS SELECT * FROM orders_es_given")
            cursor.unregister("orders_es_given")
            cursor.execute(f"CREATE TEMP TABLE {TOUCHED} AS SELECT DISTINCT stream_id FROM orders_es_landed")
            cursor.execute(
                f"CREATE TEMP VIEW events AS {from_payloads('orders_es_landed', events, self.settings.log.registry)}"
            )
            cursor.execute(f"CREATE TEMP TABLE {RESULT} AS {self._select(events)}")
            [(streams,)] = cursor.execute(f"SELECT count(*) FROM {TOUCHED}").fetchall()
        except duckdb.Error as error:
            registry = self.settings.log.registry
            meant = refusal(str(error), registry) or not_allowed(error, self.projection.name)
            with suppress(duckdb.Error):  # where not even the events could be read
                meant = meant or oddity(cursor, "events", registry, error)
            cursor.close()
            raise (QueryError(str(error), self.projection.name) if meant is None else meant) from error
        try:
            use(cursor, False, streams)
        finally:
            cursor.close()

    def _select(self, events: pa.Table) -> str:
        """The read model's SQL over the events at hand, guarded against those of unknown meaning among them."""
        pairs = events.group_by(["type", "schema_version"]).aggregate([]).to_pylist()
        held = {(pair["type"], pair["schema_version"]) for pair in pairs}
        registry, model = self.settings.log.registry, self.projection.model
        needed = [(m, guarded("events", m, registry, held)) for m in self.projection.reads]
        return inline(model, guarded("events", model, registry, held), needed)

    def _merge(self, cursor: Any, end: int, started: datetime, streams: int, *, whole: bool) -> None:
        """Put the rows and the checkpoint into the file, in one transaction."""
        import duckdb

        self.hand_on(cursor, end, whole=whole)
        last, recorded_at = self.seen(end)
        state = self.next_state(end, last)
        model = self.projection.model
        with changing(cursor, self.settings.path, state.name, self.state, self.settings.patience):
            table = f"{place(state.name, state.generation)}.{quoted(model.name)}"
            if whole:
                self.write(cursor, state)
            else:
                assert model.stream is not None
                cursor.execute(
                    f"DELETE FROM {table} WHERE {quoted(model.stream)} IN (SELECT stream_id FROM temp.{TOUCHED})"
                )
                try:
                    cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM temp.{RESULT}")
                except (duckdb.BinderException, duckdb.ConversionException) as error:
                    raise ProjectionChanged(
                        state.name, f"gives other columns than its table has ({error})", str(self.settings.path)
                    ) from error
            if self.state is None:
                take_tables(cursor, state)
                show(cursor, state)
            else:
                if self.state.status == "stopped_by_error":
                    settle(cursor, state.name, state.generation, self.position, end)
                save(cursor, state)
            self.note_batch(cursor, state, recorded_at, streams, started)
        self.state = state
        self.samples.written()

    def hand_on(self, cursor: Any, end: int, *, whole: bool) -> None:
        """Show the new rows to whoever else is to have them, before they and the checkpoint are committed; nobody, here.

        Args:
            cursor: The cursor that has them, in `temp.RESULT`, and, unless they are all there are, the streams in `TOUCHED`.
            end: The position as of which they are true.
            whole: Whether they are all there are.
        """

    def hand_on_everything(self, cursor: Any, end: int) -> None:
        """Show all rows, made anew, to whoever else is to have them, before they serve; nobody, here.

        Args:
            cursor: The cursor that has them, in `temp.RESULT`.
            end: The position as of which they are true.
        """

    def write(self, cursor: Any, state: State) -> None:
        """Make a generation's table from the rows that a cursor holds, within a transaction.

        Args:
            cursor: The cursor, which holds the file.
            state: The projection's row in that generation.
        """
        schema = place(state.name, state.generation)
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        cursor.execute(
            f"CREATE OR REPLACE TABLE {schema}.{quoted(self.projection.model.name)} AS SELECT * FROM temp.{RESULT}"
        )

    def _stand_before(self, end: int, error: OrdersEsError, started: datetime) -> None:
        """Go as far as it goes, and say which event is in the way.

        Whether rows can be made up to a position is asked again and again, halving the way between the last position that
        is known to be good and the first that is known not to be.
        """
        good, bad = self.position, end
        told = getattr(error, "position", None)
        try_next = told - 1 if isinstance(told, int) and good < told - 1 < bad else (good + bad) // 2
        while bad - good > 1:
            try:
                self.compute(try_next, lambda *_: None)
            except (UnknownEventType, InvalidEvent, QueryError) as nearer:
                bad, error = try_next, nearer
            else:
                good = try_next
            try_next = good + 1 if told == good + 1 and bad > good + 1 else (good + bad) // 2
        if good > self.position or self.state is None:
            self._process(good, started)
        self._note_stop(event_at(self.settings.log, bad), error)

    def _note_stop(self, event: RecordedEvent, error: OrdersEsError) -> None:
        """Write into the file that the projection stands before an event, and say so."""
        assert self.state is not None
        now, failure = self.settings.clock().astimezone(UTC), Failure.of(error, 1)
        state = replace(self.state, status="stopped_by_error", error=str(error), updated_at=now)
        with changing(self.connection, self.settings.path, state.name, self.state, self.settings.patience):
            put_aside(self.connection, state.name, state.generation, event, failure, now)
            save(self.connection, state)
        self.state = state
        raise ProjectionStopped(state.name, event.position, event.stream_id, str(error)) from error


def _no_fault_of_events(error: OrdersEsError) -> bool:
    """Whether a query failed for want of memory or files, so that looking for an event to blame would find an innocent one."""
    import duckdb

    return isinstance(error.__cause__, duckdb.OutOfMemoryException | duckdb.IOException | duckdb.InternalException)
