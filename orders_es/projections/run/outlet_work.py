"""A read model whose changes go to an outlet: what differs from what was delivered last, delivered, then noted.

The order is: make the rows, compare them with the copy of what was delivered, deliver the difference, commit the new copy with the
checkpoint. A program that dies between the last two finds the outlet ahead of the checkpoint when it starts again, goes exactly to
that position first, and so delivers the very same difference once more, which an outlet takes without harm.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

from orders_es.errors import BadReadModel, LogReplaced, OutletUnavailable, ProjectionStopped, RowsRefused
from orders_es.log.relation import quoted
from orders_es.projections.file.dead_letters import Failure, close_letter, put_aside
from orders_es.projections.file.holding import held
from orders_es.projections.file.store import changing
from orders_es.projections.file.tables import place, save
from orders_es.projections.outlets.outlet import Outlet, OutletProjection, Target
from orders_es.projections.run.set_work import RESULT, TOUCHED, SetWork
from orders_es.projections.run.work import event_at

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log import RecordedEvent

__all__ = ["OutletWork"]


class OutletWork(SetWork):
    """An outlet's projection and where it stands; see `Work`."""

    _ahead = 0
    """A position that the outlet has come to and the checkpoint has not."""
    _refused: dict[str, str]
    """Why, by stream, rows of the delivery at hand were refused for good."""

    @property
    def outlet(self) -> Outlet:
        """Where the changes go."""
        outlet = self.mine.outlet
        assert outlet is not None, "OutletProjection.into gives it one"
        return outlet

    @property
    def mine(self) -> OutletProjection:
        """The projection, for what only one with an outlet has."""
        return cast("OutletProjection", self.projection)

    def table_names(self) -> tuple[str, ...]:
        """None that serve: the copy of what was delivered is the runner's own."""
        return ()

    def begin(self) -> None:
        """As `Work.begin`, and find out what the outlet holds; one that was emptied or put back is filled again."""
        super().begin()
        self._refused = {}
        self._ahead = 0
        there = self._tried(lambda: self.outlet.open(self._target()))
        checkpoint = self.position
        if there is not None and self.state is not None and there > checkpoint:
            self._refuse_beyond_the_end(there)
            self._ahead = there
        elif self.state is not None and (there is None or there < checkpoint):
            with held(self.connection, self.settings.path, write=False, patience=self.settings.patience):
                rows = self.connection.sql(f"SELECT * FROM {self._copy()}").to_arrow_table()
            self._deliver(None, rows, checkpoint)

    def begin_anew(self) -> None:
        """Find out whether the place may be given all rows anew; what it holds of this read model may be defined otherwise."""
        target = replace(self._target(), anew=True)
        there = self._tried(lambda: self.outlet.open(target))
        self._refuse_beyond_the_end(there)

    def close(self) -> None:
        """Let go of the connections."""
        super().close()
        self.outlet.close()

    def goal(self, end: int) -> int:
        """As `Work.goal`; first of all, exactly to where the outlet is already."""
        return self._ahead if self.position < self._ahead <= end else super().goal(end)

    def hand_on(self, cursor: Any, end: int, *, whole: bool) -> None:
        """Deliver what differs from what was delivered last."""
        if self.state is None:
            self.hand_on_everything(cursor, end)
            return
        listed = self._checked_key(cursor)
        with held(cursor, self.settings.path, write=False, patience=self.settings.patience):
            old = f"SELECT * FROM {self._copy()}"
            if not whole:
                assert self.projection.model.stream is not None
                old += f" WHERE {quoted(self.projection.model.stream)} IN (SELECT stream_id FROM temp.{TOUCHED})"
            columns = ", ".join(quoted(name) for name in self._columns(cursor))
            came = cursor.sql(
                f"SELECT {columns} FROM temp.{RESULT} EXCEPT SELECT {columns} FROM ({old})"
            ).to_arrow_table()
            went = cursor.sql(
                f"SELECT {listed} FROM ({old}) EXCEPT SELECT {listed} FROM temp.{RESULT}"
            ).to_arrow_table()
        self._deliver(went, came, end)

    def hand_on_everything(self, cursor: Any, end: int) -> None:
        """Deliver all rows in the place of whatever the outlet holds."""
        self._checked_key(cursor)
        self._deliver(None, cursor.sql(f"SELECT * FROM temp.{RESULT}").to_arrow_table(), end)

    def _checked_key(self, cursor: Any) -> str:
        """The key's columns, after making sure that they tell the new rows apart."""
        key = self.projection.model.key
        listed = ", ".join(map(quoted, key))
        [(rows, distinct)] = cursor.execute(
            f"SELECT count(*), count(DISTINCT ({listed},)) FROM temp.{RESULT}"
        ).fetchall()
        if rows != distinct:
            raise BadReadModel(
                self.projection.model.path,
                f"{rows - distinct:,} of its rows have the key of another one ({', '.join(key)}); an outlet would lose them",
            )
        return listed

    def again(self, event: RecordedEvent) -> bool:
        """Whether the rows of a dead letter's stream can be delivered now.

        Args:
            event: The event that the dead letter names.
        """
        stream = self.projection.model.stream
        with held(self.connection, self.settings.path, write=False, patience=self.settings.patience):
            where = "" if stream is None else f" WHERE {quoted(stream)} = ?"
            given = [] if stream is None else [event.stream_id]
            rows = self.connection.sql(f"SELECT * FROM {self._copy()}{where}", params=given).to_arrow_table()
        try:
            self._tried(
                lambda: self.outlet.deliver(rows.select(self.projection.model.key).slice(0, 0), rows, self.position)
            )
        except RowsRefused as error:
            self._put_aside(event, Failure.of(error, 1))
            return False
        with changing(
            self.connection, self.settings.path, self.projection.name, self.state, self.settings.patience
        ) as state:
            assert state is not None
            close_letter(self.connection, state.name, state.generation, event.position, "retried")
        return True

    def batch(self, end: int) -> None:
        """As `SetWork.batch`; rows that were refused are put aside once the rest is noted."""
        self._refused = {}
        super().batch(end)
        for stream_id, reason in self._refused.items():
            self._put_aside(self._last_event(stream_id, end), Failure(reason, "", 1))
        self._refused = {}

    def _deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        try:
            self._tried(lambda: self.outlet.deliver(removed, rows, position))
        except OutletUnavailable:
            self._ahead = position  # part of it may be there: the next one goes exactly as far, for what comes and goes
            raise
        except RowsRefused as error:
            stream = self.projection.model.stream
            streams = rows.column(stream).to_pylist() if stream is not None else []
            reasons = {(streams[index] if streams else ""): reason for index, reason in error.reasons.items()}
            if self.mine.on_error == "stop":
                stream_id, reason = next(iter(reasons.items()))
                event = self._last_event(stream_id, position)
                self._note_outlet_stop(event, Failure(reason, "", 1))
            self._refused = reasons

    def _refuse_beyond_the_end(self, there: int | None) -> None:
        head = self.settings.log.head().position
        if there is not None and there > head:
            raise LogReplaced(
                self.projection.name,
                f"this log ends at position {head:,}, and {self.outlet.url} is filled up to {there:,}",
            )

    def _tried(self, ask: Any) -> Any:
        """What the outlet answers, asked again a few times where it does not."""
        for attempt in range(1, self.mine.attempts + 1):
            try:
                return ask()
            except OutletUnavailable:
                if attempt == self.mine.attempts or self.settings.stop.wait(self.mine.pause * 2 ** (attempt - 1)):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _note_outlet_stop(self, event: RecordedEvent, failure: Failure) -> None:
        """Write into the file that the projection stands before an event, and say so."""
        if self.state is not None:
            now = self._now()
            state = replace(self.state, status="stopped_by_error", error=failure.error, updated_at=now)
            with changing(self.connection, self.settings.path, state.name, self.state, self.settings.patience):
                put_aside(self.connection, state.name, state.generation, event, failure, now)
                save(self.connection, state)
            self.state = state
        raise ProjectionStopped(self.projection.name, event.position, event.stream_id, failure.error)

    def _put_aside(self, event: RecordedEvent, failure: Failure) -> None:
        with changing(
            self.connection, self.settings.path, self.projection.name, self.state, self.settings.patience
        ) as state:
            assert state is not None
            put_aside(self.connection, state.name, state.generation, event, failure, self._now())

    def _last_event(self, stream_id: str, position: int) -> RecordedEvent:
        """The event that led to a stream's rows: its last one up to a position; the log's, where rows have no stream."""
        events = [e for e in self.settings.log.load(stream_id) if e.position <= position] if stream_id else []
        return events[-1] if events else event_at(self.settings.log, position)

    def _target(self) -> Target:
        def schema(cursor: Any, _: object) -> pa.Schema:
            return cursor.sql(f"SELECT * FROM {quoted(self.projection.model.name)} LIMIT 0").to_arrow_table().schema

        model = self.projection.model
        columns = self.session.using(schema, model.name, position=0, reads=self._reads())
        return Target(
            self.projection.name, model.name, model.key, columns, self.settings.log.log_id, self.fingerprint()
        )

    def _columns(self, cursor: Any) -> list[str]:
        return [name for name, *_ in cursor.execute(f"DESCRIBE SELECT * FROM temp.{RESULT}").fetchall()]

    def _copy(self) -> str:
        assert self.state is not None
        return f"{place(self.state.name, self.state.generation)}.{quoted(self.projection.model.name)}"

    def _now(self) -> datetime:
        return self.settings.clock().astimezone(UTC)
