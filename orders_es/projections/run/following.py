"""Projections that follow a log as it grows, each in a thread of its own, so that none waits for another."""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from orders_es.errors import CannotWriteReadModels, OrdersEsError, OutletMismatch, OutletUnavailable, ReadModelsInUse
from orders_es.projections.definitions import SetProjection
from orders_es.projections.run.running import Ran, begin, sample, unforeseen, watch, working

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orders_es.projections.definitions import Handlers
    from orders_es.projections.file.runner_file import RunnerFile
    from orders_es.projections.run.handler_work import HandlerWork
    from orders_es.projections.run.set_work import SetWork
    from orders_es.projections.run.work import Settings

__all__ = ["POLL", "follow_all"]

POLL = 0.05
_AGAIN_SECONDS = 1.0
_LAST_SECONDS = 0.5
_REST = 4.0
"""A read model that is recomputed as a whole rests so many times as long as that took: it never has more than a fifth of a core."""


def follow_all(
    projections: Sequence[SetProjection | Handlers],
    settings: Settings,
    poll: float,
    notify: Callable[[str, OrdersEsError, bool], None],
) -> list[Ran]:
    """What each projection came to, once all have ended.

    Args:
        settings: What they share; its `stop` ends them.
        poll: Seconds between two looks for a new commit.
        notify: Is called with a projection's name, an error, and whether that ended it.
    """
    followers = [_Follower(projection, settings, poll, notify) for projection in projections]
    for follower in followers:
        follower.start()
    try:
        for follower in followers:
            while follower.is_alive():
                follower.join(0.2)  # in turns, so that signals are heard
    finally:
        settings.stop.set()
        for follower in followers:
            follower.join()
    strange = [follower.strange for follower in followers if follower.strange is not None]
    if strange:
        raise strange[0]
    return [follower.ran() for follower in followers]


class _Follower(threading.Thread):
    def __init__(
        self,
        projection: SetProjection | Handlers,
        settings: Settings,
        poll: float,
        notify: Callable[[str, OrdersEsError, bool], None],
    ) -> None:
        super().__init__(name=f"projection {projection.name}")
        self._projection = projection
        self._settings = settings
        self._poll = poll
        self._notify = notify
        self._since = monotonic()
        self._begun: int | None = None
        self._position = self._end = self._batches = 0
        self._error: OrdersEsError | None = None
        self._rests_until = 0.0
        self.strange: BaseException | None = None
        """What nobody foresaw; it is raised where the others have been waited for."""

    def ran(self) -> Ran:
        """What it came to."""
        return Ran(
            self._projection.name,
            self._position,
            self._end,
            self._position - (self._begun or 0),
            self._batches,
            monotonic() - self._since,
            self._error,
        )

    def run(self) -> None:
        """Follow until stopped, or until something is in the way that does not go away by itself."""
        try:
            with working(self._settings, self._projection) as (work, runner):
                self._follow(work, runner)
        except OrdersEsError as error:
            self._error = error
            self._notify(self._projection.name, error, True)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits for this one
            self.strange = error
            # Said at once, for the others may go on for months.
            self._notify(self._projection.name, unforeseen(self._projection.name, error), True)

    def _follow(self, work: SetWork | HandlerWork, runner: RunnerFile) -> None:
        stop, ready = self._settings.stop, False
        while not stop.is_set():
            try:
                if not ready:
                    begin(work, runner)
                    self._begun = work.position if self._begun is None else self._begun
                    work.samples.take()  # the first batch may be the end of an outage that nobody noted
                    ready = True
                busy = self._step(work, runner)
            except (ReadModelsInUse, CannotWriteReadModels, OutletUnavailable, OutletMismatch) as error:
                if isinstance(error, OutletMismatch) and not ready:
                    raise
                if ready:  # until then it is opening
                    runner.say(state="waiting")
                # A place that did not answer, or was exchanged, may hold less than was delivered: it is asked again.
                ready = ready and not isinstance(error, OutletUnavailable | OutletMismatch)
                self._notify(self._projection.name, error, False)
                stop.wait(_AGAIN_SECONDS)
                continue
            finally:
                self._position, self._batches = work.position, work.batches
            if not busy:
                stop.wait(self._poll)
        if work.samples.waiting:
            with suppress(ReadModelsInUse, CannotWriteReadModels):  # whoever stops it does not wait for samples
                sample(work, _LAST_SECONDS)

    def _step(self, work: SetWork | HandlerWork, runner: RunnerFile) -> bool:
        """Whether there was something to do; it is done."""
        self._end = end = self._settings.log.head().position
        started = monotonic()
        busy = (work.current is None or work.position < end) and started >= self._rests_until
        if busy:
            runner.say(position=work.position, head_position=end, state="catching_up")
            work.advance(work.goal(end))
            if isinstance(self._projection, SetProjection) and self._projection.model.stream is None:
                self._rests_until = monotonic() + _REST * (monotonic() - started)
        behind = work.position < end
        runner.say(position=work.position, head_position=end, state="catching_up" if behind else "caught_up")
        watch(work)
        return busy
