"""`Projector`: keeps projections up to date with a log, each on its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from orders_es.errors import InvalidSetting, OrdersEsError, UnknownProjection
from orders_es.projections.definitions import Handlers, SetProjection
from orders_es.projections.handler_work import HandlerWork
from orders_es.projections.runner_file import RunnerFile
from orders_es.projections.set_work import SetWork
from orders_es.projections.work import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from orders_es.log import EventLog

__all__ = ["Projector", "Ran"]

BATCH_SIZE = 1_000_000


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
        error: Why it went no further, if it did not reach the end.
    """

    projection: str
    position: int
    head_position: int
    events: int
    batches: int
    seconds: float
    error: OrdersEsError | None = None


class Projector:
    """Keeps tables up to date with a log. Each projection has a checkpoint of its own, and fails on its own.

    Args:
        log: The log.
        models: The read-model file; it is made when it is needed.
        projections: What to keep up to date.
        tz: The time zone in which days begin; UTC if left out.
        batch_size: At most so many events a batch.
        patience: How many seconds to wait while others hold the file.
        clock: Gives the current time, with time zone; the system's clock if left out.
        progress: Show progress bars on long work.

    Raises:
        InvalidSetting: A number is out of range, or two projections have one name.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.projections import set_projections
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> projector = Projector(log, tempfile.mkdtemp() + "/shop.duckdb", set_projections(["orders"]))
        >>> [(ran.projection, ran.position) for ran in projector.run()]
        [('orders', 1)]
    """

    def __init__(
        self,
        log: EventLog,
        models: str | os.PathLike[str],
        projections: Iterable[SetProjection | Handlers],
        *,
        tz: str = "UTC",
        batch_size: int = BATCH_SIZE,
        patience: float = 60.0,
        clock: Callable[[], datetime] | None = None,
        progress: bool = False,
    ) -> None:
        if batch_size < 1:
            raise InvalidSetting("batch_size", batch_size, "give 1 or more")
        self.projections = tuple(projections)
        names = [projection.name for projection in self.projections]
        for name in names:
            if names.count(name) > 1:
                raise InvalidSetting("projections", name, "two have that name; rename one")
        self._stop = threading.Event()
        self._settings = Settings(log, Path(models), tz, clock or _now, patience, batch_size, self._stop)
        self._progress = progress

    def run(self) -> list[Ran]:
        """Catch every projection up with the log as it is now, one after the other, and say how far each one came.

        One that fails does not hold up the others.

        Raises:
            OrdersEsError: One failed, after all others have caught up: `ProjectionRunning`, `ProjectionChanged`,
                `ProjectionStopped`, `LogReplaced`, `ReadModelsInUse`, `DamagedReadModels`.
            ExceptionGroup: Several failed.
        """
        ran = self.try_run()
        errors = [one.error for one in ran if one.error is not None]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup(f"{len(errors)} projections failed", errors)
        return ran

    def try_run(self) -> list[Ran]:
        """As `run`; what failed is told in the answers, and nothing is raised."""
        return [self._run_one(projection) for projection in self.projections]

    def _run_one(self, projection: SetProjection | Handlers) -> Ran:
        started = monotonic()
        end = begun = batches = 0
        position = 0
        try:
            with self._working(projection) as (work, runner):
                work.begin()
                begun = work.position
                end = self._settings.log.head().position
                with self._bar(projection.name, begun, end) as bar:
                    while (work.current is None or work.position < end) and not self._stop.is_set():
                        runner.say(position=work.position, head_position=end, state="catching_up")
                        try:
                            work.advance(work.goal(end))
                        finally:
                            position, batches = work.position, work.batches
                            bar.update(work.position - bar.n)
                    runner.say(position=work.position, head_position=end, state="caught_up")
                position, batches = work.position, work.batches
        except OrdersEsError as error:
            return Ran(projection.name, position, end, position - begun, batches, monotonic() - started, error)
        return Ran(projection.name, position, end, position - begun, batches, monotonic() - started)

    @contextmanager
    def _working(self, projection: SetProjection | Handlers) -> Iterator[tuple[Any, RunnerFile]]:
        with RunnerFile(self._settings.path, projection.name, self._settings.clock) as runner:
            work: SetWork | HandlerWork
            if isinstance(projection, SetProjection):
                work = SetWork(self._settings, projection)
            else:
                work = HandlerWork(self._settings, projection)
            try:
                yield work, runner
            finally:
                work.close()

    @contextmanager
    def _bar(self, name: str, position: int, end: int) -> Iterator[Any]:
        from tqdm.auto import tqdm  # noqa: PLC0415 - only where there is something to show

        with tqdm(
            total=end, initial=position, desc=name, unit=" events", unit_scale=True, disable=not self._progress
        ) as bar:
            yield bar

    def _named(self, name: str) -> SetProjection | Handlers:
        for projection in self.projections:
            if projection.name == name:
                return projection
        raise UnknownProjection(name, tuple(projection.name for projection in self.projections))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def __repr__(self) -> str:
        names = ", ".join(projection.name for projection in self.projections)
        return f"<Projector of {names or 'nothing'} from {self._settings.log.url!r} into {str(self._settings.path)!r}>"


def _now() -> datetime:
    return datetime.now(UTC)
