"""The columns of a table that somebody wants to append, each checked and brought to the type that the log keeps.

Whatever cannot be recorded exactly raises `InvalidEvent`, with the column and, where one value is to blame, its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import DuplicateEvent, InvalidEvent
from orders_es.log.columns import ARROW_TYPES, TIMESTAMP
from orders_es.log.describing import LARGEST_SCHEMA_VERSION, beyond
from orders_es.log.event import EPOCH
from orders_es.log.fresh_ids import fresh_words
from orders_es.log.leaf import uuid_bytes
from orders_es.log.limits import FIRST_DAY, FIRST_MOMENT, LAST_DAY, LAST_MOMENT, LONGEST_ID, YEARS

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.log.registry import EventRegistry

__all__ = [
    "check_forms",
    "check_numbers",
    "check_texts",
    "event_ids",
    "field_values",
    "instants",
    "require_distinct",
    "schema_versions",
    "texts",
]


def _column(table: pa.Table, name: str) -> pa.Array:
    values = table.column(name).combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if isinstance(values, pa.DictionaryArray):
        if values.dictionary.type == pa.string_view():  # as Polars' categories come; there is no kernel to take from it
            values = pa.DictionaryArray.from_arrays(values.indices, values.dictionary.cast(pa.string()))
        values = values.dictionary_decode()
    return values


def _no_nulls(values: pa.Array, name: str) -> None:
    if values.null_count:
        row = pc.index(pc.is_null(values), True).as_py()
        raise InvalidEvent("table", name, f"row {row} is null")


def texts(table: pa.Table, name: str, *, required: bool = False) -> pa.Array:
    """A column of text, valid UTF-8."""
    values = _column(table, name)
    if pa.types.is_null(values.type):
        values = pa.nulls(len(values), pa.string())
    elif not (
        pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or values.type == pa.string_view()
    ):
        raise InvalidEvent("table", name, f"the column is {values.type}, not text")
    if required:
        _no_nulls(values, name)
    values = values.cast(pa.string())
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InvalidEvent("table", name, f"a text is not valid UTF-8 ({error})") from error
    return values


def check_texts(values: pa.Array, event_type: str, name: str, *, identifier: bool) -> None:
    """Refuse a text that not every reader can hold: one with a NUL and, of an id, an empty or a very long one."""
    _refuse(pc.match_substring(values, "\0"), event_type, name, "holds a NUL, at which many programs end a text")
    if identifier:
        lengths = pc.binary_length(values)
        _refuse(pc.equal(lengths, 0), event_type, name, "is empty; give a value, or null for none")
        _refuse(pc.greater(lengths, LONGEST_ID), event_type, name, f"is longer than {LONGEST_ID:,} bytes")


def check_forms(values: pa.Array, rows: np.ndarray, pattern: tuple[str, str], event_type: str, name: str) -> None:
    """Refuse, among some rows, a text that has not the form of its field."""
    expression, words = pattern
    bad = pc.and_(pa.array(rows), pc.invert(pc.match_substring_regex(values, rf"\A(?:{expression})\z")))
    if pc.any(bad).as_py():
        row = pc.index(bad, True).as_py()
        raise InvalidEvent(event_type, name, f"row {row}: {values[row].as_py()!r} is not {words}")


def check_numbers(values: pa.Array, event_type: str, name: str, largest: int) -> None:
    """Refuse a whole number beyond what its field may hold."""
    outside = pc.or_(pc.less(values, -largest), pc.greater(values, largest))
    if pc.any(outside).as_py():
        row = pc.index(outside, True).as_py()
        raise InvalidEvent(event_type, name, f"row {row}: {beyond(values[row].as_py(), largest)}")


def _refuse(bad: pa.Array, event_type: str, name: str, why: str) -> None:
    if pc.any(bad).as_py():
        raise InvalidEvent(event_type, name, f"row {pc.index(bad, True).as_py()} {why}")


def instants(table: pa.Table, name: str, *, required: bool = False) -> pa.Array:
    """A column of moments, exact to the microsecond, within what a datetime can hold."""
    values = _column(table, name)
    if pa.types.is_null(values.type) and not required:
        return pa.nulls(len(values), TIMESTAMP)
    if not pa.types.is_timestamp(values.type) or values.type.tz is None:
        raise InvalidEvent("table", name, f"the column is {values.type}; give timestamps with a time zone, such as UTC")
    if required:
        _no_nulls(values, name)
    try:
        values = values.cast(TIMESTAMP)
    except pa.ArrowInvalid as error:
        raise InvalidEvent(
            "table", name, f"a time is finer than a microsecond or beyond the year 9999 ({error}); round it first"
        ) from error
    _within(values.cast(pa.int64()), name, FIRST_MOMENT, LAST_MOMENT)
    return values


def _within(values: pa.Array, name: str, first: int, last: int) -> None:
    """Raise `InvalidEvent` where a time or day is one that not every reader can hold."""
    extremes = pc.min_max(values).as_py()
    if extremes["min"] is not None and (extremes["min"] < first or extremes["max"] > last):
        row = pc.index(pc.or_(pc.less(values, first), pc.greater(values, last)), True).as_py()
        raise InvalidEvent("table", name, f"row {row} cannot be recorded: {YEARS}")


def _dates(table: pa.Table, name: str) -> pa.Array:
    values = _PLAIN_DATES(table, name)
    _within(values.cast(pa.int32()), name, _FIRST_DAY, _LAST_DAY)
    return values


def _floats(table: pa.Table, name: str) -> pa.Array:
    values = _PLAIN_FLOATS(table, name)
    finite = pc.is_finite(values)
    if pc.all(finite).as_py() is False:
        raise InvalidEvent("table", name, f"row {pc.index(finite, False).as_py()} is not finite and has no JSON form")
    return values


def event_ids(table: pa.Table) -> pa.Array:
    """The event ids, no two alike; fresh ones where the table has none."""
    if "event_id" not in table.column_names:
        words = fresh_words(table.num_rows)
        storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(words), [None, pa.py_buffer(words)])
        return pa.ExtensionArray.from_storage(pa.uuid(), storage)
    values = _column(table, "event_id")
    _no_nulls(values, "event_id")
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or values.type == pa.string_view():
        try:
            values = pa.array([UUID(text).bytes for text in values.to_pylist()], pa.binary(16))
        except ValueError as error:
            raise InvalidEvent("table", "event_id", f"a value is no UUID: {error}") from error
    elif values.type != pa.binary(16) and values.type in (pa.binary(), pa.large_binary(), pa.binary_view()):
        try:
            values = values.cast(pa.binary()).cast(pa.binary(16))
        except pa.ArrowInvalid as error:
            raise InvalidEvent("table", "event_id", f"a value is not 16 bytes long ({error})") from error
    if values.type != pa.binary(16):
        raise InvalidEvent(
            "table", "event_id", f"the column is {values.type}; give UUIDs: pa.uuid(), 16 bytes, or text"
        )
    require_distinct(values)
    return pa.ExtensionArray.from_storage(pa.uuid(), values)


def require_distinct(values: pa.Array) -> None:
    """Raise `DuplicateEvent` if an event id is twice in a column."""
    ids: Any = uuid_bytes(values)
    words = ids.view(">u8").astype(np.uint64).reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    twice = np.flatnonzero((words[order[1:]] == words[order[:-1]]).all(axis=1))
    if len(twice):
        raise DuplicateEvent(str(UUID(bytes=bytes(ids[order[twice[0]]]))), "it is twice in this table")


def schema_versions(table: pa.Table, types: pa.Array, registry: EventRegistry) -> pa.Array:
    """The schema version of each row; the registered one, or 1, where the table has none."""
    if "schema_version" in table.column_names:
        values = _column(table, "schema_version")
        _no_nulls(values, "schema_version")
        if (
            not pa.types.is_integer(values.type)
            or pc.min(values).as_py() < 1
            or pc.max(values).as_py() > LARGEST_SCHEMA_VERSION
        ):
            raise InvalidEvent("table", "schema_version", "give whole numbers from 1 to 2^31 - 1")
        return values.cast(pa.int32())
    encoded = types.dictionary_encode()
    each = [registry[name].schema_version if name in registry else 1 for name in encoded.dictionary.to_pylist()]
    return pa.array(each, pa.int32()).take(encoded.indices)


def _decimals(table: pa.Table, name: str) -> pa.Array:
    values = _column(table, name)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), ARROW_TYPES["decimal"])
    if pa.types.is_floating(values.type):
        raise InvalidEvent("table", name, "the column is floating point; exact amounts are decimals: decimal128(18, 4)")
    if pa.types.is_integer(values.type):
        values = values.cast(pa.decimal128(20, 0))
    if not pa.types.is_decimal(values.type):
        raise InvalidEvent("table", name, f"the column is {values.type}, not decimal")
    try:
        return values.cast(ARROW_TYPES["decimal"])
    except pa.ArrowInvalid as error:
        raise InvalidEvent("table", name, f"an amount does not fit 14 digits and 4 decimals ({error})") from error


def _casting(kind: str, fits: Callable[[pa.DataType], bool]) -> Callable[[pa.Table, str], pa.Array]:
    def cast(table: pa.Table, name: str) -> pa.Array:
        values = _column(table, name)
        if pa.types.is_null(values.type):
            return pa.nulls(len(values), ARROW_TYPES[kind])
        if not fits(values.type):
            raise InvalidEvent("table", name, f"the column is {values.type}, not {ARROW_TYPES[kind]}")
        try:
            return values.cast(ARROW_TYPES[kind])
        except pa.ArrowInvalid as error:
            raise InvalidEvent("table", name, f"a value does not fit {ARROW_TYPES[kind]} ({error})") from error

    return cast


_FIRST_DAY, _LAST_DAY = (day.toordinal() - EPOCH.toordinal() for day in (FIRST_DAY, LAST_DAY))
_PLAIN_DATES = _casting("date", pa.types.is_date)
_PLAIN_FLOATS = _casting("float64", lambda t: pa.types.is_floating(t) or pa.types.is_integer(t))
_CASTS: dict[str, Callable[[pa.Table, str], pa.Array]] = {
    "string": texts,
    "int64": _casting("int64", pa.types.is_integer),
    "bool": _casting("bool", pa.types.is_boolean),
    "decimal": _decimals,
    "timestamp": instants,
    "date": _dates,
    "float64": _floats,
}


def field_values(table: pa.Table, name: str, kind: str) -> pa.Array:
    """The column of a payload field of one of the registry's kinds."""
    return _CASTS[kind](table, name)
