"""Calls as users write them: mypy --strict reads this file, and nothing runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from orders_es import (
    ANY,
    NO_STREAM,
    EventLog,
    EventRegistry,
    NewEvent,
    Order,
    RawEvent,
    RecordedEvent,
    StreamAppend,
    handle,
    history,
    load_order,
    load_orders,
    open_log,
)
from orders_es.errors import VersionConflict
from orders_es.log import order_registry
from orders_es.orders import AddItem, CreateOrder, ItemAdded, OrderCreated, OrderPlaced
from orders_es.projections import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ParcelLost:
    parcel: str
    value: Decimal | None = None


def append_and_load() -> int:
    with open_log("shop", create=True, origin="example.org/shop") as log:
        try:
            done = log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        except VersionConflict as conflict:
            return conflict.actual
        item = ItemAdded(item_id="rose", quantity=3, price=Decimal("9.90"))
        event = NewEvent(data=item, occurred_at=datetime(2026, 1, 1, tzinfo=UTC), event_id=uuid4(), actor="web")
        log.append_batch([StreamAppend("A-1", [event], 1), StreamAppend("A-2", [item], ANY)])
        versions: list[int] = [recorded.version for recorded in log.load("A-1", after_version=1)]
        rows: int = sum(batch.num_rows for batch in log.read(after=3, batch_size=10))
        return done.last_position + len(versions) + rows


def a_domain_of_ones_own() -> EventLog:
    registry: EventRegistry = order_registry()
    registry.register(ParcelLost, name="parcel-lost", schema_version=2)
    log = open_log("parcels", create=True, registry=registry, clock=lambda: datetime.now(UTC))
    log.append("P-1", [ParcelLost("P-1"), RawEvent("parcel-found", "{}")], expected=NO_STREAM)
    return log


def any_moment(log: EventLog) -> Decimal:
    handled = handle(log, "A-3", CreateOrder(currency="EUR"), command_id="request 7", actor="web")
    handle(log, "A-3", AddItem(item_id="rose", quantity=1, price=Decimal("9.90")))
    noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
    then: Order = load_order(log, "A-3", at=noon, known_at=noon)
    everything: dict[str, Order] = load_orders(log, at=noon)
    assert not handled.duplicate
    assert len(history(log, "A-3").rows) > 0
    return then.total + sum((order.total for order in everything.values()), Decimal(0))


def handlers_in_a_variable(placed: Callable[[RecordedEvent, Any], object]) -> list[Handlers]:
    by_class = {OrderPlaced: placed, OrderCreated: placed}
    by_name = {"OrderPlaced": placed}
    both = {OrderPlaced: placed, "OrderCreated": placed}
    return [
        Handlers("a", 1, by_class),
        Handlers("b", 1, by_name),
        Handlers("c", 1, both),
        Handlers("d", 1, {OrderPlaced: placed}),
    ]
