"""What the body of each command holds: made from the command's own class, so that there is one place that says it."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from orders_es import orders
from orders_es.http.foreign_fields import in_our_words, with_other_words
from orders_es.http.problems import Problem
from orders_es.log.limits import LONGEST_ID
from orders_es.orders import commands

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS", "Asked", "Body", "Money", "body_of", "command_schemas", "with_order_id"]

_DIGITS = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,4})?")
_BLANK: Final = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
r"""What a text that says something does not consist of, in the words of every engine for patterns: they differ in what `\s` is."""
_SAYS_SOMETHING = re.compile(f"[^{_BLANK}]")
_IDS: Final = frozenset({"item_id", "customer_id", "order_id"})


def _text(pattern: str, least: int | None = None, most: int | None = None) -> Any:
    """Text whose pattern is said to clients, and looked at by `_checked`, which says better than a pattern what is wrong."""
    return Annotated[str, msgspec.Meta(extra_json_schema={"pattern": pattern}, min_length=least, max_length=most)]


_Text = _text(r"^[^\x00]*$")
_Id = _text(rf"^[^\x00]*[^{_BLANK}][^\x00]*$", 1, LONGEST_ID)
_Name = _text(r"^[^\x00]*$", 1, LONGEST_ID)
_Currency = _text("^[A-Z]{3}$")
_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Money:
    """An amount in a body: digits in a string, or a whole number. A number with a point was a float somewhere, and is refused."""

    __slots__ = ("amount",)

    def __init__(self, amount: Decimal) -> None:
        self.amount = amount


ENVELOPE: Final[tuple[tuple[str, Any], ...]] = (
    ("occurred_at", Annotated[datetime, msgspec.Meta(tz=True)]),
    ("actor", _Name),
    ("correlation_id", _Name),
    ("causation_id", _Name),
)
"""What a body may say beside the command's own fields."""

COMMANDS: Final = {
    re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower(): cls for cls in get_args(commands.OrderCommand)
}
"""Each command by its name in a URL: that of its class, in small letters with hyphens."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for.

    Args:
        order_id: The order, where the body names it.
        command: The command itself.
        said: What it says beside it: when it happened, who acts, and so on.
    """

    order_id: str | None
    command: Any
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """The shape of a body.

    Args:
        command: The command's class.
        shape: What msgspec reads it as.
    """

    command: type
    shape: type[msgspec.Struct]

    def read(self, text: bytes, *, currency: str | None = None) -> Asked:
        """What a body asks for.

        Args:
            currency: That of orders whose body names none.

        Raises:
            Problem: It is no JSON, or not of this shape.
        """
        try:
            said = json.loads(text or b"{}", object_pairs_hook=_once)
            ours = in_our_words(self.command.__name__, said, currency)
            given = text or b"{}" if ours is said else json.dumps(ours).encode()
            found = msgspec.json.decode(given, type=self.shape, dec_hook=_money)
        except msgspec.ValidationError as error:
            raise Problem("invalid", f"the body is not what {self.command.__name__} takes: {error}") from error
        except (ValueError, RecursionError) as error:
            raise Problem("bad-request", f"the body is no JSON: {error}") from error
        values = _said(found)
        values = _checked(values)
        if "items" in values:
            values["items"] = tuple(commands.AddItem(**_checked(_said(item))) for item in values["items"])
        order_id = values.pop("order_id", None)
        said = {name: values.pop(name) for name, _ in ENVELOPE if name in values}
        return Asked(order_id, self.command(**values), said)


@cache
def body_of(name: str) -> Body:
    """The body of a command.

    Args:
        name: As in `COMMANDS`.

    Example:
        >>> body_of("add-item").read(b'{"item_id": "mug", "quantity": 2, "price": "2.50"}').command
        AddItem(item_id='mug', quantity=2, price=Decimal('2.50'), description=None, currency=None)
    """
    return _body(name, {})


@cache
def with_order_id(name: str, *, needed: bool) -> Body:
    """The body of a command that names the order, too.

    Args:
        name: As in `COMMANDS`.
        needed: Whether it has to.
    """
    return _body(name, {"order_id": _Id if needed else (_Id | None, None)})


def _body(name: str, first: dict[str, Any]) -> Body:
    cls: Any = COMMANDS[name]
    named: list[Any] = [(key, *(kind if isinstance(kind, tuple) else (kind,))) for key, kind in first.items()]
    named += _fields(cls)
    named += [(key, kind | None, None) for key, kind in ENVELOPE]
    shape = msgspec.defstruct(
        f"{cls.__name__}{'OfOrder' if first else ''}",
        named,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    shape.__doc__ = cls.__doc__.partition("\n\n")[0]
    return Body(cls, shape)


@cache
def _item() -> type[msgspec.Struct]:
    """An item of an order that is opened: what `AddItem` has."""
    fields = [field for field in _fields(commands.AddItem) if field[0] != "currency"]
    return msgspec.defstruct("Item", fields, kw_only=True, forbid_unknown_fields=True)


def _fields(cls: Any) -> list[Any]:
    hints = get_type_hints(cls, vars(orders) | {"Decimal": Decimal})
    kinds = [(field.name, *_kind(field.name, hints[field.name])) for field in dataclasses.fields(cls)]
    return [(name, kind | None, None) if optional else (name, kind) for name, kind, optional in kinds]


def _kind(name: str, hint: Any) -> tuple[Any, bool]:
    """What msgspec reads for a field of a command, and whether it may be left out."""
    if name == "items":
        items: Any = list[_item()]  # type: ignore[misc] # a class that is made when it is asked for
        return items, True
    parts = set(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else {hint}
    optional = type(None) in parts
    if Decimal in parts:
        return Money, optional
    if int in parts:
        return _Whole, optional
    if name == "currency":
        return _Currency, optional
    return (_Id if name in _IDS else _Text), optional


def _said(found: msgspec.Struct) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless it says one thing twice: parsers differ in which of the two they take."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice; say it once")
    return dict(pairs)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a command takes them: texts looked at, money as amounts."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise Problem("invalid", f"{name} holds a NUL, at which many programs end a text; leave it out")
        if name in _IDS and not _SAYS_SOMETHING.search(value):
            raise Problem("invalid", f"{name} is blank; name one, or leave it out where that is possible")
    return {name: value.amount if isinstance(value, Money) else value for name, value in values.items()}


def _money(kind: type, given: Any) -> Any:
    if kind is not Money:
        raise NotImplementedError
    if isinstance(given, int) and not isinstance(given, bool) and abs(given) < 10**14:
        return Money(Decimal(given))
    if isinstance(given, str) and _DIGITS.fullmatch(given):
        return Money(Decimal(given))
    raise ValueError(
        'money is digits in a string, such as "12.75", at most 14 of them before the point and 4 behind it, or a whole number'
    )


def command_schemas(currency: str | None = None) -> dict[str, Any]:
    """The JSON schemas of all bodies, by name, as OpenAPI's components hold them.

    Args:
        currency: What new orders have that name none; without it each has to.
    """
    shapes = [body_of(name).shape for name in COMMANDS]
    shapes += [with_order_id("create-order", needed=False).shape, with_order_id("add-item", needed=True).shape]

    def hook(kind: type) -> dict[str, Any]:
        assert kind is Money
        return {
            "description": "Exact money: digits in a string, or a whole number.",
            "anyOf": [
                {"type": "string", "pattern": f"^{_DIGITS.pattern}$", "example": "12.75"},
                {"type": "integer", "exclusiveMinimum": -(10**14), "exclusiveMaximum": 10**14},
            ],
        }

    _, components = msgspec.json.schema_components(shapes, schema_hook=hook, ref_template="#/components/schemas/{name}")
    for name in ("AddItem", "AddItemOfOrder", "Item"):
        components[name] = with_other_words(components[name])
    for name in ("CreateOrder", "CreateOrderOfOrder") if currency is not None else ():
        components[name]["required"] = []
        components[name]["properties"]["currency"]["default"] = currency
    return components
