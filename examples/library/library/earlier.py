"""The events as earlier programs knew them, and a log that each of them wrote a part of: for the notebook and the test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from library.domain import LOANS, Fined, Lent, Returned
from library.upcasters import with_a_member_and_a_branch
from orders_es.domains import registry_of
from orders_es.log import EventRegistry, NewEvent, open_log

if TYPE_CHECKING:
    import os


@dataclass(frozen=True)
class LentInJanuary:
    """`Lent` v1."""

    book: int
    reader: str


@dataclass(frozen=True)
class LentInMay:
    """`Lent` v2."""

    book: int
    member: str
    branch: str = "main"


@dataclass(frozen=True)
class FinedInCents:
    """`Fined` v1."""

    cents: int


@dataclass(frozen=True)
class Closed:
    """A loan ended, in one way or the other."""

    why: str


@dataclass(frozen=True)
class SlipPrinted:
    """Somebody got a slip of paper."""

    printer: str


def january() -> EventRegistry:
    """What the first program knew."""
    registry = EventRegistry([Closed, SlipPrinted])
    registry.register(LentInJanuary, name="Lent")
    registry.register(FinedInCents, name="Fined")
    return registry


def may() -> EventRegistry:
    """What the second program knew."""
    registry = EventRegistry([Closed, SlipPrinted], ())
    registry.register(LentInMay, name="Lent", schema_version=2)
    registry.register(FinedInCents, name="Fined")
    registry.upcast(with_a_member_and_a_branch)
    return registry


def today() -> EventRegistry:
    """What the program of today knows."""
    return registry_of([LOANS])


def write(url: str | os.PathLike[str], registry: EventRegistry, begin: datetime, loans: dict[str, list[Any]]) -> None:
    """Append some loans, one a day, to a log that is created if there is none.

    Args:
        url: The log.
        registry: What the program that writes knew.
        begin: When it began.
        loans: By loan id, the events.
    """
    now = [begin]
    with open_log(url, create=True, registry=registry, clock=lambda: now[0]) as log:
        for loan_id, events in loans.items():
            new = [NewEvent(data=data, occurred_at=now[0] + timedelta(hours=i)) for i, data in enumerate(events)]
            log.append(loan_id, new, expected=0)
            now[0] += timedelta(days=1)


def a_year(url: str | os.PathLike[str]) -> None:
    """Write the log of a year: in January, in May and in September, each by the program of then."""
    write(
        url,
        january(),
        datetime(2025, 1, 7, 9, tzinfo=UTC),
        {
            "L-1": [LentInJanuary(17, "Ada"), SlipPrinted("desk"), Closed("returned")],
            "L-2": [LentInJanuary(4, "Ben"), FinedInCents(150), Closed("lost")],
            "L-3": [LentInJanuary(99, "Cy")],
        },
    )
    write(
        url,
        may(),
        datetime(2025, 5, 5, 9, tzinfo=UTC),
        {"L-4": [LentInMay(17, "Ada", "harbour"), FinedInCents(5)], "L-5": [LentInMay(8, "Di"), Closed("returned")]},
    )
    write(
        url,
        today(),
        datetime(2025, 9, 1, 9, tzinfo=UTC),
        {"L-6": [Lent("B-00004-2", "Ben", "harbour"), Fined(Decimal("0.3333")), Returned()]},
    )
