"""`export_xes`: orders at a moment as an event log by case, XES.

Source: IEEE 1849-2016, Standard for eXtensible Event Stream (XES), with its extensions concept, time, lifecycle and
organizational (http://www.xes-standard.org/).
"""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from orders_es.errors import CannotExport
from orders_es.evidence import XES, Totals, write_beside
from orders_es.export.process.evidence import held_provenance
from orders_es.export.process.ocel import ExportedProcess
from orders_es.export.process.relations import READS, attributes_of, make_relations
from orders_es.log.log_argument import check_session
from orders_es.log.relation import text
from orders_es.log.target import check_target
from orders_es.replay.answer_files import replacing
from orders_es.replay.moments import as_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from orders_es.log import Head
    from orders_es.orders.moments import Moment
    from orders_es.replay import Session

__all__ = ["export_xes"]

_BATCH = 10_000
_TAGS = {"string": "string", "time": "date", "integer": "int", "float": "float", "boolean": "boolean"}
_EXTENSIONS = {"Concept": "concept", "Time": "time", "Lifecycle": "lifecycle", "Organizational": "org"}
_ORDER = {"currency": "string", "customer_id": "string", "country": "string", "status": "string", "total": "float"}


def export_xes(
    session: Session,
    path: str | os.PathLike[str],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    position: int | None = None,
) -> ExportedProcess:
    """Write all orders as they stood at a moment as an event log by case, XES: a trace an order, its events in the order of time.

    Each event has its type (`concept:name`), time (`time:timestamp`), actor (`org:resource`) and fields; a trace has the order's
    id, currency, customer, country, status and total. Money is written in digits. The file appears whole or not at all.
    Read-only on the log.

    Args:
        session: What shows the log.
        path: A name that ends in `.xes`, or in `.xes.gz` for a compressed file.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        position: Only the log's events up to this position.

    Raises:
        CannotExport: The name has another ending, or a text holds characters that XML has not.
        NaiveTime: A time has no time zone.
        TargetInLog: The file would be in the log.
        UnknownEventType: An order has an event whose meaning nobody registered.
        OSError: The disk refuses.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> done = export_xes(connect(log), tempfile.mkdtemp() + "/orders.xes")
        >>> done.events, done.objects
        (1, {'order': 1})
    """
    check_session(session)
    target = Path(path).absolute()
    if not target.name.lower().endswith((".xes", ".xes.gz")):
        raise CannotExport(str(path), f"its name ends in {target.suffix!r}; name it .xes or .xes.gz")
    check_target(session.log, target)
    event_types = tuple(session.log.registry)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=position, tz=session.tz)
    with replacing(target) as fresh:

        def use(cursor: Any, head: Head) -> ExportedProcess:
            held, left = make_relations(cursor, event_types)
            branches = [
                f'SELECT "position", {_list(attributes_of(each))} AS attributes '
                f"FROM process_events WHERE type = {text(each.name)}"
                for each in held
            ]
            with _opened(fresh, compressed=target.suffix.lower() == ".gz") as file:
                traces, events, totals = _write(file, cursor, branches, str(path), session.log.origin)
            known = held_provenance(session, cursor, head, asked, XES, events, totals)
            return ExportedProcess(str(target), events, {"order": traces}, left, head.position, head.root.hex(), known)

        done = session.using(
            use,
            "an event log by case",
            at=at,
            known_at=known_at,
            recorded_by=recorded_by,
            position=position,
            reads=READS,
        )
        write_beside(target, done.provenance, fresh)
    return done


def _list(attributes: Any) -> str:
    each = ", ".join(
        f"{{'name': {text(a.name)}, 'kind': {text(_TAGS[a.kind])}, 'value': {a.sql}}}"
        for a in attributes
        if a.name not in ("order_id", "actor")
    )
    return f"list_filter([{each}], lambda pair: pair.value IS NOT NULL)"


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[IO[str]]:
    if not compressed:
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    # No name and no time in it: the same orders give the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        import io

        with io.TextIOWrapper(packed, encoding="utf-8") as file:
            yield file


def _write(file: IO[str], cursor: Any, branches: list[str], path: str, origin: str) -> tuple[int, int, Totals]:
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    file.write('<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">\n')
    for name, prefix in _EXTENSIONS.items():
        uri = f"http://www.xes-standard.org/{prefix}.xesext"
        file.write(f'<extension name="{name}" prefix="{prefix}" uri="{uri}"/>\n')
    file.write('<global scope="trace"><string key="concept:name" value=""/></global>\n')
    file.write(
        '<global scope="event"><string key="concept:name" value=""/>'
        '<date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/>'
        '<string key="lifecycle:transition" value="complete"/></global>\n'
    )
    file.write('<classifier name="Event type" keys="concept:name"/>\n')
    file.write(_tag("string", "concept:name", origin, path) + "\n")
    traces, events, totals = 0, 0, Totals()
    current: str | None = None
    if branches:
        columns = ", ".join(f"o.{name}::VARCHAR" for name in _ORDER)
        answer = cursor.execute(
            f"SELECT e.stream_id, e.event_id::VARCHAR, e.type, "
            f"strftime(e.occurred_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00'), e.actor, a.attributes, {columns} "
            f'FROM process_events e JOIN ({" UNION ALL ".join(branches)}) a USING ("position") '
            "JOIN orders o ON o.order_id = e.stream_id ORDER BY e.stream_id, e.occurred_at, e.version"
        )
        while rows := answer.fetchmany(_BATCH):
            for stream_id, event_id, kind, time, actor, attributes, *order in rows:
                if stream_id != current:
                    file.write("</trace>\n" if current is not None else "")
                    file.write(f"<trace>{_tag('string', 'concept:name', stream_id, path)}")
                    for (name, form), value in zip(_ORDER.items(), order, strict=True):
                        file.write("" if value is None else _tag(form, name, value, path))
                        if form == "float":
                            totals.add(f"trace.{name}", value)
                    file.write("\n")
                    current, traces = stream_id, traces + 1
                inner = [
                    f'<id key="identity:id" value="{event_id}"/>',
                    _tag("string", "concept:name", kind, path),
                    _tag("date", "time:timestamp", time, path),
                    _tag("string", "lifecycle:transition", "complete", path),
                    "" if actor is None else _tag("string", "org:resource", actor, path),
                    *(_tag(a["kind"], a["name"], a["value"], path) for a in attributes),
                ]
                for a in attributes:
                    if a["kind"] in ("int", "float"):
                        totals.add(f"event {kind}.{a['name']}", a["value"])
                file.write(f"<event>{''.join(inner)}</event>\n")
                events += 1
    file.write("</trace>\n" if current is not None else "")
    file.write("</log>\n")
    return traces, events, totals


_NEWLINES = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def _tag(kind: str, key: str, value: str, path: str) -> str:
    for character in value:
        if (character < " " and character not in _NEWLINES) or character in "\ufffe\uffff":
            raise CannotExport(
                path, f"{key} {value[:40]!r} holds {character!r}, which XML cannot hold; export OCEL's JSON instead"
            )
    return f"<{kind} key={quoteattr(key)} value={quoteattr(value, _NEWLINES)}/>"
