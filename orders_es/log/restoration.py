"""A log in the making, whatever it is stored in. Given by `orders_es.log.restoring.restoring`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    import pyarrow as pa

    from orders_es.log.event import Appended, Head
    from orders_es.log.protocol import EventLog

__all__ = ["Restorable", "Restoration"]


@runtime_checkable
class Restorable(Protocol):
    """What a backend gives beside `EventLog`, so that its logs can be copies."""

    def append_restored(self, table: pa.Table) -> Appended:
        """Append events with the positions, versions and times that they have, if they go on where the log ends."""
        ...


class Restoration(ABC):
    """A log in the making. Given by `orders_es.log.restoring.restoring`.

    Args:
        log: The incomplete log.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the incomplete log is."""

    @property
    def log(self) -> EventLog:
        """The incomplete log itself."""
        return self._log

    def head(self) -> Head:
        """How far it is."""
        return self._log.head()

    def append(self, table: pa.Table) -> None:
        """Add events, which go on where the last ones ended; durable on return.

        Raises:
            InvalidEvent, VersionConflict: They do not go on there.
        """
        cast("Restorable", self._log).append_restored(table)

    @abstractmethod
    def finish(self, root: bytes) -> Head:
        """Give the log its name, if its tree has this root.

        Raises:
            DamagedLog: It has another one; the log stays incomplete.
            InvalidSetting: Somebody took the name meanwhile.
            StorageError, ReadOnlyLog: The system refused.
        """
