"""What a new event type of orders has to say here: its stored name and shape, which stand in every log that was ever written, and its words."""

from decimal import Decimal

import pytest

from orders_es import orders as o
from orders_es.log import order_registry

STORED = {
    "OrderCreated": (
        "currency:string customer_id:string? country:string? channel:string? postal_code:string? source_status:string? "
        "city:string? state:string? promised_at:timestamp? time_estimated:bool?"
    ),
    "ItemAdded": "item_id:string quantity:int64 price:decimal description:string? seller_id:string? time_estimated:bool?",
    "ItemRemoved": "item_id:string quantity:int64 price:decimal time_estimated:bool?",
    "ItemQuantityChanged": "item_id:string difference:int64 price:decimal time_estimated:bool?",
    "DiscountApplied": "amount:decimal code:string? reason:string? time_estimated:bool?",
    "ShippingCharged": "amount:decimal method:string? time_estimated:bool?",
    "OrderPlaced": "time_estimated:bool?",
    "PaymentReceived": "amount:decimal method:string? reference:string? installments:int64? time_estimated:bool?",
    "PaymentFailed": "amount:decimal method:string? reason:string? time_estimated:bool?",
    "OrderShipped": "carrier:string? tracking:string? time_estimated:bool?",
    "OrderDelivered": "time_estimated:bool?",
    "ItemReturned": "item_id:string quantity:int64 price:decimal description:string? reason:string? time_estimated:bool?",
    "RefundIssued": "amount:decimal method:string? reason:string? reference:string? time_estimated:bool?",
    "OrderCancelled": "reason:string? time_estimated:bool?",
    "AdjustmentRecorded": "amount:decimal reason:string? item_id:string? quantity:int64? time_estimated:bool?",
    "CustomerAssigned": "customer_id:string time_estimated:bool?",
}
TOLD = [
    (o.OrderCreated(currency="GBP"), "created in GBP for a guest"),
    (
        o.OrderCreated(currency="GBP", customer_id="7", country="UK", channel="web"),
        "created in GBP for customer 7 (UK, web)",
    ),
    (o.CustomerAssigned(customer_id="7"), "assigned to customer 7"),
    (
        o.ItemAdded(item_id="mug", quantity=1200, price=Decimal("0.001"), description="A mug"),
        "added 1,200 x mug A mug at 0.001 GBP",
    ),
    (o.ItemRemoved(item_id="mug", quantity=2, price=Decimal("2.5000")), "removed 2 x mug at 2.50 GBP"),
    (o.ItemQuantityChanged(item_id="mug", difference=2, price=Decimal("2.5")), "+2 x mug at 2.50 GBP"),
    (o.ItemQuantityChanged(item_id="mug", difference=-2, price=Decimal("2.5")), "-2 x mug at 2.50 GBP"),
    (
        o.ItemReturned(item_id="mug", quantity=1, price=Decimal(3), reason="broken"),
        "returned 1 x mug at 3.00 GBP (broken)",
    ),
    (o.DiscountApplied(amount=Decimal(5), code="HELLO", reason="new"), "discount of 5.00 GBP (HELLO, new)"),
    (o.ShippingCharged(amount=Decimal("4.95"), method="van"), "shipping for 4.95 GBP (van)"),
    (o.OrderPlaced(), "placed"),
    (o.PaymentReceived(amount=Decimal(5), method="card", reference="r1"), "received 5.00 GBP (card, r1)"),
    (o.PaymentFailed(amount=Decimal(5), reason="declined"), "payment of 5.00 GBP failed (declined)"),
    (o.OrderShipped(carrier="RM", tracking="t1"), "shipped (RM, t1)"),
    (o.OrderDelivered(), "delivered"),
    (o.RefundIssued(amount=Decimal(5), reason="late", reference="r2"), "refunded 5.00 GBP (late, r2)"),
    (o.OrderCancelled(), "cancelled"),
    (o.OrderCancelled(reason="late", time_estimated=True), "cancelled (late, time estimated)"),
    (o.OrderDelivered(time_estimated=True), "delivered (time estimated)"),
    (o.AdjustmentRecorded(amount=Decimal("-11062.06"), reason="bad debt"), "adjusted by -11,062.06 GBP (bad debt)"),
    (o.AdjustmentRecorded(amount=Decimal(1), item_id="B", quantity=1), "adjusted by 1.00 GBP (1 x B)"),
]


def test_names_in_storage_do_not_change():
    registered = {
        kind.name: " ".join(f"{f.name}:{f.kind}{'?' if f.optional else ''}" for f in kind.fields)
        for kind in order_registry()
    }
    assert registered == STORED


def test_a_version_is_raised_only_with_the_shape_and_an_upcaster():
    versions = {kind.name: kind.schema_version for kind in order_registry() if kind.schema_version > 1}
    assert versions == {"OrderCreated": 2, "ItemAdded": 2}
    read = {(step.type, step.schema_version) for step in order_registry().upcasters}
    assert read == {("OrderCreated", 1), ("ItemAdded", 1), ("StatusChanged", 1)}


@pytest.mark.parametrize(("event", "words"), TOLD, ids=[type(event).__name__ for event, _ in TOLD])
def test_an_event_in_words(event, words):
    assert o.summarize(event, "GBP") == words


def test_every_event_type_is_told():
    assert {type(event) for event, _ in TOLD} == set(o.EVENT_TYPES)


def test_an_event_of_another_domain_is_shown_as_it_is():
    assert o.summarize(Decimal(1)) == "Decimal('1')"
