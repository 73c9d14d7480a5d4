"""Version checks, and telling a retry from a conflict: the same for every backend."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec

from orders_es.errors import DuplicateEvent, VersionConflict
from orders_es.log.envelope import OPTIONAL
from orders_es.log.event import Appended, from_micros
from orders_es.log.expected import ANY, NO_STREAM, STREAM_EXISTS, describe, holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from orders_es.log.batch import Batch, Part
    from orders_es.log.ids import Holder

__all__ = ["CONTENT", "EventPlace", "event_table", "first_result"]

_SHOWN = 80


class EventPlace(NamedTuple):
    """Where an event is recorded: what telling a retry from a conflict needs of it."""

    stream_id: str
    event_id: bytes
    version: int
    position: int
    recorded_at: int


class _Places:
    """The events of some streams that are in the log already, by stream and id."""

    def __init__(self, rows: Iterable[EventPlace]) -> None:
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


def first_result(
    batch: Batch,
    actual: Sequence[int],
    rows_of: Callable[[Mapping[str, tuple[int, int | None]]], Iterable[EventPlace]],
    contents: Callable[[int, int], pa.Table],
    holder: Callable[[bytes], Holder | None],
) -> Appended | None:
    """The first result of this very append, if it was made before; None if it is new and every expectation holds.

    Args:
        batch: What is to be appended.
        actual: The version of each part's stream now.
        rows_of: Gives the recorded events of some streams, at least those with `after < version <= to` for each (to the
            end where `to` is None); called only where a retry is possible.
        contents: Gives the events from one position to another, with the columns `CONTENT`.
        holder: Gives an event of the log that has one of these ids (16 bytes each), if there is one.

    Raises:
        VersionConflict: A stream is elsewhere, and this is not a retry.
        DuplicateEvent: It would be a retry, but some event was recorded with other content; or everything would fit, but one
            of the ids is in the log already.
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
    if (failing or unchecked) and batch.retryable and len(failing) + len(unchecked) == len(parts):
        places_there = _Places(rows_of(_reach([parts[i] for i in (*failing, *unchecked)])))
        places = [places_there.retry(part, batch.ids_of(i)) for i, part in enumerate(parts)]
        found = [place for part in places if part is not None for place in part]
        positions = sorted(position for _, position, _ in found)
        if len(found) == batch.count and positions[-1] - positions[0] + 1 == batch.count:
            _require_same(batch, contents(positions[0], positions[-1]))
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
    given = batch.given_ids()
    there = holder(given) if given else None
    if there is not None:
        raise DuplicateEvent(
            str(there.event_id),
            f"the log holds it already, at position {there.position} as version {there.version} of stream "
            f"{there.stream_id!r}, and this append is no retry of that one; give a new event an id of its own, and append "
            "only what is new",
        )
    return None


CONTENT = ("event_id", "type", "schema_version", "occurred_at", *OPTIONAL, "payload")
"""What the writer of an event says of it, and what makes two of them the same; `occurred_at` only where he gives it."""


def event_table(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Batches that a log's `read` gave, as one table."""
    import pyarrow as pa

    return pa.Table.from_batches(batches)


def _require_same(batch: Batch, held: pa.Table) -> None:
    """Raise `DuplicateEvent` unless the recorded events are the batch's, in whatever order."""
    import pyarrow.compute as pc

    new = batch.content()
    new, held = (table.take(pc.sort_indices(_ids(table))) for table in (new, held))
    for name in CONTENT[1:]:
        ours, theirs = new.column(name), held.column(name)
        same = pc.if_else(pc.is_null(ours), pc.is_null(theirs), pc.fill_null(pc.equal(ours, theirs), False))
        if name == "occurred_at":
            same = pc.or_(same, pc.is_null(ours))
        for row in pc.indices_nonzero(pc.invert(same)).to_pylist():
            here, there = ours[row].as_py(), theirs[row].as_py()
            if name == "payload" and _same_json(here, there):
                continue
            at = held.slice(row, 1).to_pylist()[0]
            raise DuplicateEvent(
                str(UUID(bytes=_ids(held)[row].as_py())),
                f"position {at['position']} holds it already, as version {at['version']} of stream {at['stream_id']!r}, with "
                f"another {name} ({_shown(there)} there, {_shown(here)} here); an append made again is the same in all that "
                "it says, so give another event an id of its own",
            )


def _ids(table: pa.Table) -> Any:
    import pyarrow as pa

    ids = table.column("event_id")
    return pa.chunked_array([getattr(chunk, "storage", chunk) for chunk in ids.chunks], pa.binary(16)).cast(pa.binary())


def _same_json(one: str, other: str) -> bool:
    """Whether two payloads say the same in the same words, blanks and the order of keys aside."""
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except (msgspec.DecodeError, RecursionError):
        return False


def _shown(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
