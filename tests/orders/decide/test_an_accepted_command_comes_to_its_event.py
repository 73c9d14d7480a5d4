from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import CommandRejected, WrongType
from orders_es.orders import (
    AddItem,
    AdjustmentRecorded,
    ApplyDiscount,
    AssignCustomer,
    CancelOrder,
    ChangeItemQuantity,
    ChargeShipping,
    CreateOrder,
    CustomerAssigned,
    DeliverOrder,
    DiscountApplied,
    IssueRefund,
    ItemAdded,
    ItemQuantityChanged,
    ItemRemoved,
    ItemReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPlaced,
    OrderShipped,
    PaymentFailed,
    PaymentReceived,
    PlaceOrder,
    RecordAdjustment,
    RecordPayment,
    RecordPaymentFailure,
    RefundIssued,
    RemoveItem,
    ReturnItem,
    ShipOrder,
    ShippingCharged,
)
from orders_es.testing import given

CREATED = (OrderCreated(currency="GBP"),)
FILLED = (*CREATED, ItemAdded(item_id="mug", quantity=3, price=Decimal("2.50"), description="A mug"))
PLACED = (*FILLED, OrderPlaced())
PAID = (*PLACED, PaymentReceived(amount=Decimal("7.50")))
DELIVERED = (*PAID, OrderShipped(), OrderDelivered())

ACCEPTED = [
    (
        (),
        CreateOrder(currency="GBP", customer_id="1", country="UK", channel="web"),
        OrderCreated(currency="GBP", customer_id="1", country="UK", channel="web"),
    ),
    (
        CREATED,
        AddItem(item_id="mug", quantity=2, price=0, description="A mug", currency="GBP"),
        ItemAdded(item_id="mug", quantity=2, price=Decimal(0), description="A mug"),
    ),
    (
        FILLED,
        AddItem(item_id="mug", quantity=1, price=Decimal("2.5")),
        ItemAdded(item_id="mug", quantity=1, price=Decimal("2.50")),
    ),
    (FILLED, RemoveItem(item_id="mug", quantity=3), ItemRemoved(item_id="mug", quantity=3, price=Decimal("2.50"))),
    (
        FILLED,
        ChangeItemQuantity(item_id="mug", quantity=1),
        ItemQuantityChanged(item_id="mug", difference=-2, price=Decimal("2.50")),
    ),
    (FILLED, ApplyDiscount(amount=Decimal("7.50"), code="ALL"), DiscountApplied(amount=Decimal("7.50"), code="ALL")),
    (PAID, ChargeShipping(amount=4, method="van"), ShippingCharged(amount=Decimal(4), method="van")),
    (FILLED, PlaceOrder(), OrderPlaced()),
    (
        PLACED,
        RecordPayment(amount=Decimal("7.50"), reference="r"),
        PaymentReceived(amount=Decimal("7.50"), reference="r"),
    ),
    (PLACED, RecordPaymentFailure(amount=99, reason="declined"), PaymentFailed(amount=Decimal(99), reason="declined")),
    (PLACED, ShipOrder(carrier="RM", tracking="t"), OrderShipped(carrier="RM", tracking="t")),
    ((*PLACED, OrderShipped()), DeliverOrder(), OrderDelivered()),
    (
        DELIVERED,
        ReturnItem(item_id="mug", quantity=3, reason="blue"),
        ItemReturned(item_id="mug", quantity=3, price=Decimal("2.50"), description="A mug", reason="blue"),
    ),
    (
        DELIVERED,
        IssueRefund(amount=Decimal("7.50"), reference="r"),
        RefundIssued(amount=Decimal("7.50"), reference="r"),
    ),
    (PAID, CancelOrder(reason="changed mind"), OrderCancelled(reason="changed mind")),
    ((*PAID, OrderCancelled()), IssueRefund(amount=7), RefundIssued(amount=Decimal(7))),
    (
        (*PAID, OrderCancelled()),
        RecordAdjustment(amount=Decimal("-0.01"), reason="rounding", quantity=-1),
        AdjustmentRecorded(amount=Decimal("-0.01"), reason="rounding", quantity=-1),
    ),
    (DELIVERED, AssignCustomer(customer_id="17850"), CustomerAssigned(customer_id="17850")),
]


@pytest.mark.parametrize(("history", "command", "event"), ACCEPTED, ids=[type(c).__name__ for _, c, _ in ACCEPTED])
def test_an_accepted_command_comes_to_its_event(history, command, event):
    given(history).when(command).then(event)


@pytest.mark.parametrize(("history", "command", "event"), ACCEPTED, ids=[type(c).__name__ for _, c, _ in ACCEPTED])
def test_money_in_decided_events_has_exactly_four_decimals(history, command, event):
    (decided,) = given(history).when(command).events
    for name in ("amount", "price"):
        if hasattr(event, name):
            assert getattr(decided, name).as_tuple().exponent == -4


def test_an_item_may_come_back_at_another_price_once_all_of_it_was_removed():
    given(FILLED).when(RemoveItem(item_id="mug", quantity=3)).and_when(
        AddItem(item_id="mug", quantity=1, price=9)
    ).then(ItemAdded(item_id="mug", quantity=1, price=Decimal(9)))


def test_a_return_is_credited_at_what_was_paid_for_it_after_discounts():
    discounted = (*FILLED, DiscountApplied(amount=Decimal("5.00")), OrderPlaced(), OrderShipped(), OrderDelivered())
    given(discounted).when(ReturnItem(item_id="mug", quantity=3)).then(
        ItemReturned(item_id="mug", quantity=3, price=Decimal("0.8333"), description="A mug")
    )


def test_a_share_that_comes_out_even_is_not_rounded_down():
    history = (
        *CREATED,
        ItemAdded(item_id="mug", quantity=1, price=Decimal(3)),
        DiscountApplied(amount=Decimal(2)),
        OrderPlaced(),
    )
    delivered = (*history, OrderShipped(), OrderDelivered())
    given(delivered).when(ReturnItem(item_id="mug", quantity=1)).then(
        ItemReturned(item_id="mug", quantity=1, price=Decimal(1))
    )


def test_an_order_is_opened_with_items_as_if_they_were_added_one_by_one():
    items = (AddItem(item_id="mug", quantity=2, price=5), AddItem(item_id="mug", quantity=1, price=5))
    created, *added = given().when(CreateOrder(currency="GBP", items=items)).events
    assert created == OrderCreated(currency="GBP")
    assert [(item.item_id, item.quantity, item.price) for item in added] == [("mug", 2, 5), ("mug", 1, 5)]
    other = (*items, AddItem(item_id="mug", quantity=1, price=6))
    given().when(CreateOrder(currency="GBP", items=other)).then_raises(CommandRejected, rule="one_price_per_item")
    odd: Any = ({"item_id": "mug"},)
    given().when(CreateOrder(currency="GBP", items=odd)).then_raises(WrongType, match="AddItem")
