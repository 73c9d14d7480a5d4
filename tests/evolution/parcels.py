"""A domain that changed twice: its classes and upcasters under each version, and a log that each version wrote a part of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders_es.log import NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.upcaster import Renamed, retired, upcaster

# -- first version: cents, a numbered customer, one event for every change of status, labels


@dataclass(frozen=True)
class Booked1:
    customer: int
    price: int


@dataclass(frozen=True)
class StatusChanged:
    status: str


@dataclass(frozen=True)
class LabelPrinted:
    printer: str


# -- second version: an exact price


@dataclass(frozen=True)
class Booked2:
    customer: int
    price: Decimal


@dataclass(frozen=True)
class Shipped:
    depot: str = "main"


@dataclass(frozen=True)
class Lost:
    pass


# -- third version, today: the customer is a text, and there is a currency


@dataclass(frozen=True)
class Booked:
    customer: str
    price: Decimal
    currency: str = "EUR"
    note: str | None = None

    __schema_version__ = 3


@upcaster("Booked", 1)
def exact_price(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"price": Decimal(payload["price"]) / 100}


@upcaster("Booked", 2)
def customer_as_text(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"customer": f"C-{payload['customer']}", "currency": "GBP"}


@upcaster("StatusChanged", 1, into={"Shipped": 1, "Lost": 1}, may_retire=True)
def what_happened(payload: dict[str, Any]) -> Renamed | None:
    match payload["status"]:
        case "shipped":
            return Renamed("Shipped", {"depot": "early"})
        case "lost":
            return Renamed("Lost", {})
    return None


LABELS = retired("LabelPrinted")
UPCASTERS = (exact_price, customer_as_text, what_happened, LABELS)


def first() -> EventRegistry:
    registry = EventRegistry([StatusChanged, LabelPrinted])
    registry.register(Booked1, name="Booked")
    return registry


def second() -> EventRegistry:
    registry = EventRegistry([Shipped, Lost])
    registry.register(Booked2, name="Booked", schema_version=2)
    registry.upcast(exact_price, what_happened, LABELS)
    return registry


def today() -> EventRegistry:
    return EventRegistry([Booked, Shipped, Lost], UPCASTERS)


def write(url: str) -> None:
    """A log of three parcels that three versions of the program wrote."""
    with open_log(url, create=True, registry=first()) as log:
        log.append("P-1", [Booked1(7, 1999), LabelPrinted("A"), StatusChanged("shipped")], expected=NO_STREAM)
        log.append("P-2", [Booked1(8, 5)], expected=NO_STREAM)
        log.append("P-2", [StatusChanged("seen")], expected=1)
    with open_log(url, registry=second()) as log:
        log.append("P-2", [RawEvent("StatusChanged", '{"status":"lost"}')], expected=2)
        log.append("P-3", [Booked2(9, Decimal("1.2345")), Shipped("north")], expected=NO_STREAM)
    with open_log(url, registry=today()) as log:
        log.append("P-4", [Booked("C-10", Decimal("7.5"), "USD", "fragile")], expected=NO_STREAM)


TODAY = [
    ("P-1", 1, "Booked", Booked("C-7", Decimal("19.9900"), "GBP")),
    ("P-1", 3, "Shipped", Shipped("early")),
    ("P-2", 1, "Booked", Booked("C-8", Decimal("0.0500"), "GBP")),
    ("P-2", 3, "Lost", Lost()),
    ("P-3", 1, "Booked", Booked("C-9", Decimal("1.2345"), "GBP")),
    ("P-3", 2, "Shipped", Shipped("north")),
    ("P-4", 1, "Booked", Booked("C-10", Decimal("7.5000"), "USD", "fragile")),
]
"""What the log means today: stream, version, type and data of each event that means anything."""
