"""One event type: the version of its shape, its dataclass, and what that says of its fields."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.errors import RegistrationClash
from orders_es.log.exact import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["EventType", "Field", "arranged", "check_values", "fields_of", "version_of"]

_CHECKED = frozenset({"int64", "decimal", "timestamp"})
"""The kinds of which a dataclass can hold what no column can."""

_KINDS: dict[Any, str] = {
    str: "string",
    int: "int64",
    bool: "bool",
    Decimal: "decimal",
    datetime: "timestamp",
    date: "date",
    float: "float64",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of an event type.

    Args:
        name: The field's name, in the payload and as a column.
        kind: `string`, `int64`, `bool`, `decimal` (18 digits, 4 of them decimals), `timestamp`, `date`, `float64`, or
            `json` for anything deeper, which stays in the payload only.
        optional: Whether None is a value of it.
        required: Whether it has no default, so that every payload must hold it.
        largest: The largest whole number, above zero or below, that is recorded; None for whatever fits 64 bits.
        identifier: Whether its text is an id or a code, which is never empty and at most 1,024 bytes long.
        pattern: The regular expression that its whole text fits, and what that means in words; None for any text.
        personal: Whether it can be erased; see `orders_es.log.personal`.
        default: What it is where a payload does not have it, if that is a value of a column; None otherwise.
    """

    name: str
    kind: str
    optional: bool
    required: bool
    largest: int | None = None
    identifier: bool = False
    pattern: tuple[str, str] | None = None
    personal: bool = False
    default: Any = None

    @property
    def always(self) -> bool:
        """Whether a recorded event has a value of it, or is read with one: what its column never lacks."""
        return self.kind != "json" and ((self.required and not self.optional) or self.default is not None)


@dataclasses.dataclass(frozen=True, slots=True)
class EventType:
    """One registered event type: its name in storage, the version of its shape, its dataclass and its fields."""

    name: str
    schema_version: int
    cls: type
    fields: tuple[Field, ...]

    @property
    def personal(self) -> frozenset[str]:
        """The fields that can be erased: the last ones in payloads."""
        return frozenset(field.name for field in self.fields if field.personal)


def check_values(event_type: EventType, event: Any) -> None:
    """Refuse what a type's dataclass can hold and its columns cannot, so that nobody who reads gets another value.

    Args:
        event: An instance of its dataclass.

    Raises:
        InvalidEvent: A value fits no column.
    """
    for name, check in _checks_of(event_type.cls):
        value = getattr(event, name)
        if value is not None:
            check(event_type.name, name, value)


@functools.lru_cache(maxsize=1_000)
def _checks_of(cls: type) -> tuple[tuple[str, Callable[[str, str, Any], Any]], ...]:
    """The fields of which a dataclass can hold what no column can, each with what refuses that."""
    return tuple((f.name, CHECKS[f.kind]) for f in fields_of(cls) if f.kind in _CHECKED)


def arranged(name: str, fields: Iterable[Field]) -> tuple[Field, ...]:
    """Fields in the order that they have in payloads: those that can be erased at the end.

    Args:
        name: The event type's name.

    Raises:
        RegistrationClash: One of those could not be read any more once it is erased.
    """
    for field in fields:
        if field.personal and field.kind != "string" and not field.optional:
            raise RegistrationClash(
                f"{name}.{field.name}",
                "it is personal and no text, so that nothing can stand in its place once it is erased; let it be None as well",
            )
    return tuple(sorted(fields, key=lambda field: field.personal))


def version_of(cls: type) -> int:
    """What a class says of the version of its shape; a class derived from it is another shape."""
    said: int = vars(cls).get("__schema_version__", 1)
    return said


@functools.lru_cache(maxsize=1_000)
def fields_of(cls: type) -> tuple[Field, ...]:
    """What a class says of its fields; asked once for each class, since every opened log registers the same ones again."""
    return tuple(_each_field(cls))


def _each_field(cls: type) -> Iterator[Field]:
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        hint = hints[f.name]
        optional = False
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            arms = [a for a in typing.get_args(hint) if a is not types.NoneType]
            optional = len(arms) < len(typing.get_args(hint))
            hint = arms[0] if len(arms) == 1 else object
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        largest, identifier = f.metadata.get("largest"), f.metadata.get("identifier", False)
        yield Field(
            f.name,
            _KINDS.get(hint, "json"),
            optional,
            required,
            largest,
            identifier,
            f.metadata.get("pattern"),
            f.metadata.get("personal", False),
            f.default if type(f.default) in _KINDS else None,
        )
