"""Events with positions, versions and times of recording of their own, on their way into a log that is a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import InvalidEvent
from orders_es.log.batch import Part
from orders_es.log.canonical import others
from orders_es.log.columns import ENVELOPE_SCHEMA, conform
from orders_es.log.describing import beyond
from orders_es.log.envelope import MOMENTS, OPTIONAL_TEXTS, SPARSE
from orders_es.log.expected import NO_STREAM
from orders_es.log.leaf import uuid_bytes
from orders_es.log.limits import FIRST_MOMENT, LAST_MOMENT, YEARS, check_id, check_text
from orders_es.log.payload_text import check_payload_text
from orders_es.log.personal import check_mark
from orders_es.log.retry import CONTENT
from orders_es.log.table_columns import require_distinct
from orders_es.log.upcast_tables import old_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.log.registry import EventRegistry

__all__ = ["RestoredBatch"]


def _without_old_columns(table: pa.Table, shredded: list[pa.Field], registry: EventRegistry) -> pa.Table:
    """The events without typed columns for those of old versions: theirs are made from the payload wherever they are read."""
    mask = old_rows(registry, table)
    if mask is None:
        return table
    for field in shredded:
        place = table.schema.get_field_index(field.name)
        kept = pc.if_else(mask, pa.scalar(None, field.type), table.column(place))
        table = table.set_column(place, field, kept)
    return table


class RestoredBatch:
    """Many events as another log recorded them; a `Batch`, as far as checking versions is concerned.

    Args:
        table: The envelope, the payload, and any shredded columns, at least one row.
        registry: The event types that this program knows.

    Raises:
        InvalidEvent: A column is missing or has nulls, or positions, versions or times of recording do not run on, or an
            event is one that no log takes.
    """

    retryable = False

    def __init__(self, table: pa.Table, registry: EventRegistry) -> None:
        for field in ENVELOPE_SCHEMA:
            if field.name not in table.column_names and field.name not in SPARSE:
                raise InvalidEvent("table", field.name, "the column is missing")
            if not field.nullable and table.column(field.name).null_count:
                raise InvalidEvent("table", field.name, "a row is null")
        shredded = [field for field in table.schema if field.name not in ENVELOPE_SCHEMA.names]
        schema = pa.schema([*ENVELOPE_SCHEMA, *shredded])
        self._table = _without_old_columns(conform(table, schema.names, schema), shredded, registry)
        self._check_values(registry)
        require_distinct(self._table.column("event_id").combine_chunks())
        self._first = self._run_on("position", np.int64)
        recorded_at: npt.NDArray[np.int64] = self._numbers(self._table.column("recorded_at").cast(pa.int64()))
        if (np.diff(recorded_at) < 0).any():
            row = int(np.flatnonzero(np.diff(recorded_at) < 0)[0]) + 1
            raise InvalidEvent("table", "recorded_at", f"row {row} was recorded before the row above it")
        self._first_recorded_at, self.recorded_at = int(recorded_at[0]), int(recorded_at[-1])
        encoded = self._table.column("stream_id").combine_chunks().dictionary_encode()
        self._codes: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
        self.parts = self._parts(encoded.dictionary.to_pylist())

    def _check_values(self, registry: EventRegistry) -> None:
        """What any way in asks of events; see `limits` and `payload_text`. Each is named, for it is in a log already."""
        for name in MOMENTS:
            micros = self._table.column(name).cast(pa.int64())
            outside = pc.or_(pc.less(micros, FIRST_MOMENT), pc.greater(micros, LAST_MOMENT))
            if pc.any(outside).as_py():
                raise self._refused(pc.index(outside, True).as_py(), name, YEARS)
        for name in ("stream_id", "type", *OPTIONAL_TEXTS):
            check = check_text if name == "actor" else check_id
            for text in pc.unique(self._table.column(name)).drop_null().to_pylist():
                try:
                    check(text, "event", name)
                except InvalidEvent as error:
                    row = pc.index(self._table.column(name), text).as_py()
                    raise self._refused(row, name, error.reason) from error
        self._check_personal()
        self._check_numbers(registry)
        self._check_payloads(registry)

    def _check_personal(self) -> None:
        marks = self._table.column("personal")
        if marks.null_count == len(marks):
            return
        for row, (mark, payload) in enumerate(
            zip(marks.to_pylist(), self._table.column("payload").to_pylist(), strict=True)
        ):
            if mark is not None:
                try:
                    check_mark(mark, payload)
                except ValueError as error:
                    raise self._refused(row, "personal", str(error)) from None

    def _check_numbers(self, registry: EventRegistry) -> None:
        limits = {f.name: f.largest for event_type in registry for f in event_type.fields if f.largest is not None}
        for name in limits.keys() & set(self._table.column_names):
            values, largest = self._table.column(name), limits[name]
            outside = pc.or_(pc.less(values, -largest), pc.greater(values, largest))
            if pc.any(outside).as_py():
                row = pc.index(outside, True).as_py()
                raise self._refused(row, name, beyond(values[row].as_py(), largest))

    def _check_payloads(self, registry: EventRegistry) -> None:
        payloads, types = self._table.column("payload"), self._table.column("type")
        known = {event_type.name: event_type for event_type in registry}
        for row in others(registry, payloads).tolist():
            name = types[row].as_py()
            try:
                check_payload_text(name, payloads[row].as_py(), known.get(name))
            except InvalidEvent as error:
                raise self._refused(row, error.field, error.reason) from error

    def _refused(self, row: int, field: str, reason: str) -> InvalidEvent:
        at = {name: self._table.column(name)[row].as_py() for name in ("type", "position", "stream_id")}
        return InvalidEvent(at["type"], field, f"position {at['position']}, stream {at['stream_id']!r}: {reason}")

    @staticmethod
    def _numbers(values: pa.ChunkedArray) -> Any:
        return values.combine_chunks().to_numpy(zero_copy_only=False)

    def _run_on(self, name: str, kind: type[np.int64]) -> int:
        values = self._numbers(self._table.column(name)).astype(kind)
        steps = np.flatnonzero(np.diff(values) != 1)
        if len(steps):
            raise InvalidEvent("table", name, f"{values[steps[0] + 1]} does not follow {values[steps[0]]}")
        return int(values[0])

    def _parts(self, names: list[str]) -> list[Part]:
        versions = self._numbers(self._table.column("version")).astype(np.int64)
        order = np.argsort(self._codes, kind="stable")
        counts = np.bincount(self._codes, minlength=len(names))
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        inside = np.ones(len(order), bool)
        inside[starts] = False
        wrong = np.flatnonzero(inside[1:] & (np.diff(versions[order]) != 1))
        if len(wrong):
            row = order[wrong[0] + 1]
            raise InvalidEvent(
                "table",
                "version",
                f"{versions[row]} of stream {names[self._codes[row]]!r} does not follow {versions[order[wrong[0]]]}",
            )
        bases = versions[order[starts]] - 1
        return [
            Part(name, base or NO_STREAM, count)
            for name, base, count in zip(names, bases.tolist(), counts.tolist(), strict=True)
        ]

    @property
    def count(self) -> int:
        """How many events."""
        return int(self._table.num_rows)

    def ids_of(self, part: int) -> list[bytes]:
        """The event ids of one stream's part, in order."""
        ids: Any = uuid_bytes(self._table.column("event_id").combine_chunks())
        return [bytes(ids[row]) for row in np.flatnonzero(self._codes == part)]

    def all_ids(self) -> bytes:
        """The event ids of all events, 16 bytes each, in order."""
        ids: Any = uuid_bytes(self._table.column("event_id").combine_chunks())
        return bytes(ids.tobytes())

    def given_ids(self) -> bytes:
        """The same: another log has given them."""
        return self.all_ids()

    def content(self) -> pa.Table:
        """What is said of each event: the columns `orders_es.log.retry.CONTENT`."""
        return self._table.select(CONTENT)

    def happens(self, now: int) -> None:
        """Nothing: these events say when they occurred."""

    def place(self, first: int, not_before: int | None) -> pa.Table:
        """The events as they are, if they go on where a log ends.

        Args:
            first: The position after the log's last one.
            not_before: Microseconds: when the log's last event was recorded.

        Raises:
            InvalidEvent: They do not.
        """
        if self._first != first:
            raise InvalidEvent("table", "position", f"it begins at {self._first}, and the log goes on at {first}")
        if not_before is not None and self._first_recorded_at < not_before:
            raise InvalidEvent("table", "recorded_at", "the first row was recorded before the log's last event")
        filled = [
            name
            for name in self._table.column_names
            if (name in ENVELOPE_SCHEMA.names and name not in SPARSE)
            or not pc.all(pc.is_null(self._table.column(name))).as_py()
        ]
        return self._table.select(filled)
