"""`EventHorizonCollection`: the collection `events` of Event Horizon's second event store for MongoDB (`eventstore/mongodb_v2`).

An event's `_id` is its position. Event Horizon counts positions before the transaction that writes the events: a transaction that is rolled back leaves a gap for good, and one that takes longer
fills its gap after higher positions were seen. So a place is the highest position seen and the gaps below it, and gaps are looked into again at each look. An event of an aggregate is written
only after the one before it, so that it has a higher position and is never seen before it: each aggregate's events come in their order, however late; between aggregates there is none, as Event Horizon says itself.

Source: looplab/eventhorizon, `eventstore/mongodb_v2/eventstore.go`, `EventStore`, `Save` and `evt`.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log.redacting import without_password
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["EventHorizonCollection", "line_of"]

_SECONDS = 30
_SAID = 200
_ENOUGH_BYTES = 16_000_000
_GAPS = 1_000
"""How many gaps are looked into again; the oldest are given up. MongoDB ends a transaction after a minute."""
_PLACE = re.compile(r"([0-9]+)(?: without ([0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*))?", re.ASCII)
_IDS = UUID("6d1b7a52-6b1f-5f0e-9d0c-7a1d0c0f6e2b")
"""The namespace of events' ids, which Event Horizon has none of."""

_Gap = tuple[int, int]


class EventHorizonCollection:
    """Events of a collection of Event Horizon's, in the order of their positions. `line_of` says what a line is.

    Needs pymongo: pip install 'orders_es[mongodb]'.

    Args:
        url: `mongodb://user:password@host:27017/database`, as MongoDB's drivers take it.
        collection: The collection's name.

    Raises:
        BadSource: There is no such collection, or its documents are not as Event Horizon's second store writes them.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(self, url: str, collection: str = "events") -> None:
        import pymongo
        from pymongo.errors import ConfigurationError, InvalidURI
        from pymongo.read_concern import ReadConcern

        shown = without_password(url)
        database = urlsplit(url).path.strip("/")
        if urlsplit(url).scheme not in ("mongodb", "mongodb+srv") or not database:
            raise InvalidSetting("source", shown, "write mongodb://host:27017/database")
        self.name = f"{shown.partition('?')[0]} collection {collection}"
        how: dict[str, Any] = {"uuidRepresentation": "standard", "tz_aware": True}
        how |= {"serverSelectionTimeoutMS": 5_000, "socketTimeoutMS": _SECONDS * 1_000}
        try:
            self._client: Any = pymongo.MongoClient(url, **how)
        except (ConfigurationError, InvalidURI, ValueError) as error:
            raise InvalidSetting("source", shown, str(error).replace(url, shown)[:_SAID]) from error
        self._events = self._client.get_database(database).get_collection(
            collection, read_concern=ReadConcern("majority")
        )
        self._last, self._gaps = 0, list[_Gap]()
        try:
            self._check(database, collection)
        except BaseException:
            self.close()
            raise

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """The events after a place, those that came into its gaps first. See `Source.read`."""
        last, gaps = self._read_place(after)
        end = self._asked(lambda: self._events.find_one({}, {"_id": 1}, sort=[("_id", -1)]))
        if last and (end is None or end["_id"] < last):
            raise BadSource(
                self.name,
                None,
                f"its last position is {0 if end is None else end['_id']}, before {last}, which was read already: it is another database or collection of that name",
            )
        found = self._asked(lambda: list(self._found({"_id": {"$gt": last}}, limit)))
        known = [each["_id"] for each in found]
        gaps = _with(gaps, last, known)
        # After the others: an event is written after the one before it in its aggregate, which is therefore there by now.
        late = self._asked(lambda: list(self._found({"$or": _within(gaps)}, None))) if gaps else []
        delivered = []
        for each in sorted(late + found, key=lambda one: one["_id"]):
            number = each["_id"]
            gaps = _without(gaps, number)
            last = max(last, number)
            # Up to here nothing above `last` was given, so gaps above it are none yet.
            delivered.append(Delivered(_place(last, [gap for gap in gaps if gap[0] < last]), line_of(each)))
        self._last, self._gaps = last, gaps
        return delivered

    def committed(self, place: str) -> None:
        """Nothing: the database keeps what it was given. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether there is an event after the last position, or in a gap, within so long. See `Source.wait`."""
        import time

        time.sleep(seconds)
        there = {"$or": [{"_id": {"$gt": self._last}}, *_within(self._gaps)]}
        return self._asked(lambda: self._events.find_one(there, {"_id": 1})) is not None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _found(self, asked: dict[str, Any], limit: int | None) -> Iterable[dict[str, Any]]:
        size = 0
        with self._events.find(asked, sort=[("_id", 1)], limit=limit or 0) as found:
            for each in found:
                yield each
                size += len(str(each))
                if limit is not None and size > _ENOUGH_BYTES:
                    return

    def _check(self, database: str, collection: str) -> None:
        names = self._asked(lambda: self._client.get_database(database).list_collection_names())
        if collection not in names:
            raise BadSource(
                self.name, None, f"there is no such collection; it has {', '.join(sorted(names)) or 'none'}"
            )
        first = self._asked(lambda: self._events.find_one({}))
        if first is not None and not (isinstance(first["_id"], int) and "event_type" in first):
            old = "events" in first
            raise BadSource(
                self.name,
                None,
                "its documents are "
                + (
                    "a list of events for each aggregate, as Event Horizon's first store keeps them, which has no order to follow"
                    if old
                    else "no events of Event Horizon's"
                )
                + "; its second store (mongodb_v2) has a document for each event, with its position as _id",
            )

    def _read_place(self, place: str | None) -> tuple[int, list[_Gap]]:
        if place is None:
            return 0, []
        said = _PLACE.fullmatch(place)
        if said is None:
            raise BadSource(self.name, None, f"{place!r} is no place there; write the position of an event, as in 17")
        gaps = [part.partition("-") for part in (said[2] or "").split(",") if part]
        return int(said[1]), [(int(first), int(end or first)) for first, _, end in gaps]

    def _asked(self, ask: Any) -> Any:
        from pymongo import errors

        try:
            return ask()
        except (errors.ConnectionFailure, errors.ExecutionTimeout) as error:
            raise SourceUnavailable(self.name, str(error)[:_SAID]) from error
        except errors.PyMongoError as error:
            raise BadSource(self.name, None, f"it cannot be read: {str(error)[:_SAID]}") from error


def _with(gaps: list[_Gap], last: int, known: list[int]) -> list[_Gap]:
    """Gaps, and those between some positions that follow the last one; of many, the newest."""
    more = [(a + 1, b - 1) for a, b in zip([last, *known], known, strict=False) if b > a + 1]
    return [*gaps, *more][-_GAPS:]


def _without(gaps: list[_Gap], number: int) -> list[_Gap]:
    """Gaps, one position of which is there by now."""
    left = []
    for first, end in gaps:
        if first <= number <= end:
            left += [(a, b) for a, b in ((first, number - 1), (number + 1, end)) if a <= b]
        else:
            left.append((first, end))
    return left


def _within(gaps: list[_Gap]) -> list[dict[str, Any]]:
    """What asks for the positions of gaps: those of one position all at once."""
    single = [first for first, end in gaps if first == end]
    ranges = [{"_id": {"$gte": first, "$lte": end}} for first, end in gaps if first < end]
    return [{"_id": {"$in": single}}, *ranges] if single else ranges


def _place(last: int, gaps: list[_Gap]) -> str:
    told = ",".join(f"{first}" if first == end else f"{first}-{end}" for first, end in gaps)
    return f"{last} without {told}" if told else str(last)


def line_of(event: dict[str, Any]) -> bytes:
    """A document of the collection as a JSON object: its fields, and an `event_id` made of its aggregate and version.

    Numbers keep their digits (`Decimal128` is a number), times are in UTC as ISO 8601 has them, UUIDs and ObjectIds are texts, bytes base64.

    Args:
        event: The document.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 6, 1, 10, tzinfo=UTC)
        >>> print(line_of({"_id": 17, "event_type": "paid", "timestamp": at, "aggregate_id": UUID(int=7), "version": 2}).decode())
        {"event_id":"ef83292b-5a91-52cf-8a61-a4213bed5801","_id":17,"event_type":"paid","timestamp":"2026-06-01T10:00:00+00:00","aggregate_id":"00000000-0000-0000-0000-000000000007","version":2}
    """
    aggregate = event.get("aggregate_id")
    own = str(uuid5(_IDS, f"{_uuid(aggregate)}/{event.get('version')}"))
    return _json({"event_id": own, **event, "aggregate_id": _uuid(aggregate)}).encode()


def _uuid(value: Any) -> Any:
    """An id that is a UUID in bytes, as a text; anything else as it is."""
    if isinstance(value, bytes) and len(value) == 16:  # noqa: PLR2004 - bytes of a UUID
        return str(UUID(bytes=bytes(value)))
    return str(value) if isinstance(value, UUID) else value


def _json(value: Any) -> str:
    from bson import Decimal128

    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(str(name), ensure_ascii=False)}:{_json(one)}" for name, one in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        return format(number, "f") if number.is_finite() else json.dumps(str(number))
    if isinstance(value, datetime):
        return json.dumps(value.isoformat())
    if isinstance(value, bytes):
        return json.dumps(base64.b64encode(value).decode())
    plain = value is None or isinstance(value, str | int | float)
    return json.dumps(value if plain else str(value), ensure_ascii=False)
