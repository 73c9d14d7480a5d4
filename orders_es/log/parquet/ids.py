"""The event ids of a Parquet log, looked up in its files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from orders_es.log.ids import EventIds, Holder, blob_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders_es.log.batch import Batch
    from orders_es.log.event import LogFile
    from orders_es.log.parquet.reader import Scanner

__all__ = ["FileIds"]

_FILES_AT_ONCE = 1_000
_EVENTS_AT_ONCE = 2_000_000


class FileIds:
    """Finds event ids in a chain of files. The caller holds the log's lock.

    Args:
        scanner: What reads the files.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._ids = EventIds()
        self._scanner = scanner

    def prepare(self, batch: Batch, chain: Sequence[LogFile]) -> None:
        """Learn the ids in the files, where looking up a batch's will need them. Raises as `find` does."""
        end = chain[-1].last if chain else 0
        if self._ids.needs_all(batch.count, end):
            self._ids.learn(end, lambda after: self._read(chain, after))

    def find(self, raw: bytes, chain: Sequence[LogFile]) -> Holder | None:
        """An event that has one of some ids (16 bytes each), if there is one.

        Raises:
            FileNotFoundError: A file was superseded and vacuumed; list the log again.
            DamagedLog: A file cannot be read.
        """
        end = chain[-1].last if chain else 0
        return self._ids.find(
            raw, end, lambda after: self._read(chain, after), lambda ids, after: self._look(chain, ids, after)
        )

    def appended(self, first: int, batch: Batch) -> None:
        """Take in a commit of this process."""
        if self._ids.follows(first):
            self._ids.appended(first, batch.all_ids())

    def _read(self, chain: Sequence[LogFile], after: int) -> Iterator[bytes]:
        for files in _portions([file for file in chain if file.last > after]):
            table = self._scanner.query(files, "SELECT event_id::BLOB AS id FROM {events} WHERE position > ?", [after])
            yield from blob_bytes(table.column("id"))

    def _look(self, chain: Sequence[LogFile], ids: list[UUID], after: int) -> Holder | None:
        rows = self._scanner.query(
            [file for file in chain if file.last > after],
            "SELECT event_id::VARCHAR AS event_id, stream_id, version, position FROM {events} "
            "WHERE position > ? AND event_id IN (SELECT unnest(?::UUID[])) ORDER BY position LIMIT 1",
            [after, ids],
        ).to_pylist()
        return next((Holder(**row | {"event_id": UUID(row["event_id"])}) for row in rows), None)


def _portions(files: Sequence[LogFile]) -> Iterator[list[LogFile]]:
    """The files in portions that are read at once: many small ones, few large ones."""
    portion: list[LogFile] = []
    for file in files:
        portion.append(file)
        if len(portion) == _FILES_AT_ONCE or sum(one.count for one in portion) >= _EVENTS_AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion
