"""Events as rows of Arrow tables and as Python values, one into the other, for every backend."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import InvalidEvent, UpcastFailed
from orders_es.log.columns import ENVELOPE_SCHEMA, event_schema
from orders_es.log.envelope import CURRENT_TYPE, MOMENTS, SPARSE
from orders_es.log.event import RecordedEvent, beyond_calendar, from_micros, many_from_micros, to_micros
from orders_es.log.retry import EventPlace
from orders_es.log.upcast_tables import old_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from orders_es.log.registry import EventRegistry

__all__ = ["events_of", "require_moments", "rows_of", "table_of", "with_recorded_columns", "with_todays_columns"]

_ENVELOPE_NAMES = ENVELOPE_SCHEMA.names
_FEW = 64
_Row = tuple[str, int, str, int, str]
"""Type, schema version, payload, position and stream."""


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
    """A page of events whose typed columns are as of today, of old versions and with defaults as `decode` gives them; its envelope stays.

    Args:
        batch: The events, with at least position, stream, type, schema version and payload.
        names: The columns wanted; `current_type` is one that is made here.
        changed: Those of them that had another type once: no column has these, and all are made from payloads.

    Raises:
        UpcastFailed: An upcaster raised or gave rubbish.
    """
    table = pa.Table.from_batches([batch])
    masks = [old_rows(registry, table), _having(registry, table, changed), _unknown(registry, table)]
    for name, types in registry.defaults(set(names)).items():
        lacking = pc.is_null(table.column(name))
        if pc.any(lacking).as_py():
            masks.append(pc.and_(lacking, pc.is_in(table.column("type"), pa.array(sorted(types), pa.string()))))
    return _with_values(batch, table, names, masks, lambda row: _todays_values(registry, row))


def with_recorded_columns(
    batch: pa.RecordBatch, registry: EventRegistry, names: Sequence[str], changed: AbstractSet[str]
) -> pa.RecordBatch:
    """A page of events whose typed columns say what payloads of today's version say, and nothing of others; see `with_todays_columns`."""
    table = pa.Table.from_batches([batch])

    def values(row: _Row) -> tuple[str | None, dict[str, Any]]:
        if not registry.is_today(row[0], row[1]) or registry.upcasts(row[0], row[1]):
            return row[0], {}
        name, found = _todays_values(registry, row)
        said = msgspec.json.decode(row[2], type=dict[str, msgspec.Raw]) if found else {}
        return name, {field: value for field, value in found.items() if field in said}

    return _with_values(batch, table, names, [old_rows(registry, table), _having(registry, table, changed)], values)


def _unknown(registry: EventRegistry, table: pa.Table) -> Any:
    """A mask of the events that this program does not know as they are; None if there are none."""
    pairs = table.select(["type", "schema_version"]).group_by(["type", "schema_version"]).aggregate([]).to_pylist()
    mask: Any = None
    for name, version in ((pair["type"], pair["schema_version"]) for pair in pairs):
        if not registry.is_today(name, version) and not registry.upcasts(name, version):
            one = pc.and_(pc.equal(table.column("type"), name), pc.equal(table.column("schema_version"), version))
            mask = one if mask is None else pc.or_(mask, one)
    return mask


def _having(registry: EventRegistry, table: pa.Table, fields: AbstractSet[str]) -> Any:
    """A mask of the events whose types have some of these fields; None if there are no such types."""
    having = [t.name for t in registry if any(field.name in fields for field in t.fields)]
    return pc.is_in(table.column("type"), pa.array(having, pa.string())) if having else None


def _with_values(
    batch: pa.RecordBatch,
    table: pa.Table,
    names: Sequence[str],
    masks: Sequence[Any],
    values_of: Callable[[_Row], tuple[str | None, dict[str, Any]]],
) -> pa.RecordBatch:
    """The columns, with other values in the events of a mask."""
    given = [mask for mask in masks if mask is not None]
    mask = functools.reduce(pc.or_, given) if given else pa.array([False] * table.num_rows)
    mask = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    old = table.filter(mask)
    rows = zip(
        *(old.column(c).to_pylist() for c in ("type", "schema_version", "payload", "position", "stream_id")),
        strict=True,
    )
    values = [values_of(row) for row in rows]
    arrays, fields = [], []
    for name in names:
        kind = batch.schema.field("type" if name == CURRENT_TYPE else name)
        column = batch.column(kind.name)
        if name == CURRENT_TYPE:
            column = pc.replace_with_mask(column, mask, pa.array([today for today, _ in values], column.type))
            kind = pa.field(name, kind.type)
        elif name not in _ENVELOPE_NAMES:
            column = pc.replace_with_mask(column, mask, pa.array([value.get(name) for _, value in values], column.type))
        arrays.append(column)
        fields.append(kind)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _todays_values(registry: EventRegistry, row: _Row) -> tuple[str | None, dict[str, Any]]:
    """The type's name and the values of an event today; no name where it is retired."""
    if not registry.is_today(row[0], row[1]) and not registry.upcasts(row[0], row[1]):
        if row[0] not in registry:  # that a field of it is called as one of ours says nothing
            return row[0], {}
        raise registry.not_known(row[0], row[1], row[3], row[4])
    try:
        data = registry.decode(*row)
    except UpcastFailed:
        raise
    except (
        InvalidEvent
    ):  # as it was recorded it fits no type: no column has a value of it, and whoever reads it is told
        return row[0], {}
    if data is None:
        return None, {}
    event_type, _, values = registry.encode(data)
    return event_type.name, values


def _shredded(event: RecordedEvent, registry: EventRegistry) -> dict[str, Any]:
    if event.type not in registry or registry[event.type].schema_version != event.schema_version:
        return {}
    data = registry.decode(event.type, event.schema_version, event.payload, event.position, event.stream_id)
    event_type, _, values = registry.encode(data)
    if any(field.default is not None for field in event_type.fields):  # a default is no value that was recorded
        said = msgspec.json.decode(event.payload, type=dict[str, msgspec.Raw])
        values = {name: value for name, value in values.items() if name in said}
    return values
