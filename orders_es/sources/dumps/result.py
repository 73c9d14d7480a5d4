"""What an import of dumps did, as it is told at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orders_es.sources.rows.gaps import GapReport

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["DumpsResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpsResult:
    """What an import of dumps did.

    Args:
        table: The table that they are dumps of.
        dumps: Dumps recorded now.
        known: Dumps that had been recorded by an earlier import.
        rows: Rows in the dumps recorded now.
        inserted: Rows that a dump has and the one before had not, those that came back among them.
        changed: Rows that stand otherwise than in the dump before.
        deleted: Rows that a dump has no more.
        events: Events appended.
        commits: Commits made.
        quarantined: Rows set aside.
        quarantine_paths: The files that they were written to.
        gaps: What is odd about this history.
    """

    table: str
    dumps: int
    known: int
    rows: int
    inserted: int
    changed: int
    deleted: int
    events: int
    commits: int
    first_position: int | None
    last_position: int | None
    quarantined: int = 0
    quarantine_paths: tuple[Path, ...] = ()
    gaps: GapReport = field(default_factory=lambda: GapReport(()))

    def __str__(self) -> str:
        if not self.dumps:
            return f"{self.table}: added nothing: all {self.known:,} dumps are there already from an earlier import"
        known = f" ({self.known:,} more there already)" if self.known else ""
        aside = (
            f"; {self.quarantined:,} bad rows set aside in {', '.join(map(str, self.quarantine_paths))}"
            if self.quarantined
            else ""
        )
        return (
            f"{self.table}: {self.dumps:,} dump{'' if self.dumps == 1 else 's'} of {self.rows:,} rows{known}; {self.inserted:,} rows "
            f"inserted, {self.changed:,} changed, {self.deleted:,} gone; {self.events:,} events appended, positions "
            f"{self.first_position:,} to {self.last_position:,}{aside}"
        )
