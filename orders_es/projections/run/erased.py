"""What was erased from a log since a projection looked at it last: its tables may hold what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orders_es.log.bookkeeping import PERSONAL_DATA_ERASED, PRIVACY_STREAM, said_by

if TYPE_CHECKING:
    from collections.abc import Collection

    from orders_es.log import EventLog

__all__ = ["Erased", "concerns", "erased_between"]


class Erased(NamedTuple):
    """An erasure, as the log records it.

    Args:
        position: Where.
        positions: The events whose personal data are gone.
        streams: Their streams.
    """

    position: int
    positions: frozenset[int]
    streams: tuple[str, ...]


def erased_between(log: EventLog, after: int, end: int) -> list[Erased]:
    """The erasures that are recorded after a position, up to another."""
    if not any(name == PERSONAL_DATA_ERASED for name, _ in log.event_types()):
        return []
    found = []
    for event in log.load(PRIVACY_STREAM):
        if event.type == PERSONAL_DATA_ERASED and after < event.position <= end:
            said = said_by(event)
            found.append(Erased(event.position, frozenset(said["positions"]), tuple(said["streams"])))
    return found


def concerns(log: EventLog, erased: Erased, types: Collection[str], until: int) -> bool:
    """Whether an erasure took something from events of some types, up to a position."""
    return any(
        event.position in erased.positions and event.position <= until and event.type in types
        for stream in (*erased.streams, PRIVACY_STREAM)
        for event in log.load(stream)
    )
