"""A log made of events that were recorded elsewhere: whole and proven, or not there. For copies and restored exports.

`recorded_at` is never forged: nothing here can write into a log that anybody has opened under its own name. The events
go into a new log beside the place asked for, whose name says that it is incomplete; all hashes are computed afresh; and
only when the tree's root is the one expected does it get its name. What an interruption leaves can be gone on with.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, InvalidSetting, ReadOnlyLog, StorageError
from orders_es.files import sync
from orders_es.log.backends import elsewhere
from orders_es.log.open import open_log
from orders_es.log.restoration import Restorable, Restoration
from orders_es.log.undo_creation import removed_if_empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log.event import Head
    from orders_es.log.protocol import EventLog
    from orders_es.log.registry import EventRegistry

__all__ = ["Restorable", "Restoration", "incomplete_place", "restoring"]


class _BesideItsPlace(Restoration):
    """A folder or file that grows beside its place.

    Args:
        place: Where it is.
        target: Where it will be.
    """

    def __init__(self, log: EventLog, place: Path, target: Path) -> None:
        super().__init__(log)
        self._place = place
        self._target = target

    @property
    def place(self) -> str:
        """Where the incomplete log is."""
        return str(self._place)

    def finish(self, root: bytes) -> Head:
        """Give the log its name. See `Restoration.finish`."""
        head = self._log.head()
        if head.root != root:
            raise DamagedLog(
                self.place,
                f"its tree has the root {head.root.hex()} and should have {root.hex()}; remove it and begin again",
            )
        self._log.close()
        _name(self._place, self._target)
        return head


def incomplete_place(target: Path) -> Path:
    """Where a log is while it is incomplete: beside its place, under a name that says so.

    Example:
        >>> print(incomplete_place(Path("/logs/orders")), incomplete_place(Path("/logs/orders.duckdb")))
        /logs/orders.incomplete /logs/orders.incomplete.duckdb
    """
    if target.suffix == ".duckdb":
        return target.with_suffix(".incomplete.duckdb")
    return target.with_name(f"{target.name}.incomplete")


@contextmanager
def restoring(url: str | os.PathLike[str], *, registry: EventRegistry, origin: str | None) -> Iterator[Restoration]:
    """A new log at a place, to be filled with events that were recorded elsewhere.

    On leaving the block without `finish`, what there is stays beside the place, and the next call goes on with it.

    Args:
        url: Where the log will be: a folder, a `.duckdb` file, or a URL whose backend takes copies. There must be nothing yet.
        registry: The event types that have shredded columns.
        origin: The log's name; that of its place if left out.

    Raises:
        InvalidSetting: There is something at that place, or it is in memory.
        NotALog, DamagedLog, LogInUse, ReadOnlyLog, StorageError: As `open_log` says, of the incomplete log.
    """
    if os.fspath(url) == ":memory:":
        raise InvalidSetting(
            "target", ":memory:", "a log in memory would be gone at once; name a folder or a .duckdb file"
        )
    backend = elsewhere(url)
    if backend is not None:
        with backend.restoring(os.fspath(url), registry=registry, origin=origin) as restoration:
            yield restoration
        return
    target = Path(url).absolute()
    origin = target.name.removesuffix(".duckdb") if origin is None else origin
    place = incomplete_place(target)
    if place.is_file() and target.is_file() and place.samefile(target):  # killed between naming it and this
        place.unlink()
    _require_nothing(target)
    with removed_if_empty(place), open_log(place, create=True, registry=registry, origin=origin) as log:
        yield _BesideItsPlace(log, place, target)


def _require_nothing(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise InvalidSetting(
            "target", str(target), "something is there already; this makes a new log, so name a place where nothing is"
        )


def _name(place: Path, target: Path) -> None:
    """Move a complete log from where it grew to its place, durably, and never over anything."""
    try:
        _require_nothing(target)
        if place.is_dir():
            os.rename(place, target)  # noqa: PTH104 - refuses a folder that has anything in it; Path.rename is the same
        else:
            if Path(f"{place}.wal").exists():
                raise StorageError(str(place), "it is still open in this process, so it cannot be moved")
            os.link(place, target)  # refuses where something is, as a rename would not
            place.unlink()
        sync(target.parent)
    except PermissionError as error:
        raise ReadOnlyLog(str(target.parent)) from error
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(str(target), error.strerror or str(error)) from error
