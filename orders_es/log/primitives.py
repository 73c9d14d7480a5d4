"""What a backend of the log does: a few things, over which `LogCore` builds all the rest. For whoever builds one; docs/backends.md.

A backend says how far it has come (`_end`), at which version streams stand (`_versions`), gives a stream (`_stream`) and pages of the
whole (`_pages`), names its streams (`_ids`), finds an event by its id (`_holder`), and puts a commit in place (`_put`).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.log.event import to_micros
from orders_es.log.retry import EventPlace

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from orders_es.log.batch import Batch
    from orders_es.log.event import Appended, RecordedEvent
    from orders_es.log.ids import Holder
    from orders_es.log.merkle import CompactRange

__all__ = ["Commit", "End", "Primitives", "commit_of"]


class End(NamedTuple):
    """How far a log has come.

    Args:
        tree: Compact range of all its leaves.
        recorded_at: Microseconds: when its last event was recorded; None in an empty log.
    """

    tree: CompactRange
    recorded_at: int | None


@dataclass(frozen=True, slots=True)
class Commit:
    """Events at their place, ready to be made durable.

    Args:
        first: Position of the first event.
        last: Position of the last event.
        recorded_at: Microseconds: when the last one is recorded.
        versions: What the commit makes of its streams.
        events: The envelope, the payload and shredded columns, in order: a table, or what the backend's own `_placed` and
            `_commit_rows` make of them.
        leaves: Compact range of the events; None where the backend's own `_placed` leaves that for later.
    """

    first: int
    last: int
    recorded_at: int
    versions: Mapping[str, int]
    events: Any
    leaves: CompactRange | None


def commit_of(
    batch: Batch, first: int, recorded_at: int, bases: Sequence[int], events: Any, leaves: CompactRange | None
) -> Commit:
    """A batch at its place.

    Args:
        first: Position of the first one.
        recorded_at: Microseconds: when the last one is recorded.
        bases: Each part's stream version before it.
        events: What the backend's `_put` is to get.
        leaves: Compact range of the events, if known.
    """
    versions = {part.stream_id: base + part.count for part, base in zip(batch.parts, bases, strict=True)}
    return Commit(first, first + batch.count - 1, recorded_at, versions, events, leaves)


class Primitives(ABC):
    """The few things that a backend does, and those that it may do besides."""

    def __init__(self) -> None:
        self._turn = threading.RLock()

    # -- what a backend does

    @property
    @abstractmethod
    def log_id(self) -> uuid.UUID:
        """The log's identity, given at its creation."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """The log's name, given at its creation."""

    @abstractmethod
    def _end(self) -> End:
        """How far the log has come, now."""

    @abstractmethod
    def _versions(self, stream_ids: Sequence[str]) -> list[int]:
        """Each stream's version; 0 where there is none."""

    @abstractmethod
    def _stream(self, stream_id: str, after: int, to: int | None) -> list[RecordedEvent]:
        """A stream's events with `after < version <= to`, or to its end, in version order."""

    @abstractmethod
    def _pages(self, after: int, to: int, batch_size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The events with `after < position <= to`, in order, at most so many a batch, with these columns."""

    @abstractmethod
    def _ids(self, prefix: str, limit: int | None) -> list[str]:
        """The sorted ids of the streams that begin with a prefix, at most `limit`."""

    @abstractmethod
    def _holder(self, ids: bytes) -> Holder | None:
        """An event that has one of these ids (16 bytes each), if there is one."""

    @abstractmethod
    def _put(self, batch: Batch, commit: Commit) -> uuid.UUID | None:
        """The id of a commit that is durable now, whole; None where somebody else has taken its place meanwhile."""

    def _rows(self, wanted: Mapping[str, tuple[int, int | None]]) -> Iterable[EventPlace]:
        """The recorded events of some streams, with `after < version <= to` for each."""
        for stream_id, (after, to) in wanted.items():
            for event in self._stream(stream_id, after, to):
                recorded_at = to_micros(event.recorded_at, "recorded_at")
                yield EventPlace(stream_id, event.event_id.bytes, event.version, event.position, recorded_at)

    # -- what a backend may do besides, where others can write to the same log

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A block in which no other thread appends by this object."""
        with self._turn:
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A block that begins by taking in all that others have done."""
        yield

    def _catch_up(self) -> object:  # noqa: B027 - most logs need none of these
        """Take in what others have appended, before a try to append."""

    def _is_certain(self, known: int) -> bool:
        """Whether a version conflict holds, since the log still ends at the position that was known."""
        return self._end().tree.end == known

    def _lost(self, attempts: int, waited: float) -> None:  # noqa: B027 - as above
        """Take in who was first, and wait a little, or give up with `LogBusy`."""

    def _keep(self, appended: Appended) -> None:  # noqa: B027 - as above
        """Keep the events of an append at hand, where that spares reading them back."""
