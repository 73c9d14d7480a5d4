"""Reading a log in position order while others write, compact and vacuum it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from orders_es.errors import DamagedLog
from orders_es.errors.calls import check_count
from orders_es.log.columns import event_schema
from orders_es.log.parquet.reader import Shifted, file_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders_es.log.parquet.reading import FolderReading

__all__ = ["read_events"]

_STALE_MOST = 10


def read_events(
    log: FolderReading, *, after: int, to: int, batch_size: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The events with `after < position <= to`, in batches; small files are put together.

    A file that vanishes on the way was superseded: the log is listed again, and reading goes on where it was.
    """
    check_count("batch_size", batch_size)
    schema = event_schema(log.registry.columns)
    gathered: list[pa.RecordBatch] = []
    rows = 0
    for batch in _pieces(log, max(after, 0), to, batch_size, columns, schema):
        if rows and rows + batch.num_rows > batch_size:
            yield _together(gathered)
            gathered, rows = [], 0
        gathered.append(batch)
        rows += batch.num_rows
    if gathered:
        yield _together(gathered)


def _together(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _pieces(
    log: FolderReading, position: int, to: int, batch_size: int, columns: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    stale = 0
    while position < to:
        file = log.file_at(position + 1)
        try:
            for batch in file_batches(
                file, log.checked, after=position, to=to, columns=columns, schema=schema, batch_size=batch_size
            ):
                position += batch.num_rows
                stale = 0
                yield batch
            if position < min(file.last, to):
                raise Shifted(file.path)
        except (FileNotFoundError, Shifted) as error:
            stale += 1
            if stale > _STALE_MOST:
                if isinstance(error, DamagedLog):
                    raise
                raise DamagedLog(file.path, "it vanished while it was read; restore it from a backup") from error
            log.relist()
