"""Typed columns and payloads held to one another by whole columns: what is written as this package writes it need not be taken apart.

A payload is made again from its columns, by the way on which tables of typed columns come in; where the text is the recorded one, and
the columns pass the checks at that door, they say what the payload says. Whatever differs is looked at event by event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import OrdersEsError
from orders_es.log.bookkeeping import PERSONAL_DATA_ERASED
from orders_es.log.bulk import check_columns
from orders_es.log.column_payloads import payloads_of
from orders_es.log.columns import ARROW_TYPES
from orders_es.log.table_columns import check_texts, field_values

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.log import EventRegistry
    from orders_es.log.event_type import EventType

__all__ = ["restated"]


def restated(batch: pa.RecordBatch, registry: EventRegistry) -> npt.NDArray[np.bool_]:
    """Which events of a batch have typed columns that say what their payloads say, as far as that can be seen at once."""
    certain = np.zeros(batch.num_rows, np.bool_)
    codes, types = _types(batch.column("type"))
    plain = np.array([name in registry and _is_plain(registry, registry[name]) for name in types], np.bool_)
    today = np.array([registry[name].schema_version if name in registry else 0 for name in types], np.int64)
    rows = plain[codes] & (batch.column("schema_version").to_numpy() == today[codes])
    if "personal" in batch.schema.names:
        rows &= pc.is_null(batch.column("personal")).to_numpy(zero_copy_only=False)
    known = [name for name in batch.schema.names if name in registry.columns]
    if any(batch.schema.field(name).type != ARROW_TYPES[registry.columns[name]] for name in known):
        return certain  # of another version, or damaged
    for code, name in enumerate(types):  # a null that stands for a default is written out in payloads
        for field in registry[name].fields if plain[code] else ():
            if field.default is not None:
                there = field.name in known and pc.is_valid(batch.column(field.name)).to_numpy(zero_copy_only=False)
                rows &= (codes != code) | there
    places = np.flatnonzero(rows)
    if not len(places):
        return certain
    chosen = batch if len(places) == batch.num_rows else batch.take(pa.array(places))
    table = pa.Table.from_batches([chosen])
    try:
        held = [name for name in known if chosen.column(name).null_count < chosen.num_rows]
        columns = {name: field_values(table, name, registry.columns[name]) for name in held}
        check_texts(chosen.column("payload"), "table", "payload", identifier=False)
        check_texts(chosen.column("type"), "table", "type", identifier=True)
        check_columns(registry, chosen.column("type"), columns)
        made = payloads_of(registry, chosen.column("type"), columns)[0]
    except (OrdersEsError, pa.ArrowException, ValueError):
        return certain  # one of them is not as it comes in: which one, the others tell
    certain[places] = pc.equal(made, chosen.column("payload")).to_numpy(zero_copy_only=False)
    return certain


def _is_plain(registry: EventRegistry, event_type: EventType) -> bool:
    """Whether all that a type's payloads say stands in columns."""
    return (
        event_type.name != PERSONAL_DATA_ERASED
        and registry.is_today(event_type.name, event_type.schema_version)
        and not registry.upcasts(event_type.name, event_type.schema_version)
        and not any(field.kind == "json" or field.personal for field in event_type.fields)
    )


def _types(values: pa.Array) -> tuple[npt.NDArray[np.int64], list[str]]:
    encoded = values.dictionary_encode()
    codes: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
    return codes, encoded.dictionary.to_pylist()
