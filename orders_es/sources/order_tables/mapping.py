"""What a mapping says: which column of a table is what of an order; for `orders_es.sources.order_tables`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadSource, InvalidSetting
from orders_es.sources.tables.headers import plain
from orders_es.sources.tables.options import TableOptions, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVENTS", "FIELDS", "FILE_OPTIONS", "REPEATED", "Rule", "TableMapping", "line_of", "place_of", "table_of"]

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
        "entered": "time",
        "placed": "time",
        "total": "decimal",
    },
    "event": {"type": "text"},
    "line": {
        "item_id": "id",
        "description": "note",
        "quantity": "integer",
        "price": "decimal",
        "total": "decimal",
        "occurred": "time",
        "entered": "time",
    },
    "shipping": {"amount": "decimal", "method": "text", "entered": "time"},
    "discount": {"amount": "decimal", "code": "text", "entered": "time"},
    "payment": {"at": "time", "amount": "decimal", "method": "text", "reference": "id", "entered": "time"},
    "refund": {"at": "time", "amount": "decimal", "method": "text", "reason": "text", "entered": "time"},
    "shipped": {"at": "time", "carrier": "text", "tracking": "id", "entered": "time"},
    "delivered": {"at": "time", "entered": "time"},
    "cancelled": {"at": "time", "reason": "text", "entered": "time"},
    "adjustment": {"amount": "decimal", "reason": "text"},
}
"""The tables of a mapping, their fields, and how each is read."""

EVENTS = {
    "OrderCreated": None,
    "OrderPlaced": None,
    "ItemAdded": "line",
    "ItemReturned": "line",
    "ShippingCharged": "shipping",
    "DiscountApplied": "discount",
    "AdjustmentRecorded": "adjustment",
    "PaymentReceived": "payment",
    "RefundIssued": "refund",
    "OrderShipped": "shipped",
    "OrderDelivered": "delivered",
    "OrderCancelled": "cancelled",
}
"""The event types that a row may become where a row is an event, and the table of the mapping that fills each."""
REPEATED = ("shipping", "discount", "adjustment", "payment", "refund", "shipped", "delivered")
"""The tables that may stand in a mapping several times, as `[[payment]]`; the second one is called `payment#2`."""
FILE_OPTIONS = tuple(option.name for option in fields(TableOptions))


def table_of(where: str) -> str:
    """The table of a mapping that a key stands in, whichever of several it is.

    Example:
        >>> table_of("payment#2.at"), place_of("payment#2.at")
        ('payment', 2)
    """
    return where.partition(".")[0].partition("#")[0]


def place_of(where: str) -> int:
    """Which of several tables of one name a key stands in, from 1 on."""
    return int(where.partition(".")[0].partition("#")[2] or 1)


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
        rows: What one row is: a `line` of an order, an `order`, or an `event`.
        ids: The columns whose values make an order's id.
        separator: What stands between them.
        rules: A rule for each field that is filled.
        placed: Whether every order is placed with its last line, where no column says when.
        rounding: Whether a total that its quantity does not divide becomes a price and an adjustment.
        returns: Whether a negative quantity is a return.
        options: How the file is read.
        lines: The line of the file on which each key stands.
        per_row: The tables of the mapping whose values belong to a row, and not to its order.
        types: Where a row is an event: which type each value makes it; None for one that is no event.
        line_ids: Where lines stand in another table: its columns whose values make the order's id.
        once: The times that stand in one row of an order only, and count for all of them.
        estimated: The tables of the mapping whose times are a best guess.
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
    per_row: frozenset[str] = frozenset()
    types: dict[str, str | None] = field(default_factory=dict)
    line_ids: tuple[Rule, ...] = ()
    once: frozenset[str] = frozenset()
    estimated: frozenset[str] = frozenset()

    @property
    def has_lines(self) -> bool:
        """Whether a row says something about an item."""
        return "line.item_id" in self.rules

    @property
    def columns(self) -> dict[str, Rule]:
        """Every column that is read, once, with the first rule that names it."""
        apart = bool(self.line_ids)
        return self._columns(*self.ids, *(rule for rule in self.rules.values() if not (apart and _of_line(rule))))

    @property
    def line_columns(self) -> dict[str, Rule]:
        """The same of the table that lines stand in, where that is another."""
        return self._columns(*self.line_ids, *filter(_of_line, self.rules.values()))

    @staticmethod
    def _columns(*rules: Rule) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        for rule in rules:
            if rule.column is not None:
                found.setdefault(plain(rule.column), rule)
        return {rule.column or "": rule for rule in found.values()}

    @property
    def has_entered(self) -> bool:
        """Whether the table says when it learned of anything."""
        return any(where.endswith(".entered") for where in self.rules)

    def belongs_to_row(self, where: str) -> bool:
        """Whether a field is said of a row, and not once of its order."""
        return where.partition(".")[0] in self.per_row

    def place(self, where: str) -> str:
        """Where in the mapping a key stands, in words.

        Args:
            where: The key, as `order.currency`.
        """
        line = line_of(self.lines, where)
        return f"{self.path}, line {line}" if line else self.path

    def reading(self, given: TableOptions | None) -> TableOptions:
        """How to read the file: what the mapping says and what was said beside it.

        Raises:
            BadSource: They contradict each other.
        """
        said = {name: getattr(given, name) for name in FILE_OPTIONS if given is not None}
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
        said = {name: getattr(options, name) for name in FILE_OPTIONS}
        if "date_format" in rule.options:
            said["day_first"] = None
        if "day_first" in rule.options:
            said["date_format"] = None
        return _options(self, rule.where, said | rule.options)

    def wrong(self, where: str, why: str) -> BadSource:
        """An error about a key of the mapping, with its line."""
        line = line_of(self.lines, where)
        return BadSource(self.path, None, f"{f'line {line}: ' if line else ''}{why}. Nothing was appended")


def _of_line(rule: Rule) -> bool:
    return rule.where.startswith("line.")


def line_of(lines: Mapping[str, int], where: str) -> int | None:
    """The line of a mapping on which a key stands, or else its table."""
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
