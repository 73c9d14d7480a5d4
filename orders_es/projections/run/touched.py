"""The events from which a batch's rows are made: all those of the streams that the batch touches, however old.

A handful of streams is read one by one, as the log loads a stream; many are found by a scan, which goes back only as far as
it has to: versions have no gaps, so it is known how many earlier events there are, and when all are found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.log.protocol import HasFiles
from orders_es.log.relation import ENVELOPE_TYPES, quoted
from orders_es.log.shredding import columns_of, readings_of, with_readings

if TYPE_CHECKING:
    import pyarrow as pa

    from orders_es.log import EventLog, EventRegistry

__all__ = ["few", "from_payloads", "reach"]

FEW_EVENTS = 4_096
_FEW_STREAMS = 256
_FEW_EARLIER = 32_768
_UNSORTED_MOST = 100_000
"""From so many events in files that know no streams, one scan for all streams is cheaper than one for each."""
_WINDOW = 500_000


def few(log: EventLog, after: int, to: int) -> pa.Table | None:
    """The envelopes of all events, up to a position, of the streams that have one after another position.

    None where there are so many that a scan finds them sooner. Rows are in no certain order.

    Args:
        after: The batch begins after this position.
        to: It ends with this one.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from orders_es.log.columns import ENVELOPE_SCHEMA
    from orders_es.log.rows import table_of

    if to - after > FEW_EVENTS:
        return None
    batches = list(log.read(after=after, to=to, columns=ENVELOPE_SCHEMA.names))
    new = pa.Table.from_batches(batches, ENVELOPE_SCHEMA)
    firsts = new.group_by("stream_id").aggregate([("version", "min")])
    old = firsts.filter(pc.greater(firsts.column("version_min"), 1)).to_pylist()
    if not old:
        return new
    if (
        len(old) > _FEW_STREAMS
        or sum(row["version_min"] - 1 for row in old) > _FEW_EARLIER
        or (isinstance(log, HasFiles) and log.unsorted_events() > _UNSORTED_MOST)
    ):
        return None
    earlier = [event for row in old for event in log.load(row["stream_id"], to_version=row["version_min"] - 1)]
    return pa.concat_tables([table_of(earlier, log.registry), new])


def from_payloads(envelopes: str, events: pa.Table, registry: EventRegistry) -> str:
    """SQL for the relation `events` over a table that has only envelopes: the other columns come from the payloads.

    Args:
        envelopes: The table's name.
        events: What is in it.
        registry: The event types that the program knows.
    """
    from orders_es.log.canonical import others

    odd = events.take(others(registry, events.column("payload")))
    names = ("position", "stream_id", "type", "schema_version", "payload")
    readings = readings_of(registry, zip(*(odd.column(name).to_pylist() for name in names), strict=True))
    columns = columns_of(
        registry, readings, lambda name, _: f"event.{quoted(name)}" if name in ENVELOPE_TYPES else None
    )
    return f"SELECT {', '.join(columns)} FROM {with_readings(envelopes, readings)}"


def reach(cursor: Any, events: str, streams: str, after: int) -> int:
    """The first position of any event of the streams that a batch touches.

    Args:
        events: The relation of the log's events.
        streams: A table of the streams: `stream_id`, and `first`, the version of its first event in the batch.
        after: The batch begins after this position.
    """
    [(missing,)] = cursor.execute(f"SELECT coalesce(sum(first - 1), 0)::BIGINT FROM {streams}").fetchall()
    lowest, high, width = after + 1, after, _WINDOW
    while missing > 0 and high > 0:
        low = max(high - width, 0)
        [(found, first)] = cursor.execute(
            f'SELECT count(*), min("position") FROM {events} WHERE "position" > {low} AND "position" <= {high} '
            f"AND stream_id IN (SELECT stream_id FROM {streams} WHERE first > 1)"
        ).fetchall()
        missing -= found
        lowest = lowest if first is None else first
        high, width = low, 2 * width
    return lowest
