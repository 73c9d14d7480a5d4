"""Mappings as they are written: TOML files, each checked to the last key; for `orders_es.sources.order_tables`.

Whatever is wrong in a mapping is said with the line of the file that it stands on.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource
from orders_es.sources.order_tables.mapping import EVENTS, FIELDS, FILE_OPTIONS, Rule, TableMapping, line_of
from orders_es.sources.tables.headers import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["load_table_mapping"]

_REQUIRED = {
    "order": ("currency", "occurred", "placed"),
    "line": ("item_id", "quantity"),
    "shipping": ("amount",),
    "discount": ("amount",),
    "payment": ("at", "amount"),
    "refund": ("at", "amount"),
    "shipped": ("at",),
    "delivered": ("at",),
    "cancelled": ("at",),
    "adjustment": ("amount",),
    "event": ("type",),
}

_SETTINGS = {
    "order": ("id", "separator"),
    "event": ("types",),
    "line": ("order", "rounding", "negative"),
    **dict.fromkeys(("shipping", "discount", "payment", "refund", "shipped", "delivered"), ("per",)),
}

_CHOICES = {
    "rows": ("line", "order", "event"),
    **dict.fromkeys(
        ("shipping.per", "discount.per", "payment.per", "refund.per", "shipped.per", "delivered.per"), ("row",)
    ),
    "line.rounding": ("adjustment",),
    "line.negative": ("return",),
}

_FORMS: dict[str, tuple[Any, str]] = {
    "day_first": (bool, "true or false"),
    "header_row": (int, "a whole number"),
    "sheets": (list, "a list of names"),
    "verbatim": (list, "a list of names"),
}
"""What is no text among the things that may be said about a file."""

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")

_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_.-]|"[^"]*"|'[^']*')+)\s*=""")

_TIME_OPTIONS = {
    "format": "date_format",
    "tz": "tz",
    "day_first": "day_first",
    "repeated_hour": "repeated_hour",
    "skipped_hour": "skipped_hour",
}


def load_table_mapping(given: str | os.PathLike[str] | Mapping[str, Any]) -> TableMapping:
    """A mapping, from a TOML file or from what would stand in one; read-only.

    Raises:
        BadSource: There is no such file, or it makes no sense; with the line.

    Example:
        >>> mapping = load_table_mapping({
        ...     "rows": "order",
        ...     "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Date", "placed": True},
        ... })
        >>> mapping.rules["order.currency"].value
        'EUR'
    """
    if not isinstance(given, str | os.PathLike):
        return _Reader("mapping=", {}).read(dict(given))
    path = os.fspath(given)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSource(
            path, None, f"no mapping can be read there: {why}; let --propose write one for your table"
        ) from error
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadSource(path, None, _twice(text) or f"it is not TOML: {error}") from error
    return _Reader(path, _lines(text)).read(found)


def _twice(text: str) -> str | None:
    """What is said a second time, if that is why a text is no TOML."""
    seen: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = _TABLE.fullmatch(line)
        key = _KEY.match(line)
        if found:
            table, name = found[1], f"[{found[1]}]"
        elif key:
            name = f"{table}.{key[1]}" if table else key[1]
        else:
            continue
        if name in seen:
            return (
                f"line {number}: {name} is said a second time, and stands on line {seen[name]} already; say it once. "
                "Nothing was appended"
            )
        seen[name] = number
    return None


def _lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.fullmatch(line):
            table = found[1] + "."
            lines.setdefault(found[1], number)
        elif found := _KEY.match(line):
            lines.setdefault(table + found[1].strip("\"'"), number)
    return lines


def _row_says(section: str, key: str) -> bool:
    """Whether a key has no place in a mapping of events, because each row has one time, and is one event."""
    return key in ("at", "per", "order") or (section != "order" and key in ("occurred", "entered"))


class _Reader:
    def __init__(self, path: str, lines: dict[str, int]) -> None:
        self._path, self._lines = path, lines

    def read(self, given: dict[str, Any]) -> TableMapping:
        self._known(given, ("rows", "file", *FIELDS), "", "table")
        rows = self._choice(given.get("rows"), "rows")
        if rows is None:
            raise self._bad("rows", 'say what one row of the table is: rows = "line", rows = "order" or rows = "event"')
        file = self._table(given, "file")
        self._known(file, FILE_OPTIONS, "file.", "key of [file]")
        order = self._table(given, "order")
        if "order" not in given or "id" not in order:
            raise self._bad("order", '[order] lacks id = "…", the column that names the order')
        if rows == "line" and "line" not in given:
            raise self._bad(
                "rows", 'a row is a line of an order, and there is no [line]; add one, or say rows = "order"'
            )
        types = self._types(rows, given)
        rules = {
            rule.where: rule
            for section in FIELDS
            if section in given
            for rule in self._section(section, self._table(given, section), rows, types)
        }
        line = self._table(given, "line")
        if "line" in given and "price" not in line and "total" not in line:
            raise self._bad("line", "[line] lacks price (of a piece) or total (of the line)")
        line_ids = self._line_ids(line, rows, order)
        per_row = {
            section
            for section in FIELDS
            if "per" in self._table(given, section)
            and self._choice(self._table(given, section)["per"], f"{section}.per")
        }
        separator = self._separator(order)
        rounding = self._choice(line.get("rounding"), "line.rounding")
        if rounding and "total" not in line:
            raise self._bad("line.rounding", "rounding is about totals, and [line] has a price alone")
        for key in file:
            self._check_form(f"file.{key}", key, file[key])
            file[key] = tuple(file[key]) if isinstance(file[key], list) else file[key]
        return TableMapping(
            path=self._path,
            rows=rows,
            ids=self._ids(order["id"]),
            separator=separator,
            rules=rules,
            placed=order.get("placed") is True,
            rounding=rounding is not None,
            returns=self._choice(line.get("negative"), "line.negative") is not None,
            options=file,
            lines=self._lines,
            per_row=frozenset(per_row if rows != "event" else set(FIELDS) - {"order"}),
            types=types,
            line_ids=line_ids,
        )

    def _separator(self, order: dict[str, Any]) -> str:
        separator = order.get("separator", "-")
        if not isinstance(separator, str) or not separator:
            raise self._bad(
                "order.separator", f"separator = {separator!r}: give what stands between the parts of an id"
            )
        return separator

    def _line_ids(self, line: dict[str, Any], rows: str, order: dict[str, Any]) -> tuple[Rule, ...]:
        """The columns that name the order, where lines stand in another table."""
        if "order" not in line:
            for key in ("occurred", "entered"):
                if key in line:
                    raise self._bad(
                        f"line.{key}",
                        f"line.{key} is for lines in another table (line.order); a row has one order.{key}",
                    )
            return ()
        if rows != "order":
            raise self._bad(
                "line.order", 'line.order says that lines stand in another table, and that goes with rows = "order"'
            )
        found = self._ids(line["order"], "line.order")
        if len(found) != len(self._ids(order["id"])):
            raise self._bad("line.order", "line.order and order.id have as many columns as each other")
        return found

    def _types(self, rows: str, given: dict[str, Any]) -> dict[str, str | None]:
        """What each value of the column of types makes of a row."""
        if rows != "event":
            for section in ("event", "adjustment"):
                if section in given:
                    raise self._bad(section, f'[{section}] is for tables in which a row is an event: rows = "event"')
            return {}
        if "event" not in given:
            raise self._bad(
                "rows", 'a row is an event, and there is no [event]; add one, with type = "…" and its types'
            )
        types = self._table(given, "event").get("types")
        if not isinstance(types, dict) or not types:
            raise self._bad(
                "event",
                '[event.types] says which value makes which event: order = "OrderPlaced"; note = false for none',
            )
        found: dict[str, str | None] = {}
        for value, kind in types.items():
            if kind is not False and (not isinstance(kind, str) or kind not in EVENTS):
                raise self._bad(
                    f"event.types.{value}",
                    f"{value!r} = {kind!r} is no event that a row can be; there are {', '.join(EVENTS)}, and false for none",
                )
            found[value] = kind or None
            needed = EVENTS[kind] if kind else None
            if needed in ("line", "shipping", "discount", "adjustment", "payment", "refund") and needed not in given:
                raise self._bad(f"event.types.{value}", f"{kind} needs [{needed}], which is not there")
        if "OrderPlaced" in found.values() and "placed" in self._table(given, "order"):
            raise self._bad(
                "order.placed", "rows say when orders are placed (OrderPlaced), so placed is not said a second time"
            )
        return found

    def _section(self, section: str, given: dict[str, Any], rows: str, types: Mapping[str, str | None]) -> list[Rule]:
        known = (*FIELDS[section], *_SETTINGS.get(section, ()))
        required = _REQUIRED[section]
        if rows == "event":
            # The row's own time is when it happened, and a row is one event anyway.
            known = tuple(key for key in known if not _row_says(section, key))
            required = tuple(key for key in required if key != "at")
            if "OrderPlaced" in types.values():
                required = tuple(key for key in required if key != "placed")
        self._known(given, known, f"{section}.", f"key of [{section}]")
        for key in required:
            if key not in given:
                hint = ": a column, true (with the last line) or false (these are no placed orders)"
                raise self._bad(section, f"[{section}] says nothing about {key}{hint if key == 'placed' else ''}")
        return [
            self._rule(f"{section}.{key}", given[key], form)
            for key, form in FIELDS[section].items()
            if key in given and not (key == "placed" and isinstance(given[key], bool))
        ]

    def _rule(self, where: str, given: Any, form: str) -> Rule:
        if isinstance(given, list):
            raise self._bad(
                where, f"{where} = {given!r}: two columns for one field; give one (only id may be of several)"
            )
        table = given if isinstance(given, dict) else {"from": given}
        allowed = ("from", *_TIME_OPTIONS) if form == "time" else ("from", "value")
        for key in table:
            if key not in allowed:
                raise self._bad(where, f"{where}: {key!r} does not go here; there are {', '.join(allowed)}")
        if ("from" in table) == ("value" in table):
            raise self._bad(
                where, f'{where}: give a column ({{ from = "…" }}) or a constant ({{ value = … }}), and one of them'
            )
        if "value" in table:
            return Rule(where, None, self._constant(where, table["value"], form))
        if not isinstance(table["from"], str) or not table["from"].strip():
            raise self._bad(where, f"{where} = {table['from']!r}: give the name of a column, or {{ value = … }}")
        for key in table:
            self._check_form(where, _TIME_OPTIONS.get(key, key), table[key])
        return Rule(where, table["from"], None, {_TIME_OPTIONS[key]: table[key] for key in table if key != "from"})

    def _check_form(self, where: str, key: str, value: Any) -> None:
        form, words = _FORMS.get(key, (str, "a text in quotes"))
        names = value if isinstance(value, list) else []
        if type(value) is not form or not all(isinstance(name, str) for name in names):
            raise self._bad(where, f"{key} = {value!r}: give {words}")

    def _constant(self, where: str, value: Any, form: str) -> Any:
        if form == "integer":
            if type(value) is not int or value < 1:
                raise self._bad(where, f"{where}: the constant {value!r} is not a whole number above 0")
            return value
        if form == "decimal":
            raise self._bad(where, f"{where}: an amount comes from a column, never from a constant")
        if not isinstance(value, str) or not value.strip():
            raise self._bad(where, f"{where}: the constant {value!r} is not text")
        if where == "order.currency" and not re.fullmatch("[A-Z]{3}", value):
            raise self._bad(where, f"{where}: {value!r} is no currency; give three capital letters, such as EUR")
        return value.strip()

    def _ids(self, given: Any, where: str = "order.id") -> tuple[Rule, ...]:
        names = given if isinstance(given, list) else [given]
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise self._bad(where, f"{where} = {given!r}: give the name of a column, or a list of names")
        if len({plain(name) for name in names}) < len(names):
            raise self._bad(where, f"{where} = {given!r}: it names a column twice")
        return tuple(Rule(where, name) for name in names)

    def _choice(self, given: Any, where: str) -> str | None:
        choices = _CHOICES.get(where, ())
        if given is not None and given not in choices:
            raise self._bad(where, f"{where} = {given!r}: give {' or '.join(map(repr, choices))}, or leave it out")
        return given if given is None else str(given)

    def _table(self, given: dict[str, Any], key: str) -> dict[str, Any]:
        table = given.get(key, {})
        if not isinstance(table, dict):
            raise self._bad(key, f"{key} = {table!r}: [{key}] is a table with keys of its own")
        return dict(table)

    def _known(self, given: dict[str, Any], known: tuple[str, ...], prefix: str, what: str) -> None:
        for key in given:
            if key not in known:
                raise self._bad(f"{prefix}{key}", f"{key!r} is no {what}; there are {', '.join(known)}")

    def _bad(self, where: str, reason: str) -> BadSource:
        line = line_of(self._lines, where)
        return BadSource(
            self._path,
            None,
            f"the mapping makes no sense: {f'line {line}: ' if line else ''}{reason}. Nothing was appended",
        )
