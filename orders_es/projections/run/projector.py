"""`Projector`: keeps projections up to date with a log, each on its own."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from orders_es.errors import CannotWriteReadModels, InvalidSetting, ProjectionRunning, UnknownProjection
from orders_es.errors.calls import check_count
from orders_es.log.log_argument import check_log
from orders_es.log.target import check_target
from orders_es.projections.file.requests import finish, requested, unfinished
from orders_es.projections.file.runner_file import RunnerFile
from orders_es.projections.process_manager import ProcessManager
from orders_es.projections.run.following import POLL, follow_all
from orders_es.projections.run.rebuilding import drop, rebuild, roll_back
from orders_es.projections.run.retrying import discard, retry
from orders_es.projections.run.running import Ran, bar, catch_up, raised, run_one, working
from orders_es.projections.run.work import Settings
from orders_es.replay.defining import MEMORY_LIMIT, set_time_zone

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from orders_es.errors import OrdersEsError
    from orders_es.log import EventLog
    from orders_es.projections.definitions import Handlers, SetProjection
    from orders_es.projections.file.dead_letters import DeadLetter
    from orders_es.projections.file.tables import State
    from orders_es.projections.run.rebuilding import Rebuilt

__all__ = ["Projector"]

BATCH_SIZE = 1_000_000


class Projector:
    """Keeps tables up to date with a log. Each projection has a checkpoint of its own, and fails on its own.

    Args:
        models: The read-model file; it is made when it is needed.
        projections: What to keep up to date, and the process managers to run.
        tz: The time zone in which days begin; UTC if left out.
        batch_size: At most so many events a batch.
        patience: How many seconds to wait while others hold the file.
        memory_limit: How much memory DuckDB may use for large batches before it goes on in temporary files, such as `"8GB"`.
        clock: Gives the current time, with time zone; the system's clock if left out.
        progress: Show progress bars on long work.
        allow_files: Let read models read files, and the network; left out, they read the log and nothing else.

    Raises:
        TargetInLog: The read-model file would be in the log.
        InvalidSetting: A number is out of range, there is no such time zone, or two projections have one name.

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
        projections: Iterable[SetProjection | Handlers | ProcessManager],
        *,
        tz: str = "UTC",
        batch_size: int = BATCH_SIZE,
        patience: float = 60.0,
        memory_limit: str = MEMORY_LIMIT,
        clock: Callable[[], datetime] | None = None,
        progress: bool = False,
        allow_files: bool = False,
    ) -> None:
        check_log(log)
        check_count("batch_size", batch_size)
        check_target(log, models)
        self.projections: tuple[SetProjection | Handlers, ...] = tuple(
            one.handlers(log) if isinstance(one, ProcessManager) else one for one in projections
        )
        names = [projection.name for projection in self.projections]
        for name in names:
            if names.count(name) > 1:
                raise InvalidSetting("projections", name, "two have that name; rename one")
        if tz != "UTC":
            import duckdb  # it alone knows which time zones it knows

            with duckdb.connect() as connection:
                set_time_zone(connection, tz)
        self._stop = threading.Event()
        self._settings = Settings(
            log, Path(models), tz, clock or _now, patience, batch_size, self._stop, memory_limit, allow_files
        )
        self._progress = progress

    def run(self) -> list[Ran]:
        """Catch every projection up with the log as it is now, one after the other, and say how far each one came.

        One that fails does not hold up the others. What is asked for is noted before the first one begins, so that what a run
        leaves undone that is killed can be had from `ReadModels.unfinished`.

        Raises:
            OrdersEsError: One failed, after all others have caught up: `ProjectionRunning`, `ProjectionChanged`,
                `ProjectionStopped`, `LogReplaced`, `ReadModelsInUse`, `DamagedReadModels`.
            ExceptionGroup: Several failed.
        """
        return raised(self.try_run())

    def try_run(self) -> list[Ran]:
        """As `run`; what failed stands in the answers, and nothing is raised that was foreseen."""
        ran, strange = [], []
        try:
            with requested(self._settings.path, [projection.name for projection in self.projections]) as done:
                for projection in self.projections:
                    try:
                        one = run_one(projection, self._settings, progress=self._progress)
                    except Exception as error:  # noqa: BLE001 - it is raised after the others have had their turn
                        strange.append(error)
                        continue
                    ran.append(one)
                    if isinstance(one.error, ProjectionRunning) or (
                        one.error is None and one.position >= one.head_position
                    ):
                        done([one.projection])
        except CannotWriteReadModels as error:
            return [Ran(one.name, 0, 0, 0, 0, 0.0, error) for one in self.projections]
        if strange:
            raise strange[0]
        return ran

    def follow(
        self,
        stop: threading.Event | None = None,
        *,
        poll: float = POLL,
        notify: Callable[[str, OrdersEsError, bool], None] | None = None,
    ) -> list[Ran]:
        """Catch up, then process every commit as any process makes it, each projection in a thread of its own, until stopped.

        A projection that fails ends, and the others go on. One that only finds the read-model file in use, or the disk full,
        tries again and again.

        Args:
            stop: Set it, from any thread or signal handler, and each projection ends after the batch at hand.
            poll: Seconds between two looks for a new commit.
            notify: Is called with a projection's name, an error, and whether that ended it, as soon as it happens.

        Raises:
            InvalidSetting: `poll` is not above 0.
            OrdersEsError, ExceptionGroup: As `run` does, after all have ended.
        """
        return raised(self.try_follow(stop, poll=poll, notify=notify))

    def try_follow(
        self,
        stop: threading.Event | None = None,
        *,
        poll: float = POLL,
        notify: Callable[[str, OrdersEsError, bool], None] | None = None,
    ) -> list[Ran]:
        """As `follow`; what failed stands in the answers, and nothing is raised.

        Args:
            stop: As in `follow`.
            poll: As in `follow`.
            notify: As in `follow`.
        """
        if poll <= 0:
            raise InvalidSetting("poll", poll, "give seconds above 0")
        settings = replace(self._settings, stop=stop or threading.Event())
        return follow_all(self.projections, settings, poll, notify or (lambda *_: None))

    def rebuild(self, name: str, *, dry_run: bool = False) -> Rebuilt:
        """Build a projection's tables anew beside those that serve, compare both, and let the new ones serve.

        Until the last step, one transaction, the old ones go on serving, whatever happens. The old ones are kept:
        `rollback` lets them serve again. The new ones are caught up with the log at the end.

        Args:
            name: The projection.
            dry_run: Only compare; nothing changes.

        Raises:
            UnknownProjection: There is no such projection.
            ProjectionRunning: It is being run.
            ProjectionError: It has handlers and no tables.
            LogReplaced: Its tables were made from another log.
            ProjectionStopped, UnknownEventType, InvalidEvent, QueryError: An event cannot be processed.
            ReadModelsInUse, DamagedReadModels, CannotWriteReadModels: The file cannot be opened.
        """
        with working(self._settings, self._named(name)) as (work, runner):
            end = self._settings.log.head().position
            with bar(work, end, shown=self._progress) as shown:

                def progress(position: int) -> None:
                    runner.say(position=position, head_position=end, state="rebuilding")
                    shown.update(position - shown.n)

                done = rebuild(work, dry_run=dry_run, progress=progress)
                if not dry_run:
                    catch_up(work, runner, end, progress)
        return done

    def rollback(self, name: str) -> State:
        """Let the generation of tables serve that did before the last rebuild; asked again, it goes back.

        It goes on from its own checkpoint, if it is of the present definition; if not, it stays as it is.

        Args:
            name: The projection.

        Returns:
            The projection's row.

        Raises:
            UnknownProjection, ProjectionRunning: As `rebuild`.
            NothingToRollBackTo: There is none.
        """
        with working(self._settings, self._named(name)) as (work, _):
            return roll_back(work)

    def drop(self, name: str) -> None:
        """Remove a projection from the file: its tables, its checkpoint, its dead letters. It need not be defined any more.

        Args:
            name: The projection.

        Raises:
            UnknownProjection: The file knows none of that name.
            ProjectionRunning: It is being run.
        """
        import duckdb

        with RunnerFile(self._settings.path, name, self._settings.clock), duckdb.connect() as connection:
            asked = name in unfinished(self._settings.path)
            finish(self._settings.path, [name])
            with suppress(UnknownProjection) if asked else nullcontext():
                drop(self._settings, connection, name)

    def retry(self, name: str, number: int | None = None) -> list[DeadLetter]:
        """The dead letters that were tried again, as they stand now: those of a projection, or those of one's stream.

        Within a stream they are tried in order. Where streams are blocked, the first that fails again ends its stream's turn.

        Args:
            name: The projection.
            number: Only this dead letter, and those that have to come before it.

        Raises:
            UnknownProjection, ProjectionRunning: As `rebuild`.
            NoSuchDeadLetter: There is no open one of that number.
        """
        with working(self._settings, self._named(name)) as (work, _):
            return retry(work, number)

    def discard(self, name: str, number: int) -> DeadLetter:
        """A dead letter that is given up, as it stands now. What waits behind it does so until it is tried again.

        Args:
            name: The projection.

        Raises:
            NoSuchDeadLetter: There is no open one of that number.
            ProjectionRunning: The projection is being run.
        """
        import duckdb

        with RunnerFile(self._settings.path, name, self._settings.clock), duckdb.connect() as connection:
            return discard(self._settings, connection, name, number)

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
