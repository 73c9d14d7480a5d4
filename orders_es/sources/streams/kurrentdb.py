"""`KurrentStream`: events of KurrentDB (EventStoreDB), of one stream, of a category, or all of them.

Over all events and over a category, an event's place is its commit position, in one order over the whole database; of one stream, it is the event's revision there. Both are given when an event is
written and never change. A database may remove events (truncation, `$maxAge`, deletion and scavenging); in a stream and in a category the revisions have no gaps, so that this is noticed.

Source: KurrentDB documentation, "Reading events", "Subscription filtering", "Deleting streams and events", "Event metadata".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log.redacting import without_password
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCHEMES", "KurrentStream", "line_of"]

SCHEMES = tuple(f"{name}{how}" for name in ("kurrentdb", "esdb", "kdb") for how in ("", "+discover"))
"""What its URLs begin with, as its clients know them."""
_SECONDS = 30.0
_SCAN_SECONDS = 600.0
"""How long a read may take; where few of many events are asked for, the server looks at all of them."""
_SAID = 200
_ENOUGH_BYTES = 16_000_000
_KNOWN_STREAMS = 100_000
"""How many streams' last revisions are remembered, to notice what is missing."""
_SYSTEM = r"\$.+"


class KurrentStream:
    """Events of KurrentDB. An event is a line: its data and what the database knows of it; `line_of` says which fields.

    Events of the database's own (of types that begin with `$`) are passed over.

    Needs kurrentdbclient: pip install 'orders_es[kurrentdb]'.

    Args:
        url: `kurrentdb://user:password@host:2113`, or with `esdb`, and `+discover` for a cluster; `?tls=false` for a server without TLS.
        stream: Only this stream; links in it are followed, so that `$ce-…` of the database's own projections works.
        category: Only streams whose names begin with this and `-`. All events where neither is given.

    Raises:
        BadSource: There is no such stream, or it may not be read.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(self, url: str, *, stream: str | None = None, category: str | None = None) -> None:
        import kurrentdbclient  # noqa: F401 - said here where it is missing

        shown = without_password(url)
        if url.partition("://")[0] not in SCHEMES:
            raise InvalidSetting("source", shown, "write kurrentdb://user:password@host:2113")
        if stream is not None and category is not None:
            raise InvalidSetting("stream", stream, "a stream or a category is followed; give one of them")
        self._url, self._shown, self._stream, self._category = url, shown, stream, category
        what = f"stream {stream}" if stream is not None else f"category {category}" if category is not None else "$all"
        self.name = f"{shown.partition('?')[0].rstrip('/')} {what}"
        self._client: Any = None
        self._last = -1
        """The place up to which was read, as a number; -1 for none."""
        self._scanned = -1
        """Up to where nothing of ours stands behind that place."""
        self._revisions: dict[str, int] = {}
        self._whole = True
        """Whether every event since the beginning was seen by us, so that a stream's first has to be its 0."""
        try:
            self._end()
        except BaseException:
            self.close()
            raise

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """The events after a place. See `Source.read`."""
        place = self._number(after)
        if place != self._last:
            self._revisions, self._whole, self._scanned = {}, place < 0, -1
        self._last = place
        try:
            delivered = self._of_one(place, limit) if self._stream is not None else self._of_all(place, limit)
        except BaseException:
            self._revisions, self._whole = {}, place < 0  # it was not read to its end, and is read again
            raise
        self._last = int(delivered[-1].place) if delivered else place
        return delivered

    def committed(self, place: str) -> None:
        """Nothing: the database keeps what it was given. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether something was written after the last place within so long. See `Source.wait`."""
        import time

        time.sleep(seconds)
        return self._end() > max(self._last, self._scanned)

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _of_one(self, place: int, limit: int) -> list[Delivered]:
        """What a stream has behind a revision."""
        end = self._end()
        if end < place:
            raise self._another(f"its last revision is {end}", place)
        start = max(place, self._scanned)
        if end <= start:
            return []

        def ask() -> list[Delivered]:
            delivered: list[Delivered] = []
            before, size = start, 0
            with self._connected().read_stream(
                self._stream, stream_position=start + 1, resolve_links=True, timeout=_SCAN_SECONDS
            ) as events:
                for event in events:
                    number = (event.link or event).stream_position
                    if number != before + 1:
                        self._removed(self._stream, before, number, delivered)
                        break  # and what stands before it is given first
                    before = number
                    if event.type.startswith("$"):  # the database's own, and links whose event is gone
                        continue
                    delivered.append(Delivered(str(number), line_of(event)))
                    size += len(event.data) + len(event.metadata)
                    if len(delivered) >= limit or size > _ENOUGH_BYTES:
                        return delivered
            if before < end:
                self._removed(self._stream, before, end + 1, delivered)
            elif not delivered:
                self._scanned = end
            return delivered

        found: list[Delivered] = self._asked(ask)
        return found

    def _of_all(self, place: int, limit: int) -> list[Delivered]:
        """What the database has behind a position."""
        end = self._end()
        if end < place:
            raise self._another(f"its last position is {end}", place)
        start = max(place, self._scanned)
        if end <= start:
            return []

        def ask() -> list[Delivered]:
            delivered: list[Delivered] = []
            size = 0
            with self._opened(start) as events:
                for event in events:
                    if event.commit_position <= start:
                        continue  # a read begins with what stands at the position itself
                    if not self._follows_on(event, delivered):
                        break
                    if event.type.startswith("$"):
                        continue
                    delivered.append(Delivered(str(event.commit_position), line_of(event)))
                    size += len(event.data) + len(event.metadata)
                    if len(delivered) >= limit or size > _ENOUGH_BYTES:
                        return delivered
            if not delivered:
                self._scanned = end
            return delivered

        found: list[Delivered] = self._asked(ask)
        return found

    def _opened(self, start: int) -> Any:
        """A read over the database from a position."""
        if self._category is None:
            how: dict[str, Any] = {"filter_exclude": (_SYSTEM,)}
        else:
            streams = (f"{self._category}-",)
            how = {"filter_include": streams, "filter_by_stream_name": True, "filter_by_prefix": True}
        position = None if start < 0 else start
        return self._connected().read_all(commit_position=position, timeout=_SCAN_SECONDS, **how)

    def _follows_on(self, event: Any, delivered: list[Delivered]) -> bool:
        """Whether an event is the next of its stream, as far as a category's are known; if not and something stands before it, that is given first.

        Raises:
            BadSource: It is not, and is the first; or it has no place of its own.
        """
        if event.prepare_position != event.commit_position:
            if delivered:
                return False
            raise BadSource(
                self.name,
                None,
                f"the event {event.id} at {event.commit_position} was written within a transaction of a client from before version 20, whose events share one position; "
                "follow its streams one by one (--stream), where each has a revision",
            )
        if self._category is None:
            return True
        before = self._revisions.pop(event.stream_name, -1 if self._whole else event.stream_position - 1)
        if event.stream_position != before + 1:
            self._revisions[event.stream_name] = before
            self._removed(event.stream_name, before, event.stream_position, delivered)
            return False
        self._revisions[event.stream_name] = event.stream_position
        if len(self._revisions) > _KNOWN_STREAMS:
            self._revisions.pop(next(iter(self._revisions)))
            self._whole = False
        return True

    def _removed(self, stream: Any, before: int, number: int, delivered: list[Delivered]) -> None:
        """Say that events are not there any more, unless others come first.

        Raises:
            BadSource: They are not.
        """
        if delivered:
            return
        if before >= 0:
            what = (
                f"the last one that was read is {before}: what stood between them is lost here. Keep more of the stream, and follow it into a log of "
                "its own"
            )
        elif self._stream is None:
            what = (
                "they were never read, so this is no whole history. Bring the earlier ones in first, by import jsonl, and follow the streams of this category that are whole one by one "
                "(--stream)"
            )
        else:
            what = (
                f"it was never read: bring the earlier ones in first, by import jsonl, and say where they end: after='{number - 1}' "
                f"(--after {number - 1})"
            )
        raise BadSource(
            self.name, None, f"events before the revision {number} of the stream {stream} were removed, and {what}"
        )

    def _another(self, end: str, place: int) -> BadSource:
        return BadSource(
            self.name,
            None,
            f"{end}, before {place}, which was read already: it is another database or stream of that name",
        )

    def _number(self, place: str | None) -> int:
        """A place as a number.

        Raises:
            BadSource: It is none.
        """
        if place is None:
            return -1
        if not (place.isascii() and place.isdigit()):
            kind = "the revision of an event" if self._stream is not None else "the commit position of an event"
            raise BadSource(self.name, None, f"{place!r} is no place there; write {kind}, as in 4711")
        return int(place)

    def _end(self) -> int:
        """The last place that was written, whatever stands there; -1 for none."""

        def ask() -> int:
            client = self._connected()
            if self._stream is None:
                with client.read_all(backwards=True, filter_exclude=(), limit=1, timeout=_SECONDS) as events:
                    return max((event.commit_position for event in events), default=-1)
            with client.read_stream(self._stream, backwards=True, limit=1, timeout=_SECONDS) as events:
                return max((event.stream_position for event in events), default=-1)

        found: int = self._asked(ask)
        return found

    def _connected(self) -> Any:
        from kurrentdbclient import KurrentDBClient

        if self._client is None:
            asked = self._url.partition("?")[2].lower()
            more = [
                f"{name}=10000" for name in ("KeepAliveInterval", "KeepAliveTimeout") if f"{name.lower()}=" not in asked
            ]
            joined = "&" if asked else "" if self._url.endswith("?") else "?"
            try:
                self._client = KurrentDBClient(self._url + joined + "&".join(more))
            except (ValueError, OSError) as error:
                said = str(error).partition(": ")[0] if self._url in str(error) else str(error)
                raise InvalidSetting("source", self._shown, said[:_SAID]) from error
        return self._client

    def _asked(self, ask: Any) -> Any:
        from kurrentdbclient import exceptions as said

        try:
            return ask()
        except (BadSource, InvalidSetting):  # ours, and ValueErrors
            raise
        except said.SSLError as error:
            self.close()
            raise SourceUnavailable(
                self.name,
                f"no secure connection comes about (tls=false in the URL is for a server without TLS): {error}"[:_SAID],
            ) from error
        except (said.UnauthenticatedError, said.AccessDeniedError) as error:
            raise BadSource(
                self.name, None, f"it may not be read by this user: {str(error)[:_SAID] or 'access denied'}"
            ) from error
        except said.StreamIsDeletedError as error:
            raise BadSource(self.name, None, f"it was deleted, for good: {str(error)[:_SAID]}") from error
        except said.NotFoundError as error:
            raise BadSource(
                self.name,
                None,
                "there is no such stream"
                + ("" if self._last < 0 else f" any more: it was deleted, and {self._last} is what was read last"),
            ) from error
        except said.InvalidCommitPositionError as error:
            raise BadSource(
                self.name, None, f"it has no event at {self._last}, up to which it was read: it is another database"
            ) from error
        except (said.KurrentDBClientError, ValueError) as error:  # the latter where another thread closed the channel
            self.close()
            raise SourceUnavailable(self.name, (str(error) or type(error).__name__)[:_SAID]) from error


def line_of(event: Any) -> bytes:
    """An event of KurrentDB as a JSON object.

    Its `id`, `type`, `stream`, `revision`, `position`, `recorded_at`, its `data` and `metadata` as they are where they are JSON, or else as
    `data_base64` and `metadata_base64`.

    Args:
        event: What the client gives: a `RecordedEvent`.

    Example:
        >>> from datetime import UTC, datetime
        >>> from types import SimpleNamespace
        >>> at = datetime(2026, 6, 1, 10, tzinfo=UTC)
        >>> print(line_of(SimpleNamespace(id="7f", type="paid", stream_name="order-1", stream_position=0, commit_position=42, recorded_at=at,
        ...                               data=b'{"amount": 1.50}', metadata=b"")).decode())
        {"id": "7f", "type": "paid", "stream": "order-1", "revision": 0, "position": 42, "recorded_at": "2026-06-01T10:00:00+00:00", "data": {"amount": 1.50}}
    """
    facts = {
        "id": str(event.id),
        "type": event.type,
        "stream": event.stream_name,
        "revision": event.stream_position,
        "position": event.commit_position,
        "recorded_at": None if event.recorded_at is None else event.recorded_at.isoformat(),
    }
    line = json.dumps(facts, ensure_ascii=False).encode()[:-1]
    for name, raw in (("data", event.data), ("metadata", event.metadata)):
        if raw:
            line += b', "%s": %s' % (name.encode(), raw) if _is_json(raw) else _in_base64(name, raw)
    return line + b"}"


def _in_base64(name: str, raw: bytes) -> bytes:
    return b', "%s_base64": "%s"' % (name.encode(), base64.b64encode(raw))


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw.decode("utf-8"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True
