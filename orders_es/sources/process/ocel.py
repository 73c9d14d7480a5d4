"""OCEL 2.0 files, JSON and SQLite, as events with the objects that they touch; for `orders_es.sources.process`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.errors import BadSource
from orders_es.sources.process.traced_event import Traced
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["OcelFile"]

_SQLITE_HEAD = b"SQLite format 3\0"
_EPOCH = ("1970-01-01T00:00:00", "1970-01-01 00:00:00")


class _Link(msgspec.Struct, gc=False):
    objectId: str  # noqa: N815 - the standard's spelling
    qualifier: str = ""


class _Value(msgspec.Struct, gc=False):
    name: str
    value: Any
    time: str = ""


class _Event(msgspec.Struct, gc=False):
    id: str
    type: str
    time: str
    attributes: list[_Value] = []
    relationships: list[_Link] = []


class _Object(msgspec.Struct, gc=False):
    id: str
    type: str
    attributes: list[_Value] = []


class _Attribute(msgspec.Struct, gc=False):
    name: str
    type: str = "string"


class _Type(msgspec.Struct, gc=False):
    name: str
    attributes: list[_Attribute] = []


class _Document(msgspec.Struct, gc=False):
    eventTypes: list[_Type]  # noqa: N815 - the standard's spelling
    objectTypes: list[_Type]  # noqa: N815 - the same
    events: list[_Event]
    objects: list[_Object]


class OcelFile:
    """An OCEL 2.0 file, read whole.

    Args:
        path: The file.

    Raises:
        BadSource: It is none, or does not hold together: an object that is not there, an id that comes twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        refuse_special(path, pipes=False)
        try:
            with path.open("rb") as file:
                is_sqlite = file.read(len(_SQLITE_HEAD)) == _SQLITE_HEAD
            document = _from_sqlite(path) if is_sqlite else _from_json(path)
        except FileNotFoundError:
            raise BadSource(str(path), None, "there is no such file; check the name and the folder") from None
        except OSError as error:
            raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error
        self._document = document
        self._objects = {each.id: each for each in document.objects}
        if len(self._objects) < len(document.objects):
            twice = _first_twice(each.id for each in document.objects)
            raise BadSource(str(path), None, f"the object {twice!r} is there twice; which one counts?")
        if len({each.id for each in document.events}) < len(document.events):
            twice = _first_twice(each.id for each in document.events)
            raise BadSource(str(path), None, f"the event {twice!r} is there twice; which one counts?")

    @property
    def object_types(self) -> list[str]:
        """The object types that the file declares, or has objects of."""
        declared = [each.name for each in self._document.objectTypes]
        return list(dict.fromkeys([*declared, *(each.type for each in self._document.objects)]))

    @property
    def event_types(self) -> list[str]:
        """The event types that events have, in the order in which they first come."""
        return list(dict.fromkeys(each.type for each in self._document.events))

    def kinds(self) -> dict[str, dict[str, str]]:
        """What each event type declares of its attributes."""
        return {each.name: {a.name: a.type for a in each.attributes} for each in self._document.eventTypes}

    def values(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every attribute's value: of an `event` or an `object`, of which type, under which name."""
        for event in self._document.events:
            for value in event.attributes:
                yield "event", event.type, value.name, value.value
        for held in self._document.objects:
            for value in held.attributes:
                yield "object", held.type, value.name, value.value

    @property
    def events(self) -> int:
        """How many events it has."""
        return len(self._document.events)

    def __iter__(self) -> Iterator[Traced]:
        return self.of(None)

    def of(self, object_type: str | None) -> Iterator[Traced]:
        """All events, each with the objects of a type that it touches as its streams.

        Args:
            object_type: That type; None for no streams.

        Raises:
            BadSource: An event names an object that is not there.
        """
        for number, event in enumerate(self._document.events, 1):
            touched: dict[str, list[str]] = {}
            for link in event.relationships:
                held = self._objects.get(link.objectId)
                if held is None:
                    raise BadSource(
                        str(self._path),
                        number,
                        f"the event {event.id!r} touches the object {link.objectId!r}, which the file does not have",
                    )
                known = touched.setdefault(held.type, [])
                if held.id not in known:
                    known.append(held.id)
            beside = {
                kind: self._described(ids[0], event.time) if len(ids) == 1 else ids for kind, ids in touched.items()
            }
            values = {value.name: value.value for value in event.attributes}
            streams = tuple(touched.get(object_type, ())) if object_type is not None else ()
            yield Traced(number, event.id, event.type, event.time, streams, values, beside)

    def _described(self, object_id: str, time: str) -> dict[str, Any]:
        """An object as it was by the time of an event: its id, and the last value of each attribute until then."""
        found: dict[str, Any] = {}
        for value in sorted(self._objects[object_id].attributes, key=lambda value: value.time):
            if value.time <= time or value.time.startswith(_EPOCH):
                found[value.name] = value.value
        return {**found, "id": object_id}


def _first_twice(ids: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            return each
        seen.add(each)
    return None


def _from_json(path: Path) -> _Document:
    try:
        return msgspec.json.Decoder(_Document, float_hook=Decimal).decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "; OCEL 1.0 has ocel:events, and this reads 2.0" if b'"ocel:' in path.read_bytes()[:4096] else ""
        raise BadSource(str(path), None, f"it is no OCEL 2.0 JSON: {error}{hint}") from error


def _from_sqlite(path: Path) -> _Document:
    # immutable: nothing is made beside somebody's file, and a file in a read-only folder can be read.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        try:
            return _tables(connection)
        except (sqlite3.Error, KeyError) as error:
            raise BadSource(str(path), None, f"it is no OCEL 2.0 database: {error}") from error


def _tables(connection: sqlite3.Connection) -> _Document:
    links: dict[str, list[_Link]] = {}
    for event_id, object_id, qualifier in connection.execute(
        "SELECT ocel_event_id, ocel_object_id, ocel_qualifier FROM event_object ORDER BY rowid"
    ):
        links.setdefault(event_id, []).append(_Link(object_id, qualifier or ""))
    order = {
        event_id: n for n, (event_id,) in enumerate(connection.execute("SELECT ocel_id FROM event ORDER BY rowid"))
    }
    events: list[_Event] = []
    event_types: list[_Type] = []
    for kind, mapped in connection.execute("SELECT ocel_type, ocel_type_map FROM event_map_type").fetchall():
        names, kinds, rows = _typed(connection, f"event_{mapped}")
        event_types.append(
            _Type(kind, [_Attribute(n, k) for n, k in zip(names, kinds, strict=True) if n[:5] != "ocel_"])
        )
        for row in rows:
            held = dict(zip(names, row, strict=True))
            values = [
                _Value(n, _plain(v, k))
                for n, v, k in zip(names, row, kinds, strict=True)
                if n[:5] != "ocel_" and v is not None
            ]
            event_id = held["ocel_id"]
            events.append(_Event(event_id, kind, held["ocel_time"], values, links.get(event_id, [])))
    events.sort(key=lambda event: order.get(event.id, len(order)))
    objects: dict[str, _Object] = {}
    object_types: list[_Type] = []
    for kind, mapped in connection.execute("SELECT ocel_type, ocel_type_map FROM object_map_type").fetchall():
        names, kinds, rows = _typed(connection, f"object_{mapped}")
        object_types.append(
            _Type(kind, [_Attribute(n, k) for n, k in zip(names, kinds, strict=True) if n[:5] != "ocel_"])
        )
        for row in rows:
            held = dict(zip(names, row, strict=True))
            each = objects.setdefault(held["ocel_id"], _Object(held["ocel_id"], kind, []))
            each.attributes += [
                _Value(n, _plain(v, k), held["ocel_time"])
                for n, v, k in zip(names, row, kinds, strict=True)
                if n[:5] != "ocel_" and v is not None
            ]
    return _Document(event_types, object_types, events, list(objects.values()))


_DECLARED = {"INTEGER": "integer", "REAL": "float", "BOOLEAN": "boolean", "TIMESTAMP": "time"}


def _typed(connection: sqlite3.Connection, table: str) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    quoted = '"' + table.replace('"', '""') + '"'
    columns = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
    names = [column[1] for column in columns]
    kinds = [_DECLARED.get(str(column[2]).upper(), "string") for column in columns]
    return names, kinds, connection.execute(f"SELECT * FROM {quoted} ORDER BY rowid").fetchall()


def _plain(value: Any, kind: str) -> Any:
    """A value of SQLite with its digits; a REAL has the fewest that give it back."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if kind == "boolean" and value in (0, 1):
        return bool(value)
    return value
