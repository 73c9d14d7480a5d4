"""Loading beside a small commit that is damaged: which streams cannot have an event in it, and what can be proven of its events.

None of a damaged file's bytes is believed, so any stream might have an event in it, and none can be loaded. Two things that other
files say narrow that down, and both are certain:

- The tree. The footers of the files before and after it state the tree on both sides. If the events that can still be decoded give
  just the leaves between them, they are the events that were recorded: what was hit is a typed column, a statistic, or the footer.
- Versions, which have no gaps. A stream whose events elsewhere are 1, 2, 3 … and go on behind the file has none in it. Gaps of
  other streams around the file tell whose events it holds; once they add up to as many as it has, nobody else's is in it.

For reading alone. Whether an event id was there before cannot be told without the file, so whoever appends is refused.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from orders_es.errors import DamagedLog, OrdersEsError
from orders_es.log.columns import ENVELOPE_SCHEMA
from orders_es.log.envelope import SPARSE
from orders_es.log.leaf import leaf_hashes
from orders_es.log.merkle import EMPTY_RANGE, CompactRange
from orders_es.log.parquet.small_reading import decode, table_of_files
from orders_es.log.parquet.streams import Streams, is_small
from orders_es.log.rows import events_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log.event import LogFile, RecordedEvent
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.registry import EventRegistry

__all__ = ["Salvage"]

_LOOKED_AT_MOST = 2_000
_ENVELOPE = frozenset(ENVELOPE_SCHEMA.names)
_REQUIRED = _ENVELOPE - set(SPARSE)
_FAILS = (pa.ArrowException, OrdersEsError, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError)


class Salvage:
    """The streams of a log of which some small commits are damaged.

    Args:
        chain: The log's files.

    Raises:
        DamagedLog: Another kind of file is damaged, of which all is needed; or the files on both sides of one are.
        FileNotFoundError: A file was superseded and vacuumed; list the log again.
    """

    def __init__(self, chain: Sequence[LogFile], checked: Checked, registry: EventRegistry) -> None:
        self.chain = list(chain)
        self._rest = Streams(checked, registry)
        self._unknown: list[LogFile] = []
        self._proven: list[RecordedEvent] = []
        sound = []
        for number, file in enumerate(chain):
            try:
                footer = checked.footer(file.path)
            except DamagedLog:
                if not is_small(file) or number + 1 == len(chain):
                    raise
            else:
                if (footer.first, footer.last) != (file.first, file.last):
                    raise DamagedLog(
                        file.path,
                        f"after its events those from position {footer.last + 1} to {file.last} are missing; restore their files",
                    )
                sound.append(file)
                continue
            table = _proven(file, chain[number - 1] if number else None, chain[number + 1], checked)
            if table is None:
                self._unknown.append(file)
            else:
                self._proven += events_of(table, registry)
        self._rest.reset(sound)
        self._explained: dict[int, bool] = {}

    def load(self, stream_id: str, to_version: int | None = None) -> list[RecordedEvent]:
        """A stream's events, in version order; as many as `to_version` at least, where that is given and there are so many.

        Raises:
            DamagedLog: There are events of it in a damaged file, or there may be.
        """
        events = self._events(stream_id)
        known = next((i for i, event in enumerate(events) if event.version != i + 1), len(events))
        if to_version is not None and to_version <= known:
            return events[:to_version]
        if known < len(events):
            after = events[known - 1].position if known else 0
            lost = [file for file in self._unknown if after < file.first < events[known].position]
            raise _refusal((lost or self._unknown or self.chain)[0], stream_id, "are")
        end = events[-1].position if events else 0
        for file in self._unknown:
            if file.first > end and not self._explained_by_others(file):
                raise _refusal(file, stream_id, "may be")
        return events

    def _events(self, stream_id: str) -> list[RecordedEvent]:
        events = self._rest.events(stream_id) + [event for event in self._proven if event.stream_id == stream_id]
        return sorted(events, key=lambda event: event.version)

    def _explained_by_others(self, file: LogFile) -> bool:
        """Whether the gaps in versions around a file account for all events that are in it."""
        if file.first not in self._explained:
            missing = 0
            for stream_id in self._rest.small_after(file.first, _LOOKED_AT_MOST):
                missing += self._gap(stream_id, file)
                if missing >= file.count:
                    break
            self._explained[file.first] = missing == file.count
        return self._explained[file.first]

    def _gap(self, stream_id: str, file: LogFile) -> int:
        """How many events of a stream are in a file for certain."""
        places = [(0, 0), *((event.version, event.position) for event in self._events(stream_id))]
        for (version, position), (next_version, next_position) in pairwise(places):
            if position < file.first < next_position:
                between = [other for other in self._unknown if position < other.first < next_position]
                return next_version - version - 1 if between == [file] else 0
        return 0


def _proven(file: LogFile, before: LogFile | None, after: LogFile, checked: Checked) -> pa.Table | None:
    """The envelope of a damaged file's events, if the files around it prove them."""
    try:
        columns = decode(Path(file.path).read_bytes(), _ENVELOPE)
        if columns is None or not columns.keys() >= _REQUIRED or len(columns["position"][1]) != file.count:
            return None
        table = table_of_files([columns], ENVELOPE_SCHEMA)
        leaves = CompactRange.of_leaves(file.first - 1, leaf_hashes(table))
        tree = EMPTY_RANGE if before is None else checked.footer(before.path).tree
        follows = checked.footer(after.path)
        return table if tree.merge(leaves).merge(follows.range) == follows.tree else None
    except FileNotFoundError:
        raise
    except _FAILS:
        return None


def _refusal(file: LogFile, stream_id: str, are: str) -> DamagedLog:
    return DamagedLog(
        file.path,
        f"it is not as it was written, and events of {stream_id!r} {are} in it; restore the file from a backup",
    )
