"""What compaction and vacuum did: for whoever keeps a log in shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Compacted", "Reshredded", "Vacuumed"]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did.

    Args:
        files_before: Data files of the log before.
        files_after: Data files of the log after.
        segments: How many segments were written.
        events: How many events they hold.
        seconds: How long it took.
        sorted_copies: How many files got a copy sorted by stream, for fast loading of one stream; where a backend has that.
    """

    files_before: int
    files_after: int
    segments: int
    events: int
    seconds: float
    sorted_copies: int = 0


@dataclass(frozen=True, slots=True)
class Reshredded:
    """A copy of data files with old event versions, in today's columns.

    Args:
        path: The copy.
        first: Position of the first event that it stands for.
        last: Position of the last one.
        made: Whether it was made now; if not, it was there.
        copies: How many copies the log needs in all.
    """

    path: Path
    first: int
    last: int
    made: bool
    copies: int


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a vacuum did.

    Args:
        files: Superseded data files that are gone now.
        leftovers: Temporary files of dead writers that are gone now.
        bytes: How much room that made.
        waiting: Superseded files that stay until their grace period is over.
    """

    files: int
    leftovers: int
    bytes: int
    waiting: int
