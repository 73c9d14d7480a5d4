"""What a question is called as a macro, and what stands in the place of its parameters; for `orders_es.read_models.questions`."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any

from orders_es.log.bookkeeping import PERIOD_CLOSED
from orders_es.log.relation import text
from orders_es.read_models.load import load_read_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DUTIES", "QUESTIONS", "Question", "question_sql", "with_values"]

DUTIES = (("OrderCreated", "OrderPlaced"), ("OrderShipped",), ("RefundIssued",))
"""What one person should not do alone, unless told otherwise: enter an order, ship it, and give the money back."""

_PREFIX = "ask_"
_MONEY = "DECIMAL(18, 4)"
_PARAMETER = re.compile(r"\$([a-z_]+)")
_CLOSED = (
    "SELECT CASE WHEN count(*) = 0 THEN error('there is no close ''' || close_name || ''' as of this moment') ELSE any_value({}) END "
    f"FROM events WHERE stream_id = 'close:' || close_name AND type = '{PERIOD_CLOSED}'"
)


@functools.cache
def question_sql(name: str) -> str:
    """The SELECT in the file of that name, and its header, with `$names` where values belong.

    Example:
        >>> "$longer_than" in question_sql("late_entries")
        True
    """
    return (
        resources.files("orders_es.read_models.questions").joinpath(f"{name}.sql").read_text(encoding="utf-8").rstrip()
    )


def with_values(name: str, values: Mapping[str, Any]) -> str:
    """The SELECT in the file of that name with values written into it: a query that stands for itself, and can be asked again.

    Args:
        values: Of each parameter its value: None, a boolean, a whole number, a decimal, a text, a time, or a list of such.

    Example:
        >>> "$longer_than" in question_sql("late_entries")
        True
        >>> "> 60000000" in with_values("late_entries", {"longer_than": 60_000_000})
        True
    """
    return _PARAMETER.sub(
        lambda found: _literal(values[found[1]]) if found[1] in values else found[0], question_sql(name)
    )


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}::{_MONEY}"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ {text(value.astimezone(UTC).isoformat())}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return text(value)


@functools.cache
def _words_of(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", re.sub(r"--[^\n]*", "", question_sql(name))))


@functools.cache
def _reads(name: str) -> tuple[str, ...]:
    return tuple(model.name for model in load_read_models() if model.name in _words_of(name))


@dataclass(frozen=True, slots=True)
class Question:
    """A question as a table macro.

    Args:
        name: The function's name in `orders_es.audit.questions`.
        arguments: The macro's arguments, each with SQL for what it is where it is left out; None where it has to be given.
        values: For each `$name` in the text, SQL over the arguments.
        file: The text's file, where it has another name than the question.
    """

    name: str
    arguments: dict[str, str | None] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def macro(self) -> str:
        """What it is called in SQL."""
        return _PREFIX + self.name

    @property
    def sql(self) -> str:
        """The SELECT, with the expressions in it."""
        return _PARAMETER.sub(lambda found: f"({self.values[found[1]]})", question_sql(self.file or self.name))

    @property
    def reads(self) -> tuple[str, ...]:
        """The read models that it names."""
        return _reads(self.file or self.name)

    @property
    def reads_moment(self) -> bool:
        """Whether it asks for what was asked for."""
        return "moment" in _words_of(self.file or self.name)

    @property
    def signature(self) -> str:
        """How it is called.

        Example:
            >>> QUESTIONS["ask_below_limit"].signature
            'ask_below_limit(amount_limit, within := 0.05, in_currency := NULL)'
        """
        given = [name if default is None else f"{name} := {default}" for name, default in self.arguments.items()]
        return f"{self.macro}({', '.join(given)})"

    def definition(self, types: Iterable[str]) -> str:
        """SQL that creates it.

        Args:
            types: The event types that the program knows, so that a slip of the pen in one is an error and no answer.
        """
        known = f"[{', '.join(map(text, types))}]"
        return (
            f"CREATE OR REPLACE MACRO {self.signature} AS TABLE\nSELECT * FROM (\n{self.sql.replace(_TYPES, known)}\n)"
        )


_TYPES = "orders_es_known_types"
"""Stands in a text where the known event types belong."""


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(map(text, names))}]"


_ALL = (
    Question("order_changes", {"order_name": None}, {"order": "order_name"}),
    Question("actor_events", {"actor_name": None}, {"actor": "actor_name"}),
    Question("late_entries", {"longer_than": "INTERVAL 1 DAY"}, {"longer_than": "epoch_us(longer_than)"}),
    Question(
        "backdated",
        {"at_least": "0", "in_currency": "NULL"},
        {"at_least": f"at_least::{_MONEY}", "currency": "in_currency"},
    ),
    Question("after_delivery"),
    Question(
        "after_close",
        {"close_name": None},
        {
            "closed_at": _CLOSED.format("(payload->>'at')::TIMESTAMPTZ"),
            "closed_known_at": _CLOSED.format("(payload->>'known_at')::TIMESTAMPTZ"),
            "closed_position": _CLOSED.format("(payload->>'position')::BIGINT"),
        },
    ),
    Question(
        "gaps",
        {"longer_than": "INTERVAL 1 DAY", "clock": "'occurred'"},
        {
            "longer_than": "epoch_us(longer_than)",
            "by_log": "CASE clock WHEN 'occurred' THEN false WHEN 'recorded' THEN true "
            "ELSE error('clock is ''occurred'' or ''recorded''') END",
            "goes_on": "CASE clock WHEN 'recorded' THEN getvariable('orders_es_known_at') IS NOT NULL "
            "ELSE getvariable('orders_es_at') IS NOT NULL END",
        },
    ),
    Question("unexplained_totals", {"more_than": "0"}, {"more_than": f"more_than::{_MONEY}"}),
    Question("double_entries", {"within": "INTERVAL 1 DAY"}, {"within": "epoch_us(within)"}),
    Question(
        "round_amounts",
        {"multiple_of": "100", "in_currency": "NULL"},
        {
            "multiple_of": f"CASE WHEN multiple_of > 0 THEN multiple_of::{_MONEY} ELSE error('multiple_of is an amount above zero') END",
            "least": "NULL",
            "most": "NULL",
            "currency": "in_currency",
        },
        "amounts",
    ),
    Question(
        "below_limit",
        {"amount_limit": None, "within": "0.05", "in_currency": "NULL"},
        {
            "multiple_of": "NULL",
            "most": f"amount_limit::{_MONEY}",
            "least": f"amount_limit::{_MONEY} * (1 - within::DECIMAL(9, 6))",
            "currency": "in_currency",
        },
        "amounts",
    ),
    Question(
        "one_hand",
        {"duties": f"[{', '.join(map(_list, DUTIES))}]"},
        {
            "steps": f"CASE WHEN list_has_all({_TYPES}, flatten(duties)) AND len(duties) > 1 THEN duties "
            "ELSE error('duties are two or more, each a list of event types that this program knows') END"
        },
    ),
)
QUESTIONS = {question.macro: question for question in _ALL}
"""Each by its macro's name. A rule of one's own needs no macro: it is SQL."""
