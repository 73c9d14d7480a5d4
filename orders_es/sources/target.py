"""Where an import goes: a log that is open, or the place of one, which is created when there is something to append.

A place at which an import fails, or is interrupted, before its first event is as it was before.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orders_es.errors import NotALog
from orders_es.log import open_log
from orders_es.log.open import order_registry
from orders_es.log.undo_creation import has_something, remove_if_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from orders_es.log import EventLog, EventRegistry

__all__ = ["Target", "target_of"]


class Target:
    """A log that may not be there yet.

    Args:
        log: The log, or its place.
        clock: As `open_log` has it.
        registry: Gives the event types that a log is opened with here.
    """

    def __init__(
        self,
        log: EventLog | str | os.PathLike[str],
        clock: Callable[[], datetime] | None,
        registry: Callable[[], EventRegistry] = order_registry,
    ) -> None:
        self._place = os.fspath(log) if isinstance(log, str | os.PathLike) else None
        self._clock, self._registry = clock, registry
        self._log: EventLog | None = None if isinstance(log, str | os.PathLike) else log
        self._created = False
        if self._place is not None and (self._place == ":memory:" or has_something(self._place)):
            self._log = self._open(self._place)

    def _open(self, place: str) -> EventLog:
        try:
            return open_log(place, registry=self._registry(), clock=self._clock)
        except NotALog:
            self._created = not has_something(place)
            return open_log(place, create=True, registry=self._registry(), clock=self._clock)

    @property
    def existing(self) -> EventLog | None:
        """The log, if there is one."""
        return self._log

    @property
    def registry(self) -> EventRegistry:
        """The event types that the log knows, or will know."""
        return self._registry() if self._log is None else self._log.registry

    def log(self) -> EventLog:
        """The log; created now, if there is none."""
        if self._log is None:
            assert self._place is not None
            self._log = self._open(self._place)
        return self._log

    def close(self) -> None:
        """Let go of a log that was opened here; one that was created here and holds nothing goes."""
        if self._log is None or self._place is None:
            return
        empty = self._created and self._log.head().position == 0
        self._log.close()
        if empty and self._place != ":memory:":
            remove_if_empty(self._place)


@contextmanager
def target_of(
    log: EventLog | str | os.PathLike[str],
    *,
    clock: Callable[[], datetime] | None = None,
    registry: Callable[[], EventRegistry] = order_registry,
) -> Iterator[Target]:
    """Where to append.

    Args:
        log: A log, which stays open; or the place of one, which is opened or, when it is needed, created.
        clock: As `open_log` has it, for a place.
        registry: Gives the event types to open a place with.

    Raises:
        NotALog: The place holds something else.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> place = Path(tempfile.mkdtemp()) / "shop"
        >>> with target_of(place) as target:
        ...     target.log().head().position
        0
        >>> place.exists()
        False
    """
    target = Target(log, clock, registry)
    try:
        yield target
    finally:
        target.close()
