"""What can happen to a loan today, what can be asked for, and the rules: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from library.upcasters import UPCASTERS
from orders_es.decider import Decider
from orders_es.errors import CommandRejected

# Events. Their names and fields are storage format; a changed shape has another version, and an upcaster from the one before.


@dataclass(frozen=True)
class Lent:
    """A member took a book home."""

    book: str
    member: str
    branch: str = "main"

    __schema_version__ = 3


@dataclass(frozen=True)
class Returned:
    """The book came back."""


@dataclass(frozen=True)
class Lost:
    """The book will not come back."""


@dataclass(frozen=True)
class Fined:
    """The member owes something."""

    amount: Decimal
    currency: str = "EUR"

    __schema_version__ = 2


# Commands.


@dataclass(frozen=True)
class Lend:
    """Hand a book out."""

    book: str
    member: str
    branch: str = "main"


@dataclass(frozen=True)
class TakeBack:
    """Take it back, late or not."""

    fine: Decimal | None = None


@dataclass(frozen=True)
class Loan:
    """One loan, as it stands."""

    loan_id: str
    book: str | None = None
    member: str | None = None
    branch: str | None = None
    open: bool = False
    fines: Decimal = Decimal(0)


def decide(command: Lend | TakeBack, loan: Loan) -> list[Any]:
    """The events that a command leads to."""
    match command:
        case Lend(book, member, branch):
            if loan.book is not None:
                raise CommandRejected("lent_once", f"loan {loan.loan_id} is of a book already; take another loan id")
            return [Lent(book, member, branch)]
        case TakeBack(fine):
            if not loan.open:
                raise CommandRejected("out", f"the book of loan {loan.loan_id} is not out")
            return [Returned()] if fine is None else [Fined(fine), Returned()]


def evolve(loan: Loan, event: Any) -> Loan:
    """The loan after one more event. It knows today's events only: upcasters see to the others."""
    match event.data:
        case Lent(book, member, branch):
            return replace(loan, book=book, member=member, branch=branch, open=True)
        case Returned() | Lost():
            return replace(loan, open=False)
        case Fined(amount):
            return replace(loan, fines=loan.fines + amount)
    return loan


LOANS = Decider(
    name="loans",
    event_types=(Lent, Returned, Lost, Fined),
    decide=decide,
    evolve=evolve,
    initial=Loan,
    upcasters=UPCASTERS,
)
