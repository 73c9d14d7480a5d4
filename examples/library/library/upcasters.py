"""What the events of earlier versions mean today. One step each; a step that is written stays as it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orders_es.upcaster import Renamed, retired, upcaster

_CENT = Decimal("0.01")


@upcaster("Lent", 1)
def with_a_member_and_a_branch(payload: dict[str, Any]) -> dict[str, Any]:
    """May: `reader` is called `member`, and there is a second branch."""
    return {"book": payload["book"], "member": payload["reader"], "branch": "main"}


@upcaster("Lent", 2)
def with_a_shelf_mark(payload: dict[str, Any]) -> dict[str, Any]:
    """September: a book has a shelf mark, of which its number is a part."""
    return payload | {"book": f"B-{payload['book']:05d}"}


@upcaster("Fined", 1)
def with_an_exact_amount(payload: dict[str, Any]) -> dict[str, Any]:
    """September: an exact amount for whole cents."""
    return {"amount": payload["cents"] * _CENT, "currency": "EUR"}


@upcaster("Closed", 1, into={"Returned": 1, "Lost": 1})
def as_what_happened(payload: dict[str, Any]) -> Renamed:
    """September: two events for the two ways in which a loan ends."""
    return Renamed("Lost" if payload["why"] == "lost" else "Returned", {})


UPCASTERS = (
    with_a_member_and_a_branch,
    with_a_shelf_mark,
    with_an_exact_amount,
    as_what_happened,
    retired("SlipPrinted"),
)
