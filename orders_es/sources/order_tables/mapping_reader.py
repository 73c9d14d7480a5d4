"""What a mapping of tables may say, and what it comes to: each key is known, each form is right, or an error names the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource
from orders_es.sources.order_tables.mapping import (
    EVENTS,
    FIELDS,
    FILE_OPTIONS,
    REPEATED,
    Rule,
    TableMapping,
    line_of,
    table_of,
)
from orders_es.sources.tables.headers import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MappingReader"]

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
    **dict.fromkeys(("shipping", "discount"), ("per",)),
    **dict.fromkeys(("payment", "refund", "shipped", "delivered"), ("per", "estimated")),
    "cancelled": ("estimated",),
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

_MOST_TABLES = 7
"""So many tables of one name a mapping may have."""

_ONCE = ("order.occurred", "order.entered")

_TIME_OPTIONS = {
    "format": "date_format",
    "tz": "tz",
    "day_first": "day_first",
    "repeated_hour": "repeated_hour",
    "skipped_hour": "skipped_hour",
}


def _row_says(section: str, key: str) -> bool:
    """Whether a key has no place in a mapping of events, because each row has one time, and is one event."""
    return key in ("at", "per", "order", "estimated") or (section != "order" and key in ("occurred", "entered"))


class MappingReader:
    """What a mapping says, checked to the last key.

    Args:
        path: What errors call it.
        lines: On which line each of its keys stands; empty where it is no file.
    """

    def __init__(self, path: str, lines: dict[str, int]) -> None:
        self._path, self._lines = path, lines

    def read(self, given: dict[str, Any]) -> TableMapping:
        """The mapping that was written.

        Raises:
            BadSource: It makes no sense; with the line.
        """
        self._known(given, ("rows", "file", *FIELDS), "", "table")
        rows = self._choice(given.get("rows"), "rows")
        if rows is None:
            raise self._bad("rows", 'say what one row of the table is: rows = "line", rows = "order" or rows = "event"')
        given = self._spread(given, rows)
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
            for section in sorted(given.keys() - {"rows", "file"}, key=lambda name: list(FIELDS).index(table_of(name)))
            for rule in self._section(section, self._table(given, section), rows, types)
        }
        line = self._table(given, "line")
        if "line" in given and "price" not in line and "total" not in line:
            raise self._bad("line", "[line] lacks price (of a piece) or total (of the line)")
        line_ids = self._line_ids(line, rows, order)
        if "total" in order and (rows == "event" or "line" not in given or line_ids):
            raise self._bad(
                "order.total",
                "order.total is compared with the lines of the order, which have to stand in the same table",
            )
        per_row = {
            section
            for section in given.keys() - {"rows", "file"}
            if "per" in self._table(given, section)
            and self._choice(self._table(given, section)["per"], f"{section}.per")
        }
        estimated = {section for section in given.keys() - {"rows", "file"} if self._estimated(given, section)}
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
            once=frozenset(
                f"order.{key}"
                for key in ("occurred", "entered")
                if isinstance(order.get(key), dict) and "per" in order[key]
            ),
            estimated=frozenset(estimated),
        )

    def _spread(self, given: dict[str, Any], rows: str) -> dict[str, Any]:
        """The tables of a mapping by names of their own: the second [[payment]] is `payment#2`."""
        found: dict[str, Any] = {}
        for name, value in given.items():
            if not isinstance(value, list) or name == "rows":
                found[name] = value
                continue
            if name not in REPEATED or rows == "event":
                many = ", ".join(f"[[{table}]]" for table in REPEATED)
                why = "each row is one event" if rows == "event" else f"there may be several of {many}"
                raise self._bad(name, f"[{name}] is given once; {why}")
            if not 1 <= len(value) <= _MOST_TABLES:
                raise self._bad(name, f"[[{name}]]: {len(value)} tables; there may be 1 to {_MOST_TABLES}")
            found |= {name if number == 1 else f"{name}#{number}": table for number, table in enumerate(value, 1)}
        return found

    def _estimated(self, given: dict[str, Any], section: str) -> bool:
        said = self._table(given, section).get("estimated", False)
        if not isinstance(said, bool):
            raise self._bad(f"{section}.estimated", f"estimated = {said!r}: give true or false")
        return said

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
            if "event" in given:
                raise self._bad("event", '[event] is for tables in which a row is an event: rows = "event"')
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
        table = table_of(section)
        known = (*FIELDS[table], *_SETTINGS.get(table, ()))
        required = _REQUIRED[table]
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
            for key, form in FIELDS[table].items()
            if key in given and not (key == "placed" and isinstance(given[key], bool))
        ]

    def _rule(self, where: str, given: Any, form: str) -> Rule:
        if isinstance(given, list):
            raise self._bad(
                where, f"{where} = {given!r}: two columns for one field; give one (only id may be of several)"
            )
        table = given if isinstance(given, dict) else {"from": given}
        allowed = ("from", *_TIME_OPTIONS) if form == "time" else ("from", "value")
        if where in _ONCE:
            allowed = (*allowed, "per")
            if table.get("per", "order") != "order":
                raise self._bad(where, f'{where}: per = {table["per"]!r}: give "order", or leave it out')
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
        return Rule(
            where, table["from"], None, {_TIME_OPTIONS[key]: table[key] for key in table if key in _TIME_OPTIONS}
        )

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
        choices = _CHOICES.get(f"{table_of(where)}.{where.partition('.')[2]}" if "." in where else where, ())
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
