from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from orders_es.log import order_registry
from orders_es.orders import (
    AddItem,
    ApplyDiscount,
    AssignCustomer,
    CancelOrder,
    ChangeItemQuantity,
    ChargeShipping,
    CreateOrder,
    DeliverOrder,
    Happened,
    IssueRefund,
    Order,
    PlaceOrder,
    RecordAdjustment,
    RecordPayment,
    RecordPaymentFailure,
    RemoveItem,
    ReturnItem,
    ShipOrder,
    decide,
    evolve,
    initial_state,
)
from orders_es.sources.simulator import SimulatorSettings, simulate

if TYPE_CHECKING:
    import numpy as np

START = datetime(2023, 1, 2, tzinfo=UTC)  # a Monday
COMMANDS: dict[str, Any] = {
    "OrderCreated": CreateOrder,
    "ItemAdded": AddItem,
    "ItemRemoved": RemoveItem,
    "DiscountApplied": ApplyDiscount,
    "ShippingCharged": ChargeShipping,
    "OrderPlaced": PlaceOrder,
    "PaymentReceived": RecordPayment,
    "PaymentFailed": RecordPaymentFailure,
    "OrderShipped": ShipOrder,
    "OrderDelivered": DeliverOrder,
    "ItemReturned": ReturnItem,
    "RefundIssued": IssueRefund,
    "OrderCancelled": CancelOrder,
    "AdjustmentRecorded": RecordAdjustment,
    "CustomerAssigned": AssignCustomer,
}


@dataclass(frozen=True)
class Shop:
    """Makes simulations and looks into them."""

    start = START

    def tables(self, settings: SimulatorSettings | None = None, **arguments: Any) -> list[pa.Table]:
        given: dict[str, Any] = {"orders": 300, "seed": 1, "start": START, "days": 60} | arguments
        return list(simulate(settings, **given))

    def table(self, settings: SimulatorSettings | None = None, **arguments: Any) -> pa.Table:
        return pa.concat_tables(self.tables(settings, **arguments)).combine_chunks()

    def lives(self, table: pa.Table) -> dict[str, list[Happened]]:
        """Every order's events in the order of their recording."""
        registry = order_registry()
        fields = {kind.name: [field.name for field in kind.fields] for kind in registry}
        lives: dict[str, list[Happened]] = {}
        for row in table.to_pylist():
            data = {name: row.get(name) for name in fields[row["type"]] if row.get(name) is not None}
            life = lives.setdefault(row["stream_id"], [])
            life.append(Happened(registry[row["type"]].cls(**data), row["occurred_at"], len(life) + 1))
        return lives

    def relive(self, order_id: str, life: list[Happened]) -> Order:
        """The order, after `decide` has agreed to every event in the order in which they occurred."""
        state = initial_state(order_id)
        for event in sorted(life, key=lambda event: event.occurred_at):
            assert decide(_command(event.data, state), state) == [event.data]
            state = evolve(state, event)
        return state

    def milliseconds(self, table: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        """When each event occurred, since the start of the period."""
        micros: np.ndarray[Any, np.dtype[np.int64]] = table.column("occurred_at").cast(pa.int64()).to_numpy()
        return (micros - int(START.timestamp()) * 1_000_000) // 1_000


def _command(event: Any, state: Order) -> Any:
    name = type(event).__name__
    if name == "ItemQuantityChanged":
        return ChangeItemQuantity(item_id=event.item_id, quantity=state.line(event.item_id).quantity + event.difference)
    command = COMMANDS[name]
    wanted = {n for n in command.__dataclass_fields__ if n != "currency" or name == "OrderCreated"}
    return command(**{n: getattr(event, n) for n in wanted if hasattr(event, n)})


@pytest.fixture(scope="session")
def shop():
    return Shop()


@pytest.fixture(scope="session")
def year(shop):
    """A year of 40,000 orders, every life told to its end; about 360,000 events."""
    return shop.table(SimulatorSettings(open_end=False, long_orders=0), orders=40_000, seed=11, days=364)


@pytest.fixture(scope="session")
def created(year):
    """The year's OrderCreated events."""
    return of_type(year, "OrderCreated")


@pytest.fixture(scope="session")
def count(year):
    """How many events of each type the year has."""
    return {row["values"]: row["counts"] for row in year.column("type").value_counts().to_pylist()}


@pytest.fixture(scope="session")
def only():
    return of_type


def of_type(table: pa.Table, name: str) -> pa.Table:
    return table.filter(pa.compute.equal(table.column("type"), name))


@pytest.fixture(scope="session")
def hectic():
    """A shop where everything that may happen happens often."""
    often: dict[str, Any] = dict.fromkeys(
        (
            "removed_line_share",
            "changed_line_share",
            "discount_share",
            "partial_payment_share",
            "payment_failure_share",
            "returned_share",
            "returned_line_share",
            "goodwill_share",
            "correction_share",
            "correction_upward_share",
            "late_share",
            "late_basket_share",
            "guest_share",
            "guest_assigned_share",
        ),
        0.4,
    )
    often |= {"cancelled_share": 0.2, "abandoned_share": 0.15, "lost_share": 0.1}
    return SimulatorSettings(
        open_end=False, products=25, long_orders=1, long_order_lines=120, long_order_fill=timedelta(days=3), **often
    )
