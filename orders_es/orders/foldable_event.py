"""What a fold needs to know of an event, for everybody who folds without a log or brings a log of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from orders_es.errors import NaiveTime

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["EventLike", "Happened"]


class EventLike(Protocol):
    """What a fold needs of an event; the log's `RecordedEvent` has it, and so does `Happened`."""

    @property
    def data(self) -> Any:
        """The event itself: an instance of one of `EVENT_TYPES`."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """When it happened in the business, with time zone."""
        ...

    @property
    def version(self) -> int:
        """Its place in its stream: 1, 2, 3 …."""
        ...

    @property
    def position(self) -> int:
        """Its place in the log; 0 if it is in none."""
        ...


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with its moment and version, for folding without a log and for tests.

    Args:
        occurred_at: When it happened, with time zone.
        version: Its place in its stream: 1, 2, 3 ….
        position: Its place in a log; 0 if it is in none.

    Raises:
        NaiveTime: `occurred_at` has no time zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> from orders_es.orders import OrderPlaced
        >>> Happened(OrderPlaced(), datetime(2011, 6, 3, tzinfo=UTC), 1).position
        0
    """

    data: Any
    occurred_at: datetime
    version: int
    position: int = 0

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise NaiveTime("occurred_at", self.occurred_at)
