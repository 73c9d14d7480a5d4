"""Exact amounts within fields that are no columns: in payloads they are texts, for whoever reads a number out of JSON in SQL gets a float."""

from __future__ import annotations

import functools
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["amounts_in"]

_MANY = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType, inspect.CollectionType)
_NAMED = (inspect.DataclassType, inspect.StructType, inspect.TypedDictType)
_NUMBERS = (inspect.FloatType, inspect.AnyType)


def amounts_in(cls: type, name: str) -> Callable[[Any], Any] | None:
    """What gives a JSON value with the amounts in it as texts, where its field's type has `Decimal`; None where it has none.

    Args:
        cls: The dataclass of an event type.
        name: One of its fields.

    Raises:
        ValueError: From what is returned: an amount is a float.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Weighed:
        ...     rates: dict[str, Decimal]
        ...     days: list[int]
        >>> write = amounts_in(Weighed, "rates")
        >>> write({"day": Decimal("0.10")}), amounts_in(Weighed, "days")
        ({'day': '0.10'}, None)
    """
    info: Any = inspect.type_info(cls)
    kind = next(field.type for field in info.fields if field.name == name)
    return (lambda value: _written(value, kind)) if _holds(kind, set()) else None


def _inner(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.UnionType():
            if not any(isinstance(one, _NUMBERS) for one in kind.types):  # a number may be meant as one
                yield from kind.types
        case inspect.TupleType():
            yield from kind.item_types
        case inspect.DictType():
            yield kind.value_type
        case inspect.DataclassType() | inspect.StructType() | inspect.TypedDictType() | inspect.NamedTupleType():
            yield from (field.type for field in kind.fields)
        case _ if isinstance(kind, _MANY):
            yield kind.item_type


def _holds(kind: inspect.Type, seen: set[int]) -> bool:
    if id(kind) in seen:  # a type that holds itself
        return False
    seen.add(id(kind))
    return isinstance(kind, inspect.DecimalType) or any(_holds(inner, seen) for inner in _inner(kind))


def _digits(value: float | Decimal) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise ValueError(f"the amount {value!r} is a float; give a Decimal, or digits as text")


def _written(value: Any, kind: inspect.Type) -> Any:
    match value:
        case float() | Decimal() if isinstance(kind, inspect.DecimalType):
            return _digits(value)
        case _ if isinstance(kind, inspect.UnionType):
            return functools.reduce(_written, _inner(kind), value)
        case list() | tuple() if isinstance(kind, _MANY):
            return [_written(one, kind.item_type) for one in value]
        case list() | tuple() if isinstance(kind, inspect.TupleType | inspect.NamedTupleType):
            given = zip_longest(value, list(_inner(kind))[: len(value)], fillvalue=inspect.AnyType())
            return [_written(one, kind_of_one) for one, kind_of_one in given]
        case dict():
            kinds = {field.encode_name: field.type for field in kind.fields} if isinstance(kind, _NAMED) else {}
            others = kind.value_type if isinstance(kind, inspect.DictType) else inspect.AnyType()
            return {name: _written(one, kinds.get(name, others)) for name, one in value.items()}
    return value
