"""Where an import goes: a log that is open, or the place of one, which is created when there is something to append.

A place at which an import fails, or is interrupted, before its first event is as it was before.
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import NotALog
from orders_es.log import open_log
from orders_es.log.open import order_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from orders_es.log import EventLog, EventRegistry

__all__ = ["Target", "remove_if_empty", "removed_if_empty", "target_of"]


class Target:
    """A log that may not be there yet.

    Args:
        log: The log, or its place.
        clock: As `open_log` has it.
    """

    def __init__(self, log: EventLog | str | os.PathLike[str], clock: Callable[[], datetime] | None) -> None:
        self._place = os.fspath(log) if isinstance(log, str | os.PathLike) else None
        self._clock = clock
        self._log: EventLog | None = None if isinstance(log, str | os.PathLike) else log
        self._created = False
        if self._place is not None and (self._place == ":memory:" or _has_something(Path(self._place))):
            self._log = self._open(self._place)

    def _open(self, place: str) -> EventLog:
        try:
            return open_log(place, clock=self._clock)
        except NotALog:
            self._created = not _has_something(Path(place))
            return open_log(place, create=True, clock=self._clock)

    @property
    def existing(self) -> EventLog | None:
        """The log, if there is one."""
        return self._log

    @property
    def registry(self) -> EventRegistry:
        """The event types that the log knows, or will know."""
        return order_registry() if self._log is None else self._log.registry

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
            remove_if_empty(Path(self._place))


@contextmanager
def target_of(
    log: EventLog | str | os.PathLike[str], *, clock: Callable[[], datetime] | None = None
) -> Iterator[Target]:
    """Where to append.

    Args:
        log: A log, which stays open; or the place of one, which is opened or, when it is needed, created.
        clock: As `open_log` has it, for a place.

    Raises:
        NotALog: The place holds something else.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "shop"
        >>> with target_of(place) as target:
        ...     target.log().head().position
        0
        >>> place.exists()
        False
    """
    target = Target(log, clock)
    try:
        yield target
    finally:
        target.close()


@contextmanager
def removed_if_empty(place: Path) -> Iterator[None]:
    """A block that may make a log at a place; if it fails before there are events, nothing stays.

    Args:
        place: Where the log is made.
    """
    was_there = _has_something(place)
    try:
        yield
    except BaseException:
        if not was_there and _has_something(place):
            remove_if_empty(place)
        raise


def remove_if_empty(place: Path) -> None:
    """Remove a log that nothing was ever appended to.

    It is moved away first, so that a writer who came in meanwhile finds its place gone; if there are events after all, it
    comes back.

    Args:
        place: The log, closed.
    """
    aside = place.with_name(f".{place.name}.{uuid.uuid4().hex}" + (".duckdb" if place.suffix == ".duckdb" else ""))
    try:
        place.rename(aside)
    except OSError:
        return  # gone, or not ours to move
    with open_log(aside) as log:
        events = log.head().position
    if events:
        aside.rename(place)
    elif aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink()
        Path(f"{aside}.wal").unlink(missing_ok=True)


def _has_something(place: Path) -> bool:
    return place.is_symlink() or place.is_file() or (place.is_dir() and any(place.iterdir()))
