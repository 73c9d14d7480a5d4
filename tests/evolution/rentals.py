"""Two packages' types that changed three times, in every way that a type can: what each program wrote, and what it means today.

Rentals: a type got another name, a number became text, whole cents an exact amount, letters an enumeration, an optional field a needed one, a
needed one optional; nested values and lists changed within; one type became two or nothing, by payload; one was given up; fields
came with defaults of every kind. Deposits, the other package's, are paid in the same streams.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders_es.decider import Decider, StateCodec
from orders_es.log import EventRegistry, NewEvent, open_log
from orders_es.upcaster import UNCHANGED, Renamed, Upcaster, retired, upcaster

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
RATE = Decimal("1234567890123.4567")
"""More digits than a float has."""

# -- today


class Tier(enum.Enum):
    PLAIN = "plain"
    GOLD = "gold"


@dataclass(frozen=True)
class Address:
    street: str
    city: str = "?"


@dataclass(frozen=True)
class Line:
    article: str
    days: int
    rate: Decimal = Decimal("1.5")


@dataclass(frozen=True)
class RentalOpened:
    renter: str
    fee: Decimal
    phone: str
    address: Address
    currency: str = "EUR"
    tier: Tier = Tier.PLAIN
    lines: tuple[Line, ...] = ()
    tags: list[str] = field(default_factory=lambda: ["new"])
    since: date | None = None
    insured: bool = False
    weight: float | None = 0.5
    limits: dict[str, int] = field(default_factory=dict)

    __schema_version__ = 3


@dataclass(frozen=True)
class Extended:
    hours: int
    until: datetime | None = None

    __schema_version__ = 2


@dataclass(frozen=True)
class Returned:
    condition: str | None = "good"


@dataclass(frozen=True)
class DepositPaid:
    amount: Decimal
    method: str | None = None

    __schema_version__ = 2


# -- as the first program had them


@dataclass(frozen=True)
class Opened1:
    renter: int
    fee: int
    tier: str
    street: str
    articles: list[str]
    phone: str | None = None


@dataclass(frozen=True)
class Changed1:
    what: str
    days: int | None = None


@dataclass(frozen=True)
class Printed1:
    printer: str


@dataclass(frozen=True)
class Deposit1:
    amount: int
    method: str


# -- the second program's, and the third's


@dataclass(frozen=True)
class Opened2:
    renter: int
    fee: Decimal
    tier: str
    address: dict[str, str]
    articles: list[dict[str, Any]]
    phone: str | None = None


@dataclass(frozen=True)
class Extended1:
    days: int


@dataclass(frozen=True)
class Opened3:
    renter: str
    fee: Decimal
    tier: str
    address: Address
    lines: tuple[Line, ...]
    phone: str | None = None
    currency: str | None = None

    __schema_version__ = 2


@upcaster("Opened", 1, into="RentalOpened")
def renamed(payload: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in payload.items() if name not in ("street", "articles", "fee")}
    articles = [{"article": name, "days": 1} for name in payload["articles"]]
    return given | {
        "fee": Decimal(payload["fee"]) / 100,
        "address": {"street": payload["street"]},
        "articles": articles,
    }


@upcaster("RentalOpened", 1)
def text_and_lines(payload: dict[str, Any]) -> dict[str, Any]:
    lines = [{"article": one["article"], "days": one["days"], "rate": RATE} for one in payload.pop("articles")]
    return payload | {"renter": f"R-{payload['renter']}", "lines": lines}


@upcaster("RentalOpened", 2)
def words_for_letters(payload: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in payload.items() if value is not None}
    return {"phone": "unknown"} | given | {"tier": {"A": "gold"}.get(payload["tier"], "plain")}


@upcaster("Extended", 1)
def hours(payload: dict[str, Any]) -> dict[str, Any]:
    return {"hours": payload["days"] * 24}


@upcaster("Changed", 1, into={"Extended": 1, "Returned": 1}, may_retire=True)
def what_changed(payload: dict[str, Any]) -> Renamed | None:
    match payload["what"]:
        case "extended":
            return Renamed("Extended", {"days": payload["days"]})
        case "returned":
            return Renamed("Returned", {"condition": None})
    return None


PRINTED = retired("Printed")


@upcaster("DepositPaid", 1)
def exact_amount(payload: dict[str, Any]) -> Any:
    if isinstance(payload["amount"], str):
        return UNCHANGED
    return payload | {"amount": Decimal(payload["amount"]) / 100}


UPCASTERS = (renamed, text_and_lines, words_for_letters, hours, what_changed, PRINTED)


@dataclass(frozen=True)
class Rental:
    renter: str = ""
    fee: Decimal = Decimal(0)
    phone: str = ""
    city: str = ""
    street: str = ""
    currency: str = ""
    tier: str = ""
    articles: str = ""
    rate: Decimal = Decimal(0)
    tags: str = ""
    insured: bool = False
    weight: float | None = None
    hours: int = 0
    returned: str = ""
    paid: Decimal = Decimal(0)


def initial(_stream_id: str) -> Rental:
    return Rental()


def evolve(state: Rental, event: Any) -> Rental:
    match event.data:
        case RentalOpened() as opened:
            return replace(
                state,
                renter=opened.renter,
                fee=opened.fee,
                phone=opened.phone,
                city=opened.address.city,
                street=opened.address.street,
                currency=opened.currency,
                tier=opened.tier.value,
                articles=",".join(f"{line.article}:{line.days}" for line in opened.lines),
                rate=sum((line.rate for line in opened.lines), Decimal(0)),
                tags=",".join(opened.tags),
                insured=opened.insured,
                weight=opened.weight,
            )
        case Extended() as extended:
            return replace(state, hours=state.hours + extended.hours)
        case Returned() as back:
            return replace(state, returned=back.condition or "unseen")
        case DepositPaid() as paid:
            return replace(state, paid=state.paid + paid.amount)
    return state


RENTALS: Decider[Rental] = Decider(
    name="rentals",
    event_types=(RentalOpened, Extended, Returned),
    decide=lambda command, _: [command],
    evolve=evolve,
    initial=initial,
    snapshots=StateCodec.of(Rental),
    read_models=Path(__file__).parent / "rental_models",
    upcasters=UPCASTERS,
)
DEPOSITS: Decider[int] = Decider(
    name="deposits",
    event_types=(DepositPaid,),
    decide=lambda command, _: [command],
    evolve=lambda state, _: state + 1,
    initial=lambda _: 0,
    upcasters=(exact_amount,),
)


def today() -> EventRegistry:
    return EventRegistry([RentalOpened, Extended, Returned, DepositPaid], [*UPCASTERS, exact_amount])


def _registry(*upcasters: Upcaster, **types: tuple[type, int]) -> EventRegistry:
    registry = EventRegistry()
    for name, (cls, version) in types.items():
        registry.register(cls, name=name, schema_version=version)
    registry.upcast(*upcasters)
    return registry


PROGRAMS = (
    _registry(Opened=(Opened1, 1), Changed=(Changed1, 1), Printed=(Printed1, 1), DepositPaid=(Deposit1, 1)),
    _registry(
        *(renamed, what_changed, PRINTED), RentalOpened=(Opened2, 1), Extended=(Extended1, 1), Returned=(Returned, 1)
    ),
    _registry(
        *(renamed, text_and_lines, what_changed, PRINTED),
        RentalOpened=(Opened3, 2),
        Extended=(Extended1, 1),
        Returned=(Returned, 1),
    ),
    today(),
)
_TODAYS = RentalOpened(
    "R-4",
    Decimal("7.0001"),
    "555",
    Address("Elm", "Rome"),
    "USD",
    Tier.GOLD,
    (Line("kayak", 3), Line("oar", 1, Decimal("0.125"))),
    ["a", "b"],
    date(2024, 2, 29),
    True,
    None,
    {"depth": 3},
)
WRITTEN: tuple[tuple[int, str, Any, Any], ...] = (
    (
        0,
        "R-1",
        Opened1(1, 1999, "A", "Ash 1", ["bike", "lock"], "123"),
        RentalOpened(
            "R-1",
            Decimal("19.99"),
            "123",
            Address("Ash 1"),
            tier=Tier.GOLD,
            lines=(Line("bike", 1, RATE), Line("lock", 1, RATE)),
        ),
    ),
    (0, "R-1", Printed1("front"), None),
    (0, "R-1", Deposit1(5000, "cash"), DepositPaid(Decimal(50), "cash")),
    (0, "R-1", Changed1("extended", 2), Extended(48)),
    (0, "R-2", Opened1(2, 5, "B", "Öl\n2", []), RentalOpened("R-2", Decimal("0.05"), "unknown", Address("Öl\n2"))),
    (0, "R-2", Changed1("seen"), None),
    (0, "R-1", Changed1("returned"), Returned(None)),
    (
        1,
        "R-3",
        Opened2(3, Decimal("1.2345"), "A", {"street": "Oak", "city": "Bonn"}, [{"article": "tent", "days": 2}], "9"),
        RentalOpened(
            "R-3",
            Decimal("1.2345"),
            "9",
            Address("Oak", "Bonn"),
            tier=Tier.GOLD,
            lines=(Line("tent", 2, RATE),),
        ),
    ),
    (1, "R-3", Extended1(1), Extended(24)),
    (1, "R-2", Returned("scratched"), Returned("scratched")),
    (
        2,
        "R-5",
        Opened3("R-5", Decimal(3), "C", Address("Yew", "Oslo"), (Line("ski", 5),)),
        RentalOpened("R-5", Decimal(3), "unknown", Address("Yew", "Oslo"), lines=(Line("ski", 5),)),
    ),
    (
        2,
        "R-6",
        Opened3("R-6", Decimal(4), "A", Address("Fir"), (), "77", "GBP"),
        RentalOpened("R-6", Decimal(4), "77", Address("Fir"), "GBP", Tier.GOLD),
    ),
    (2, "R-3", Returned(None), Returned(None)),
    (3, "R-4", _TODAYS, _TODAYS),
    (
        3,
        "R-4",
        Extended(5, datetime(2024, 3, 1, 1, 2, 3, 4, tzinfo=UTC)),
        Extended(5, datetime(2024, 3, 1, 1, 2, 3, 4, tzinfo=UTC)),
    ),
    (3, "R-4", DepositPaid(Decimal("0.0001")), DepositPaid(Decimal("0.0001"))),
    (3, "R-5", Returned(), Returned()),
)
"""What was written: by which program, in which stream, and what it means today; an hour lies between two."""


def write(url: str) -> None:
    """The log that all programs wrote, one after the other."""
    versions: dict[str, int] = {}
    with open_log(url, create=True, registry=PROGRAMS[0]):
        pass
    for number, registry in enumerate(PROGRAMS):
        with open_log(url, registry=registry) as log:
            for place, (program, stream_id, event, _) in enumerate(WRITTEN):
                if program == number:
                    at = START + timedelta(hours=place)
                    log.append(stream_id, [NewEvent(data=event, occurred_at=at)], expected=versions.get(stream_id, 0))
                    versions[stream_id] = versions.get(stream_id, 0) + 1


def meant(until: int = len(WRITTEN)) -> list[tuple[str, int, Any]]:
    """Stream, version and data of the events that mean anything, of the first `until`, in the order of the log."""
    found, versions = [], dict[str, int]()
    for _, stream_id, _, data in WRITTEN[:until]:
        versions[stream_id] = versions.get(stream_id, 0) + 1
        if data is not None:
            found.append((stream_id, versions[stream_id], data))
    return found


class _Event:
    def __init__(self, data: Any) -> None:
        self.data = data


def states(until: int = len(WRITTEN)) -> dict[str, Rental]:
    """The rentals after the first `until` events."""
    found: dict[str, Rental] = {}
    for stream_id, _, data in meant(until):
        found[stream_id] = evolve(found.get(stream_id, Rental()), _Event(data))
    return found
