"""Many events at once: a table of typed columns becomes payloads, versions and hashes without a Python loop over rows.

Used by `append_table`, and by `append_batch` where a batch is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import InvalidArgument, InvalidEvent, WrongType
from orders_es.log.batch import Part, PendingRow, RowBatch
from orders_es.log.column_payloads import payloads_of
from orders_es.log.columns import ARROW_TYPES, ENVELOPE_SCHEMA, TIMESTAMP
from orders_es.log.describing import check_schema_version, describe_event, require_registered, unknown_column
from orders_es.log.envelope import OPTIONAL, OPTIONAL_TEXTS, SPARSE
from orders_es.log.event import RawEvent
from orders_es.log.expected import ExpectedVersion, check_expected
from orders_es.log.leaf import uuid_bytes
from orders_es.log.limits import LONGEST_ID
from orders_es.log.personal import fresh_salts, marked
from orders_es.log.retry import CONTENT
from orders_es.log.table_columns import (
    check_forms,
    check_numbers,
    check_texts,
    event_ids,
    field_values,
    instants,
    schema_versions,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log.registry import EventRegistry

__all__ = ["TableBatch", "check_columns", "table_batch", "table_of_rows"]

_ASSIGNED = ("position", "version", "recorded_at")
_ENVELOPE_IN = ("stream_id", "type", "occurred_at", "event_id", "schema_version", *OPTIONAL, "payload")


class TableBatch:
    """Many events, as a table.

    Args:
        columns: `event_id`, `type`, `schema_version`, `occurred_at`, `entered_at`, the optional texts, `payload` and shredded columns.
        stream_ids: The stream of each row.
        expected: What each stream must be at: one expectation for all, or one a stream in order of first appearance.
        retryable: Whether the event ids are the caller's.
        given_ids: Those that are the caller's, 16 bytes each; all or none of them if left out.
    """

    def __init__(
        self,
        columns: dict[str, pa.Array],
        stream_ids: pa.Array,
        expected: ExpectedVersion | Sequence[ExpectedVersion],
        *,
        retryable: bool,
        given_ids: bytes | None = None,
        rows: RowBatch | None = None,
    ) -> None:
        self._rows = rows
        encoded = stream_ids.dictionary_encode()
        self._now: int | None = None
        self._columns = columns
        self._stream_ids = stream_ids
        self._codes: np.ndarray[Any, np.dtype[np.int64]] = encoded.indices.to_numpy(zero_copy_only=False)
        names: list[str] = encoded.dictionary.to_pylist()
        counts = np.bincount(self._codes, minlength=len(names))
        order = np.argsort(self._codes, kind="stable")
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        offsets = np.empty(len(order), np.int64)
        offsets[order] = np.arange(len(order)) - np.repeat(starts, counts)
        self._order, self._starts, self._counts, self._offsets = order, starts, counts, offsets
        each = [expected] * len(names) if not isinstance(expected, list | tuple) else expected
        self.parts = [Part(n, e, c) for n, e, c in zip(names, each, counts.tolist(), strict=True)]
        self.retryable = retryable
        self._given_ids = given_ids

    @property
    def count(self) -> int:
        """How many events."""
        return len(self._codes)

    def ids_of(self, part: int) -> list[bytes]:
        """The event ids of one stream's part, in order."""
        start = self._starts[part]
        rows = self._order[start : start + self._counts[part]]
        ids: Any = uuid_bytes(self._columns["event_id"])
        return [bytes(ids[row]) for row in rows]

    def all_ids(self) -> bytes:
        """The event ids of all events, 16 bytes each, in order."""
        ids: Any = uuid_bytes(self._columns["event_id"])
        return bytes(ids.tobytes())

    def given_ids(self) -> bytes:
        """Those of them that are the caller's, and not made here."""
        if self._given_ids is None:
            return self.all_ids() if self.retryable else b""
        return self._given_ids

    def content(self) -> pa.Table:
        """What the caller says of each event: the columns `orders_es.log.retry.CONTENT`."""
        return pa.table({name: self._columns[name] for name in CONTENT})

    def happens(self, now: int) -> None:
        """Take the events that do not say when they occurred to occur now, in microseconds."""
        self._now = now
        if self._rows is not None:  # which say later what was recorded
            self._rows.happens(now)

    def place(self, first: int, recorded_at: int, bases: Sequence[int]) -> pa.Table:
        """The batch at its place, as a table with the envelope and the shredded columns.

        Args:
            first: Position of the first event.
            recorded_at: Microseconds.
            bases: Each part's stream version before this batch.
        """
        n = self.count
        columns = self._columns
        versions = np.asarray(bases, np.int64)[self._codes] + self._offsets + 1
        instant = _instant(recorded_at)
        placed = {
            "position": pa.array(np.arange(first, first + n)),
            "stream_id": self._stream_ids,
            "version": pa.array(versions.astype(np.int32)),
            **columns,
            "occurred_at": pc.fill_null(columns["occurred_at"], instant if self._now is None else _instant(self._now)),
            "recorded_at": pa.repeat(instant, n),
        }
        fields = [f for f in ENVELOPE_SCHEMA if f.name not in SPARSE or columns[f.name].null_count < n]
        fields += [pa.field(k, v.type) for k, v in columns.items() if k not in ENVELOPE_SCHEMA.names]
        return pa.Table.from_arrays([placed[f.name] for f in fields], schema=pa.schema(fields))


def _instant(micros: int) -> pa.Scalar:
    return pa.scalar(micros, pa.int64()).cast(TIMESTAMP)


def table_of_rows(batch: RowBatch, kinds: dict[str, str]) -> TableBatch:
    """The same batch as a table, for when there are many rows."""
    rows = batch.rows
    columns = _content(rows) | _shredded_columns([row.shredded for row in rows], kinds)
    stream_ids = pa.array([batch.parts[row.part].stream_id for row in rows], pa.string())
    return TableBatch(
        columns,
        stream_ids,
        [part.expected for part in batch.parts],
        retryable=batch.retryable,
        given_ids=batch.given_ids(),
        rows=batch,
    )


def content_of_rows(rows: Sequence[PendingRow]) -> pa.Table:
    """What the caller says of each event: the columns `orders_es.log.retry.CONTENT`."""
    content = _content(rows)
    return pa.table({name: content[name] for name in CONTENT})


def _content(rows: Sequence[PendingRow]) -> dict[str, pa.Array]:
    return {
        "event_id": _uuids([row.event_id for row in rows]),
        "type": pa.array([row.type for row in rows], pa.string()),
        "schema_version": pa.array([row.schema_version for row in rows], pa.int32()),
        "occurred_at": pa.array([row.occurred_at for row in rows], pa.int64()).cast(TIMESTAMP),
        "entered_at": pa.array([row.entered_at for row in rows], pa.int64()).cast(TIMESTAMP),
        **{name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in (*OPTIONAL_TEXTS, "personal")},
        "payload": pa.array([row.payload for row in rows], pa.string()),
    }


def _uuids(ids: list[bytes]) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(ids, pa.binary(16)))


def _shredded_columns(rows: list[dict[str, Any]], kinds: dict[str, str]) -> dict[str, pa.Array]:
    present = set[str]().union(*rows)
    return {
        name: pa.array([row.get(name) for row in rows], ARROW_TYPES[kind])
        for name, kind in kinds.items()
        if name in present
    }


def table_batch(
    registry: EventRegistry, table: Any, expected: ExpectedVersion | Mapping[str, ExpectedVersion]
) -> TableBatch:
    """The batch that holds a table's events, all of them checked. See `EventLog.append_table` for the columns.

    Raises:
        TypeError: It is not a table.
        ValueError: It is empty.
        InvalidEvent: A column is missing, unknown or of a type that cannot be recorded exactly; the row is named.
        UnknownEventType: A type is not registered, and there is no `payload` column.
        DuplicateEvent: An event_id is twice in the table.
    """
    given = _arrow(table)
    if not given.num_rows:
        raise InvalidArgument("nothing to append: the table is empty")
    _check_names(registry, given.column_names)
    columns: dict[str, pa.Array] = {}
    stream_ids = texts(given, "stream_id", required=True)
    lengths = pc.binary_length(stream_ids)
    extremes = pc.min_max(lengths).as_py()
    if not extremes["min"] or extremes["max"] > LONGEST_ID:
        raise InvalidEvent("table", "stream_id", f"a stream id has 1 to {LONGEST_ID:,} bytes")
    check_texts(stream_ids, "table", "stream_id", identifier=False)
    columns["event_id"] = event_ids(given)
    columns["type"] = texts(given, "type", required=True)
    check_texts(columns["type"], "table", "type", identifier=True)
    columns["schema_version"] = schema_versions(given, columns["type"], registry)
    columns["occurred_at"] = instants(given, "occurred_at", required=True)
    entered = "entered_at" in given.column_names
    columns["entered_at"] = instants(given, "entered_at") if entered else pa.nulls(given.num_rows, TIMESTAMP)
    for name in OPTIONAL_TEXTS:
        columns[name] = texts(given, name) if name in given.column_names else pa.nulls(given.num_rows, pa.string())
        check_texts(columns[name], "table", name, identifier=name != "actor")
    fields = [name for name in given.column_names if name not in _ENVELOPE_IN]
    if "payload" in given.column_names:
        if fields:
            raise InvalidEvent(
                "table", fields[0], "give either payload or the fields' columns, not both: one is made from the other"
            )
        columns["payload"] = texts(given, "payload", required=True)
        columns |= _shred(registry, columns)
    else:
        shredded = {name: field_values(given, name, registry.columns[name]) for name in fields}
        check_columns(registry, columns["type"], shredded)
        if "schema_version" in given.column_names:
            _check_shapes(registry, columns["type"], columns["schema_version"])
        columns["payload"], columns["personal"] = payloads_of(registry, columns["type"], shredded)
        columns |= {name: values for name, values in shredded.items() if values.null_count < len(values)}
    return TableBatch(
        columns, stream_ids, _expectations(expected, stream_ids), retryable="event_id" in given.column_names
    )


def _expectations(
    expected: ExpectedVersion | Mapping[str, ExpectedVersion], stream_ids: pa.Array
) -> ExpectedVersion | list[ExpectedVersion]:
    """What every stream must be at: one for all, or one a stream in order of first appearance."""
    if not isinstance(expected, Mapping):
        return check_expected(expected)
    names = stream_ids.unique().to_pylist()
    try:
        return [check_expected(expected[name]) for name in names]
    except KeyError as error:
        raise InvalidEvent(
            "table", "stream_id", f"expected={{…}} says nothing about stream {error.args[0]!r}"
        ) from None


def _check_names(registry: EventRegistry, names: list[str]) -> None:
    for name in names:
        if name in _ASSIGNED:
            raise InvalidEvent("table", name, "the log assigns it; leave the column out")
        if name not in _ENVELOPE_IN and name not in registry.columns:
            raise unknown_column(name, registry)
        if names.count(name) > 1:
            raise InvalidEvent("table", name, "the column is there twice")
    for name in ("stream_id", "type", "occurred_at"):
        if name not in names:
            raise InvalidEvent("table", name, "the column is missing")


def _arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if type(table).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(table, preserve_index=False)
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise WrongType(
        f"{type(table).__name__} is no table; give an Arrow table, a pandas or Polars frame, or whatever has __arrow_c_stream__"
    )


def check_columns(registry: EventRegistry, types: pa.Array, shredded: dict[str, pa.Array]) -> None:
    """Every field that a type needs is there, and none that it has not: a value is never dropped silently."""
    encoded = types.dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    require_registered(registry, names)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    totals = np.bincount(codes, minlength=len(names))
    fields = [{f.name: f for f in registry[name].fields} for name in names]
    for column, values in shredded.items():
        check_values(registry, column, values)
        valid = pc.is_valid(values).to_numpy(zero_copy_only=False)
        filled = np.bincount(codes[valid], minlength=len(names))
        for code, name in enumerate(names):
            if column not in fields[code]:
                if filled[code]:
                    row = int(np.flatnonzero(valid & (codes == code))[0])
                    raise InvalidEvent(name, column, f"row {row} has a value for it, and the type has no such field")
            elif not fields[code][column].optional and filled[code] < totals[code]:
                row = int(np.flatnonzero(~valid & (codes == code))[0])
                raise InvalidEvent(name, column, f"row {row} is null, and the type does not allow that")
    for code, name in enumerate(names):
        for field in fields[code].values():
            if field.pattern is not None and field.name in shredded:
                check_forms(shredded[field.name], codes == code, field.pattern, name, field.name)
            if field.name not in shredded and field.required and not (field.optional and field.kind != "json"):
                why = "is not a plain value, so give the payload column" if field.kind == "json" else "has no column"
                raise InvalidEvent(
                    name, field.name, f"it {why}, and row {int(np.flatnonzero(codes == code)[0])} needs it"
                )


def check_values(registry: EventRegistry, column: str, values: pa.Array) -> None:
    """Refuse values of a field that do fit its column, but not what is made of them."""
    limits = [f for event_type in registry for f in event_type.fields if f.name == column]
    largest = min((f.largest for f in limits if f.largest is not None), default=None)
    if limits[0].kind == "string":
        check_texts(values, "table", column, identifier=any(f.identifier for f in limits))
    elif largest is not None:
        check_numbers(values, "table", column, largest)


def _check_shapes(registry: EventRegistry, types: pa.Array, versions: pa.Array) -> None:
    """Typed columns have the shape that is registered, so no row may claim another one's version."""
    for pair in pa.table({"type": types, "version": versions}).group_by(["type", "version"]).aggregate([]).to_pylist():
        check_schema_version(registry[pair["type"]], pair["version"])


def _shred(registry: EventRegistry, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The shredded columns of payloads that came as text, each checked against its type where that is registered.

    What is personal is moved to the end of its payload.
    """
    rows = []
    moved: dict[int, str] = {}
    marks: list[str | None] = [None] * len(columns["payload"])
    payloads, types = columns["payload"].to_pylist(), columns["type"].to_pylist()
    for i, (payload, name, version) in enumerate(
        zip(payloads, types, columns["schema_version"].to_pylist(), strict=True)
    ):
        try:
            *_, text, shredded, offset = describe_event(registry, RawEvent(name, payload, version))
            rows.append(shredded)
            if offset is not None:
                moved[i], marks[i] = text, marked(offset, fresh_salts(1)[0])
        except InvalidEvent as error:
            raise InvalidEvent(error.type, error.field, f"row {i}: {error.reason}") from error
    columns = {"personal": pa.array(marks, pa.string())}
    if moved:
        columns["payload"] = pa.array([moved.get(i, payload) for i, payload in enumerate(payloads)], pa.string())
    return columns | _shredded_columns(rows, registry.columns)
