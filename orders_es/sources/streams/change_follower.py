"""`ChangeFollower`: a change feed into a log as it goes on, read as `import_history` reads an export of the same.

Each change is an event of its row, and what a mapping makes of it; all that a batch of lines led to, and the place in the source, are one commit. A line that comes again, as brokers
and Debezium deliver some after a crash, is known by what it says, and adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.errors import BadSource, InvalidSetting, VersionConflict
from orders_es.log.event import to_micros
from orders_es.sources.history.feed import take_records
from orders_es.sources.history.records import Settings
from orders_es.sources.history.shapes import SHAPES
from orders_es.sources.jsonl.line_reader import BadLine, Line
from orders_es.sources.rows.landing import take_domain
from orders_es.sources.rows.mapping import load_change_mapping
from orders_es.sources.streams.follower import BATCH, Follower, event_table
from orders_es.sources.tables.options import TableOptions

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from orders_es.log import EventLog
    from orders_es.sources.history.records import Record
    from orders_es.sources.streams.source import Delivered, Source

__all__ = ["ChangeFollower"]

_AGAIN = 20
"""How often a commit is made anew because others append to the same streams."""


class ChangeFollower(Follower):
    """What reads a change feed into a log.

    Args:
        log: Where to append.
        source: What is followed; each of its lines is an envelope of Debezium.
        key: The column that names a row, or several.
        mapping: What changes mean for orders, as for `import_history`; only rows are recorded if left out.
        occurred: The column of the rows that says when something happened in the business, such as `updated_at`.
        scales: How many decimals the numbers of a column have that come as bytes, where no schema says so.
        table: What to call the table, where an envelope does not say it.
        on_error: As for `Follower`. A line whose change the mapping cannot read is such a line, too.
        batch_events: How many lines a commit may hold.
        after: Where to begin, if the log says nothing yet.

    Raises:
        BadSource: The mapping cannot be read.
        InvalidSetting: An option makes no sense.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.sources.rows import rows_at
        >>> from orders_es.sources.streams import Delivered
        >>> class Two:
        ...     name = "two"
        ...     def read(self, after, limit):
        ...         at = '"source": {"table": "orders", "ts_ms": 1780300800000, "lsn": %d}'
        ...         lines = ['{"op": "c", "before": null, "after": {"id": 7, "status": "open"}, %s}' % (at % 1),
        ...                  '{"op": "u", "before": null, "after": {"id": 7, "status": "paid"}, %s}' % (at % 2)]
        ...         return [Delivered(str(n), line.encode()) for n, line in enumerate(lines) if after is None or n > int(after)]
        ...     def committed(self, place): pass
        ...     def wait(self, seconds): return False
        ...     def close(self): pass
        >>> log = open_log(":memory:")
        >>> ChangeFollower(log, Two(), key="id").catch_up().events
        2
        >>> rows_at(log, "orders").to_pylist()
        [{'id': '7', 'status': 'paid'}]
    """

    def __init__(
        self,
        log: EventLog,
        source: Source,
        *,
        key: str | Sequence[str],
        mapping: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        occurred: str | None = None,
        scales: Mapping[str, int] | None = None,
        table: str = "table",
        on_error: str = "stop",
        batch_events: int = BATCH,
        after: str | None = None,
    ) -> None:
        super().__init__(log, source, on_error=on_error, batch_events=batch_events, after=after)
        keys = (key,) if isinstance(key, str) else tuple(key)
        if not keys:
            raise InvalidSetting("key", key, "say which column names a row; an envelope does not")
        take_domain(log)
        self._settings = Settings(table=table, key=keys, options=TableOptions(), scales=scales or {})
        self._rules = None if mapping is None else load_change_mapping(mapping, log.registry)
        self._occurred = occurred
        self._reader = _Envelopes(self._settings)

    def _commit(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> bool:
        """See `Follower._commit`; where a batch cannot be recorded, what can be of it is, line by line."""
        try:
            return self._commit_anew(place, lines, refused)
        except BadSource as error:
            if len(lines) > 1:
                return self._commit_each(place, lines, refused)
            if not lines:
                raise
            each = lines[0][0]
            if not self._set_aside:
                raise self._stopped_at(each.place, error.reason) from error
            return super()._commit(place, (), [*refused, (each, error.reason)])

    def _commit_anew(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> bool:
        for _ in range(_AGAIN):
            try:
                return super()._commit(place, lines, refused)
            except VersionConflict:  # of an order or a row: somebody else appended to it, and our versions come behind
                continue
        return super()._commit(place, lines, refused)

    def _commit_each(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> bool:
        good, bad = {each.place: line for each, line in lines}, {each.place: why for each, why in refused}
        for each in self._delivered:
            mine = [(each, good[each.place])] if each.place in good else []
            aside = [(each, bad[each.place])] if each.place in bad else []
            last = each.place == place
            if (mine or aside or last) and not self._commit(each.place, mine, aside):
                return False
            if last:
                break
        return True

    def _unknown(self, lines: Sequence[tuple[Delivered, Line]]) -> list[tuple[Delivered, Line]]:
        """All: what the log has already is left out row by row, as it is looked at."""
        return list(lines)

    def _append(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> None:
        def beside(events: int) -> pa.Table:
            rows = self._bookkeeping(place, events, refused)
            versions = range(self._version + 1, self._version + 1 + len(rows))
            return event_table(rows).append_column("version", pa.array(versions, pa.int32()))

        take_records(
            self._log,
            [line.records for _, line in lines if isinstance(line, _Said)],
            self._settings,
            rules=self._rules,
            occurred=self._occurred,
            actor="follow:debezium",
            run=f"follow:{self._source.name} {place}",
            beside=beside,
        )


@dataclass(slots=True)
class _Said(Line):
    """What an envelope says."""

    records: tuple[Record, ...] = ()


class _Envelopes:
    """Lines of Debezium."""

    first_version = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spaces: dict[str, str] = {}

    def read(self, text: bytes) -> Line | None:
        """The records that a line says; None for one that says none. See `LineReader.read`."""
        try:
            records = tuple(SHAPES["debezium"].read({"line": text.decode()}, self._settings))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            if type(error) is ValueError:
                raise BadLine(str(error)) from error
            raise BadLine(f"the line is not as Debezium writes it ({type(error).__name__}: {error})") from error
        for record in records:
            known = record.space if record.space is None else self._spaces.setdefault(record.table, record.space)
            if known != record.space:
                raise BadLine(
                    f"the table {record.table!r} is that of {record.space}, and in lines before it that of {known}; follow each schema's into a log of its own"
                )
        if not records:
            return None
        at = to_micros(records[0].at, "at")
        return _Said("", None, None, "change", 1, at, None, None, None, "", entered_at=at, records=records)
