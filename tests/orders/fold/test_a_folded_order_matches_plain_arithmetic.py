"""The fold against sums written out by hand, on odd histories too."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orders_es.orders import (
    AdjustmentRecorded,
    CustomerAssigned,
    DiscountApplied,
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
    RefundIssued,
    ShippingCharged,
    fold,
)


@given(data=st.data())
def test_a_folded_order_matches_plain_arithmetic(data, histories):
    history = data.draw(histories)
    order = fold(history)

    def of(kind):
        return [h for h in history if isinstance(h.data, kind)]

    def money(kind):
        return sum(Fraction(h.data.amount) for h in of(kind))

    def pieces(kind, name="quantity"):
        return sum(getattr(h.data, name) or 0 for h in of(kind))

    def value(kind, name="quantity"):
        return sum(getattr(h.data, name) * Fraction(h.data.price) for h in of(kind))

    gross = value(ItemAdded) - value(ItemRemoved) + value(ItemQuantityChanged, "difference")
    total = gross - money(DiscountApplied) + money(ShippingCharged) - value(ItemReturned) + money(AdjustmentRecorded)
    due = 0 if of(OrderCancelled) else total

    assert Fraction(order.gross) == gross
    assert Fraction(order.total) == total
    assert Fraction(order.balance) == due - money(PaymentReceived) + money(RefundIssued)
    assert order.item_count == (
        pieces(ItemAdded)
        - pieces(ItemRemoved)
        + pieces(ItemQuantityChanged, "difference")
        - pieces(ItemReturned)
        + pieces(AdjustmentRecorded)
    )
    items = (ItemAdded, ItemRemoved, ItemQuantityChanged, ItemReturned)
    naming = (*items, AdjustmentRecorded)
    assert [line.item_id for line in order.lines] == list(dict.fromkeys(h.data.item_id or "" for h in of(naming)))
    amounts = sum(Fraction(line.amount) for line in order.lines)
    assert amounts == gross - value(ItemReturned) + money(AdjustmentRecorded)
    assert order.failed_payments == len(of(PaymentFailed))

    for name, kind in (
        ("created_at", OrderCreated),
        ("placed_at", OrderPlaced),
        ("shipped_at", OrderShipped),
        ("delivered_at", OrderDelivered),
        ("cancelled_at", OrderCancelled),
        ("first_occurred_at", object),
    ):
        assert getattr(order, name) == min((h.occurred_at for h in of(kind)), default=None)
    assert order.paid_at == max((h.occurred_at for h in of(PaymentReceived)), default=None)
    assert order.last_occurred_at == max((h.occurred_at for h in history), default=None)
    assert (order.version, order.position, order.event_count) == (len(history), 10 * len(history), len(history))

    steps = (OrderCancelled, OrderDelivered, OrderShipped, PaymentReceived, OrderPlaced, OrderCreated)
    names = ("cancelled", "delivered", "shipped", "paid", "placed", "created")
    assert order.estimated == (
        ", ".join(
            name
            for kind, name in zip(reversed(steps), reversed(names), strict=True)
            if any(h.data.time_estimated for h in of(kind))
        )
        or None
    )
    assert order.status == next((name for kind, name in zip(steps, names, strict=True) if of(kind)), "new")

    customers = [h.data.customer_id for h in of((OrderCreated, CustomerAssigned)) if h.data.customer_id is not None]
    assert order.customer_id == (customers[-1] if customers else None)
    currencies = {h.data.currency for h in of(OrderCreated)}
    assert order.currency == ("XXX" if len(currencies) > 1 else next(iter(currencies), None))
    for name in ("country", "channel", "postal_code", "city", "state", "source_status", "promised_at"):
        created = [getattr(h.data, name) for h in of(OrderCreated)]
        assert getattr(order, name) == next((value for value in created if value is not None), None)
    assert order.cancel_reason == next((h.data.reason for h in of(OrderCancelled) if h.data.reason is not None), None)
    for line in order.lines:
        mine = [h for h in of((ItemAdded, ItemReturned)) if h.data.item_id == line.item_id]
        assert line.description == next((h.data.description for h in mine if h.data.description is not None), None)
        added = [h.data.price for h in mine if isinstance(h.data, ItemAdded)]
        named = [h.data.price for h in of(items) if h.data.item_id == line.item_id]
        assert line.price == next(reversed(added or named), None)
        adjusting = [h.data for h in of(AdjustmentRecorded) if (h.data.item_id or "") == line.item_id]
        assert line.adjusted == sum(data.quantity or 0 for data in adjusting)
        assert Fraction(line.adjustments) == sum(Fraction(data.amount) for data in adjusting)
