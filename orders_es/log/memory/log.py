"""`MemoryLog`: a log that lives and dies with its object, in as few lines as show what a backend is.

It keeps events as they come and derives typed columns from payloads when asked, so nothing can ever disagree with them.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from orders_es.errors import NotALog, WrongType
from orders_es.log.core import LogCore
from orders_es.log.ids import Holder
from orders_es.log.memory.erasing import Erases
from orders_es.log.merkle import EMPTY_RANGE
from orders_es.log.primitives import Commit, End

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import pyarrow as pa

    from orders_es.log.batch import Batch
    from orders_es.log.event import RecordedEvent
    from orders_es.log.registry import EventRegistry

__all__ = ["MemoryLog"]


class MemoryLog(Erases, LogCore):
    """A log in memory; see `EventLog` for what it promises. Nothing of it outlives the object.

    Args:
        url: `memory:`, or whatever it is to be called.
        registry: The event types that this program knows.
        clock: Gives the current time, with time zone; the system's clock if left out.
        origin: Its name.
        read_only: Refuse to append. `open_log` does not open one so, since it would be empty for ever.

    Example:
        >>> from orders_es.log import NO_STREAM, order_registry
        >>> from orders_es.orders import OrderPlaced
        >>> log = MemoryLog("memory:", registry=order_registry())
        >>> log.append("A-1", [OrderPlaced()], expected=NO_STREAM).last_position
        1
    """

    def __init__(
        self,
        url: str = "memory:",
        *,
        registry: EventRegistry,
        clock: Callable[[], datetime] | None = None,
        origin: str | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(url, registry=registry, clock=clock, read_only=read_only)
        self._log_id = uuid.uuid4()
        self._origin = origin or "memory"
        self._now_at = End(EMPTY_RANGE, None)
        self._events: list[RecordedEvent] = []
        self._by_stream: dict[str, list[RecordedEvent]] = {}
        self._by_id: dict[bytes, RecordedEvent] = {}
        self._closed = False

    log_id = property(lambda self: self._log_id, doc="The log's identity.")
    origin = property(lambda self: self._origin, doc="The log's name.")

    def __reduce__(self) -> tuple[Any, ...]:
        raise WrongType("a log in memory cannot be pickled, for no other process could reach it; use a folder log")

    @property
    def may_have_entered(self) -> bool:
        """Whether some event has it."""
        return any(event.entered_at is not None for event in self._events)

    def close(self) -> None:
        """The log is gone then."""
        self._closed = True

    def _end(self) -> End:
        if self._closed:
            raise NotALog(self._url, "it was closed, and a log in memory goes with its handle; open a new one")
        return self._now_at

    def _versions(self, stream_ids: Sequence[str]) -> list[int]:
        self._end()
        return [len(self._by_stream.get(stream_id, ())) for stream_id in stream_ids]

    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        self._end()
        return self._by_stream.get(stream_id, [])[max(after, 0) : to if to is None else max(to, 0)]

    def _ids(self, prefix: str, limit: int | None) -> list[str]:
        self._end()
        return sorted(name for name in list(self._by_stream) if name.startswith(prefix))[:limit]

    def _holder(self, ids: bytes) -> Holder | None:
        for start in range(0, len(ids), 16):
            found = self._by_id.get(ids[start : start + 16])
            if found is not None:
                return Holder(found.event_id, found.stream_id, found.version, found.position)
        return None

    def _put(self, batch: Batch, commit: Commit) -> uuid.UUID:
        del batch  # all of it is in the commit
        from orders_es.log.rows import events_of

        for event in events_of(commit.events, self._registry):
            self._by_id[event.event_id.bytes] = event
            self._by_stream.setdefault(event.stream_id, []).append(event)
            self._events.append(event)
        assert commit.leaves is not None
        self._now_at = End(
            self._now_at.tree.merge(commit.leaves), commit.recorded_at
        )  # last: readers of other threads look at it first
        return uuid.uuid4()

    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        from orders_es.log.rows import table_of

        for start in range(after, to, batch_size):
            table = table_of(self._events[start : min(start + batch_size, to)], self._registry, names)
            yield table.combine_chunks().to_batches()[0]
