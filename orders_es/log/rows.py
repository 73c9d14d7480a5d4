"""Events as rows of Arrow tables and as Python values, one into the other, for every backend."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import InvalidEvent, UpcastFailed
from orders_es.log.columns import ENVELOPE_SCHEMA, event_schema
from orders_es.log.envelope import MOMENTS, SPARSE
from orders_es.log.event import RecordedEvent, beyond_calendar, from_micros, many_from_micros, to_micros
from orders_es.log.retry import EventPlace
from orders_es.log.upcast_tables import old_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from orders_es.log.registry import EventRegistry

__all__ = ["events_of", "require_moments", "rows_of", "table_of", "with_todays_columns"]

_ENVELOPE_NAMES = ENVELOPE_SCHEMA.names
_FEW = 64


def events_of(table: pa.Table, registry: EventRegistry) -> list[RecordedEvent]:
    """The rows of an envelope table as events, in order."""
    columns: list[list[Any]] = []
    there = table.schema.names
    for name in _ENVELOPE_NAMES:
        if name not in there and name in SPARSE:
            columns.append([None] * table.num_rows)
            continue
        values = table.column(name)
        if name == "event_id":
            storage = pa.chunked_array([getattr(c, "storage", c) for c in values.chunks], pa.binary(16))
            columns.append([UUID(bytes=b) for b in storage.to_pylist()])
        elif name in MOMENTS:
            columns.append(_moments(table, name))
        else:
            columns.append(values.to_pylist())
    columns.append([registry] * table.num_rows)
    return [RecordedEvent(*row) for row in zip(*columns, strict=True)]


def _moments(table: pa.Table, name: str) -> list[Any]:
    """A column of times; in place of one that no datetime holds, the error for whoever asks for that event."""
    if table.num_rows <= _FEW:  # a stream, mostly
        given = [value for chunk in table.column(name).chunks for value in chunk.view(pa.int64()).to_pylist()]
        with suppress(OverflowError):
            return [None if value is None else from_micros(value) for value in given]
    micros = table.column(name).cast(pa.int64()).combine_chunks()
    if micros.null_count == len(micros):
        return [None] * len(micros)
    if micros.null_count:
        rows = zip(micros.to_pylist(), *_places(table), strict=True)
        return [None if value is None else _moment(name, value, position, stream) for value, position, stream in rows]
    try:
        # Not `to_numpy`: it would load pandas, which takes as long as all else that a small program loads.
        return list(many_from_micros(np.asarray(np.from_dlpack(micros), np.int64)))
    except OverflowError:
        return [_moment(name, *row) for row in zip(micros.to_pylist(), *_places(table), strict=True)]


def _places(table: pa.Table) -> tuple[list[int], list[str]]:
    return table.column("position").to_pylist(), table.column("stream_id").to_pylist()


def _moment(name: str, micros: int, position: int, stream_id: str) -> datetime | InvalidEvent:
    try:
        return from_micros(micros)
    except OverflowError:
        return beyond_calendar(position, stream_id, micros, name)


def require_moments(events: list[RecordedEvent]) -> list[RecordedEvent]:
    """The same events; the error of the first whose time no datetime holds."""
    for event in events:
        moments: tuple[Any, ...] = (event.occurred_at, event.recorded_at, event.entered_at)
        for moment in moments:
            if isinstance(moment, InvalidEvent):
                raise moment
    return events


def rows_of(table: pa.Table) -> list[EventPlace]:
    """The rows of an envelope table, as far as telling a retry from a conflict needs them."""
    ids = pa.chunked_array([getattr(c, "storage", c) for c in table.column("event_id").chunks], pa.binary(16))
    columns = (
        table.column("stream_id").to_pylist(),
        ids.to_pylist(),
        table.column("version").to_pylist(),
        table.column("position").to_pylist(),
        table.column("recorded_at").cast(pa.int64()).to_pylist(),
    )
    return [EventPlace(*row) for row in zip(*columns, strict=True)]


def table_of(events: Sequence[RecordedEvent], registry: EventRegistry, names: Sequence[str] | None = None) -> pa.Table:
    """Events as a table, their typed columns made from their payloads.

    Args:
        registry: What says which typed columns there are.
        names: The columns; the envelope alone if left out.

    Raises:
        InvalidEvent: A payload does not fit its registered type.
    """
    wanted = _ENVELOPE_NAMES if names is None else names
    schema = event_schema(registry.columns)
    typed = [name for name in wanted if name not in _ENVELOPE_NAMES]
    values: list[dict[str, Any]] = [_shredded(event, registry) for event in events] if typed else []
    arrays = []
    for name in wanted:
        kind = schema.field(name).type
        if name in typed:
            arrays.append(pa.array([row.get(name) for row in values], kind))
        elif name == "event_id":
            stored = pa.array([event.event_id.bytes for event in events], pa.binary(16))
            arrays.append(pa.ExtensionArray.from_storage(kind, stored))
        elif name in MOMENTS:
            moments = [getattr(event, name) for event in events]
            micros = [None if moment is None else to_micros(moment, name) for moment in moments]
            arrays.append(pa.array(micros, pa.int64()).cast(kind))
        else:
            arrays.append(pa.array([getattr(event, name) for event in events], kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema([schema.field(name) for name in wanted]))


def with_todays_columns(
    batch: pa.RecordBatch, registry: EventRegistry, names: Sequence[str], changed: AbstractSet[str]
) -> pa.RecordBatch:
    """A page of events whose typed columns are as of today also where the events are of old versions; its envelope stays.

    Args:
        batch: The events, with at least position, stream, type, schema version and payload.
        names: The columns wanted.
        changed: Those of them that had another type once: no column has these, and all are made from payloads.

    Raises:
        UpcastFailed: An upcaster raised or gave rubbish.
    """
    table = pa.Table.from_batches([batch])
    mask = old_rows(registry, table)
    if having := [t.name for t in registry if any(field.name in changed for field in t.fields)]:
        known = pc.is_in(table.column("type"), pa.array(having, pa.string()))
        mask = known if mask is None else pc.or_(mask, known)
    if mask is None:
        return batch.select(names)
    old = table.filter(mask)
    rows = zip(
        *(old.column(c).to_pylist() for c in ("type", "schema_version", "payload", "position", "stream_id")),
        strict=True,
    )
    values = [_todays_values(registry, row) for row in rows]
    mask = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    arrays = []
    for name in names:
        column = batch.column(batch.schema.get_field_index(name))
        if name not in _ENVELOPE_NAMES:
            today = pa.array([value.get(name) for value in values], column.type)
            column = pc.replace_with_mask(column, mask, today)
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.select(names).schema)


def _todays_values(registry: EventRegistry, row: tuple[str, int, str, int, str]) -> dict[str, Any]:
    try:
        data = registry.decode(*row)
    except UpcastFailed:
        raise
    except (
        InvalidEvent
    ):  # as it was recorded it fits no type: no column has a value of it, and whoever reads it is told
        return {}
    return {} if data is None else registry.encode(data)[2]


def _shredded(event: RecordedEvent, registry: EventRegistry) -> dict[str, Any]:
    if event.type not in registry or registry[event.type].schema_version != event.schema_version:
        return {}
    data = registry.decode(event.type, event.schema_version, event.payload, event.position, event.stream_id)
    return registry.encode(data)[2]
