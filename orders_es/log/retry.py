"""Version checks, and telling a retry from a conflict: the same for every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from orders_es.errors import DuplicateEvent, VersionConflict
from orders_es.log.event import Appended, from_micros
from orders_es.log.expected import ANY, NO_STREAM, STREAM_EXISTS, describe, holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orders_es.log.batch import Batch, Part

__all__ = ["RecordedRow", "recorded_before"]


class RecordedRow(NamedTuple):
    """Where an event is recorded: what telling a retry from a conflict needs of it."""

    stream_id: str
    event_id: bytes
    version: int
    position: int
    recorded_at: int


class _Recorded:
    """The events of some streams that are in the log already, by stream and id."""

    def __init__(self, rows: Iterable[RecordedRow]) -> None:
        self.places = {(row.stream_id, row.event_id): (row.version, row.position, row.recorded_at) for row in rows}

    def retry(self, part: Part, ids: list[bytes]) -> list[tuple[int, int, int]] | None:
        """Version, position and time of each event of a part, if all are recorded where this append would put them."""
        found = [self.places.get((part.stream_id, event_id)) for event_id in ids]
        places = [place for place in found if place is not None]
        if len(places) < len(ids):
            return None
        start = places[0][0]
        if any(version != start + i for i, (version, _, _) in enumerate(places)):
            return None
        wanted = 1 if part.expected is NO_STREAM else part.expected + 1 if isinstance(part.expected, int) else start
        return places if start == wanted else None

    def any_of(self, part: Part, ids: list[bytes]) -> bytes | None:
        """One of a part's ids that its stream holds already, if there is one."""
        return next((event_id for event_id in ids if (part.stream_id, event_id) in self.places), None)


def _reach(parts: Sequence[Part]) -> dict[str, tuple[int, int | None]]:
    """Where in each part's stream a first try of it could have put its events: `after < version <= to`."""
    reach: dict[str, tuple[int, int | None]] = {}
    for part in parts:
        if part.expected is NO_STREAM or isinstance(part.expected, int):
            after = part.expected if isinstance(part.expected, int) else 0
            reach[part.stream_id] = (after, after + part.count)
        else:
            reach[part.stream_id] = (0, None)
    return reach


def recorded_before(
    batch: Batch,
    actual: Sequence[int],
    rows_of: Callable[[Mapping[str, tuple[int, int | None]]], Iterable[RecordedRow]],
) -> Appended | None:
    """The first result of this very append, if it was made before; None if it is new and every expectation holds.

    Args:
        batch: What is to be appended.
        actual: The version of each part's stream now.
        rows_of: Gives the recorded events of some streams, at least those with `after < version <= to` for each (to the
            end where `to` is None); called only where a retry is possible.

    Raises:
        VersionConflict: A stream is elsewhere, and this is not a retry.
        DuplicateEvent: Everything would fit, but some of the ids are in their streams already.
    """
    parts = batch.parts
    failing = [
        i for i, (part, version) in enumerate(zip(parts, actual, strict=True)) if not holds(part.expected, version)
    ]
    unchecked = [
        i
        for i, (part, version) in enumerate(zip(parts, actual, strict=True))
        if version and part.expected in (ANY, STREAM_EXISTS)
    ]
    if not failing and not (unchecked and batch.retryable):
        return None
    if batch.retryable and len(failing) + len(unchecked) == len(parts):
        recorded = _Recorded(rows_of(_reach([parts[i] for i in (*failing, *unchecked)])))
        places = [recorded.retry(part, batch.ids_of(i)) for i, part in enumerate(parts)]
        found = [place for part in places if part is not None for place in part]
        positions = sorted(position for _, position, _ in found)
        if len(found) == batch.count and positions[-1] - positions[0] + 1 == batch.count:
            return Appended(
                positions[0],
                positions[-1],
                batch.count,
                from_micros(max(at for _, _, at in found)),
                None,
                True,
                {
                    part.stream_id: part_places[-1][0]
                    for part, part_places in zip(parts, places, strict=True)
                    if part_places
                },
            )
    if failing:
        part = parts[failing[0]]
        raise VersionConflict(part.stream_id, describe(part.expected), actual[failing[0]])
    recorded = _Recorded(rows_of(_reach([parts[i] for i in unchecked])))
    for i in unchecked:
        event_id = recorded.any_of(parts[i], batch.ids_of(i))
        if event_id is not None:
            raise DuplicateEvent(
                str(UUID(bytes=event_id)),
                f"stream {parts[i].stream_id!r} holds it already, but not this batch as a whole; append only what is new",
            )
    return None
