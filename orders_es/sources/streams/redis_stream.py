"""`RedisStream`: the entries of a stream of Redis, in the order of their ids.

Redis takes one command after another, so an entry is settled once it can be read, and its id is its place. A stream is often cut
(MAXLEN, XTRIM): entries that went before they were read are an error, and not a gap that nobody sees.

Source: Redis documentation, "Redis Streams", XRANGE, XREAD, XINFO STREAM.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log.redacting import without_password
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RedisStream", "line_of"]

_SAID = 200
_LOST = "entries after {place}, the last one that was read, were removed: they are lost here. Keep more of the stream, and follow it into a log of its own"
_CUT = (
    "entries were removed before it was first read, so what is left is no whole history. Bring the earlier ones in first, by import jsonl, and "
    "say where they end: after='{before}' (--after {before})"
)


class RedisStream:
    """Entries of a stream of Redis as messages, in order.

    An entry is a line with its fields, as texts. Where an entry has one field and that holds a JSON object, the line is that object;
    a field that `json_field` names is read as JSON as well.

    Needs redis-py: pip install 'orders_es[redis]'.

    Args:
        url: `redis://user@host:port/db`, or `rediss://` for TLS.
        stream: The stream's key.
        json_field: The field that holds a JSON object.

    Raises:
        BadSource: There is no such stream.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(self, url: str, stream: str, *, json_field: str | None = None) -> None:
        import redis

        shown = without_password(url)
        if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            raise InvalidSetting("source", shown, "write redis://host:port/db")
        self._stream, self._json_field = stream, json_field
        self.name = f"{shown.partition('?')[0]} stream {stream}"
        try:
            self._client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=30)
        except ValueError as error:
            raise InvalidSetting("source", shown, str(error)) from error
        self._last: str | None = None
        try:
            self._info()
        except BaseException:
            self.close()
            raise

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """The entries after a place. See `Source.read`."""
        place, _, said = (after or "").partition(" ")
        self._last = place or None
        first = f"({place}" if place else "-"

        def both() -> Any:
            # In one transaction, so that what was removed by then is what is missing in what was read.
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.xinfo_stream(self._stream)
                pipeline.xrange(self._stream, min=first, count=limit)
                return pipeline.execute()

        info, entries = self._ask(both)
        before = self._before(info, place, int(said) if said else None)
        return [
            Delivered(f"{number} {before + n}", line_of(fields, self._json_field))
            for n, (number, fields) in enumerate(entries, 1)
        ]

    def _before(self, info: Mapping[str, Any], place: str, said: int | None) -> int:
        """How many entries the stream was ever given up to a place, if all of those after it are still there.

        Raises:
            BadSource: Some were removed before they were read.
        """
        if "entries-added" not in info:
            raise BadSource(
                self.name, None, "its Redis does not count what a stream was given; 7.0 is the first that does"
            )
        added, kept, oldest = info["entries-added"], info["length"], info["first-entry"]
        if not place:
            if added != kept:
                raise BadSource(
                    self.name, None, _CUT.format(before=_one_before(oldest[0] if oldest else info["last-generated-id"]))
                )
            return 0
        cut_past_it = oldest is None or _number(oldest[0]) > _number(place)
        if said is None:  # whoever says where to begin knows that what stands before is there
            rest = kept if cut_past_it else len(self._ask(lambda: self._client.xrange(self._stream, min=f"({place}")))
            return int(added - rest)
        lost = added - said - kept if cut_past_it else int(_number(info["max-deleted-entry-id"]) > _number(place))
        if lost > 0:
            raise BadSource(self.name, None, _LOST.format(place=place))
        if lost < 0:
            raise BadSource(
                self.name,
                None,
                f"it was given {added} entries, and {said} were read already: it is another stream of that name",
            )
        return said

    def committed(self, place: str) -> None:
        """Nothing: how long entries are kept is for those who write them to say. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether there is an entry after the last place within so long. See `Source.wait`."""
        block = max(1, int(seconds * 1000))
        last = self._last or "0-0"
        return bool(self._ask(lambda: self._client.xread({self._stream: last}, count=1, block=block)))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _info(self) -> Mapping[str, Any]:
        import redis

        try:
            info: Mapping[str, Any] = self._ask(lambda: self._client.xinfo_stream(self._stream), refused=False)
        except redis.ResponseError as error:
            raise BadSource(self.name, None, f"there is no such stream: {str(error)[:_SAID]}") from error
        return info

    def _ask(self, ask: Any, *, refused: bool = True) -> Any:
        import redis

        try:
            return ask()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise SourceUnavailable(self.name, str(error)[:_SAID]) from error
        except redis.ResponseError as error:
            if not refused:
                raise
            if "no such key" in str(error):
                raise BadSource(self.name, None, "there is no such stream any more: it was deleted") from error
            raise BadSource(self.name, None, f"it cannot be read: {str(error)[:_SAID]}") from error


def _one_before(place: str) -> str:
    """An id that comes before this one, and after all that can stand before it."""
    milliseconds, sequence = _number(place)
    return f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}-18446744073709551615"


def _number(place: str) -> tuple[int, int]:
    milliseconds, _, sequence = place.partition("-")
    return int(milliseconds), int(sequence or 0)


def line_of(fields: Mapping[str, str], json_field: str | None) -> bytes:
    """An entry's fields as a JSON object.

    Args:
        fields: Names and texts.
        json_field: The field that holds a JSON object; None for none.

    Example:
        >>> line_of({"type": "paid", "data": '{"amount": "1.50"}'}, "data")
        b'{"type": "paid", "data": {"amount": "1.50"}}'
        >>> line_of({"event": '{"type": "paid"}'}, None)
        b'{"type": "paid"}'
    """
    if json_field is None and len(fields) == 1:
        [text] = fields.values()
        if _is_object(text):
            return text.encode()
    parts = [
        f"{json.dumps(name, ensure_ascii=False)}: {text if name == json_field and _is_object(text) else json.dumps(text, ensure_ascii=False)}"
        for name, text in fields.items()
    ]
    return f"{{{', '.join(parts)}}}".encode()


def _is_object(text: str) -> bool:
    try:
        return text.lstrip().startswith("{") and isinstance(json.loads(text), dict)
    except ValueError:
        return False
