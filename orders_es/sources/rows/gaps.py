"""What is odd about somebody else's history: the first thing that an auditor asks of one. For everybody who imports rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

__all__ = ["KINDS", "Gap", "GapReport", "gaps_since", "note_again", "note_gaps", "noted", "read_gaps", "start_gaps"]

KINDS = {
    "gone": "rows that went without a record of who deleted them, or when",
    "all gone": "dumps without any row after one that had some: was the export cut short?",
    "came back": "rows that were gone and are there again",
    "many gone": "dumps that lack half of the rows of the one before, or more: was the export cut short, or the key written otherwise?",
    "begins in the middle": "histories whose first record is no insertion: what was before is not known",
    "after the end": "changes of rows that had been deleted, or were never there",
    "inserted twice": "insertions of rows that were there already",
    "before differs": "changes whose old values are not the last new ones: something in between was not recorded",
    "changed nothing": "changes after which the row is as before",
    "only its time changed": "changes of nothing but the row's own time",
    "time did not move": "changes without a later time in the row's own column",
    "appeared late": "rows whose own time is before the last dump, which did not have them",
    "older than before": "rows whose own time is earlier than it was",
    "ahead of its record": "rows whose own time is later than the record that they stand in",
    "time runs backwards": "records that are later in the source's order and earlier by its clock",
    "same time": "records of one row at one time, of which the source does not say which came first",
    "intervals overlap": "versions of a row that hold at the same time",
    "interval missing": "times between two versions of a row at which none holds",
    "two are current": "rows of which more than one version is the current one",
    "live row differs": "rows that stand otherwise in the table than in the last record of them",
    "live row without history": "rows of the table that no record speaks of",
    "history without live row": "rows that the last record leaves standing, and that the table does not have",
    "column came": "columns that the table did not have before",
    "column went": "columns that the table has no more",
    "dump missing": "times between two dumps that are much longer than usual",
    "payments not listed": "orders that say that they were paid, without the payments in the export",
    "set aside": "rows that could not be read, and were set aside",
    "not kept": "dumps that an earlier version of this program recorded, without what was odd about them",
    "means nothing": "changes that the mapping makes no event of",
}
"""What there may be, and what it means."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """One kind of oddity in one table.

    Args:
        kind: Which oddity, as a key of `KINDS`.
        table: The source's table.
        count: How often.
        first: When it was seen first; None where no time belongs to it.
        examples: Up to three of them: a row's key, and what is to be seen there.
    """

    kind: str
    table: str
    count: int
    first: datetime | None
    examples: tuple[str, ...]

    @property
    def meaning(self) -> str:
        """What the kind means, in words."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class GapReport:
    """Everything odd that an import found.

    Example:
        >>> print(GapReport(()))
        no gaps: nothing odd was found in this history
    """

    gaps: tuple[Gap, ...]

    def __bool__(self) -> bool:
        return bool(self.gaps)

    def count(self, kind: str) -> int:
        """How often something was found, over all tables.

        Args:
            kind: Which oddity, as a key of `KINDS`.
        """
        return sum(gap.count for gap in self.gaps if gap.kind == kind)

    def to_arrow(self) -> pa.Table:
        """The report as a table."""
        import pyarrow as pa

        fields: Any = [
            ("gap", pa.string()),
            ("table", pa.string()),
            ("count", pa.int64()),
            ("first", pa.timestamp("us", tz="UTC")),
            ("meaning", pa.string()),
            ("examples", pa.list_(pa.string())),
        ]
        rows = [
            {
                "gap": gap.kind,
                "table": gap.table,
                "count": gap.count,
                "first": gap.first,
                "meaning": gap.meaning,
                "examples": list(gap.examples),
            }
            for gap in self.gaps
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema(fields))

    def __str__(self) -> str:
        if not self.gaps:
            return "no gaps: nothing odd was found in this history"
        width = max(len(gap.kind) for gap in self.gaps)
        total = sum(gap.count for gap in self.gaps)
        lines = [f"{total:,} {'gap' if total == 1 else 'gaps'} in this history:"]
        for gap in self.gaps:
            lines.append(f"  {gap.count:>9,}  {gap.kind:<{width}}  {gap.table}: {gap.meaning}")
            lines.append(f"  {'':>9}  {'':<{width}}  such as {'; '.join(gap.examples)}")
        return "\n".join(lines)


def start_gaps(work: Any) -> None:
    """Make room for what will be found."""
    work.execute(
        "CREATE TABLE gap (kind VARCHAR, source_table VARCHAR, count BIGINT, first TIMESTAMPTZ, examples VARCHAR[])"
    )


def note_gaps(work: Any, kind: str, table: str, at: str, told: str, rows: str) -> None:
    """Note what a query finds.

    Args:
        kind: Which oddity, as a key of `KINDS`.
        table: SQL for the source's table.
        at: SQL for a time that belongs to a row that is found.
        told: SQL for what is to be seen there, in words.
        rows: What stands after FROM.
    """
    assert kind in KINDS, kind
    work.execute(
        f"INSERT INTO gap SELECT ?, {table} AS t, count(*), min({at}), min({told}, {_SHOWN}) FROM {rows} GROUP BY t",
        [kind],
    )


def noted(work: Any) -> int:
    """How many findings there are, to be given to `gaps_since`."""
    return int(work.execute("SELECT count(*) FROM gap").fetchone()[0])


def gaps_since(work: Any, mark: int) -> str:
    """What was noted since then, as JSON that `note_again` reads."""
    rows = work.execute(
        "SELECT kind, source_table, count, epoch_us(first), examples FROM gap WHERE rowid >= ? ORDER BY rowid", [mark]
    ).fetchall()
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def note_again(work: Any, said: str) -> None:
    """Note what an earlier import found.

    Args:
        said: What `gaps_since` gave then.
    """
    for kind, table, count, first, examples in json.loads(said):
        work.execute(
            "INSERT INTO gap VALUES (?, ?, ?, make_timestamptz(?::BIGINT), ?)", [kind, table, count, first, examples]
        )


def read_gaps(work: Any) -> GapReport:
    """What was found, most frequent first within each table."""
    rows = work.execute(
        f"SELECT kind, source_table, sum(count)::BIGINT AS n, min(first), flatten(list(examples ORDER BY first))[1:{_SHOWN}] "
        "FROM gap GROUP BY kind, source_table ORDER BY source_table, n DESC, kind"
    ).fetchall()
    return GapReport(
        tuple(Gap(kind, table, count, first, tuple(examples)) for kind, table, count, first, examples in rows)
    )
