"""The order events as programs of each step knew them, and a log that each of them wrote once; the logs beside this file stay as they are.

`python -m tests.data.order_logs.steps FOLDER` writes such logs again, for another format or to see how it was done. `before_versions` cannot be
made again: it was written, and its answer computed, by the last program whose events of today's shape were all recorded as v1.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from orders_es.log import EventRegistry, NewEvent, open_log
from orders_es.orders import UPCASTERS

PLACE = Path(__file__).parent
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class StatusChanged:
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class OrderCreated1:
    order_id: str
    customer_id: int


@dataclass(frozen=True)
class ItemAdded1:
    sku: str
    quantity: int
    price: int


@dataclass(frozen=True)
class OrderCreated2:
    currency: str
    customer_id: str | None = None
    channel: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class ItemAdded2:
    item_id: str
    quantity: int
    price: Decimal


def first() -> EventRegistry:
    """Order and customer only, whole cents, one event for every status."""
    registry = EventRegistry([StatusChanged])
    registry.register(OrderCreated1, name="OrderCreated")
    registry.register(ItemAdded1, name="ItemAdded")
    return registry


def second() -> EventRegistry:
    """A currency, a channel and a country, and exact prices; still one event for every status. Its upcasters are today's."""
    registry = EventRegistry([StatusChanged])
    registry.register(OrderCreated2, name="OrderCreated", schema_version=2)
    registry.register(ItemAdded2, name="ItemAdded", schema_version=2)
    registry.upcast(*(step for step in UPCASTERS if step.type != "StatusChanged"))
    return registry


FIRST: dict[str, list[Any]] = {
    "A-1": [
        OrderCreated1("A-1", 17850),
        StatusChanged("new"),
        ItemAdded1("MUG", 2, 1999),
        StatusChanged("placed"),
        StatusChanged("shipped"),
    ],
    "A-2": [
        OrderCreated1("A-2", 7),
        ItemAdded1("TEA", 3, 5),
        StatusChanged("placed"),
        StatusChanged("cancelled", "not paid"),
    ],
}
SECOND: dict[str, list[Any]] = {
    "A-1": [StatusChanged("delivered")],
    "B-1": [
        OrderCreated2("GBP", "C-9", "web", "GB"),
        ItemAdded2("JAM", 1, Decimal("1.2345")),
        StatusChanged("placed"),
    ],
}


def write(url: Path, registry: EventRegistry, streams: dict[str, list[Any]], first_id: int) -> None:
    """Append these events, each with an id and times that are always the same."""
    now = [START + timedelta(days=first_id)]

    def clock() -> datetime:
        now[0] += timedelta(minutes=1)
        return now[0]

    with open_log(url, create=True, registry=registry, clock=clock, origin="shop") as log:
        for stream_id, events in streams.items():
            new = [
                NewEvent(data=data, event_id=UUID(int=first_id + i), occurred_at=now[0] + timedelta(seconds=i))
                for i, data in enumerate(events)
            ]
            first_id += len(new)
            log.append(stream_id, new, expected=log.stream_version(stream_id))


def main(folder: Path) -> None:
    """Both early steps' logs: the first one's, and one that the second went on with."""
    write(folder / "first", first(), FIRST, 1)
    write(folder / "second", first(), FIRST, 1)
    write(folder / "second", second(), SECOND, 100)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
