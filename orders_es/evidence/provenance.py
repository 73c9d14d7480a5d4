"""Where an exported table comes from: what a file says of itself, so that its figures can be traced to one log."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orders_es.evidence.controls import Controls, Sum
from orders_es.orders.moments import format_instant
from orders_es.read_models.questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orders_es.read_models import ReadModel

__all__ = ["FORMAT", "KEY", "LINES", "OCEL", "XES", "Provenance", "definition_hash", "shown"]

FORMAT = "orders_es export 1"
"""Storage format: it is in files that people keep."""
LINES, OCEL, XES = "JSON lines", "OCEL 2.0", "XES 1849"
"""The names of what is no table; no read model can be called so. Storage format."""
KEY = "orders_es.export"
"""Under which a Parquet file's metadata has it. Storage format as well."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """From which log, up to where, as of when and by which definition an exported table was computed.

    Args:
        name: The read model's name, or `events`; None for a query.
        query: The query; None for a read model.
        definition_sha256: SHA-256 of the definition: of the query and the texts of all read models it takes part of.
        asked_at: The limit `at` that was asked for; None for none.
        asked_known_at: The limit `known_at` that was asked for; None for none.
        at: The moment the table is of: the limit, or where there was none, when the last of its events occurred; None if
            there were no events.
        known_at: As `at`, on the clock of what was known: when an event was entered, as its source says, or else recorded.
        time_zone: The zone of business days and local times.
        origin: The log's name, which copies keep.
        position: The last position that the log held.
        recorded_at: When that was recorded; None for an empty log.
        root: The root of the tree of all events up to that position, in hexadecimal.
        package: The version of orders_es that computed it.
        columns: Name and DuckDB type of each column.
        guarded: Whether text that a spreadsheet would take for a formula has an apostrophe before it (CSV only).
        asked_recorded_by: The limit `recorded_by` that was asked for, on the log's own clock; None for none.
        passed_over: What events were passed over, in words, where unknown ones were tolerated; None where none were.
        rows: How many rows it has; None in files from before that was written.
        sums: The control total of each numeric column; None in files from before.
    """

    name: str | None
    query: str | None
    definition_sha256: str
    asked_at: datetime | None
    asked_known_at: datetime | None
    at: datetime | None
    known_at: datetime | None
    time_zone: str
    log_id: str
    origin: str
    position: int
    recorded_at: datetime | None
    root: str
    package: str
    columns: tuple[tuple[str, str], ...]
    guarded: bool = False
    asked_recorded_by: datetime | None = None
    passed_over: str | None = None
    rows: int | None = None
    sums: tuple[Sum, ...] | None = None

    @property
    def controls(self) -> Controls | None:
        """The rows and control totals together; None in files from before they were written."""
        return None if self.rows is None or self.sums is None else Controls(self.rows, self.sums)

    @property
    def title(self) -> str:
        """What was exported, in a word."""
        return self.name or "query"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: times in ISO 8601 with `Z`."""
        facts = {key: shown(value) if isinstance(value, datetime) else value for key, value in asdict(self).items()}
        sums = None if self.sums is None else [each._asdict() for each in self.sums]
        return {"format": FORMAT, **facts, "columns": [list(column) for column in self.columns], "sums": sums}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Provenance:
        """The same again from JSON.

        Args:
            facts: What `to_dict` gave.

        Raises:
            ValueError: They are of another format, or incomplete.
        """
        if facts.get("format") != FORMAT:
            raise ValueError(f"its format is {facts.get('format')!r}, and this version reads {FORMAT!r}")
        moments = ("asked_at", "asked_known_at", "at", "known_at", "recorded_at", "asked_recorded_by")
        known = {key: value for key, value in facts.items() if key in cls.__slots__}
        known.setdefault("asked_recorded_by", None)  # files from before do not say it
        known.setdefault("passed_over", None)
        sums = known.get("sums")
        try:
            for name in moments:
                known[name] = None if known[name] is None else datetime.fromisoformat(known[name])
            known["columns"] = tuple((str(name), str(kind)) for name, kind in known["columns"])
            known["sums"] = None if sums is None else tuple(Sum(**each) for each in sums)
            return cls(**known)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is incomplete ({error})") from error


def shown(moment: datetime) -> str:
    """A moment in UTC as files have it.

    Example:
        >>> from datetime import UTC, datetime
        >>> shown(datetime(2011, 6, 30, 23, 59, 59, tzinfo=UTC))
        '2011-06-30T23:59:59Z'
    """
    return format_instant(moment)


def definition_hash(source: str, models: Sequence[ReadModel]) -> str:
    """SHA-256 of a definition and of the text of every read model and question's macro that it takes part of, however indirectly.

    Args:
        source: A read model's name, or a query.
        models: The read models that there are.

    Example:
        >>> definition_hash("SELECT 1", []) == definition_hash("SELECT 2", [])
        False
    """
    texts = {model.name: model.sql for model in models} | {q.macro: q.sql for q in QUESTIONS.values()}
    taken: dict[str, str] = {}
    open_ends = [source]
    while open_ends:
        words = set(re.findall(r"\w+", re.sub(r"--[^\n]*", "", open_ends.pop()).lower()))
        for name in words | {word.removesuffix("_at") for word in words}:
            if name in texts and name not in taken:
                taken[name] = texts[name]
                open_ends.append(texts[name])
    digest = hashlib.sha256(source.encode())
    for name, text in sorted(taken.items()):
        digest.update(f"\0{name}\0{text}".encode())
    return digest.hexdigest()
