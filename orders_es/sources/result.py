"""What an import did, to be printed or asked; for everybody who runs one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ImportResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did.

    Args:
        digest: SHA-256 of its bytes, as hexadecimal digits; the event ids derive from it.
        rows: Rows in the file, good and bad.
        events: Events appended now.
        streams: Streams (orders) appended now.
        duplicates: Events that were in the log already, from an earlier import of this very file.
        quarantined: Rows set aside.
        quarantine_path: The file they were written to; None if there were none.
        skipped: Streams (orders) that were in the log already, the same, from another file.
        repeated: Rows left out because an earlier sheet of the workbook holds the same invoice with the same lines.
        commits: Commits made.
        first_position: The first position of the file's events, whether appended now or before; None if it gave none.
        last_position: The last position of them.
        estimated: Those of the file's events whose time the file does not give; it is a best guess, and they say so.
    """

    source: str
    digest: str
    rows: int
    events: int
    streams: int
    duplicates: int
    quarantined: int
    quarantine_path: Path | None
    repeated: int
    commits: int
    first_position: int | None
    last_position: int | None
    skipped: int = 0
    estimated: int = 0

    def __str__(self) -> str:
        parts = [f"{self.source}: {_count(self.rows, 'row')}"]
        if self.events:
            parts.append(
                f"{_count(self.events, 'event')} in {_count(self.streams, 'order')} appended, "
                f"{_count(self.commits, 'commit')}"
            )
            if self.duplicates:
                parts.append(
                    f"{_count(self.duplicates, 'event')} there already from an earlier import{'' if self.skipped else ' of this file'}"
                )
            parts.append(f"positions {self.first_position:,} to {self.last_position:,}")
        elif self.duplicates:
            parts.append(
                f"added nothing: all {_count(self.duplicates, 'event')} are there already from an earlier import"
                f"{'' if self.skipped else ' of this file'}, positions {self.first_position:,} to {self.last_position:,}"
            )
        else:
            parts.append("added nothing: no row could be imported")
        if self.skipped:
            parts.append(f"{_count(self.skipped, 'order')} skipped that the log has from another file")
        if self.estimated:
            parts.append(f"{_count(self.estimated, 'event')} at an estimated time, marked ~ and in no length of time")
        if self.repeated:
            parts.append(f"{_count(self.repeated, 'row')} left out that an earlier sheet holds too")
        if self.quarantined:
            parts.append(f"{_count(self.quarantined, 'bad row')} set aside in {self.quarantine_path}")
        return "; ".join(parts)


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
