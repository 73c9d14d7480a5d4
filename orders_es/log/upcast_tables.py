"""Tables of events as they are today: many at once, by type, so that a copy of a log costs a function call an event and little more."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent
from orders_es.log.collector import no_collector

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry
    from orders_es.log.upcasting import Today

__all__ = ["old_rows", "upcast_table", "upcast_texts"]

_FEW = 32
"""So many old events are not worth the look at whole columns."""


def upcast_table(registry: EventRegistry, table: pa.Table) -> pa.Table:
    """Events as they are today: older ones with today's type, version and payload, retired ones left out. Other columns stay.

    Args:
        table: Events, with type, schema version, payload, position and stream as recorded.

    Raises:
        UpcastFailed: An upcaster raised or gave rubbish.
    """
    mask = old_rows(registry, table)
    if mask is None:
        return table
    if table.num_rows > _FEW:
        try:
            with no_collector():
                return _by_type(registry, table, mask)
        except Exception:  # noqa: BLE001, S110 - which event it is and what is wrong with it, the next look says
            pass
    return _one_by_one(registry, table, mask)


def _by_type(registry: EventRegistry, table: pa.Table, mask: Any) -> pa.Table:
    """As `upcast_table`; any exception means that the events have to be looked at one by one."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [table.column(name) for name in ("type", "schema_version", "payload")]
    kinds = [column.type for column in texts]
    old = np.flatnonzero(mask.to_numpy())
    others = np.flatnonzero(~mask.to_numpy())
    places = [others]
    columns: list[list[Any]] = [[column.take(pa.array(others)).combine_chunks()] for column in texts]
    pairs = table.select(["type", "schema_version"]).take(pa.array(old))
    for pair in pairs.group_by(["type", "schema_version"]).aggregate([]).to_pylist():
        key = (pair["type"], pair["schema_version"])
        same = pc.and_(pc.equal(pairs.column(0), key[0]), pc.equal(pairs.column(1), key[1]))
        rows = old[np.flatnonzero(same.to_numpy())]
        as_recorded = (texts[2] if len(rows) == table.num_rows else texts[2].take(pa.array(rows))).combine_chunks()
        as_recorded = as_recorded if isinstance(as_recorded, pa.Array) else pa.concat_arrays(as_recorded.chunks)
        for part in registry.upcast_many(key, as_recorded):
            if part.key is None:
                continue
            whole = len(part.rows) == len(rows)
            there = np.arange(len(rows)) if whole else np.asarray(part.rows)
            payloads = as_recorded if part.lines is None else pa.array(part.lines.split(b"\n")[:-1], kinds[2])
            if part.lines is None and not whole:
                payloads = as_recorded.take(pa.array(there))
            places.append(rows[there])
            columns[0].append(pa.repeat(pa.scalar(part.key[0], kinds[0]), len(there)))
            columns[1].append(pa.repeat(pa.scalar(part.key[1], kinds[1]), len(there)))
            columns[2].append(payloads)
    order = np.concatenate(places)
    in_order = bool((order[1:] > order[:-1]).all())
    back = pa.array(np.argsort(order, kind="stable"))
    kept = table if len(order) == table.num_rows else table.take(pa.array(np.sort(order)))
    for name, kind, parts in zip(("type", "schema_version", "payload"), kinds, columns, strict=True):
        arrays = [a for part in parts for a in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])]
        values = pa.chunked_array(arrays, kind)
        values = values if in_order else values.take(back)
        kept = kept.set_column(kept.schema.get_field_index(name), kept.schema.field(name), values)
    return kept


def _one_by_one(registry: EventRegistry, table: pa.Table, mask: Any) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    old = table.filter(mask)
    names = ("type", "schema_version", "payload", "position", "stream_id")
    today = upcast_texts(registry, list(zip(*(old.column(name).to_pylist() for name in names), strict=True)))
    mask = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    for index, name in enumerate(("type", "schema_version", "payload")):
        kind = table.schema.field(name).type
        values = pa.array([None if one is None else one[index] for one in today], kind)
        column = table.column(name).combine_chunks()
        column = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)
        place = table.schema.get_field_index(name)
        field = table.schema.field(name).with_nullable(True)
        table = table.set_column(place, field, pc.replace_with_mask(column, mask, values))
    if any(one is None for one in today):
        table = table.filter(pc.is_valid(table.column("type")))
    return table


def old_rows(registry: EventRegistry, table: pa.Table) -> Any:
    """A mask of the events that an upcaster reads; None where there are none.

    Args:
        table: Events, with their types and schema versions as recorded.
    """
    import pyarrow.compute as pc

    if not registry.evolves or not table.num_rows:
        return None
    pairs = table.select(["type", "schema_version"]).group_by(["type", "schema_version"]).aggregate([]).to_pylist()
    old = [(p["type"], p["schema_version"]) for p in pairs if registry.upcasts(p["type"], p["schema_version"])]
    if not old:
        return None
    mask: Any = None
    for name, version in old:
        one = pc.and_(pc.equal(table.column("type"), name), pc.equal(table.column("schema_version"), version))
        mask = one if mask is None else pc.or_(mask, one)
    return mask


def upcast_texts(registry: EventRegistry, rows: Sequence[tuple[str, int, str, int, str]]) -> list[Today | None]:
    """What some old events are today; of those that upcasters changed, the fit to their types is looked at.

    Args:
        rows: Type, schema version, payload, position and stream of each, as recorded.

    Raises:
        UpcastFailed: An upcaster raised or gave rubbish.
    """
    found = registry.todays(rows)
    changed = [one for one, row in zip(found, rows, strict=True) if one is not None and one.payload is not row[2]]
    nowhere = repeat(0, len(changed)), repeat("", len(changed))
    try:
        if changed:
            names, versions, payloads = map(list, zip(*changed, strict=True))
            registry.decode_many(names, versions, payloads, *nowhere)
    except InvalidEvent:  # once more, so that the error says what was recorded
        for row, one in zip(rows, found, strict=True):
            if one is not None and one.payload is not row[2]:
                registry.decode(*row)
        raise
    return found
