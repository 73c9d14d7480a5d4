"""One projection in the hands of its runner: where it stands, whether it may go on from there, and its next batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from orders_es.errors import LogReplaced, ProjectionChanged
from orders_es.projections.definitions import Handlers, SetProjection
from orders_es.projections.file.store import Moved, find
from orders_es.projections.file.tables import State, note
from orders_es.projections.lag.samples import Samples, note_batch
from orders_es.replay.defining import MEMORY_LIMIT
from orders_es.replay.relations import ANY_TYPE

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    import pyarrow as pa

    from orders_es.log import EventLog, RecordedEvent

__all__ = ["Last", "Settings", "Work", "event_at", "last_of"]

Definition = TypeVar("Definition", SetProjection, Handlers)
_MOVES_MOST = 10
_KEPT_OF_LAST = ["event_id", "recorded_at", "occurred_at"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What all projections of a runner share.

    Args:
        path: The read-model file.
        tz: The time zone in which days begin.
        clock: Gives the current time, with time zone.
        patience: How many seconds to wait while others hold the file.
        batch_size: At most so many events a batch.
        stop: Set when the runner is to end after the batch at hand.
        memory_limit: How much memory DuckDB may use for large batches before it goes on in temporary files.
        allow_files: Let read models read files, and the network.
    """

    log: EventLog
    path: Path
    tz: str
    clock: Callable[[], datetime]
    patience: float
    batch_size: int
    stop: threading.Event
    memory_limit: str = MEMORY_LIMIT
    allow_files: bool = False


class Last(NamedTuple):
    """A batch's last event, by which a log is known again."""

    event_id: UUID | None
    recorded_at: datetime | None
    occurred_at: datetime | None


class Work(ABC, Generic[Definition]):
    """One projection and where it stands. Whoever makes one holds the projection's runner file.

    Args:
        settings: What all projections of the runner share.
    """

    def __init__(self, settings: Settings, projection: Definition) -> None:
        self.settings = settings
        self.projection: Definition = projection
        self.state: State | None = None
        self.batches = 0
        self.asking: tuple[Any, int] | None = None
        """A cursor that is at work on a long query, and the position that it will come to."""
        self.window: pa.Table | None = None
        """The events of the batch at hand, perhaps with others, where they are in memory anyhow."""
        self.samples = Samples(settings.log, projection.name, settings.clock)
        self.sampled = False
        """Whether a sample was written since the tables last changed."""
        self._connection: Any = None

    @property
    def connection(self) -> Any:
        """An in-memory DuckDB connection of its own."""
        if self._connection is None:
            import duckdb

            # Small batches are its work: handing them to other threads takes longer than doing them.
            self._connection = duckdb.connect(config={"threads": 1})
            self._connection.execute("SET TimeZone = 'UTC'")
        return self._connection

    @property
    def current(self) -> State | None:
        """The row that the next batch goes on from; None if there is none yet."""
        return self.state

    @property
    def position(self) -> int:
        """The last position that its tables account for."""
        return 0 if self.state is None else self.state.checkpoint

    def begin(self) -> None:
        """Look up where it stands.

        Raises:
            LogReplaced: Its tables were made from another log.
            ProjectionChanged: Its definition is another one than that of its tables.
            ReadModelsInUse, DamagedReadModels, CannotWriteReadModels: The file cannot be opened.
        """
        projection, settings = self.projection, self.settings
        self.state = find(self.connection, settings.path, projection.name, settings.patience, also=self.samples.learn)
        if self.state is None:
            return
        self.check_log(self.state)
        if self.state.version != projection.version:
            reason = f"is of version {projection.version}, and its table was made by version {self.state.version}"
            raise ProjectionChanged(projection.name, reason, str(settings.path))
        definition, _, upcasters = self.state.fingerprint.partition("+")
        if (self.state.kind, definition) != (projection.kind, projection.fingerprint(settings.tz)):
            raise ProjectionChanged(
                projection.name, "is defined otherwise than when its table was made", str(settings.path)
            )
        if upcasters != self.upcasters():
            raise ProjectionChanged(
                projection.name,
                "reads older events otherwise than when its table was made: upcasters of their types were added or changed",
                str(settings.path),
            )

    def upcasters(self) -> str:
        """A hash of the upcasters that have a say in what the projection reads; empty where there are none."""
        return self.settings.log.registry.upcasters_of(_types_of(self.projection))

    def fingerprint(self) -> str:
        """What the projection's row says of how its tables are made: the definition and, if there are any, the upcasters."""
        return "+".join(filter(None, (self.projection.fingerprint(self.settings.tz), self.upcasters())))

    def check_log(self, state: State) -> None:
        """Make sure that a row was made from this very log, by identity and by the event at its checkpoint.

        Args:
            state: The row.

        Raises:
            LogReplaced: It was not.
        """
        log = self.settings.log
        if state.log_id != log.log_id:
            raise LogReplaced(
                state.name, f"from {state.log_origin!r} ({state.log_id}), and this is {log.origin!r} ({log.log_id})"
            )
        end = log.head().position
        if end < state.checkpoint:
            raise LogReplaced(
                state.name, f"this one ends at position {end:,}, and the table goes up to {state.checkpoint:,}"
            )
        if state.checkpoint and last_of(log, state.checkpoint).event_id != state.checkpoint_event_id:
            raise LogReplaced(
                state.name,
                f"it has the same identity, and another event at position {state.checkpoint:,}: one is a copy that "
                "went its own way",
            )

    def advance(self, end: int) -> None:
        """Process the events after its checkpoint, at most up to a position: one batch.

        Raises:
            ProjectionStopped: It stands before an event that it cannot process.
            LogReplaced, ProjectionChanged: As `begin` does, where the file was exchanged meanwhile.
        """
        for attempt in range(_MOVES_MOST):
            try:
                if self.current is None or end > self.current.checkpoint:
                    self.batch(end)
            except Moved:
                if attempt + 1 == _MOVES_MOST:
                    raise
                self.begin()
            else:
                self.batches += 1
                return

    @abstractmethod
    def goal(self, end: int) -> int:
        """The position at which the next batch ends at most.

        Args:
            end: The end of what there is.
        """

    @abstractmethod
    def batch(self, end: int) -> None:
        """As `advance`; `Moved` comes through."""

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- rows

    def next_state(self, end: int, last: Last, generation: int | None = None) -> State:
        """The projection's row once it has come to a position.

        Args:
            last: The event there.
            generation: The generation, where it is not the one that serves.
        """
        projection, log = self.projection, self.settings.log
        if generation is None:
            generation = 1 if self.state is None else self.state.generation
        return State(
            projection.name,
            projection.version,
            projection.kind,
            self.fingerprint(),
            generation,
            end,
            log.log_id,
            log.origin,
            "ok" if end >= log.head().position else "running",
            None,
            self.settings.clock().astimezone(UTC),
            last.recorded_at,
            last.occurred_at,
            last.event_id,
            list(self.table_names()),
        )

    def seen(self, end: int) -> tuple[Last, pa.ChunkedArray | None]:
        """The event at a position, and when each event after the checkpoint up to there was recorded.

        These times are left out where the tables only come to be: how old events are then says nothing of the runner.
        """
        import pyarrow.compute as pc

        log, after = self.settings.log, self.position
        if self.window is None:
            return last_of(log, end), recorded_times(log, after + 1, end) if after else None
        places = self.window.column("position")
        new = self.window.filter(pc.and_(pc.greater(places, after), pc.less_equal(places, end)))
        [row] = new.filter(pc.equal(new.column("position"), end)).select(_KEPT_OF_LAST).to_pylist()
        return Last(**row), new.column("recorded_at") if after else None

    def note_batch(
        self, connection: Any, state: State, recorded_at: pa.ChunkedArray | None, streams: int, started: datetime
    ) -> None:
        """Note a batch for those who watch, within its transaction.

        Args:
            connection: A connection that holds the file.
            state: The projection's row after it.
            recorded: When its events were recorded, as `seen` gives it.
            streams: How many streams it touched.
            started: When it began.
        """
        first = self.position + 1
        note(connection, state, first, state.checkpoint - first + 1, streams, started)
        if recorded_at is not None:
            note_batch(connection, projection=state.name, finished_at=state.updated_at, recorded_at=recorded_at)
        self.sampled = self.batches == 0 or self.samples.due()
        if self.sampled:
            self.samples.write(connection, now=state.updated_at)

    @abstractmethod
    def table_names(self) -> tuple[str, ...]:
        """The names of the projection's tables."""


def recorded_times(log: EventLog, first: int, last: int) -> pa.ChunkedArray:
    """When the events between two positions were recorded.

    Args:
        first: The position of the first that counts.
        last: The position of the last that counts.
    """
    import pyarrow as pa

    columns = [batch.column(0) for batch in log.read(after=first - 1, to=last, columns=["recorded_at"])]
    return pa.chunked_array(columns, pa.timestamp("us", "UTC"))


def last_of(log: EventLog, position: int) -> Last:
    """What is kept of the event at a position; nothings at position 0."""
    if position == 0:
        return Last(None, None, None)
    [batch] = log.read(after=position - 1, to=position, columns=_KEPT_OF_LAST)
    [row] = batch.to_pylist()
    return Last(**row)


def event_at(log: EventLog, position: int) -> RecordedEvent:
    """The event at a position, as `load` gives it."""
    [batch] = log.read(after=position - 1, to=position, columns=["stream_id", "version"])
    [row] = batch.to_pylist()
    [event] = log.load(row["stream_id"], after_version=row["version"] - 1, to_version=row["version"])
    return event


def _types_of(projection: SetProjection | Handlers) -> set[str]:
    """The event types that a projection has to do with; none for all."""
    if isinstance(projection, Handlers):
        return set(projection.types)
    models = (projection.model, *projection.reads)
    if any(not model.types or ANY_TYPE in model.types for model in models):
        return set()
    return {name for model in models for name in model.types}
