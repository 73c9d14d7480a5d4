"""Events without their personal data, as a table: what erasing makes of them, whatever the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import DamagedLog
from orders_es.log.envelope import ENVELOPE
from orders_es.log.leaf import leaf_hashes
from orders_es.log.personal import erased, is_live, names_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from orders_es.log.registry import EventRegistry

__all__ = ["live_rows", "without_personal"]


def live_rows(table: pa.Table, positions: Collection[int]) -> list[int]:
    """The rows of the events at some positions that have personal data which were not erased."""
    marks = table.column("personal").to_pylist() if "personal" in table.column_names else [None] * table.num_rows
    places = table.column("position").to_pylist()
    return [row for row, position in enumerate(places) if position in positions and is_live(marks[row])]


def without_personal(table: pa.Table, positions: Collection[int], registry: EventRegistry) -> pa.Table:
    """The same events, those at some positions without their personal data. Every leaf is what it was."""
    import pyarrow as pa

    rows = live_rows(table, positions)
    if not rows:
        return table
    marks, payloads = (table.column(name).to_pylist() for name in ("personal", "payload"))
    types, versions = (table.column(name).to_pylist() for name in ("type", "schema_version"))
    columns = {name: table.column(name).to_pylist() for name in table.column_names if name not in ENVELOPE}
    for row in rows:
        known = registry[types[row]] if registry.is_today(types[row], versions[row]) else None
        texts = None if known is None else {field.name for field in known.fields if field.kind == "string"}
        gone = names_of(payloads[row], marks[row] or "")  # whatever this program marks
        payloads[row], marks[row] = erased(payloads[row], marks[row] or "", texts)
        said = {} if known is None else registry.encode(registry.decode(known.name, versions[row], payloads[row]))[2]
        for name, values in columns.items():
            if known is None or name in gone:  # what nobody knows is read from the payload
                values[row] = _fitting(said.get(name), table.schema.field(name).type)
    changed = table
    for name, values in (("payload", payloads), ("personal", marks), *columns.items()):
        index = changed.schema.get_field_index(name)
        changed = changed.set_column(index, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    if leaf_hashes(changed) != leaf_hashes(table):
        raise DamagedLog(str(rows[0]), "an event would have another hash once it is erased; nothing was written")
    return changed


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """A value, if a column of this type can have it: an older version of the event may have had another one."""
    import pyarrow as pa

    return (
        None
        if isinstance(value, str) and not pa.types.is_string(kind) and not pa.types.is_large_string(kind)
        else value
    )
