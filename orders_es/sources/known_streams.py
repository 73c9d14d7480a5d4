"""Which streams of a source a log has already, and whether they are the same; for `orders_es.sources.batches`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.log import NO_STREAM
from orders_es.log.bulk import table_batch
from orders_es.log.leaf import uuid_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from orders_es.log import EventLog
    from orders_es.sources.batches import StreamTable

__all__ = ["SET_ASIDE", "Known", "cut_batches", "difference", "find_known", "whole_streams"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
array: Any = pa.array

SET_ASIDE = "; some orders set aside"
"""What an import that set orders aside adds to the `correlation_id` of its events: another file may complete it."""

_COLUMNS = (
    "position",
    "stream_id",
    "version",
    "event_id",
    "type",
    "occurred_at",
    "entered_at",
    "correlation_id",
    "payload",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a log has of new streams, one element per stream.

    Args:
        there: Whether the log has a stream of that name.
        equal: Whether it begins with the very same events: types, times and payloads.
        same: Whether those are the events of this file, and not of another that says the same.
        partial: Whether the import that they come from set orders aside.
        first_position: Of all these events; None if there are none.
        last_position: The last position of any; None if there are none.
    """

    there: npt.NDArray[np.bool_]
    equal: npt.NDArray[np.bool_]
    same: npt.NDArray[np.bool_]
    partial: npt.NDArray[np.bool_]
    first_position: int | None = None
    last_position: int | None = None


def cut_batches(starts: npt.NDArray[np.int64], batch_events: int) -> Iterator[tuple[int, int]]:
    """Runs of streams (from, up to but not including) of at most so many events, or of one stream that is longer.

    The same streams are always cut the same way.

    Args:
        starts: Where each stream starts, and at the end the number of events.
        batch_events: How many events a batch may hold.

    Example:
        >>> list(cut_batches(np.array([0, 3, 5, 9]), 5))
        [(0, 2), (2, 3)]
    """
    first = 0
    while first < len(starts) - 1:
        end = int(np.searchsorted(starts, starts[first] + batch_events, side="right")) - 1
        end = max(end, first + 1)
        yield first, end
        first = end


def whole_streams(new: StreamTable, first: int, end: int, streams: npt.NDArray[np.bool_]) -> pa.Table:
    """The events of some of the streams from one to (not including) another."""
    start, stop = int(new.starts[first]), int(new.starts[end])
    batch = new.events.slice(start, stop - start)
    if streams.all():
        return batch
    return batch.filter(array(np.repeat(streams, np.diff(new.starts[first : end + 1]))))


def find_known(log: EventLog, new: StreamTable, *, batch_events: int) -> Known:
    """Which of the new streams the log has, and whether they say the same; read-only.

    Args:
        new: The streams.
        batch_events: How many events to hold at a time.
    """
    none = np.zeros(len(new.stream_ids), dtype=np.bool_)
    if log.head().position == 0:
        return Known(none, none, none, none)
    held = array(list(log.existing(new.stream_ids.to_pylist())), pa.string())
    there = pc.is_in(new.stream_ids, value_set=held).to_numpy(zero_copy_only=False)
    if not there.any():
        return Known(there, none, none, none)
    hashes, ids = _prints(log, new, there, batch_events)
    lengths = np.diff(new.starts)
    found = np.zeros(len(lengths), dtype=np.int64)
    equal, same, partial = there.copy(), there.copy(), none.copy()
    first = last = None
    for batch in log.read(columns=_COLUMNS):
        codes = pc.index_in(batch.column("stream_id"), value_set=new.stream_ids)
        rows = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
        code = codes.take(array(rows)).to_numpy(zero_copy_only=False).astype(np.int64)
        place = batch.column("version").to_numpy(zero_copy_only=False)[rows].astype(np.int64) - 1
        inside = place < lengths[code]
        rows, code, place = rows[inside], code[inside], place[inside]
        if not len(rows):
            continue
        table = pa.Table.from_batches([batch]).take(array(rows))
        at = new.starts[code] + place
        equal[code[_hashed(table) != hashes[at]]] = False
        raw: Any = uuid_bytes(table.column("event_id").combine_chunks())
        same[code[(raw.view(np.uint8).reshape(-1, 16) != ids[at]).any(axis=1)]] = False
        ends = pc.fill_null(pc.ends_with(table.column("correlation_id"), SET_ASIDE), fill_value=False)
        partial[code[ends.to_numpy()]] = True
        np.add.at(found, code, 1)
        positions = table.column("position").to_numpy()
        first = int(positions[0]) if first is None else first
        last = int(positions[-1])
    equal &= found == lengths
    return Known(there, equal, same & equal, partial, first, last)


def _prints(
    log: EventLog, new: StreamTable, wanted: npt.NDArray[np.bool_], batch_events: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """A hash of what each event of the wanted streams says, and its id."""
    hashes = np.zeros(int(new.starts[-1]), dtype=np.uint64)
    ids = np.zeros((int(new.starts[-1]), 16), dtype=np.uint8)
    for first, end in cut_batches(new.starts, batch_events):
        streams = wanted[first:end]
        if not streams.any():
            continue
        placed = _as_recorded(log, whole_streams(new, first, end, streams))
        rows = np.flatnonzero(np.repeat(streams, np.diff(new.starts[first : end + 1]))) + int(new.starts[first])
        hashes[rows] = _hashed(placed)
        raw: Any = uuid_bytes(placed.column("event_id").combine_chunks())
        ids[rows] = raw.view(np.uint8).reshape(-1, 16)
    return hashes, ids


def _as_recorded(log: EventLog, table: pa.Table) -> pa.Table:
    """Events as the log would record them, with the payloads that it would write."""
    batch = table_batch(log.registry, table, NO_STREAM)
    return batch.place(1, 0, [0] * len(batch.parts))


def _hashed(table: pa.Table) -> npt.NDArray[np.uint64]:
    said = pa.table(
        {
            "type": table.column("type"),
            "occurred_at": table.column("occurred_at").cast(pa.int64()),
            "entered_at": _entered(table),
            "payload": table.column("payload"),
        }
    )
    with duckdb.connect() as connection:
        connection.register("said", said)
        found = connection.execute("SELECT hash(type, occurred_at, entered_at, payload) AS h FROM said").fetchnumpy()[
            "h"
        ]
    hashes: npt.NDArray[np.uint64] = np.asarray(found, dtype=np.uint64)
    return hashes


def _entered(table: pa.Table) -> Any:
    """When each event was entered, null in a table that does not say."""
    if "entered_at" not in table.column_names:
        return pa.nulls(table.num_rows, pa.int64())
    return table.column("entered_at").cast(pa.int64())


def difference(log: EventLog, new: StreamTable, stream: int) -> str:
    """In words, what is different between a stream and the one of the same name in the log.

    Args:
        new: The streams.
        stream: Which of them.
    """
    start, stop = int(new.starts[stream]), int(new.starts[stream + 1])
    placed = _as_recorded(log, new.events.slice(start, stop - start))
    here = placed.to_pylist()
    there = log.load(new.stream_ids[stream].as_py(), to_version=len(here))
    for version, (old, event) in enumerate(zip(there, here, strict=False), 1):
        if old.type != event["type"]:
            return f"event {version} is {old.type} in the log and {event['type']} in the file"
        if old.occurred_at != event["occurred_at"]:
            return (
                f"event {version} occurred at {old.occurred_at:%Y-%m-%d %H:%M:%S}Z in the log and at "
                f"{event['occurred_at']:%Y-%m-%d %H:%M:%S}Z in the file; was it imported with another tz= (--tz)?"
            )
        entered = event.get("entered_at")
        if old.entered_at != entered:
            was, now = (
                f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "at no time that is known" for at in (old.entered_at, entered)
            )
            return f"event {version} was entered {was} in the log and {now} in the file"
        if old.payload != event["payload"]:
            return f"event {version} is {old.payload[:200]} in the log and {event['payload'][:200]} in the file"
    return f"the log has {len(there):,} of the {len(here):,} events that the file gives it"
