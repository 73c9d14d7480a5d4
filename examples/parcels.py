"""An aggregate that is not an order: parcels on their way, recorded and folded with the same tools.

Run it: `python examples/parcels.py`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orders_es.log import NO_STREAM, EventLog, EventRegistry, NewEvent, open_log
from orders_es.replay import FoldedEvent, connect, fold_streams


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
class ParcelLost:
    """Nobody knows where the parcel is."""

    last_seen: str | None = None


PARCEL_EVENTS = (ParcelHandedIn, ParcelScanned, ParcelLost)


@dataclass(frozen=True)
class Parcel:
    """Where a parcel is, and what it has been through."""

    parcel_id: str
    depot: str | None = None
    weight_g: int = 0
    scans: int = 0
    lost: bool = False


def evolve(parcel: Parcel, event: FoldedEvent) -> Parcel:
    """The parcel after one more event."""
    match event.data:
        case ParcelHandedIn(depot, weight_g):
            return replace(parcel, depot=depot, weight_g=weight_g)
        case ParcelScanned(depot):
            return replace(parcel, depot=depot, scans=parcel.scans + 1)
        case ParcelLost():
            return replace(parcel, depot=None, lost=True)
    return parcel


def record(folder: str, parcels: int = 100) -> EventLog:
    """A log in which every parcel was handed in at Leeds and scanned at York a day later, and every tenth got lost."""
    log = open_log(folder, create=True, registry=EventRegistry(PARCEL_EVENTS))
    for number in range(parcels):
        history = [
            NewEvent(data=ParcelHandedIn("Leeds", 100 + number), occurred_at=datetime(2011, 6, 1, 9, tzinfo=UTC)),
            NewEvent(data=ParcelScanned("York"), occurred_at=datetime(2011, 6, 2, 9, tzinfo=UTC)),
        ]
        if number % 10 == 0:
            history.append(NewEvent(data=ParcelLost("York"), occurred_at=datetime(2011, 6, 3, 9, tzinfo=UTC)))
        log.append(f"parcel-{number:03}", history, expected=NO_STREAM)
    return log


def main() -> None:
    """Record parcels, then ask where they were on the evening of 2 June, in Python and in SQL."""
    with tempfile.TemporaryDirectory() as folder, record(folder) as log:
        evening = datetime(2011, 6, 2, 18, tzinfo=UTC)
        then = fold_streams(log, evolve, Parcel, at=evening)
        now = fold_streams(log, evolve, Parcel)
        print(then["parcel-010"])  # noqa: T201 - a program that shows something
        print(now["parcel-010"])  # noqa: T201 - as above
        with connect(log) as session:
            query = "SELECT type, count(*) AS events, sum(weight_g) AS weight_g FROM events GROUP BY type ORDER BY type"
            print(session.sql(query, at=evening).to_arrow().to_pylist())  # noqa: T201 - as above


if __name__ == "__main__":
    main()
