"""Whatever a customer, a clerk and a warehouse ask for, in any order: what `decide` accepts adds up."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import CommandRejected
from orders_es.orders import (
    AddItem,
    ApplyDiscount,
    AssignCustomer,
    CancelOrder,
    ChangeItemQuantity,
    ChargeShipping,
    CreateOrder,
    DeliverOrder,
    IssueRefund,
    PlaceOrder,
    RecordPayment,
    RecordPaymentFailure,
    RemoveItem,
    ReturnItem,
    ShipOrder,
    decide,
    evolve,
    fold,
    initial_state,
)
from orders_es.testing.specification import Specification

ITEMS = st.sampled_from(["mug", "cup", "jug"])
PIECES = st.integers(1, 5)
PRICES = st.decimals(0, 20, places=2)
AMOUNTS = st.one_of(st.decimals("0.0001", 60, places=4), st.integers(1, 60))

COMMANDS = st.one_of(
    st.builds(AddItem, item_id=ITEMS, quantity=PIECES, price=PRICES),
    st.builds(AddItem, item_id=ITEMS, quantity=PIECES, price=st.just(Decimal("3.33"))),
    st.builds(RemoveItem, item_id=ITEMS, quantity=PIECES),
    st.builds(ChangeItemQuantity, item_id=ITEMS, quantity=PIECES),
    st.builds(ApplyDiscount, amount=AMOUNTS),
    st.builds(ChargeShipping, amount=st.decimals(0, 9, places=2)),
    st.builds(PlaceOrder),
    st.builds(RecordPayment, amount=AMOUNTS),
    st.builds(RecordPaymentFailure, amount=AMOUNTS),
    st.builds(ShipOrder),
    st.builds(DeliverOrder),
    st.builds(ReturnItem, item_id=ITEMS, quantity=PIECES, price=st.one_of(st.none(), PRICES)),
    st.builds(IssueRefund, amount=AMOUNTS),
    st.builds(CancelOrder),
    st.builds(AssignCustomer, customer_id=st.sampled_from(["1", "2"])),
)
# A life that gets somewhere: with purely random steps, few orders would ever be delivered and returned from.
LIFE = st.tuples(
    st.lists(COMMANDS, max_size=8),
    st.sampled_from([(), (PlaceOrder(),)]),
    st.lists(COMMANDS, max_size=4),
    st.sampled_from([(), (ShipOrder(),), (ShipOrder(), DeliverOrder())]),
    st.lists(COMMANDS, max_size=6),
).map(lambda parts: [command for part in parts for command in part])


def happened(events):
    blank = Specification(history=tuple(events), decide=decide, evolve=evolve, initial=initial_state)
    return list(blank._happened())


@given(LIFE)
def test_accepted_commands_keep_an_order_sound(commands):
    history = decide(CreateOrder(currency="GBP"), initial_state("A-1"))
    for command in commands:
        order = fold(happened(history), initial_state("A-1"))
        try:
            history += decide(command, order)
        except CommandRejected:
            continue
        order = fold(happened(history), initial_state("A-1"))

        assert order.version == order.event_count == len(history)
        assert order.currency == "GBP"
        assert all(line.quantity >= 0 and line.ordered >= line.returned for line in order.lines)
        assert all(line.gross >= 0 for line in order.lines)
        assert all(line.gross == 0 for line in order.lines if line.ordered == 0), (
            "removing all of an item leaves no money"
        )
        assert 0 <= order.discounts <= order.gross
        assert order.returns <= order.gross - order.discounts
        assert order.total >= order.shipping >= 0
        assert 0 <= order.refunded <= order.paid
        assert order.total == sum(line.amount for line in order.lines) - order.discounts + order.shipping
        assert order.balance == (0 if order.status == "cancelled" else order.total) - order.paid + order.refunded
        assert order.status != "cancelled" or order.shipped_at is None
        assert (order.balance < 0) == (order.payment_status == "overpaid") or order.payment_status == "refunded"
