"""Payloads as JSON text, joined from columns of values: for events that came as a table of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.log.personal import fresh_salts

if TYPE_CHECKING:
    from orders_es.log.registry import EventRegistry

__all__ = ["payloads_of"]

# What JSON text cannot hold as it is.
_ESCAPED = r'["\\\x00-\x1f]'


def payloads_of(registry: EventRegistry, types: pa.Array, shredded: dict[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
    """The payload of every row as JSON text, as `EventRegistry.encode` would write it, and what `personal` says of it.

    Type by type, so that each payload is joined from its own fields only; then back into the rows' order.
    """
    encoded = types.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    parts, marks = [], []
    for name, rows in zip(encoded.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True):
        public: list[Any] = []
        personal: list[Any] = []
        for field in registry[name].fields:
            values = shredded[field.name].take(pa.array(rows)) if field.name in shredded else None
            if values is not None and values.null_count < len(rows):
                piece = pc.binary_join_element_wise(f'"{field.name}":', _json(field.kind, values), ",", "")
                (personal if field.personal else public).append(pc.fill_null(piece, ""))
        part, mark = _joined(public, personal, len(rows))
        parts.append(part)
        marks.append(mark)
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    back = pa.array(back)
    return pa.concat_arrays(parts).take(back), pa.concat_arrays(marks).take(back)


def _joined(public: list[Any], personal: list[Any], count: int) -> tuple[pa.Array, pa.Array]:
    """Payloads of some rows of one type, and what `personal` says of each: of the pieces `"name":value,` of their fields."""
    begun = _inner(public, count)
    if not personal:
        return pc.binary_join_element_wise("{", begun, "}", ""), pa.nulls(count, pa.string())
    ended = _inner(personal, count)
    has = pc.not_equal(ended, "")
    comma = pc.if_else(pc.and_(has, pc.not_equal(begun, "")), ",", "")
    payloads = pc.binary_join_element_wise("{", begun, comma, ended, "}", "")
    offsets = pc.add(pc.binary_length(begun), 1).cast(pa.string())
    marks = pc.binary_join_element_wise(offsets, pa.array(fresh_salts(count)), ":")
    return payloads, pc.if_else(has, marks, pa.scalar(None, pa.string()))


def _inner(pieces: list[Any], count: int) -> pa.Array:
    if not pieces:
        return pa.repeat(pa.scalar(""), count)
    # Not joined by commas with null_handling="skip": Arrow loses the rows that are null throughout.
    return pc.ascii_rtrim(pc.binary_join_element_wise(*pieces, ""), characters=",")


def _json(kind: str, values: pa.Array) -> pa.Array:
    """Each value as JSON, null where it is null."""
    if kind in ("int64", "bool"):
        return values.cast(pa.string())
    needs_care = kind in ("timestamp", "float64")
    if needs_care or (kind == "string" and pc.any(pc.match_substring_regex(values, _ESCAPED)).as_py()):
        each = [None if value is None else msgspec.json.encode(value).decode() for value in values.to_pylist()]
        return pa.array(each, pa.string())
    return pc.binary_join_element_wise('"', values.cast(pa.string()), '"', "")
