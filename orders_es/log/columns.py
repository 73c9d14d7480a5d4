"""The columns of an event as Arrow types: the envelope, and one shredded column per payload field."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orders_es.log.envelope import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ARROW_TYPES", "ENVELOPE_SCHEMA", "TYPES", "conform", "event_schema"]

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
TYPES = ARROW_TYPES | {"int32": pa.int32(), "uuid": pa.uuid()}
"""The Arrow type of each kind of column, the envelope's included."""

ENVELOPE_SCHEMA = pa.schema([pa.field(field.name, TYPES[field.kind], nullable=not field.required) for field in FIELDS])
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
