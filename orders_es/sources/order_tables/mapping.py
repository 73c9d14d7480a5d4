"""Mappings: TOML files that say which column of a table is what of an order; for `orders_es.sources.order_tables`.

Whatever is wrong in a mapping is said with the line of the file that it stands on.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, InvalidSetting
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.options import TableOptions, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS", "Rule", "TableMapping", "load_table_mapping"]

FIELDS: dict[str, dict[str, str]] = {
    "order": {
        "currency": "text",
        "customer_id": "id",
        "country": "text",
        "channel": "text",
        "postal_code": "id",
        "city": "text",
        "state": "text",
        "source_status": "text",
        "occurred": "time",
        "placed": "time",
    },
    "line": {"item_id": "id", "description": "note", "quantity": "integer", "price": "decimal", "total": "decimal"},
    "shipping": {"amount": "decimal", "method": "text"},
    "discount": {"amount": "decimal", "code": "text"},
    "payment": {"at": "time", "amount": "decimal", "method": "text", "reference": "id"},
    "refund": {"at": "time", "amount": "decimal", "method": "text", "reason": "text"},
    "shipped": {"at": "time", "carrier": "text", "tracking": "id"},
    "delivered": {"at": "time"},
    "cancelled": {"at": "time", "reason": "text"},
}
"""The tables of a mapping, their fields, and how each is read."""

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
}
_SETTINGS = {"order": ("id", "separator"), "line": ("rounding", "negative")}
_CHOICES = {
    "rows": ("line", "order"),
    "line.rounding": ("adjustment",),
    "line.negative": ("return",),
}
_FILE = tuple(option.name for option in fields(TableOptions))
_TIME_OPTIONS = {
    "format": "date_format",
    "tz": "tz",
    "day_first": "day_first",
    "repeated_hour": "repeated_hour",
    "skipped_hour": "skipped_hour",
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


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a field comes from.

    Args:
        where: The field, as `order.currency`.
        column: The column that holds it, as the mapping spells it; None for a constant.
        value: The constant.
        options: How this very column is read, where that differs from the rest of the file.
    """

    where: str
    column: str | None
    value: Any = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """A mapping, checked.

    Args:
        path: The file, for the errors.
        rows: What one row is: a `line` of an order, or an `order`.
        ids: The columns whose values make an order's id.
        separator: What stands between them.
        rules: A rule for each field that is filled.
        placed: Whether every order is placed with its last line, where no column says when.
        rounding: Whether a total that its quantity does not divide becomes a price and an adjustment.
        returns: Whether a negative quantity is a return.
        options: How the file is read.
        lines: The line of the file on which each key stands.
    """

    path: str
    rows: str
    ids: tuple[Rule, ...]
    separator: str
    rules: dict[str, Rule]
    placed: bool
    rounding: bool
    returns: bool
    options: dict[str, Any]
    lines: dict[str, int]

    @property
    def has_lines(self) -> bool:
        """Whether a row says something about an item."""
        return "line.item_id" in self.rules

    @property
    def columns(self) -> dict[str, Rule]:
        """Every column that is read, once, with the first rule that names it."""
        found: dict[str, Rule] = {}
        for rule in (*self.ids, *self.rules.values()):
            if rule.column is not None:
                found.setdefault(plain(rule.column), rule)
        return {rule.column or "": rule for rule in found.values()}

    def place(self, where: str) -> str:
        """Where in the mapping a key stands, in words.

        Args:
            where: The key, as `order.currency`.
        """
        line = _line_of(self.lines, where)
        return f"{self.path}, line {line}" if line else self.path

    def reading(self, given: TableOptions | None) -> TableOptions:
        """How to read the file: what the mapping says and what was said beside it.

        Raises:
            BadSource: They contradict each other.
        """
        said = {name: getattr(given, name) for name in _FILE if given is not None}
        merged = dict(self.options)
        for name, value in said.items():
            if value in (None, ()):
                continue
            if name in merged and _meant(name, merged[name]) != _meant(name, value):
                raise self.wrong(f"file.{name}", f"{name} = {merged[name]!r}, and as an option {value!r} was given")
            merged[name] = value
        return _options(self, "file", merged)

    def reading_of(self, rule: Rule, options: TableOptions) -> TableOptions:
        """How to read the column of one field."""
        if not rule.options:
            return options
        said = {name: getattr(options, name) for name in _FILE}
        if "date_format" in rule.options:
            said["day_first"] = None
        if "day_first" in rule.options:
            said["date_format"] = None
        return _options(self, rule.where, said | rule.options)

    def wrong(self, where: str, why: str) -> BadSource:
        """An error about a key of the mapping, with its line."""
        line = _line_of(self.lines, where)
        return BadSource(self.path, None, f"{f'line {line}: ' if line else ''}{why}. Nothing was appended")


def _line_of(lines: Mapping[str, int], where: str) -> int | None:
    return lines.get(where) or lines.get(where.partition(".")[0])


def _meant(name: str, value: Any) -> Any:
    """A setting so that it can be compared: a zone may be named, or be one."""
    try:
        return str(zone_of(value)) if name == "tz" else value
    except InvalidSetting:
        return value


def _options(mapping: TableMapping, where: str, said: dict[str, Any]) -> TableOptions:
    try:
        return TableOptions(**said)
    except InvalidSetting as error:
        key = f"{where}.{error.field}"
        raise mapping.wrong(key if key in mapping.lines else where, str(error)) from error


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
    except tomllib.TOMLDecodeError as error:
        raise BadSource(path, None, f"it is not TOML: {error}") from error
    return _Reader(path, _lines(text)).read(found)


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


class _Reader:
    def __init__(self, path: str, lines: dict[str, int]) -> None:
        self._path, self._lines = path, lines

    def read(self, given: dict[str, Any]) -> TableMapping:
        self._known(given, ("rows", "file", *FIELDS), "", "table")
        rows = self._choice(given.get("rows"), "rows")
        if rows is None:
            raise self._bad("rows", 'say what one row of the table is: rows = "line" or rows = "order"')
        file = self._table(given, "file")
        self._known(file, _FILE, "file.", "key of [file]")
        order = self._table(given, "order")
        if "order" not in given or "id" not in order:
            raise self._bad("order", '[order] lacks id = "…", the column that names the order')
        if rows == "line" and "line" not in given:
            raise self._bad(
                "rows", 'a row is a line of an order, and there is no [line]; add one, or say rows = "order"'
            )
        rules = {
            rule.where: rule
            for section in FIELDS
            if section in given
            for rule in self._section(section, self._table(given, section))
        }
        line = self._table(given, "line")
        if "line" in given and ("price" in line) == ("total" in line):
            two = "price" in line
            raise self._bad(
                "line.total" if two else "line",
                "[line] says price and total; give one of them: the price of a piece, or what the line comes to"
                if two
                else "[line] lacks price (of a piece) or total (of the line)",
            )
        separator = order.get("separator", "-")
        if not isinstance(separator, str) or not separator:
            raise self._bad(
                "order.separator", f"separator = {separator!r}: give what stands between the parts of an id"
            )
        rounding = self._choice(line.get("rounding"), "line.rounding")
        if rounding and "total" not in line:
            raise self._bad("line.rounding", "rounding is about totals, and [line] has a price")
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
        )

    def _section(self, section: str, given: dict[str, Any]) -> list[Rule]:
        known = (*FIELDS[section], *_SETTINGS.get(section, ()))
        self._known(given, known, f"{section}.", f"key of [{section}]")
        for key in _REQUIRED[section]:
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

    def _ids(self, given: Any) -> tuple[Rule, ...]:
        names = given if isinstance(given, list) else [given]
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise self._bad("order.id", f"order.id = {given!r}: give the name of a column, or a list of names")
        if len({plain(name) for name in names}) < len(names):
            raise self._bad("order.id", f"order.id = {given!r}: it names a column twice")
        return tuple(Rule("order.id", name) for name in names)

    def _choice(self, given: Any, where: str) -> str | None:
        choices = _CHOICES[where]
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
        line = _line_of(self._lines, where)
        return BadSource(
            self._path,
            None,
            f"the mapping makes no sense: {f'line {line}: ' if line else ''}{reason}. Nothing was appended",
        )
