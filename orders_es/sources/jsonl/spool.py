"""The good lines of a file, read once and kept on disk until all of them have been checked; for `orders_es.sources.jsonl`.

Memory holds what the checks need of each line, some forty bytes, and the names of the streams; never the lines.
"""

from __future__ import annotations

import tempfile
from array import array
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from orders_es.sources.jsonl.line_reader import Line

__all__ = ["Spool"]

_BATCH = 16_384
_SCHEMA = pa.schema(
    [
        pa.field("stream_id", pa.string()),
        pa.field("type", pa.string()),
        pa.field("schema_version", pa.int32()),
        pa.field("occurred_at", pa.int64()),
        pa.field("entered_at", pa.int64()),
        pa.field("actor", pa.string()),
        pa.field("correlation_id", pa.string()),
        pa.field("causation_id", pa.string()),
        pa.field("personal", pa.string()),
        pa.field("payload", pa.string()),
    ]
)
_NONE = -1


class Spool:
    """Lines on disk in a file without a name, which goes when this does.

    Attributes:
        names: The streams' ids, each at its number; known once no more lines come.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `__exit__`
        self._writer: Any = pa.ipc.new_stream(self._file, _SCHEMA)
        self._pending: list[tuple[Any, ...]] = []
        self.names: Any = pa.array([], pa.string())
        self._streams: dict[str, int] = {}
        self._codes, self._versions, self._numbers = array("i"), array("q"), array("q")
        self._recorded_at, self._positions = array("q"), array("q")
        self._ids = bytearray()
        self._kept = bytearray()
        self._said = array("q")
        self.without_ids = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, number: int, line: Line) -> None:
        """Keep a line.

        Args:
            number: Its number in the file.
            line: The event.
        """
        self._codes.append(self._streams.setdefault(line.stream_id, len(self._streams)))
        self._versions.append(_NONE if line.version is None else line.version)
        self._numbers.append(number)
        self._recorded_at.append(_NONE if line.recorded_at is None else line.recorded_at)
        self._positions.append(_NONE if line.position is None else line.position)
        self._ids += line.event_id or bytes(16)
        self._kept.append(bool(line.type))
        self._said.append(hash((line.type, line.schema_version, line.occurred_at, line.payload)))
        self.without_ids |= line.event_id is None
        self._pending.append(
            (
                line.stream_id,
                line.type,
                line.schema_version,
                line.occurred_at,
                line.entered_at,
                line.actor,
                line.correlation_id,
                line.causation_id,
                line.personal,
                line.payload,
            )
        )
        if len(self._pending) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            columns = zip(*self._pending, strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
            self._writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))
            self._pending = []

    def close(self) -> None:
        """No more lines come."""
        self._flush()
        self._writer.close()
        # Of millions of streams, a dict is hundreds of megabytes; what comes next only asks for names by number.
        self.names = pa.array(list(self._streams), pa.string())
        self._streams = {}

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """The number of each line's stream."""
        return np.frombuffer(self._codes, dtype=np.int32)

    @property
    def versions(self) -> npt.NDArray[np.int64]:
        """Each line's version, as the source counts; -1 where it does not."""
        return np.frombuffer(self._versions, dtype=np.int64)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Each line's number in the file."""
        return np.frombuffer(self._numbers, dtype=np.int64)

    @property
    def recorded_at(self) -> npt.NDArray[np.int64]:
        """When another log recorded each line, in microseconds; -1 where the line does not say."""
        return np.frombuffer(self._recorded_at, dtype=np.int64)

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Each line's position in another log; -1 where the line does not say."""
        return np.frombuffer(self._positions, dtype=np.int64)

    @property
    def ids(self) -> npt.NDArray[np.uint8]:
        """Each line's event id, sixteen bytes a row."""
        return np.frombuffer(self._ids, dtype=np.uint8).reshape(-1, 16)

    @property
    def said(self) -> npt.NDArray[np.int64]:
        """Python's hash of what each line says: type, schema version, time and payload. It holds in this process only."""
        return np.frombuffer(self._said, dtype=np.int64)

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which lines become events; the others only count for the versions."""
        return np.frombuffer(self._kept, dtype=np.bool_)

    def batches(self) -> Iterator[tuple[int, pa.Table]]:
        """The lines again, in order: the place of the first one of each batch, and the batch."""
        self._file.seek(0)
        place = 0
        for batch in pa.ipc.open_stream(self._file):
            yield place, pa.Table.from_batches([batch])
            place += batch.num_rows
