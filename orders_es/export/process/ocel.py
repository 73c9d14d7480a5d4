"""`export_ocel`: orders at a moment as an object-centric event log, OCEL 2.0, in its JSON and its SQLite form.

Source: A. Berti and others, OCEL 2.0 Specification (https://arxiv.org/abs/2403.01975), its JSON Schema and its relational form.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotExport
from orders_es.evidence import OCEL, write_beside
from orders_es.export.process.evidence import held_provenance, object_totals
from orders_es.export.process.relations import (
    EPOCH,
    OBJECT_TYPES,
    READS,
    attributes_of,
    event_query,
    make_relations,
)
from orders_es.log.log_argument import check_session
from orders_es.log.relation import text
from orders_es.log.target import check_target
from orders_es.replay.answer_files import replacing
from orders_es.replay.moments import as_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from orders_es.evidence import Provenance
    from orders_es.export.process.relations import Attribute
    from orders_es.log import EventType, Head
    from orders_es.orders.moments import Moment
    from orders_es.replay import Session

__all__ = ["ExportedProcess", "export_ocel"]

_BATCH = 10_000
_MOST_DIGITS = 15
"""A REAL gives back every number of so many digits, and not every one of more."""


@dataclass(frozen=True, slots=True)
class ExportedProcess:
    """What an export for process mining came to.

    Args:
        path: The file.
        events: How many events it has.
        objects: How many objects it has, by type; for XES, how many cases.
        left_out: Event types whose events are in no order's stream, with their numbers.
        position: The last position of the log that was looked at.
        root: The log's root there, in hexadecimal.
        provenance: What the file beside it, `<path>.json`, says: all of that, the moments, and control totals.
    """

    path: str
    events: int
    objects: dict[str, int]
    left_out: dict[str, int]
    position: int
    root: str
    provenance: Provenance


def export_ocel(
    session: Session,
    path: str | os.PathLike[str],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    position: int | None = None,
) -> ExportedProcess:
    """Write all orders as they stood at a moment as an object-centric event log, OCEL 2.0; the name's ending says in which form.

    Objects are orders, their items, customers, payments, refunds and shipments, with what they were from when on (an order's
    status and money, an item's quantity); events are the log's, with their fields, actor and both times, and refer to the
    objects they touch. Money is exact: in JSON as digits, in SQLite as a REAL that gives the same digits back, or refused.
    The file appears whole or not at all, and beside it `<path>.json`, which says where it comes from. Read-only on the log.

    Args:
        session: What shows the log.
        path: A name that ends in `.json` or `.jsonocel`, or in `.sqlite` or `.db`.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.
        position: Only the log's events up to this position.

    Raises:
        CannotExport: The name has another ending, or an amount has more digits than a REAL keeps.
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
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP", customer_id="C-1")], expected=NO_STREAM)
        >>> done = export_ocel(connect(log), tempfile.mkdtemp() + "/orders.json")
        >>> done.events, done.objects["order"], done.objects["customer"]
        (1, 1, 1)
    """
    check_session(session)
    target = Path(path).absolute()
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise CannotExport(str(path), f"its name ends in {target.suffix!r}; name it .json, .jsonocel, .sqlite or .db")
    check_target(session.log, target)
    event_types = tuple(session.log.registry)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=position, tz=session.tz)
    with replacing(target) as fresh:

        def use(cursor: Any, head: Head) -> ExportedProcess:
            held, left = make_relations(cursor, event_types)
            fresh.unlink(missing_ok=True)  # it is begun anew where files of the log vanished meanwhile
            write(cursor, fresh, held, str(path))
            [(events,)] = cursor.execute("SELECT count(*) FROM process_events").fetchall()
            counts = dict(cursor.execute("SELECT type, count(*) FROM process_objects GROUP BY type").fetchall())
            objects = {name: counts.get(name, 0) for name in OBJECT_TYPES}
            known = held_provenance(session, cursor, head, asked, OCEL, events, object_totals(cursor, held))
            return ExportedProcess(str(target), events, objects, left, head.position, head.root.hex(), known)

        done = session.using(
            use,
            "an object-centric event log",
            at=at,
            known_at=known_at,
            recorded_by=recorded_by,
            position=position,
            reads=READS,
        )
        write_beside(target, done.provenance, fresh)
    return done


def _rows(cursor: Any, query: str) -> Iterator[tuple[Any, ...]]:
    answer = cursor.execute(query)
    while rows := answer.fetchmany(_BATCH):
        yield from rows


def _write_json(cursor: Any, path: Path, event_types: Sequence[EventType], _: str) -> None:
    def declared(name: str, attributes: Sequence[Attribute]) -> dict[str, Any]:
        return {"name": name, "attributes": [{"name": a.name, "type": a.kind} for a in attributes]}

    events = " UNION ALL ".join(map(event_query, event_types))
    with path.open("w", encoding="utf-8") as file:
        heads = {
            "objectTypes": [declared(name, attributes) for name, attributes in OBJECT_TYPES.items()],
            "eventTypes": [declared(each.name, attributes_of(each)) for each in event_types],
        }
        file.write("{\n" + "".join(f'"{k}": {json.dumps(v, ensure_ascii=False)},\n' for k, v in heads.items()))
        file.write('"objects": [')
        _write_list(file, _rows(cursor, _JSON_OBJECTS))
        file.write('],\n"events": [')
        _write_list(file, _rows(cursor, _JSON_EVENTS.format(events=events)) if event_types else iter(()))
        file.write("]\n}\n")


def _write_list(file: Any, rows: Iterator[tuple[Any, ...]]) -> None:
    for number, (row,) in enumerate(rows):
        file.write((",\n" if number else "\n") + row)


_JSON_OBJECTS = """
SELECT to_json({'id': o.id, 'type': o.type, 'attributes': coalesce(v.attributes, []), 'relationships': coalesce(l.relationships, [])})
FROM process_objects o
LEFT JOIN (
    SELECT id, list({'name': name, 'time': time, 'value': value} ORDER BY time, name) AS attributes FROM process_values GROUP BY id
) v ON v.id = o.id
LEFT JOIN (
    SELECT source, list({'objectId': target, 'qualifier': qualifier} ORDER BY place, target) AS relationships
    FROM process_object_links GROUP BY source
) l ON l.source = o.id
ORDER BY o.place, o.id"""

_JSON_EVENTS = """
SELECT to_json({{'id': e.id, 'type': e.type, 'time': e.time, 'attributes': e.attributes, 'relationships': l.relationships}})
FROM ({events}) e
JOIN (
    SELECT "position", list({{'objectId': id, 'qualifier': qualifier}} ORDER BY place, id) AS relationships
    FROM process_links GROUP BY "position"
) l ON l."position" = e."position"
ORDER BY e."position" """


_SQLITE = {"string": "TEXT", "time": "TIMESTAMP", "integer": "INTEGER", "float": "REAL", "boolean": "BOOLEAN"}


def _write_sqlite(cursor: Any, path: Path, event_types: Sequence[EventType], name: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {_SQLITE_TABLES}")
        for each in event_types:
            _make_table(connection, "event", each.name, attributes_of(each), "")
        for kind, attributes in OBJECT_TYPES.items():
            _make_table(connection, "object", kind, attributes, ", ocel_changed_field TEXT")
        for table, query in _SQLITE_ROWS.items():
            rows = _rows(cursor, query)
            first = next(rows, None)
            if first is not None:
                places = ", ".join("?" * len(first))
                connection.execute(f"INSERT INTO {table} VALUES ({places})", first)
                connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        for each in event_types:
            _fill_events(cursor, connection, each, name)
        for kind, attributes in OBJECT_TYPES.items():
            _fill_objects(cursor, connection, kind, attributes, name)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _make_table(
    connection: sqlite3.Connection, prefix: str, kind: str, attributes: Sequence[Attribute], more: str
) -> None:
    connection.execute(f"INSERT INTO {prefix}_map_type VALUES (?, ?)", (kind, kind))
    columns = "".join(f', "{a.name}" {_SQLITE[a.kind]}' for a in attributes)
    key = ", PRIMARY KEY (ocel_id)" if prefix == "event" else ""
    connection.execute(
        f'CREATE TABLE "{prefix}_{kind}" (ocel_id TEXT NOT NULL, ocel_time TIMESTAMP NOT NULL{more}{columns}{key}, '
        f"FOREIGN KEY (ocel_id) REFERENCES {prefix} (ocel_id))"
    )


def _fill_events(cursor: Any, connection: sqlite3.Connection, event_type: EventType, name: str) -> None:
    attributes = attributes_of(event_type)
    values = ", ".join(a.sql for a in attributes)
    query = (
        "SELECT event_id::VARCHAR, strftime(occurred_at AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f'), "
        f'{values} FROM process_events WHERE type = {text(event_type.name)} ORDER BY "position"'
    )
    forms: list[Callable[[str | None], Any]] = [_form(a.kind, name) for a in attributes]
    _insert(
        connection,
        f"event_{event_type.name}",
        (
            (*row[:2], *(form(value) for form, value in zip(forms, row[2:], strict=True)))
            for row in _rows(cursor, query)
        ),
        2 + len(attributes),
    )


def _fill_objects(
    cursor: Any, connection: sqlite3.Connection, kind: str, attributes: Sequence[Attribute], name: str
) -> None:
    """One row for what an object is all its life, and one for each change after it."""
    names = [a.name for a in attributes]
    forms = {a.name: _form(a.kind, name) for a in attributes}
    width = 3 + len(names)

    def rows() -> Iterator[tuple[Any, ...]]:
        for object_id, pairs in _rows(cursor, _SQLITE_VALUES.format(kind=text(kind))):
            static = {p["name"]: p["value"] for p in pairs if p["time"] == EPOCH}
            first = [forms[n](static.get(n)) for n in names]
            yield (object_id, "1970-01-01 00:00:00", None, *first)
            for p in pairs:
                if p["time"] != EPOCH:
                    changed = [forms[n](p["value"]) if n == p["name"] else None for n in names]
                    yield (object_id, p["time"].replace("T", " ").removesuffix("Z"), p["name"], *changed)

    _insert(connection, f"object_{kind}", rows(), width)


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[tuple[Any, ...]], width: int) -> None:
    connection.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * width)})', rows)


def _form(kind: str, name: str) -> Callable[[str | None], Any]:
    def number(value: str | None) -> float | None:
        if value is None:
            return None
        if len(value.strip("-").replace(".", "").lstrip("0")) > _MOST_DIGITS:
            raise CannotExport(
                name, f"{value} has more digits than the REAL numbers of SQLite keep; write .json instead"
            )
        return float(value)

    def whole(value: str | None) -> int | None:
        return None if value is None else int(value)

    def truth(value: str | None) -> int | None:
        return None if value is None else int(value == "true")

    def time(value: str | None) -> str | None:
        return None if value is None else value.replace("T", " ").removesuffix("Z")

    forms: dict[str, Callable[[str | None], Any]] = {"float": number, "integer": whole, "boolean": truth, "time": time}
    return forms.get(kind, lambda value: value)


_SQLITE_TABLES = """
CREATE TABLE event_map_type (ocel_type TEXT NOT NULL PRIMARY KEY, ocel_type_map TEXT NOT NULL);
CREATE TABLE object_map_type (ocel_type TEXT NOT NULL PRIMARY KEY, ocel_type_map TEXT NOT NULL);
CREATE TABLE event (ocel_id TEXT NOT NULL PRIMARY KEY, ocel_type TEXT NOT NULL REFERENCES event_map_type (ocel_type));
CREATE TABLE object (ocel_id TEXT NOT NULL PRIMARY KEY, ocel_type TEXT NOT NULL REFERENCES object_map_type (ocel_type));
CREATE TABLE event_object (
    ocel_event_id TEXT NOT NULL REFERENCES event (ocel_id), ocel_object_id TEXT NOT NULL REFERENCES object (ocel_id),
    ocel_qualifier TEXT, PRIMARY KEY (ocel_event_id, ocel_object_id, ocel_qualifier));
CREATE TABLE object_object (
    ocel_source_id TEXT NOT NULL REFERENCES object (ocel_id), ocel_target_id TEXT NOT NULL REFERENCES object (ocel_id),
    ocel_qualifier TEXT, PRIMARY KEY (ocel_source_id, ocel_target_id, ocel_qualifier));
"""

_SQLITE_ROWS = {
    "event": 'SELECT event_id::VARCHAR, type FROM process_events ORDER BY "position"',
    "object": "SELECT id, type FROM process_objects ORDER BY place, id",
    "event_object": 'SELECT e.event_id::VARCHAR, l.id, l.qualifier FROM process_links l JOIN process_events e USING ("position") '
    'ORDER BY l."position", l.place, l.id',
    "object_object": "SELECT source, target, qualifier FROM process_object_links ORDER BY source, place, target",
}

_SQLITE_VALUES = """
SELECT o.id, coalesce(v.pairs, []) FROM process_objects o LEFT JOIN (
    SELECT id, list({{'name': name, 'time': time, 'value': value}} ORDER BY time, name) AS pairs FROM process_values GROUP BY id
) v ON v.id = o.id WHERE o.type = {kind} ORDER BY o.id"""

_WRITERS: dict[str, Callable[[Any, Path, Sequence[EventType], str], None]] = {
    ".json": _write_json,
    ".jsonocel": _write_json,
    ".sqlite": _write_sqlite,
    ".db": _write_sqlite,
}
