"""Events with positions, versions and times of recording of their own, on their way into a log that is a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.errors import InvalidEvent
from orders_es.log.batch import Part
from orders_es.log.columns import ENVELOPE_SCHEMA, conform
from orders_es.log.expected import NO_STREAM
from orders_es.log.leaf import uuid_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RecordedBatch"]


class RecordedBatch:
    """Many events as another log recorded them; a `Batch`, as far as checking versions is concerned.

    Args:
        table: The envelope, the payload, and any shredded columns, at least one row.

    Raises:
        InvalidEvent: A column is missing or has nulls, or positions, versions or times of recording do not run on.
    """

    retryable = False

    def __init__(self, table: pa.Table) -> None:
        for field in ENVELOPE_SCHEMA:
            if field.name not in table.column_names:
                raise InvalidEvent("table", field.name, "the column is missing")
            if not field.nullable and table.column(field.name).null_count:
                raise InvalidEvent("table", field.name, "a row is null")
        shredded = [field for field in table.schema if field.name not in ENVELOPE_SCHEMA.names]
        schema = pa.schema([*ENVELOPE_SCHEMA, *shredded])
        self._table = conform(table, schema.names, schema)
        self._first = self._run_on("position", np.int64)
        recorded: npt.NDArray[np.int64] = self._numbers(self._table.column("recorded_at").cast(pa.int64()))
        if (np.diff(recorded) < 0).any():
            row = int(np.flatnonzero(np.diff(recorded) < 0)[0]) + 1
            raise InvalidEvent("table", "recorded_at", f"row {row} was recorded before the row above it")
        self._recorded_first, self.recorded_at = int(recorded[0]), int(recorded[-1])
        encoded = self._table.column("stream_id").combine_chunks().dictionary_encode()
        self._codes: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
        self.parts = self._parts(encoded.dictionary.to_pylist())

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

    def place(self, first: int, recorded_before: int | None) -> pa.Table:
        """The events as they are, if they go on where a log ends.

        Args:
            first: The position after the log's last one.
            recorded_before: Microseconds: when the log's last event was recorded.

        Raises:
            InvalidEvent: They do not.
        """
        if self._first != first:
            raise InvalidEvent("table", "position", f"it begins at {self._first}, and the log goes on at {first}")
        if recorded_before is not None and self._recorded_first < recorded_before:
            raise InvalidEvent("table", "recorded_at", "the first row was recorded before the log's last event")
        filled = [
            name
            for name in self._table.column_names
            if name in ENVELOPE_SCHEMA.names or not pc.all(pc.is_null(self._table.column(name))).as_py()
        ]
        return self._table.select(filled)
