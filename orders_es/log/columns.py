"""The columns of an event as Arrow types: the envelope, and one shredded column per payload field."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ARROW_TYPES", "ENVELOPE_SCHEMA", "conform", "event_schema"]

TIMESTAMP = pa.timestamp("us", tz="UTC")

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "decimal": pa.decimal128(18, 4),
    "timestamp": TIMESTAMP,
    "date": pa.date32(),
    "float64": pa.float64(),
}
"""The Arrow type of each kind of payload field."""

ENVELOPE_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("stream_id", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("event_id", pa.uuid(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("schema_version", pa.int32(), nullable=False),
        pa.field("occurred_at", TIMESTAMP, nullable=False),
        pa.field("recorded_at", TIMESTAMP, nullable=False),
        pa.field("actor", pa.string()),
        pa.field("correlation_id", pa.string()),
        pa.field("causation_id", pa.string()),
        pa.field("payload", pa.string(), nullable=False),
    ]
)
"""The envelope and the payload, as every file holds them."""


def event_schema(columns: Mapping[str, str]) -> pa.Schema:
    """The envelope followed by shredded columns.

    Args:
        columns: Name and kind of each shredded column, as `EventRegistry.columns` gives them.
    """
    return _event_schema(tuple(columns.items()))


@lru_cache(maxsize=64)
def _event_schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    return pa.schema([*ENVELOPE_SCHEMA, *(pa.field(name, ARROW_TYPES[kind]) for name, kind in columns)])


def conform(table: Any, names: Iterable[str], schema: pa.Schema) -> pa.Table:
    """`table` with exactly the columns `names`: those it lacks as nulls of the type that `schema` gives them."""
    columns = []
    fields = []
    for name in names:
        field = schema.field(name)
        index = table.schema.get_field_index(name)
        if index < 0:
            values: Any = pa.nulls(table.num_rows, field.type)
        else:
            values = table.column(index)
            if values.type != field.type:
                values = values.cast(field.type)
        columns.append(values)
        fields.append(field)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
