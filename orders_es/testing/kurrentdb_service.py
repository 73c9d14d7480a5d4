"""A small stand-in for KurrentDB: the part of its service `Streams` that a client needs to write events and to read them again.

python -m orders_es.testing.kurrentdb_service --port 2113 --file EVENTS

Made from the service definitions that `kurrentdbclient` ships, because no package index has the server. What is appended is kept in a file. It reads one stream or `$all`, forwards and backwards,
with filters by prefix or expression and with links resolved; it appends with an expected version, deletes, sets tombstones, and truncates as a stream's metadata (`$tb`) says. An event of the type
`$scavenge` takes out of `$all` what was deleted or truncated. It has no subscriptions, no projections, no cluster, and it checks a user only where it was given one (then over TLS).
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from kurrentdbclient.protos.v1 import shared_pb2, streams_pb2, streams_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["main"]

_FIRST = 1_000
_LINK = "$>"
_FOR_GOOD = 2**63 - 1
"""What `$tb` is once a stream was deleted so that it may be written again."""


@dataclass(frozen=True, slots=True)
class _Record:
    position: int
    stream: str
    revision: int
    id: str
    type: str
    content_type: str
    created: int
    data: str
    metadata: str

    def told(self) -> Any:
        """It, as the protocol says it."""
        return streams_pb2.ReadResp.ReadEvent.RecordedEvent(
            id=shared_pb2.UUID(string=self.id),
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=self.stream.encode()),
            stream_revision=self.revision,
            prepare_position=self.position,
            commit_position=self.position,
            metadata={"type": self.type, "content-type": self.content_type, "created": str(self.created)},
            custom_metadata=base64.b64decode(self.metadata),
            data=base64.b64decode(self.data),
        )


class _Database:
    """All that was written, in order; what is appended is in the file before it is answered."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self.records: list[_Record] = []
        self._streams: dict[str, list[_Record]] = {}
        self._truncated: dict[str, int] = {}
        self._tombstones: set[str] = set()
        if file.exists():
            *lines, broken = file.read_bytes().split(b"\n")
            file.write_bytes(b"".join(line + b"\n" for line in lines))  # without what a kill cut in two
            assert not broken or not broken.endswith(b"}")
            for line in lines:
                for each in json.loads(line):
                    self._take(_Record(**each))
        self._file = file.open("ab", buffering=0)

    def append(self, stream: str, events: list[tuple[str, str, str, bytes, bytes]], fits: Callable[[int], bool]) -> int:
        """The position of the last of some events, or -1 if the stream's last revision (-1 for none) does not fit."""
        with self._lock:
            last = self.last(stream)
            known = {record.id: record for record in self._streams.get(stream, ())}
            if events and events[0][0] in known:  # as the server does: what was written before is not written again
                return known[events[0][0]].position
            if not fits(last):
                return -1
            position = self.records[-1].position if self.records else _FIRST
            made = []
            for number, (event, kind, content_type, data, metadata) in enumerate(events, last + 1):
                position += 100 + len(data) + len(metadata)
                texts = [base64.b64encode(raw).decode() for raw in (data, metadata)]
                now = time.time_ns() // 100
                made.append(_Record(position, stream, number, event, kind, content_type, now, *texts))
            self._file.write(json.dumps([asdict(record) for record in made]).encode() + b"\n")
            for record in made:
                self._take(record)
            return position

    def last(self, stream: str) -> int:
        """The last revision that a stream ever had; -1 for none."""
        held = self._streams.get(stream)
        return held[-1].revision if held else -1

    def stream(self, name: str) -> list[_Record] | None:
        """What a stream has; None where there is none, or not any more."""
        held = self._streams.get(name)
        before = self._truncated.get(name, 0)
        if held is None or before == _FOR_GOOD:
            return None
        return [record for record in held if record.revision >= before]

    def is_gone(self, name: str) -> bool:
        """Whether a stream has a tombstone."""
        return name in self._tombstones

    def linked(self, record: _Record) -> _Record | None:
        """What a link means; None where that was removed."""
        revision, _, name = base64.b64decode(record.data).decode().partition("@")
        found = None if self.is_gone(name) else self.stream(name)
        return next((each for each in found or () if each.revision == int(revision)), None)

    def _take(self, record: _Record) -> None:
        self.records.append(record)
        self._streams.setdefault(record.stream, []).append(record)
        if record.type == "$metadata":
            self._truncated[record.stream.removeprefix("$$")] = json.loads(base64.b64decode(record.data)).get("$tb", 0)
        elif record.type == "$streamDeleted":
            self._tombstones.add(record.stream)
        elif record.type == "$scavenge":
            self.records = [each for each in self.records if not self._may_go(each)]
        elif self._truncated.get(record.stream) == _FOR_GOOD:  # a deleted stream that is written again begins there
            self._truncated[record.stream] = record.revision

    def _may_go(self, record: _Record) -> bool:
        is_mark = record.type == "$streamDeleted"
        return not is_mark and (
            record.stream in self._tombstones or record.revision < self._truncated.get(record.stream, 0)
        )


class _Streams(streams_pb2_grpc.StreamsServicer):  # type: ignore[misc,unused-ignore]
    def __init__(self, database: _Database, user: str | None) -> None:
        self._database = database
        self._allowed = None if user is None else f"Basic {base64.b64encode(user.encode()).decode()}"

    def Read(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - the protocol's name
        """Events of a stream, or of all."""
        self._check(context)
        options = request.options
        if options.WhichOneof("count_option") != "count":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "this stand-in has no subscriptions")
        backwards = options.read_direction == streams_pb2.ReadReq.Options.Backwards
        if options.WhichOneof("stream_option") == "stream":
            name = options.stream.stream_identifier.stream_name.decode()
            if self._database.is_gone(name):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Event stream '{name}' is deleted.")
            found = self._database.stream(name)
            if found is None:
                gone = streams_pb2.ReadResp.StreamNotFound(stream_identifier=options.stream.stream_identifier)
                yield streams_pb2.ReadResp(stream_not_found=gone)
                return
            records = _from(found, options.stream, lambda record: record.revision, backwards=backwards)
        else:
            records = self._all(options, context, backwards=backwards)
        left = options.count
        for record in records:
            if not left or not context.is_active():
                return
            left -= 1
            read = streams_pb2.ReadResp.ReadEvent(commit_position=record.position)
            meant = record
            if options.resolve_links and record.type == _LINK:
                target = self._database.linked(record)
                read.link.CopyFrom(record.told())
                if target is None:
                    yield streams_pb2.ReadResp(event=read)
                    continue
                meant = target
            read.event.CopyFrom(meant.told())
            yield streams_pb2.ReadResp(event=read)

    def _all(self, options: Any, context: Any, *, backwards: bool) -> Iterable[_Record]:
        records = self._database.records
        asked = options.all
        end = records[-1].position if records else 0
        if asked.WhichOneof("all_option") == "position" and asked.position.commit_position > end:
            context.abort(grpc.StatusCode.UNKNOWN, "Unexpected FilteredReadAllResult: InvalidPosition")
        keep = _filter(options) if options.WhichOneof("filter_option") == "filter" else lambda _: True
        chosen = _from(records, asked, lambda record: record.position, backwards=backwards)
        return (record for record in chosen if keep(record))

    def Append(self, requests: Iterator[Any], context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Write events to a stream, if it is as far as is expected."""
        self._check(context)
        options = next(requests).options
        name = options.stream_identifier.stream_name.decode()
        if self._database.is_gone(name):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Event stream '{name}' is deleted.")
        events = [_event(each.proposed_message) for each in requests]
        position = self._database.append(name, events, _expected(options))
        if position < 0:
            last = self._database.last(name)
            wrong = streams_pb2.AppendResp.WrongExpectedVersion(
                **({"current_no_stream": shared_pb2.Empty()} if last < 0 else {"current_revision": last})
            )
            return streams_pb2.AppendResp(wrong_expected_version=wrong)
        where = streams_pb2.AppendResp.Position(commit_position=position, prepare_position=position)
        done = streams_pb2.AppendResp.Success(current_revision=self._database.last(name), position=where)
        return streams_pb2.AppendResp(success=done)

    def BatchAppend(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: N802 - the protocol's name
        """The same, several times over one connection; a write comes in one request."""
        from google.protobuf import any_pb2
        from kurrentdbclient.protos.v1 import status_pb2

        self._check(context)
        for request in requests:
            name = request.options.stream_identifier.stream_name.decode()
            answer = streams_pb2.BatchAppendResp(correlation_id=request.correlation_id)
            wrong: Any = None
            if self._database.is_gone(name):
                wrong = shared_pb2.StreamDeleted(stream_identifier=request.options.stream_identifier)
            else:
                events = [_event(each) for each in request.proposed_messages]
                position = self._database.append(name, events, _expected(request.options))
                last = self._database.last(name)
                if position < 0:
                    now = {"current_no_stream": shared_pb2.Empty()} if last < 0 else {"current_stream_revision": last}
                    wrong = shared_pb2.WrongExpectedVersion(**now)
                else:
                    answer.success.current_revision = last
                    answer.success.position.commit_position = answer.success.position.prepare_position = position
            if wrong is not None:
                details = any_pb2.Any()
                details.Pack(wrong)
                answer.error.CopyFrom(status_pb2.Status(message="refused", details=details))
            yield answer

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Delete a stream so that it may be written again."""
        self._check(context)
        name = request.options.stream_identifier.stream_name.decode()
        facts = json.dumps({"$tb": _FOR_GOOD}).encode()
        self._mark(f"$${name}", "$metadata", facts)
        return streams_pb2.DeleteResp(no_position=shared_pb2.Empty())

    def Tombstone(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Delete a stream for good."""
        self._check(context)
        self._mark(request.options.stream_identifier.stream_name.decode(), "$streamDeleted", b"{}")
        return streams_pb2.TombstoneResp(no_position=shared_pb2.Empty())

    def _mark(self, stream: str, kind: str, data: bytes) -> None:
        from uuid import uuid4

        self._database.append(stream, [(str(uuid4()), kind, "application/json", data, b"")], lambda _: True)

    def _check(self, context: Any) -> None:
        said = dict(context.invocation_metadata()).get("authorization")
        if self._allowed is not None and said != self._allowed:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Unauthenticated")


def _from(
    records: list[_Record], asked: Any, number: Callable[[_Record], int], *, backwards: bool
) -> Iterable[_Record]:
    """Those from where a read begins: forwards with it; backwards without a position, and with a revision."""
    where = asked.WhichOneof("all_option" if hasattr(asked, "position") else "revision_option")
    if where == "end":
        return reversed(records) if backwards else ()
    if where == "start":
        return () if backwards else iter(records)
    first = asked.revision if where == "revision" else asked.position.commit_position
    if not backwards:
        return (record for record in records if number(record) >= first)
    last = first if where == "revision" else first - 1
    return (record for record in reversed(records) if number(record) <= last)


def _filter(options: Any) -> Callable[[_Record], bool]:
    by = options.filter.WhichOneof("filter")
    asked = getattr(options.filter, by)
    prefixes, expression = tuple(asked.prefix), re.compile(asked.regex)

    def keep(record: _Record) -> bool:
        text = record.stream if by == "stream_identifier" else record.type
        return text.startswith(prefixes) if prefixes else bool(expression.search(text))

    return keep


def _event(said: Any) -> tuple[str, str, str, bytes, bytes]:
    return said.id.string, said.metadata["type"], said.metadata["content-type"], said.data, said.custom_metadata


def _expected(options: Any) -> Callable[[int], bool]:
    """What a stream's last revision has to be: the two ways to append have two names for the same."""
    several = hasattr(options, "stream_position")
    kind = options.WhichOneof("expected_stream_position" if several else "expected_stream_revision")
    if kind in ("revision", "stream_position"):
        wanted = getattr(options, kind)
        return lambda last: last == wanted
    return {"no_stream": lambda last: last < 0, "stream_exists": lambda last: last >= 0}.get(kind, lambda _: True)


def main(words: list[str] | None = None) -> None:
    """Serve on a loopback port until the process is told to end.

    Args:
        words: The command line; this process' own if left out.
    """
    from concurrent.futures import ThreadPoolExecutor

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--user", help="NAME:PASSWORD, asked of every call; over TLS, with --certificate and --key")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args(words)
    server = grpc.server(
        ThreadPoolExecutor(16),
        options=(
            ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.so_reuseport", 0),
        ),
    )
    add: Any = streams_pb2_grpc.add_StreamsServicer_to_server  # says no types
    add(_Streams(_Database(given.file), given.user), server)
    place = f"127.0.0.1:{given.port}"
    if given.certificate is None:
        server.add_insecure_port(place)
    else:
        pair = (given.key.read_bytes(), given.certificate.read_bytes())
        server.add_secure_port(place, grpc.ssl_server_credentials([pair]))
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
