"""What compaction and vacuum did: for whoever keeps a log in shape."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Compacted", "Vacuumed"]


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
