"""What an upcaster gives as `Decimal` anywhere in a payload is text there, wherever the type says `Decimal`; a float there is refused."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

import msgspec
import pytest

from orders_es.errors import UpcastFailed
from orders_es.log import EventRegistry
from orders_es.upcaster import upcaster


class Rate(msgspec.Struct):
    per_day: Decimal
    name: str = ""


class Pair(NamedTuple):
    low: Decimal
    high: float


class Tax(TypedDict):
    rate: Decimal


@dataclass(frozen=True)
class Node:
    amount: Decimal
    inner: "list[Node]"


@dataclass(frozen=True)
class Quoted:
    rates: dict[str, Rate]
    pair: Pair
    fixed: tuple[Decimal, int]
    many: list[Decimal | None]
    tax: Tax | None
    tree: Node
    either: list[Decimal | float]
    anything: Any

    __schema_version__ = 2


BIG = Decimal("1234567890123.4567")


@upcaster("Quoted", 1)
def exact(payload):
    return {
        "rates": {"a": {"per_day": BIG, "extra": BIG}},
        "pair": [BIG, 0.5],
        "fixed": [BIG, 7],
        "many": [BIG, None, 3, "0.10"],
        "tax": {"rate": BIG},
        "tree": {"amount": BIG, "inner": [{"amount": BIG, "inner": []}]},
        "either": [Decimal("0.5")],
        "anything": Decimal("0.5"),
    } | payload


def test_wherever_the_type_says_so():
    registry = EventRegistry([Quoted], [exact])
    today = json.loads(registry.today("Quoted", 1, "{}").payload)
    big = str(BIG)
    assert today == {
        "rates": {"a": {"per_day": big, "extra": float(BIG)}},
        "pair": [big, 0.5],
        "fixed": [big, 7],
        "many": [big, None, 3, "0.10"],
        "tax": {"rate": big},
        "tree": {"amount": big, "inner": [{"amount": big, "inner": []}]},
        "either": [0.5],
        "anything": 0.5,
    }
    data = registry.decode("Quoted", 1, "{}")
    assert (data.rates["a"].per_day, data.pair.low, data.tree.inner[0].amount) == (BIG, BIG, BIG)


@pytest.mark.parametrize("payload", [{"fixed": [0.1, 1]}, {"tree": {"amount": 0.1, "inner": []}}])
def test_a_float_is_refused(payload):
    @upcaster("Quoted", 1)
    def careless(_):
        return exact({}) | payload

    with pytest.raises(UpcastFailed, match=r"the amount 0\.1 is a float"):
        EventRegistry([Quoted], [careless]).decode("Quoted", 1, "{}")
