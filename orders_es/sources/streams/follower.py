"""`Follower`: a source into a log, as it goes on; each event once, whatever crashes.

The place in the source is committed in the log together with the events that it led to, as an event of its own in the
stream `follow:NAME`. That stream's version is the guard: of two followers of one source, one finds that the other was first.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from orders_es.errors import BadSource, DuplicateEvent, InvalidSetting, SourceUnavailable, VersionConflict
from orders_es.log import ANY, NO_STREAM
from orders_es.log.bookkeeping import LINE_REFUSED, SOURCE_FOLLOWED
from orders_es.log.event import from_micros
from orders_es.log.log_argument import check_log
from orders_es.orders.moments import format_instant
from orders_es.sources.jsonl.line_reader import BadLine, OwnLines
from orders_es.sources.jsonl.mapped_lines import ForeignLines
from orders_es.sources.jsonl.mapping import load_mapping
from orders_es.sources.streams.progress import STREAM, Followed, further
from orders_es.sources.streams.source_lag import SourceLag, age_of_next

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence

    from orders_es.log import EventLog
    from orders_es.sources.jsonl.line_reader import Line, LineReader
    from orders_es.sources.streams.source import Delivered, Source

__all__ = ["BATCH", "Follower", "event_table"]

BATCH = 1_000
"""How many events a commit holds at most."""
_LONGEST_LINE = 100_000
_SAID = 300
_TURN = 0.25
"""Seconds after which a wish to stop is heard."""
_SOONEST, _LATEST = timedelta(seconds=1), timedelta(seconds=30)


class Follower:
    """What reads a source into a log.

    Args:
        log: Where to append.
        source: What is followed.
        mapping: What makes events of ours out of the source's: a TOML file as for `import_jsonl`, or a shipped one's name. Without
            one, the source's lines are as `export_jsonl` writes them.
        currency: With a mapping, the currency of orders whose events name none.
        on_error: `stop` at the first line that no event can be made of, or `quarantine`: record the line with the reason, in the
            stream `follow:NAME`, and go on.
        batch_events: How many events a commit may hold.
        after: Where to begin, if the log says nothing yet: after that place in the source.

    Raises:
        BadSource: The mapping cannot be read.
        InvalidSetting: An option makes no sense.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.sources.streams import Delivered
        >>> class Two:
        ...     name = "two"
        ...     def read(self, after, limit):
        ...         lines = ['{"id":"1","aggregate_id":"A-1","type":"order_created","payload":{"currency":"EUR"},'
        ...                  '"timestamp":"2026-06-01T10:00:00Z","version":1}']
        ...         return [Delivered(str(n), line.encode()) for n, line in enumerate(lines) if after is None or n > int(after)]
        ...     def committed(self, place): pass
        ...     def wait(self, seconds): return False
        ...     def close(self): pass
        >>> log = open_log(":memory:")
        >>> Follower(log, Two(), mapping="order-service").catch_up().events
        1
        >>> Follower(log, Two(), mapping="order-service").catch_up().place, log.head().position
        ('0', 2)
    """

    def __init__(
        self,
        log: EventLog,
        source: Source,
        *,
        mapping: str | os.PathLike[str] | None = None,
        currency: str | None = None,
        on_error: str = "stop",
        batch_events: int = BATCH,
        after: str | None = None,
    ) -> None:
        check_log(log)
        if on_error not in ("stop", "quarantine"):
            raise InvalidSetting("on_error", on_error, "give 'stop' or 'quarantine'")
        if batch_events < 1:
            raise InvalidSetting("batch_events", batch_events, "a commit holds at least one event")
        self._log, self._source = log, source
        self._reader = self._made_reader(mapping, currency)
        self._set_aside = on_error == "quarantine"
        self._limit = batch_events
        self._stream = STREAM + source.name
        self._version = 0
        self._state = Followed(source.name, after, 0, 0, None)
        self._delivered: Sequence[Delivered] = ()
        """What is being recorded."""
        self._say: Callable[..., object] = lambda **_: None
        self._look()

    def _made_reader(self, mapping: str | os.PathLike[str] | None, currency: str | None) -> LineReader:
        registry = self._log.registry
        if mapping is None:
            return OwnLines(registry)
        return ForeignLines(registry, load_mapping(mapping, registry, currency=currency))

    @property
    def state(self) -> Followed:
        """How far it has come."""
        return self._state

    def catch_up(self) -> Followed:
        """How far it has come, after reading all that the source has settled by now.

        Raises:
            BadSource: A line is no event of ours and `on_error` is `stop`; what stands before it is recorded. Or the log has an event of
                that id that says something else, or the source will never answer as it is asked.
            SourceUnavailable: The source does not answer, for now.
        """
        while self._step():
            pass
        return self._state

    def lag(self, *, most: int = 10_000) -> SourceLag:
        """How much waits in the source that the log does not have yet; nothing is read in, and the source is told nothing.

        Args:
            most: How many lines to look at; where more wait, they are counted as so many at least.

        Raises:
            SourceUnavailable, BadSource: As in `catch_up`.
        """
        self._look()
        waiting = self._source.read(self._state.place, most)
        seconds, reason = age_of_next(waiting, self._reader)
        state = self._state
        return SourceLag(
            state.name,
            state.place,
            len(waiting),
            len(waiting) >= most,
            seconds,
            state.refused,
            "" if self._set_aside else reason,
        )

    def follow(
        self,
        stop: threading.Event,
        *,
        poll: float = 1.0,
        notify: Callable[[SourceUnavailable], None] = lambda _: None,
        say: Callable[..., object] = lambda **_: None,
    ) -> Followed:
        """How far it has come, once it is told to stop: what the source records meanwhile comes in as it is recorded.

        A source that does not answer is asked again, after a second at first and half a minute in the end.

        Args:
            stop: Ends it, after the commit that it is at.
            poll: Seconds between two looks where the source cannot say that there is something new.
            notify: Is called where the source does not answer, each time.
            say: Is told how it fares, as `SourceRunner.say` is: `waiting`, `at_least`, `next_at`, `position`, `refused`, `error`, `state`.

        Raises:
            BadSource: As in `catch_up`.
        """
        pause, self._say = _SOONEST, say
        while not stop.is_set():
            try:
                if not self._step():
                    until = monotonic() + poll
                    while (left := until - monotonic()) > 0 and not stop.is_set():
                        if self._source.wait(min(left, _TURN)):
                            break
                pause = _SOONEST
            except SourceUnavailable as error:
                notify(error)
                say(error=str(error)[:_SAID])
                stop.wait(pause.total_seconds())
                pause = min(pause * 2, _LATEST)
            except Exception as error:
                say(error=str(error)[:_SAID])
                raise
        return self._state

    def _look(self) -> None:
        """Where the log says that we are."""
        version = self._log.stream_version(self._stream)
        events = self._log.load(self._stream, after_version=self._version, to_version=version)
        self._state, self._version = further(self._state, events), version

    def _step(self) -> bool:
        """Whether there was something: one commit of what stands next in the source."""
        delivered = self._source.read(self._state.place, self._limit)
        if not delivered:
            self._tell(0)
            return False
        self._delivered = delivered
        lines: list[tuple[Delivered, Line]] = []
        refused: list[tuple[Delivered, str]] = []
        stopped: BadSource | None = None
        taken: Delivered | None = None
        for each in delivered:
            try:
                line = self._reader.read(each.line)
            except BadLine as error:
                if not self._set_aside:
                    stopped = self._stopped_at(each.place, error.reason)
                    break
                refused.append((each, error.reason))
            else:
                if line is not None and line.type:
                    lines.append((each, line))
            taken = each
        self._tell(len(delivered), lines[0][1] if lines else None)
        if taken is not None and not self._commit(taken.place, lines, refused):
            return True
        if stopped is not None:
            raise stopped
        return True

    def _tell(self, waiting: int, first: Line | None = None) -> None:
        """Tell whoever watches how much waits, and since when."""
        since = None
        if first is not None:
            since = format_instant(from_micros(first.occurred_at if first.entered_at is None else first.entered_at))
        full = waiting >= self._limit
        state = self._state
        known = {"position": state.events, "refused": state.refused, "error": None, "state": "running"}
        self._say(waiting=waiting, at_least=full, next_at=since, **known)

    def _stopped_at(self, place: str, reason: str) -> BadSource:
        return BadSource(
            self._source.name,
            None,
            f"at {place}: {reason}. What stands before it is recorded; mend the mapping, or give "
            "on_error='quarantine' (--on-error quarantine) to record such lines as they are and go on",
        )

    def _commit(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> bool:
        """Whether this follower recorded them; otherwise another one of the same source was first."""
        try:
            self._append(place, lines, refused)
        except DuplicateEvent:
            # Some of them came in another way, by an import say: those that are there and equal are left out.
            self._append(place, self._unknown(lines), refused)
        except VersionConflict as error:
            if error.stream_id != self._stream:
                raise
            self._look()
            return False
        self._look()
        self._source.committed(place)
        return True

    def _append(
        self, place: str, lines: Sequence[tuple[Delivered, Line]], refused: Sequence[tuple[Delivered, str]]
    ) -> None:
        rows: list[dict[str, Any]] = [self._row(each, line) for each, line in lines]
        rows += self._bookkeeping(place, len(lines), refused)
        expected: dict[str, Any] = dict.fromkeys((row["stream_id"] for row in rows), ANY)
        expected[self._stream] = self._version or NO_STREAM
        self._log.append_table(event_table(rows), expected=expected)

    def _bookkeeping(self, place: str, events: int, refused: Sequence[tuple[Delivered, str]]) -> list[dict[str, Any]]:
        """The events of the source's own stream: what was refused, and how far it has come."""
        now = datetime.now(UTC)
        rows = []
        for each, reason in refused:
            text = each.line.decode("utf-8", "replace")
            facts = {"place": each.place, "reason": reason, "line": text[:_LONGEST_LINE]}
            rows.append(self._own(LINE_REFUSED, facts, now))
        rows.append(self._own(SOURCE_FOLLOWED, {"source": self._source.name, "place": place, "events": events}, now))
        return rows

    def _row(self, each: Delivered, line: Line) -> dict[str, Any]:
        return {
            "stream_id": line.stream_id,
            "type": line.type,
            "schema_version": line.schema_version,
            "occurred_at": from_micros(line.occurred_at),
            "entered_at": None if line.entered_at is None else from_micros(line.entered_at),
            "event_id": line.event_id if line.event_id is not None else self._id(each.place),
            "actor": line.actor,
            "correlation_id": line.correlation_id,
            "causation_id": line.causation_id,
            "payload": line.payload,
        }

    def _own(self, kind: str, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
        payload = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
        return {
            "stream_id": self._stream,
            "type": kind,
            "schema_version": 1,
            "occurred_at": now,
            "event_id": uuid4().bytes,
            "payload": payload,
        }

    def _id(self, place: str) -> bytes:
        """An event's id where the source gives none: the same for the same place."""
        raw = bytearray(
            sha256(b"orders_es follow\0" + f"{len(self._stream)}:{self._stream}{place}".encode()).digest()[:16]
        )
        raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80
        return bytes(raw)

    def _unknown(self, lines: Sequence[tuple[Delivered, Line]]) -> list[tuple[Delivered, Line]]:
        """Those that the log does not have yet.

        Raises:
            BadSource: It has one of that id that says something else.
        """
        known: dict[str, dict[bytes, Any]] = {}
        left = []
        for each, line in lines:
            if line.stream_id not in known:
                known[line.stream_id] = {event.event_id.bytes: event for event in self._log.load(line.stream_id)}
            held = known[line.stream_id].get(self._row(each, line)["event_id"])
            if held is None:
                left.append((each, line))
                continue
            said = (held.type, held.payload, held.occurred_at)
            if said != (line.type, line.payload, from_micros(line.occurred_at)):
                raise BadSource(
                    self._source.name,
                    None,
                    f"at {each.place}: version {held.version} of the stream {line.stream_id!r} has this event's id, {held.event_id}, and "
                    "says something else; was it imported with another mapping, time zone or currency? Nothing of this was appended",
                )
        return left


def event_table(rows: list[dict[str, Any]]) -> Any:
    """Events as a table of Arrow."""
    import pyarrow as pa

    instants = pa.timestamp("us", tz="UTC")
    kinds = {
        "stream_id": pa.string(),
        "type": pa.string(),
        "schema_version": pa.int32(),
        "occurred_at": instants,
        "entered_at": instants,
        "actor": pa.string(),
        "correlation_id": pa.string(),
        "causation_id": pa.string(),
        "payload": pa.string(),
    }
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()}
    ids = pa.array([row["event_id"] for row in rows], pa.binary(16))
    columns["event_id"] = pa.ExtensionArray.from_storage(pa.uuid(), ids)
    return pa.table(columns)
