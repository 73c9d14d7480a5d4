"""How payloads of a type of today are written: what upcasters give, in the order and form in which events are recorded."""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.log.exact import CHECKS
from orders_es.log.nested_amounts import amounts_in

if TYPE_CHECKING:
    from orders_es.log.event_type import EventType

__all__ = ["PayloadShape", "has_nested_amounts"]

_ORDERS_MOST = 1_000
"""Combinations of fields of one type that are remembered."""
_encoder = msgspec.json.Encoder(decimal_format="number")


def has_nested_amounts(event_type: EventType) -> bool:
    """Whether a type has amounts within fields that are no columns."""
    return any(amounts_in(event_type.cls, f.name) is not None for f in event_type.fields if f.kind == "json")


class PayloadShape:
    """How payloads of a type of today are written."""

    __slots__ = ("amounts", "defaults", "floats", "name", "names", "nested", "ordered")

    def __init__(self, event_type: EventType) -> None:
        self.name = event_type.name
        self.names = tuple(f.name for f in event_type.fields)
        self.amounts = tuple(f.name for f in event_type.fields if f.kind == "decimal")
        self.defaults = {f.name for f in event_type.fields if f.default is not None}
        self.floats = tuple(f.name for f in event_type.fields if f.kind == "float64")
        nested = {f.name: amounts_in(event_type.cls, f.name) for f in event_type.fields if f.kind == "json"}
        self.nested = {name: write for name, write in nested.items() if write is not None}
        self.ordered: dict[tuple[str, ...], bool] = {}

    def written(self, data: dict[str, Any]) -> str:
        """A payload as this package writes it: fields in their order, amounts as texts; what the type does not know comes last."""
        return _encoder.encode(self._in_order(data)).decode()

    def lines(self, datas: list[dict[str, Any]]) -> bytes:
        """Payloads as this package writes them, one a line."""
        if self._are_in_order(datas):
            plain = _encoder.encode_lines(datas)
            if b":null" not in plain:
                return plain
        return _encoder.encode_lines(list(map(self._in_order, datas)))

    def _are_in_order(self, datas: list[dict[str, Any]]) -> bool:
        """Whether nothing has to be changed in any of these but fields that are null: looked at without a step of Python for each."""
        if self.nested or not all(map(self.ordered.get, set(map(tuple, datas)))):
            return False
        try:
            return all(set(map(type, map(itemgetter(name), datas))) == {str} for name in self.amounts)
        except KeyError:
            return False

    def _in_order(self, data: dict[str, Any]) -> dict[str, Any]:
        keys = tuple(data)
        if not self.ordered.get(keys) or None in data.values():
            data = self._ordered(keys, data)
        for name in self.amounts:
            value = data.get(name)
            if value is not None and value.__class__ is not str:
                data[name] = str(CHECKS["decimal"](self.name, name, value))
        for name, write in self.nested.items():
            if name in data:
                data[name] = write(data[name])
        for name in self.floats:
            value = data.get(name)
            if value.__class__ is float and not math.isfinite(value):  # which JSON would write as null
                raise ValueError(f"{name} is {value}, which JSON has no number for")
        return data

    def _ordered(self, keys: tuple[str, ...], data: dict[str, Any]) -> dict[str, Any]:
        ordered = {
            name: data[name]
            for name in self.names
            if data.get(name) is not None or (name in data and name in self.defaults)
        }
        ordered |= {name: value for name, value in data.items() if name not in self.names}
        if len(self.ordered) < _ORDERS_MOST:
            self.ordered[keys] = tuple(ordered) == keys
        return ordered
