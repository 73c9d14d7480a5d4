"""Folds of whole logs in Python, for people with an aggregate of their own: here, in processes, or on a cluster.

Streams are dealt into buckets by a hash of their ids, and each bucket is folded by one task: `fold_bucket`, a module-level
function of one frozen `FoldTask`, which is what every kind of executor can carry.
"""

from __future__ import annotations

import pickle
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from orders_es.errors import WrongType
from orders_es.errors.calls import check_count
from orders_es.log.collector import no_collector
from orders_es.log.interrupts import interruptible
from orders_es.log.log_argument import check_log
from orders_es.log.streaming import streamed
from orders_es.orders import EVENT_TYPES, AsOf, evolve, initial_state
from orders_es.replay.load import fold_orders, moments_of, of_types, refuse_strangers
from orders_es.replay.moments import as_of
from orders_es.replay.relations import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from concurrent.futures import Executor
    from datetime import datetime, tzinfo

    import pyarrow as pa

    from orders_es.log import EventLog, EventRegistry
    from orders_es.orders.moments import Moment

__all__ = ["FoldTask", "FoldedEvent", "fold_bucket", "fold_streams"]

State = TypeVar("State")

_BATCH = 131_072
_AHEAD = 4
"""Buckets that are underway at once where this process reads them."""
_COLUMNS = (
    "stream_id",
    "version",
    '"position"',
    "type",
    "schema_version",
    "occurred_at",
    "recorded_at",
    "entered_at",
    "payload",
)


class FoldedEvent(NamedTuple):
    """An event as `fold_streams` hands it to `evolve`: what a fold needs, at a fraction of what a `RecordedEvent` costs."""

    data: Any
    occurred_at: datetime
    version: int
    position: int
    type: str
    stream_id: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class FoldTask(Generic[State]):
    """One bucket's part of a fold.

    Args:
        registry: What decodes the events.
        evolve: Gives the state after one more event.
        initial: Gives the state of a stream, by its id, before its first event.
        asked: Which events count.
        types: The names of the aggregate's event types; None for all that are registered.
        bucket: The number of this bucket.
        buckets: How many there are.
        log: The log; a copy of it opens the same files elsewhere. None where nobody else can open it.
        given: This bucket's events, where there is no log to read them from.
    """

    registry: EventRegistry
    evolve: Callable[[State, Any], State]
    initial: Callable[[str], State]
    asked: AsOf
    types: frozenset[str] | None
    bucket: int
    buckets: int
    log: EventLog | None
    given: tuple[pa.RecordBatch, ...] = ()


def fold_streams(
    log: EventLog,
    evolve: Callable[[State, Any], State],
    initial: Callable[[str], State],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
    types: Sequence[type] | None = None,
    executor: Executor | None = None,
    buckets: int | None = None,
) -> dict[str, State]:
    """The state of every stream as it stands now, or stood then, by stream id, sorted. Read-only.

    The result is the same without an executor, with spawned processes and with a Dask cluster, whatever the number of
    buckets. All of them see the log up to where it is now. `fold_streams(log, evolve, initial_state)` with `orders_es.orders`' own
    `evolve` folds orders, and takes the fast way to the same.

    Args:
        evolve: Gives the state after one more event; it is handed a `FoldedEvent`, whose `data` is the decoded event, and
            sees the events of a stream in version order. With an executor of other processes it must be importable there.
        initial: Gives the state of a stream, by its id, before its first event.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.
        types: The event classes of the aggregate. Streams of other registered types, or of types that the registry was told
            to `leave_out`, are left out; another type in a stream of its own is an error. Without it, all streams are folded.
        executor: Any `concurrent.futures.Executor`: a `ProcessPoolExecutor`, or a Dask `Client.get_executor(pure=False)`.
        buckets: How many tasks to make; if left out, one without an executor, and eight with one.

    Raises:
        UnknownEventType: An event is of a type that nobody registered.
        NaiveTime: A time has no time zone.
        InvalidSetting: `buckets` is not 1 or more.
        TypeError: `evolve` or `initial` cannot be sent to another process.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> fold_streams(log, lambda count, event: count + 1, lambda stream_id: 0)
        {'A-1': 2}
    """
    check_log(log)
    if buckets is not None:
        check_count("buckets", buckets)
    if executor is not None and not hasattr(executor, "submit"):
        raise WrongType(f"executor={executor!r} is {type(executor).__name__}; give one of concurrent.futures")
    given: Any = types
    if isinstance(given, str | type) or not (given is None or hasattr(given, "__iter__")):
        raise WrongType(f"types={types!r} is {type(types).__name__}; give a list of event classes")
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=log.head().position, tz=tz)
    if types is None and evolve is _evolve_order:
        types = EVENT_TYPES
    names = None if types is None else frozenset(t.name for t in log.registry if t.cls in set(types))
    count = buckets or (1 if executor is None else 8)
    tasks = [FoldTask(log.registry, evolve, initial, asked, names, bucket, count, log) for bucket in range(count)]
    states: dict[str, State] = {}
    for part in map(fold_bucket, tasks) if executor is None else _elsewhere(tasks, executor):
        states.update(part)
    return {stream_id: states[stream_id] for stream_id in sorted(states)}


def _elsewhere(tasks: list[FoldTask[State]], executor: Executor) -> Iterator[dict[str, State]]:
    """What an executor makes of the tasks, in their order.

    Where no other process can open the log, this one reads a bucket after another and sends the events along. So that they
    are not all in memory at once, it waits for an earlier bucket before it reads one too many.
    """
    _check_sendable(tasks[0])
    if tasks[0].log is None or tasks[0].log.many_processes:
        futures = [executor.submit(fold_bucket, task) for task in tasks]
        yield from (future.result() for future in futures)
        return
    underway: deque[Any] = deque()
    for task in tasks:
        if len(underway) == _AHEAD:
            yield underway.popleft().result()
        given = tuple(_batches(task))
        underway.append(executor.submit(fold_bucket, replace(task, log=None, given=given)))
    yield from (future.result() for future in underway)


def fold_bucket(task: FoldTask[State]) -> dict[str, State]:
    """The states of one bucket's streams. Runs wherever an executor puts it.

    Args:
        task: What to fold, and which part of it.
    """
    with no_collector():
        if task.evolve is _evolve_order and task.initial is initial_state:
            return cast("dict[str, State]", _fold_orders(task))
        states: dict[str, State] = {}
        evolve, initial = task.evolve, task.initial
        for stream_id, event in _events(task, states):
            state = states[stream_id] if stream_id in states else initial(stream_id)
            states[stream_id] = evolve(state, event)
        return states


_evolve_order: Any = evolve
"""The domain's own, which `fold_streams` recognises although its argument has the same name."""


def _fold_orders(task: FoldTask[Any]) -> dict[str, Any]:
    """As `evolve` event by event, in runs of one stream, which cost less each; a run's events stay in their order."""
    runs = (batch.sort_by([("stream_id", "ascending"), ("position", "ascending")]) for batch in _batches(task))
    return fold_orders(task.registry, runs, AsOf())


def _events(task: FoldTask[Any], own: Container[str]) -> Iterator[tuple[str, FoldedEvent]]:
    """A bucket's events in position order, decoded, with the stream of each; `own` has the streams that had some."""
    import pyarrow as pa

    registry, types = task.registry, task.types
    foreign: dict[str, tuple[str, int]] = {}
    for batch in _batches(task):
        table = pa.Table.from_batches([batch])
        if types is not None:
            table = of_types(registry, table, types, foreign)
        stream_ids, versions, positions, names, schema_versions, payloads = (
            table.column(name).to_pylist()
            for name in ("stream_id", "version", "position", "type", "schema_version", "payload")
        )
        occurred, recorded_at = (moments_of(table, name) for name in ("occurred_at", "recorded_at"))
        data = registry.decode_many(names, schema_versions, payloads, positions, stream_ids)
        rows = zip(data, occurred, versions, positions, names, stream_ids, recorded_at, strict=True)
        yield from zip(stream_ids, map(FoldedEvent._make, rows), strict=True)
    refuse_strangers(foreign, own)


def _batches(task: FoldTask[Any]) -> Iterator[pa.RecordBatch]:
    """A bucket's events in position order, the log read only once, whatever happens to its files meanwhile."""
    if task.log is None:
        yield from task.given
        return
    import duckdb

    names = [f"epoch_us({name}) AS {name}" if name.endswith("_at") else name for name in _COLUMNS]
    mine = "" if task.buckets == 1 else f" AND hash(stream_id) % {task.buckets:d} = {task.bucket:d}"
    last, failed_at = 0, -1
    with duckdb.connect() as connection, interruptible(connection):
        # One thread reads ahead in position order; the work is in Python, and the other cores have buckets of their own.
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        while True:
            task.log.bind(connection, "events")
            where = f'{limits(task.asked)} AND "position" > {last}{mine}'
            try:
                for batch in streamed(connection.sql(f"SELECT {', '.join(names)} FROM events WHERE {where}"), _BATCH):
                    if batch.num_rows:
                        first, last_here = batch.column(2)[0].as_py(), batch.column(2)[-1].as_py()
                        assert last < first <= last_here, "DuckDB gave the events out of order"
                        last = last_here
                        yield batch
            except duckdb.IOException:
                # A vacuum may have taken files away; others have their events, and the log knows which.
                if failed_at == last:
                    raise
                failed_at = last
            else:
                return


def _check_sendable(task: FoldTask[Any]) -> None:
    """Say what is wrong before an executor does: those of other processes break down with less to go by."""
    for argument, function in (("evolve", task.evolve), ("initial", task.initial)):
        try:
            pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise WrongType(
                f"{argument}={function!r} cannot be sent to another process ({error}); "
                "define it at the top level of a module"
            ) from error
