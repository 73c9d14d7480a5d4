"""Event types that nobody registered, or in another version: whose concern they are, who wrote them, and whether they are passed over."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from orders_es.errors import EventError, InvalidEvent, LogError, UnknownEventType
from orders_es.log.bookkeeping import BOOKKEEPING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders_es.log.event_type import EventType

__all__ = ["KnowsWriters", "UnknownTypes"]


class KnowsWriters(Protocol):
    """A log that can say which packages wrote into it."""

    def written_by(self, name: str, schema_version: int) -> set[str]:
        """The packages, with their versions, that wrote events of a type and version that they knew."""
        ...


class UnknownTypes:
    """What a registry makes of events that it does not know as they are.

    Args:
        known: The registered types, by name; looked at anew each time.
    """

    def __init__(self, known: Mapping[str, EventType]) -> None:
        self._known = known
        self._writers: weakref.WeakSet[KnowsWriters] = weakref.WeakSet()
        self.left_out = BOOKKEEPING
        """Names that are another domain's, and no concern of this program."""
        self.tolerated = False
        """Whether events that are newer than this program are passed over."""

    def passes_over(self, name: str, schema_version: int) -> bool:
        """Whether events of a type and version that no upcaster reads are passed over."""
        if not self.tolerated:
            return False
        known = self._known.get(name)
        return name not in self.left_out if known is None else schema_version > known.schema_version

    def foreign(self, name: str) -> bool:
        """Whether a type is known to be no concern of whoever has no use for it; see `EventRegistry.foreign`."""
        return name in self._known or name in self.left_out

    def ask(self, log: KnowsWriters) -> None:
        """Ask a log, as long as it is there; see `EventRegistry.ask_writers`."""
        self._writers.add(log)

    def error(self, name: str, schema_version: int, position: int, stream_id: str) -> EventError:
        """The error for a recorded event whose type or version is not known here; it says who wrote it, as far as a log knows.

        Args:
            position: Where it stands.
            stream_id: Where the event stands, for the error.
        """
        packages: set[str] = set()
        for log in self._writers:
            with suppress(LogError, OSError):
                packages |= log.written_by(name, schema_version)
        writer = " and ".join(sorted(packages))
        event_type = self._known.get(name)
        if event_type is None or event_type.schema_version == schema_version:  # or it is not of what is asked about
            return UnknownEventType(name, position, stream_id, "" if event_type else writer)
        known = event_type.schema_version
        if schema_version < known:
            advice = f"register an upcaster that reads v{schema_version}"
        elif writer:
            advice = f"{writer} wrote it; upgrade to that or a later version"
        else:
            advice = "a newer program wrote it; upgrade the package that has this type"
        return InvalidEvent(
            name,
            "",
            f"position {position} holds schema version {schema_version}, the registry knows {known}"
            + (f" (stream {stream_id!r})" if stream_id else "")
            + f"; {advice}",
        )
