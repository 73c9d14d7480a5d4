"""What can be followed; for whoever connects another system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Delivered", "Source"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """Something that a source has said.

    Args:
        place: Where it stands in the source, as text that the source can go on from. No two things that a source says have the
            same.
        line: It, as a JSON object.

    Example:
        >>> Delivered("17", b'{"type":"order_placed"}').place
        '17'
    """

    place: str
    line: bytes


class Source(Protocol):
    """A system that records events, in an order that never changes once it has been read.

    What a source promises: after a place, it gives all that follows it and nothing twice, in one order, and never anything later
    that belongs before a place it has given already. A system that cannot promise this (a table whose numbers become visible out of
    order, say) has to hold back what is not settled yet.
    """

    @property
    def name(self) -> str:
        """Which source it is, the same at every run: what its place is kept under. Without passwords."""
        ...

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """What stands after a place, at most so much of it; nothing where nothing new is settled.

        Args:
            after: The place; None for the beginning.
            limit: How much at most.

        Raises:
            SourceUnavailable: The system does not answer, for now.
            BadSource: It will never answer as it is asked: no such table, no right to read it.
        """
        ...

    def committed(self, place: str) -> None:
        """Hear that everything up to a place is recorded for good, so that the system need not keep it. Called after each commit.

        Args:
            place: The last one that was recorded.
        """
        ...

    def wait(self, seconds: float) -> bool:
        """Whether the system says that there is something new, within so long. Where it cannot say, wait and say no.

        Args:
            seconds: How long at most.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
