"""One projection brought up to the end of the log, and what is to be said about it."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from orders_es.errors import OrdersEsError, ProjectionError
from orders_es.projections.definitions import SetProjection
from orders_es.projections.file.dead_letters import Failure
from orders_es.projections.file.holding import held
from orders_es.projections.file.runner_file import OPENING, RunnerFile
from orders_es.projections.file.store import committing
from orders_es.projections.outlets.outlet import OutletProjection
from orders_es.projections.run.handler_work import HandlerWork
from orders_es.projections.run.outlet_work import OutletWork
from orders_es.projections.run.set_work import SetWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orders_es.projections.definitions import Handlers
    from orders_es.projections.run.work import Settings

__all__ = ["Ran", "bar", "begin", "catch_up", "raised", "run_one", "sample", "unforeseen", "watch", "working"]

_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Ran:
    """What a projection came to.

    Args:
        projection: Its name.
        position: The position that its tables account for.
        head_position: The log's end when it was last looked at.
        events: How many events were processed now.
        batches: In how many batches.
        seconds: How long that took.
        error: Why it went no further, if something was in the way.
    """

    projection: str
    position: int
    head_position: int
    events: int
    batches: int
    seconds: float
    error: OrdersEsError | None = None


def run_one(projection: SetProjection | Handlers, settings: Settings, *, progress: bool) -> Ran:
    """How far a projection came, after catching it up with the log as it is now.

    Args:
        settings: What all projections of the runner share.
        progress: Show a progress bar.
    """
    started = monotonic()
    position = end = begun = batches = 0
    error = None
    try:
        with working(settings, projection) as (work, runner):
            try:
                begin(work, runner)
                begun = work.position
                work.samples.take()  # the first batch may be the end of an outage that nobody noted
                end = settings.log.head().position
                with bar(work, end, shown=progress) as shown:
                    catch_up(work, runner, end, lambda reached: shown.update(reached - shown.n))
                if not work.sampled:
                    sample(work)
            finally:
                position, batches = work.position, work.batches
    except OrdersEsError as refused:
        error = refused
    return Ran(projection.name, position, end, position - begun, batches, monotonic() - started, error)


def begin(work: SetWork | HandlerWork, runner: RunnerFile) -> None:
    """Look up where a projection stands; an outlet's other system is asked, and may have to be filled again.

    Args:
        runner: Its runner file.
    """
    if isinstance(work, OutletWork):
        runner.say(state=OPENING)
    work.begin()


def catch_up(work: SetWork | HandlerWork, runner: RunnerFile, end: int, progress: Callable[[int], object]) -> None:
    """Process batch after batch up to a position, or until the runner is to stop.

    Args:
        runner: Its runner file.
        progress: Is told the position after each batch.

    Raises:
        ProjectionStopped: It stands before an event that it cannot process.
    """
    while (work.current is None or work.position < end) and not work.settings.stop.is_set():
        runner.say(position=work.position, head_position=end, state="catching_up")
        work.advance(work.goal(end))
        progress(work.position)
    runner.say(position=work.position, head_position=end, state="caught_up")


def raised(ran: Sequence[Ran]) -> list[Ran]:
    """The same answers, if none of them has an error.

    Args:
        ran: What the projections came to.

    Raises:
        OrdersEsError: The one error there is.
        ExceptionGroup: There are several.
    """
    errors = [one.error for one in ran if one.error is not None]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup(f"{len(errors)} projections failed", errors)
    return list(ran)


def unforeseen(name: str, error: BaseException) -> ProjectionError:
    """What is said of a projection that ended by an error which nobody foresaw.

    Args:
        name: The projection.
    """
    return ProjectionError(f"projection {name!r} ended by an error that nobody foresaw: {Failure.of(error, 1).error}")


@contextmanager
def working(
    settings: Settings, projection: SetProjection | Handlers
) -> Iterator[tuple[SetWork | HandlerWork, RunnerFile]]:
    """A block in which nobody else works on a projection.

    Args:
        settings: What all projections of the runner share.

    Raises:
        ProjectionRunning: Another runner is at work on it.
    """
    with RunnerFile(settings.path, projection.name, settings.clock) as runner:
        work: SetWork | HandlerWork
        if isinstance(projection, OutletProjection):
            work = OutletWork(settings, projection)
        elif isinstance(projection, SetProjection):
            work = SetWork(settings, projection)
        else:
            work = HandlerWork(settings, projection)
        try:
            yield work, runner
        finally:
            work.close()


def sample(work: SetWork | HandlerWork, patience: float | None = None) -> None:
    """Note how far behind a projection is.

    Args:
        patience: How many seconds to wait while others hold the file; the settings' if left out.
    """
    settings = work.settings
    with held(work.connection, settings.path, write=True, patience=settings.patience if patience is None else patience):
        work.connection.execute("BEGIN")
        with committing(work.connection, settings.path):
            work.samples.write(work.connection, now=settings.clock())
    work.samples.written()


def watch(work: SetWork | HandlerWork) -> None:
    """Take a sample of how far behind a projection is, without holding the file where what is in memory is enough."""
    samples, settings = work.samples, work.settings
    if work.state is None or not samples.due():
        return
    if not samples.known(work.state.checkpoint):
        with held(work.connection, settings.path, write=False, patience=settings.patience):
            samples.learn(work.connection)
    samples.take()
    if samples.overdue:
        sample(work)


@contextmanager
def bar(work: SetWork | HandlerWork, end: int, *, shown: bool) -> Iterator[Any]:
    """A progress bar over the positions of a log, which also moves while one long query is at work.

    Args:
        end: Where it ends.
        shown: Whether anybody is watching.
    """
    if not shown:
        yield _Unwatched(work.position)
        return
    from tqdm.auto import tqdm

    name, ended = work.projection.name, threading.Event()
    with tqdm(total=end, initial=work.position, desc=name, unit=" events", unit_scale=True) as watched:
        watcher = threading.Thread(target=_watch, args=(work, watched, ended), daemon=True)
        watcher.start()
        try:
            yield watched
        finally:
            ended.set()
            watcher.join()


def _watch(work: SetWork | HandlerWork, watched: Any, ended: threading.Event) -> None:
    """Move a bar by what DuckDB says of the query that it is at work on."""
    import duckdb

    while not ended.wait(_LOOK_SECONDS):
        asking = work.asking
        if asking is not None:
            cursor, end = asking
            with suppress(duckdb.Error):  # it is done, and closed
                reached = work.position + int((end - work.position) * max(cursor.query_progress(), 0) / 100)
                watched.update(max(reached - watched.n, 0))


class _Unwatched:
    """What stands in for a progress bar where nobody looks, for loading one takes longer than a small batch."""

    def __init__(self, position: int) -> None:
        self.n = position

    def update(self, events: int) -> None:
        self.n += events
