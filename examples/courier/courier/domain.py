"""What can happen to a parcel, what can be asked for, and the rules: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orders_es.decider import Decider, StateCodec
from orders_es.errors import CommandRejected

# Events. Their names and fields are storage format.


@dataclass(frozen=True)
class ParcelHandedIn:
    """A depot took the parcel in."""

    depot: str
    weight_g: int


@dataclass(frozen=True)
class ParcelScanned:
    """The parcel came through a depot."""

    depot: str


@dataclass(frozen=True)
class ParcelMissed:
    """Somebody waits for it in vain."""


@dataclass(frozen=True)
class ParcelSearched:
    """A depot was asked to look for it."""

    depot: str


# Commands.


@dataclass(frozen=True)
class HandIn:
    """Take a parcel in."""

    depot: str
    weight_g: int


@dataclass(frozen=True)
class Scan:
    """Note that it came through."""

    depot: str


@dataclass(frozen=True)
class ReportMissing:
    """Say that it has not come."""


@dataclass(frozen=True)
class Search:
    """Have a depot look for it."""

    depot: str


@dataclass(frozen=True)
class Parcel:
    """Where a parcel is, and what it has been through."""

    parcel_id: str = ""
    depot: str | None = None
    weight_g: int = 0
    scans: int = 0
    missing: bool = False


def decide(command: Any, parcel: Parcel) -> list[Any]:
    """The events that a command leads to."""
    if not isinstance(command, HandIn) and parcel.depot is None:
        raise CommandRejected("handed_in_first", f"parcel {parcel.parcel_id!r} was never handed in")
    match command:
        case HandIn(depot, weight_g):
            if parcel.depot is not None:
                raise CommandRejected("handed_in_once", f"parcel {parcel.parcel_id!r} is at {parcel.depot} already")
            return [ParcelHandedIn(depot, weight_g)]
        case Scan(depot):
            return [ParcelScanned(depot)]
        case ReportMissing():
            return [] if parcel.missing else [ParcelMissed()]
        case Search(depot):
            return [ParcelSearched(depot)]
    raise TypeError(f"{command!r} is no command on parcels")


def evolve(parcel: Parcel, event: Any) -> Parcel:
    """The parcel after one more event."""
    match event.data:
        case ParcelHandedIn(depot, weight_g):
            return replace(parcel, depot=depot, weight_g=weight_g)
        case ParcelScanned(depot):
            return replace(parcel, depot=depot, scans=parcel.scans + 1, missing=False)
        case ParcelMissed():
            return replace(parcel, missing=True)
    return parcel


def summarize(event: Any) -> str:
    """What happened, in a few words."""
    match event:
        case ParcelHandedIn(depot, weight_g):
            return f"handed in at {depot}, {weight_g} g"
        case ParcelScanned(depot):
            return f"scanned at {depot}"
        case ParcelSearched(depot):
            return f"searched for at {depot}"
    return "missed"


PARCELS = Decider(
    name="parcels",
    event_types=(ParcelHandedIn, ParcelScanned, ParcelMissed, ParcelSearched),
    decide=decide,
    evolve=evolve,
    initial=Parcel,
    snapshots=StateCodec.of(Parcel),
    summarize=summarize,
    read_models=Path(__file__).parent / "read_models",
)
