"""Mappings of changes: TOML files that say what a row's change means, as declared events; for `orders_es.sources`.

Whatever is wrong in a mapping is said with the line of the file that it stands on.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders_es.log import EventRegistry

__all__ = ["ChangeMapping", "ChangeRule", "Filling", "load_change_mapping", "shipped_change_mappings"]

_MAPPINGS = resources.files("orders_es.sources.rows") / "mappings"

_ON = ("inserted", "changed", "deleted")
_SETTINGS = ("type", "table", "stream", "on", "changed", "becomes", "occurred", "above_zero")
_EVENT = re.compile(r"\s*\[\[\s*event\s*\]\]\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_]+)\s*=")


@dataclass(frozen=True, slots=True)
class Filling:
    """Where a field of an event comes from.

    Args:
        column: The column; None for a constant.
        value: The constant.
        side: `after`, `before`, or `difference`, which is the one less the other.
        line: The line of the mapping.
        minor: The column of the currency, where an amount is in its smallest unit, as cents.
        upper: Whether small letters are read as capitals.
    """

    column: str | None
    value: Any
    side: str
    line: int
    minor: str | None = None
    upper: bool = False


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """One event that a change may be.

    Args:
        type: The name of the event's type, such as `OrderPlaced`.
        table: Of which table; None for any.
        stream: The columns that make the id of its stream.
        on: Which kinds of change: `inserted`, `changed`, `deleted`.
        changed: A column that has to differ, if any.
        becomes: Columns, and the values one of which each has to have now and had not before.
        occurred: The column of the time at which it happened, if any.
        fields: Where each field comes from.
        above_zero: A field that has to be more than nothing, or there is no event.
    """

    type: str
    table: str | None
    stream: tuple[str, ...]
    on: tuple[str, ...]
    changed: str | None
    becomes: dict[str, tuple[str, ...]]
    occurred: str | None
    fields: dict[str, Filling]
    line: int
    above_zero: str | None = None

    @property
    def columns(self) -> set[str]:
        """All columns that it names."""
        named = {filling.column for filling in self.fields.values() if filling.column is not None}
        own = {column for column in (self.changed, self.occurred) if column is not None}
        own |= {filling.minor for filling in self.fields.values() if filling.minor is not None}
        return named | own | set(self.stream) | set(self.becomes)


@dataclass(frozen=True, slots=True)
class ChangeMapping:
    """A mapping, checked.

    Args:
        path: The file, for the errors.
    """

    path: str
    rules: tuple[ChangeRule, ...]

    def wrong(self, line: int, why: str) -> BadSource:
        """An error about a line of the mapping."""
        return _bad(self.path, line, why)


def _bad(path: str, line: int, why: str) -> BadSource:
    return BadSource(path, None, f"{f'line {line}: ' if line else ''}{why}. Nothing was appended")


def shipped_change_mappings() -> list[str]:
    """The names of the mappings that come with the package.

    Example:
        >>> shipped_change_mappings()
        ['shopify', 'stripe-charges', 'stripe-invoices']
    """
    return sorted(entry.name.removesuffix(".toml") for entry in _MAPPINGS.iterdir() if entry.name.endswith(".toml"))


def load_change_mapping(given: str | os.PathLike[str] | Mapping[str, Any], registry: EventRegistry) -> ChangeMapping:
    """A mapping, from a TOML file, by the name of one that comes with the package, or from what would stand in one; read-only.

    Args:
        registry: The event types that there are.

    Raises:
        BadSource: There is no such file, or it makes no sense; with the line.

    Example:
        >>> from orders_es.log import order_registry
        >>> mapping = load_change_mapping(
        ...     {"stream": "id", "event": [{"type": "OrderPlaced", "becomes": {"status": "placed"}}]}, order_registry()
        ... )
        >>> mapping.rules[0].becomes
        {'status': ('placed',)}
    """
    if not isinstance(given, str | os.PathLike):
        return _read("mapping=", dict(given), [], registry)
    path = os.fspath(given)
    try:
        shipped = _MAPPINGS / f"{path}.toml"
        text = (shipped if path in shipped_change_mappings() else Path(path)).read_text(encoding="utf-8-sig")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        why += f"; these come with the package: {', '.join(shipped_change_mappings())}"
        raise BadSource(path, None, f"no mapping can be read there: {why}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSource(path, None, f"it is not TOML: {error}") from error
    return _read(path, found, _lines(text), registry)


def _lines(text: str) -> list[dict[str, int]]:
    """The lines of the keys of each event; under an empty text, that of the event itself. The first is what stands above."""
    found: list[dict[str, int]] = [{"": 1}]
    for number, line in enumerate(text.splitlines(), 1):
        if _EVENT.fullmatch(line):
            found.append({"": number})
        elif key := _KEY.match(line):
            found[-1].setdefault(key[1], number)
    return found


def _read(path: str, given: dict[str, Any], lines: list[dict[str, int]], registry: EventRegistry) -> ChangeMapping:
    top = lines[0] if lines else {}
    for key in given:
        if key not in ("table", "stream", "occurred", "event"):
            raise _bad(
                path, top.get(key, 0), f"{key!r} does not go here; there are table, stream, occurred and [[event]]"
            )
    events = given.get("event")
    if not isinstance(events, list) or not events:
        raise _bad(path, 0, "it names no event; write [[event]] and type = …")
    rules = []
    for i, event in enumerate(events, 1):
        place = lines[i] if i < len(lines) else {}
        rules.append(_Rule(path, place, registry).read({k: v for k, v in given.items() if k != "event"}, event))
    return ChangeMapping(path, tuple(rules))


class _Rule:
    def __init__(self, path: str, lines: dict[str, int], registry: EventRegistry) -> None:
        self._path, self._lines, self._registry = path, lines, registry

    def _wrong(self, key: str, why: str) -> BadSource:
        return _bad(self._path, self._lines.get(key, self._lines.get("", 0)), why)

    def read(self, top: dict[str, Any], given: dict[str, Any]) -> ChangeRule:
        name = given.get("type")
        if not isinstance(name, str) or name not in self._registry:
            raise self._wrong("type", f"type = {name!r}: no event type of that name is known")
        fields = {field.name: field for field in self._registry[name].fields if field.kind != "json"}
        for key in given:
            if key not in _SETTINGS and key not in fields:
                raise self._wrong(key, f"{name} has no field {key!r}; it has {', '.join(fields) or 'none'}")
        for field in fields.values():
            if field.required and not field.optional and field.name not in given:
                raise self._wrong("", f"{name} lacks {field.name}; give a column, or {{ value = … }}")
        said = {**top, **given}
        stream = said.get("stream")
        columns = tuple(stream) if isinstance(stream, list) else (stream,)
        if not columns or not all(isinstance(one, str) and one for one in columns):
            raise self._wrong("stream", "say which columns make the id of the order: stream = …")
        becomes = said.get("becomes", {})
        if not isinstance(becomes, dict):
            raise self._wrong("becomes", 'becomes names a column and its values: becomes = { status = ["paid"] }')
        on = said.get("on", ["inserted", "changed"] if becomes else None)
        kinds = tuple(on) if isinstance(on, list) else (on,)
        if not kinds or any(kind not in _ON for kind in kinds):
            raise self._wrong("on", f"on = {on!r}: give {', '.join(_ON)}, or becomes = …")
        return ChangeRule(
            type=name,
            table=self._text(said, "table"),
            stream=columns,
            on=kinds,
            changed=self._text(said, "changed"),
            becomes={column: self._values(column, values) for column, values in becomes.items()},
            occurred=self._text(said, "occurred"),
            fields={key: self._filling(key, given[key], fields[key].kind) for key in given if key not in _SETTINGS},
            line=self._lines.get("", 0),
            above_zero=self._above_zero(given, fields),
        )

    def _above_zero(self, given: dict[str, Any], fields: dict[str, Any]) -> str | None:
        name = given.get("above_zero")
        if name is not None and (
            name not in given or name not in fields or fields[name].kind not in ("decimal", "int64")
        ):
            raise self._wrong(
                "above_zero", f"above_zero = {name!r}: name a field of this event that is a number, and filled"
            )
        return None if name is None else str(name)

    def _text(self, said: dict[str, Any], key: str) -> str | None:
        value = said.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self._wrong(key, f"{key} = {value!r}: give one name")
        return value

    def _values(self, column: str, given: Any) -> tuple[str, ...]:
        values = given if isinstance(given, list) else [given]
        if not values or not all(isinstance(value, str) for value in values):
            raise self._wrong("becomes", f"becomes.{column} = {given!r}: give texts, as the source writes them")
        return tuple(values)

    def _filling(self, key: str, given: Any, kind: str) -> Filling:
        line = self._lines.get(key, self._lines.get("", 0))
        if isinstance(given, list):
            raise self._wrong(key, f"{key} = {given!r}: two columns for one field; give one")
        table = dict(given) if isinstance(given, dict) else {"from": given}
        minor, upper = table.pop("minor", None), table.pop("upper", False)
        if minor is not None and (kind != "decimal" or not isinstance(minor, str)):
            raise self._wrong(key, f"{key}: minor names the column of the currency of an amount")
        if not isinstance(upper, bool) or (upper and kind != "string"):
            raise self._wrong(key, f"{key}: upper = true is for texts")
        if len(table) != 1 or next(iter(table)) not in ("from", "before", "difference", "value"):
            raise self._wrong(key, f"{key} = {given!r}: give a column, or one of before, difference and value")
        how, what = next(iter(table.items()))
        if how == "value":
            if kind == "decimal" or not isinstance(what, str | int):
                raise self._wrong(
                    key, f"{key} = {given!r}: a constant is a text, a whole number, true or false; no amount is one"
                )
            return Filling(None, what, "value", line)
        if not isinstance(what, str) or not what:
            raise self._wrong(key, f"{key} = {given!r}: give the name of a column")
        if how == "difference" and kind not in ("decimal", "int64"):
            raise self._wrong(key, f"{key}: only numbers have a difference")
        return Filling(what, None, "after" if how == "from" else how, line, minor, upper)
