"""Every business rule, by name: a history, a command that breaks the rule, and the refusal."""

from decimal import Decimal

import pytest

from orders_es.errors import CommandRejected
from orders_es.orders import (
    RULES,
    AddItem,
    AdjustmentRecorded,
    ApplyDiscount,
    AssignCustomer,
    CancelOrder,
    ChangeItemQuantity,
    ChargeShipping,
    CreateOrder,
    DeliverOrder,
    DiscountApplied,
    IssueRefund,
    ItemAdded,
    ItemRemoved,
    ItemReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPlaced,
    OrderShipped,
    PaymentReceived,
    PlaceOrder,
    RecordAdjustment,
    RecordPayment,
    RecordPaymentFailure,
    RefundIssued,
    RemoveItem,
    ReturnItem,
    ShipOrder,
)
from orders_es.testing import given

CREATED = (OrderCreated(currency="GBP", customer_id="17850"),)
FILLED = (*CREATED, ItemAdded(item_id="mug", quantity=3, price=Decimal("2.50")))
PLACED = (*FILLED, OrderPlaced())
PAID = (*PLACED, PaymentReceived(amount=Decimal("7.50")))
SHIPPED = (*PLACED, OrderShipped())
DELIVERED = (*SHIPPED, OrderDelivered())
CANCELLED = (*PLACED, OrderCancelled())

A_MUG = AddItem(item_id="mug", quantity=1, price=Decimal("2.50"))

BROKEN = [
    # money
    ("money_is_exact", CREATED, AddItem(item_id="mug", quantity=1, price=2.5)),  # type: ignore[arg-type]
    ("money_is_exact", CREATED, AddItem(item_id="mug", quantity=1, price="2.50")),  # type: ignore[arg-type]
    ("money_is_exact", CREATED, AddItem(item_id="mug", quantity=1, price=True)),
    ("money_is_exact", CREATED, AddItem(item_id="mug", quantity=1, price=Decimal("NaN"))),
    ("money_is_exact", FILLED, ApplyDiscount(amount=1.0)),  # type: ignore[arg-type]
    ("money_is_exact", FILLED, ChargeShipping(amount=1.0)),  # type: ignore[arg-type]
    ("money_is_exact", PLACED, RecordPayment(amount=7.5)),  # type: ignore[arg-type]
    ("money_is_exact", PLACED, RecordPaymentFailure(amount=7.5)),  # type: ignore[arg-type]
    ("money_is_exact", PAID, IssueRefund(amount=7.5)),  # type: ignore[arg-type]
    ("money_is_exact", DELIVERED, ReturnItem(item_id="mug", quantity=1, price=2.5)),  # type: ignore[arg-type]
    ("money_is_exact", FILLED, RecordAdjustment(amount=-0.5)),  # type: ignore[arg-type]
    ("at_most_4_decimals", CREATED, AddItem(item_id="mug", quantity=1, price=Decimal("2.50001"))),
    ("at_most_14_digits", CREATED, AddItem(item_id="mug", quantity=1, price=10**14)),
    ("at_most_14_digits", CREATED, AddItem(item_id="mug", quantity=10**13, price=10)),
    ("at_most_14_digits", FILLED, ChangeItemQuantity(item_id="mug", quantity=4 * 10**13)),
    ("amount_positive", FILLED, ApplyDiscount(amount=0)),
    ("amount_positive", PLACED, RecordPayment(amount=-1)),
    ("amount_positive", PLACED, RecordPaymentFailure(amount=0)),
    ("amount_positive", PAID, IssueRefund(amount=0)),
    ("amount_not_negative", CREATED, AddItem(item_id="mug", quantity=1, price=-1)),
    ("amount_not_negative", FILLED, ChargeShipping(amount=-1)),
    ("amount_not_negative", DELIVERED, ReturnItem(item_id="mug", quantity=1, price=-1)),
    ("amount_not_zero", FILLED, RecordAdjustment(amount=0)),
    ("one_currency", CREATED, AddItem(item_id="mug", quantity=1, price=1, currency="EUR")),
    ("one_currency", FILLED, ApplyDiscount(amount=1, currency="EUR")),
    ("one_currency", FILLED, ChargeShipping(amount=1, currency="EUR")),
    ("one_currency", PLACED, RecordPayment(amount=1, currency="EUR")),
    ("one_currency", PLACED, RecordPaymentFailure(amount=1, currency="EUR")),
    ("one_currency", PAID, IssueRefund(amount=1, currency="EUR")),
    ("one_currency", DELIVERED, ReturnItem(item_id="mug", quantity=1, currency="EUR")),
    ("one_currency", FILLED, RecordAdjustment(amount=1, currency="EUR")),
    # quantities and ids
    ("quantity_whole", CREATED, AddItem(item_id="mug", quantity=1.0, price=1)),  # type: ignore[arg-type]
    ("quantity_whole", CREATED, AddItem(item_id="mug", quantity=True, price=1)),
    ("quantity_whole", CREATED, AddItem(item_id="mug", quantity=2**63, price=1)),
    ("quantity_whole", FILLED, RecordAdjustment(amount=1, quantity=0.5)),  # type: ignore[arg-type]
    ("quantity_positive", CREATED, AddItem(item_id="mug", quantity=0, price=1)),
    ("quantity_positive", CREATED, AddItem(item_id="mug", quantity=-1, price=1)),
    ("quantity_positive", FILLED, RemoveItem(item_id="mug", quantity=0)),
    ("quantity_positive", FILLED, ChangeItemQuantity(item_id="mug", quantity=0)),
    ("quantity_positive", DELIVERED, ReturnItem(item_id="mug", quantity=-1)),
    ("quantity_differs", FILLED, ChangeItemQuantity(item_id="mug", quantity=3)),
    ("text_given", CREATED, AddItem(item_id=" ", quantity=1, price=1)),
    ("text_given", CREATED, AddItem(item_id=None, quantity=1, price=1)),
    ("text_given", CREATED, AssignCustomer(customer_id="")),
    ("text_given", (), CreateOrder(currency="GBP", customer_id="")),
    ("text_given", FILLED, RecordAdjustment(amount=1, item_id="")),
    # creation
    ("currency_code", (), CreateOrder(currency="pounds")),
    ("currency_code", (), CreateOrder(currency="")),
    ("currency_code", (), CreateOrder(currency=None)),
    ("created_once", CREATED, CreateOrder(currency="GBP")),
    *(
        ("created_first", (), command)
        for command in (
            A_MUG,
            RemoveItem(item_id="mug", quantity=1),
            ChangeItemQuantity(item_id="mug", quantity=1),
            ApplyDiscount(amount=1),
            ChargeShipping(amount=1),
            PlaceOrder(),
            RecordPayment(amount=1),
            RecordPaymentFailure(amount=1),
            ShipOrder(),
            DeliverOrder(),
            ReturnItem(item_id="mug", quantity=1),
            IssueRefund(amount=1),
            CancelOrder(),
            RecordAdjustment(amount=1),
            AssignCustomer(customer_id="17850"),
        )
    ),
    # items
    *(
        ("items_open_until_placed", history, command)
        for history in (PLACED, SHIPPED, DELIVERED)
        for command in (A_MUG, RemoveItem(item_id="mug", quantity=1), ChangeItemQuantity(item_id="mug", quantity=1))
    ),
    ("one_price_per_item", FILLED, AddItem(item_id="mug", quantity=1, price=Decimal("2.49"))),
    ("item_in_order", FILLED, RemoveItem(item_id="cup", quantity=1)),
    (
        "item_in_order",
        (*FILLED, ItemRemoved(item_id="mug", quantity=3, price=Decimal("2.50"))),
        RemoveItem(item_id="mug", quantity=1),
    ),
    ("item_in_order", FILLED, ChangeItemQuantity(item_id="cup", quantity=1)),
    ("item_in_order", DELIVERED, ReturnItem(item_id="cup", quantity=1)),
    ("no_more_than_there", FILLED, RemoveItem(item_id="mug", quantity=4)),
    ("discount_within_goods", FILLED, ApplyDiscount(amount=Decimal("7.5001"))),
    ("discount_within_goods", (*FILLED, DiscountApplied(amount=Decimal(5))), ApplyDiscount(amount=Decimal("2.5001"))),
    ("discount_within_goods", (*FILLED, DiscountApplied(amount=Decimal(5))), RemoveItem(item_id="mug", quantity=2)),
    (
        "discount_within_goods",
        (*FILLED, DiscountApplied(amount=Decimal(5))),
        ChangeItemQuantity(item_id="mug", quantity=1),
    ),
    # the steps of an order's life
    ("placed_once", PLACED, PlaceOrder()),
    ("placed_once", SHIPPED, PlaceOrder()),
    ("placed_once", (*CREATED, OrderShipped()), PlaceOrder()),
    ("placed_with_items", CREATED, PlaceOrder()),
    ("placed_with_items", (*CREATED, AdjustmentRecorded(amount=Decimal(1), quantity=1)), PlaceOrder()),
    ("placed_first", FILLED, RecordPayment(amount=1)),
    ("placed_first", FILLED, RecordPaymentFailure(amount=1)),
    ("placed_first", FILLED, ShipOrder()),
    *(
        ("not_cancelled", CANCELLED, command)
        for command in (
            A_MUG,
            RemoveItem(item_id="mug", quantity=1),
            ChangeItemQuantity(item_id="mug", quantity=1),
            ApplyDiscount(amount=1),
            ChargeShipping(amount=1),
            PlaceOrder(),
            RecordPayment(amount=1),
            RecordPaymentFailure(amount=1),
            ShipOrder(),
            DeliverOrder(),
        )
    ),
    ("cancelled_once", CANCELLED, CancelOrder()),
    ("not_after_shipping", SHIPPED, CancelOrder()),
    ("not_after_shipping", SHIPPED, ApplyDiscount(amount=1)),
    ("not_after_shipping", DELIVERED, ChargeShipping(amount=1)),
    ("no_more_than_owed", PLACED, RecordPayment(amount=Decimal("7.5001"))),
    ("no_more_than_owed", PAID, RecordPayment(amount=Decimal("0.0001"))),
    ("shipped_once", SHIPPED, ShipOrder()),
    ("shipped_first", PAID, DeliverOrder()),
    ("delivered_once", DELIVERED, DeliverOrder()),
    ("delivered_first", SHIPPED, ReturnItem(item_id="mug", quantity=1)),
    ("no_more_than_delivered", DELIVERED, ReturnItem(item_id="mug", quantity=4)),
    (
        "no_more_than_delivered",
        (*DELIVERED, ItemReturned(item_id="mug", quantity=2, price=Decimal("2.50"))),
        ReturnItem(item_id="mug", quantity=2),
    ),
    ("return_within_price", DELIVERED, ReturnItem(item_id="mug", quantity=1, price=Decimal("2.51"))),
    (
        "return_within_price",
        (*FILLED, DiscountApplied(amount=Decimal(5)), OrderPlaced(), OrderShipped(), OrderDelivered()),
        ReturnItem(item_id="mug", quantity=2, price=Decimal("2.50")),
    ),
    (
        "return_within_price",
        (
            *FILLED,
            DiscountApplied(amount=Decimal(5)),
            OrderPlaced(),
            OrderDelivered(),
            ItemReturned(item_id="mug", quantity=1, price=Decimal("2.50")),
        ),
        ReturnItem(item_id="mug", quantity=1),
    ),
    (
        "discount_within_goods",
        (*FILLED, ItemReturned(item_id="mug", quantity=1, price=Decimal("2.50"))),
        ApplyDiscount(amount=Decimal("5.01")),
    ),
    ("no_more_than_paid", PLACED, IssueRefund(amount=1)),
    ("no_more_than_paid", PAID, IssueRefund(amount=Decimal("7.51"))),
    ("no_more_than_paid", (*PAID, RefundIssued(amount=Decimal(5))), IssueRefund(amount=Decimal("2.51"))),
    ("customer_differs", CREATED, AssignCustomer(customer_id="17850")),
]


@pytest.mark.long_but_first
@pytest.mark.parametrize(("rule", "history", "command"), BROKEN)
def test_a_refused_command_names_its_rule(rule, history, command):
    error = given(history).when(command).then_raises(CommandRejected, rule=rule)
    assert len(str(error)) > 20, "a refusal says what the case is"


def test_every_rule_of_decide_is_broken_here():
    assert {rule for rule, _, _ in BROKEN} == set(RULES) - {"one_command_per_id"}


def test_what_is_not_a_command_is_a_programming_error():
    given().when(OrderPlaced()).then_raises(TypeError, match="OrderPlaced is not an order command")
