"""What several business rules ask of an order or of a value: the vocabulary of `decide`.

Each of these returns a checked value, or nothing, or raises `CommandRejected` with the name of the rule that says no.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from orders_es.errors import CommandRejected
from orders_es.orders.money import EXACT, LIMIT, QUANTUM, ZERO, format_money, money, multiply

if TYPE_CHECKING:
    from orders_es.orders.order import Line, Order

__all__ = [
    "line_in_order",
    "positive_amount",
    "positive_quantity",
    "price_of",
    "price_paid",
    "require_chargeable",
    "require_created",
    "require_currency",
    "require_goods_cover_discounts",
    "require_not_cancelled",
    "require_not_shipped",
    "require_open",
    "require_placed",
    "require_text",
    "was_placed",
    "was_shipped",
    "whole",
]

_INT64 = 2**63


def was_placed(state: Order) -> bool:
    """Whether it was placed, or must have been."""
    return state.placed_at is not None or was_shipped(state)


def was_shipped(state: Order) -> bool:
    """Whether it was shipped, or must have been."""
    return state.shipped_at is not None or state.delivered_at is not None


def require_created(state: Order) -> None:
    """Refuse unless the order exists."""
    if not state.event_count:
        raise CommandRejected("created_first", f"there is no order {state.order_id!r} yet; create it first")


def require_not_cancelled(state: Order) -> None:
    """Refuse if the order is cancelled."""
    if state.cancelled_at is not None:
        raise CommandRejected("not_cancelled", f"order {state.order_id!r} is cancelled")


def require_not_shipped(state: Order, done: str) -> None:
    """Refuse if the order has left the house; `done` says what it cannot be."""
    if was_shipped(state):
        raise CommandRejected(
            "not_after_shipping", f"order {state.order_id!r} is {state.status}, so it cannot be {done}"
        )


def require_open(state: Order, currency: str | None = None) -> None:
    """Refuse unless items may still change."""
    require_created(state)
    require_not_cancelled(state)
    if was_placed(state):
        raise CommandRejected(
            "items_open_until_placed",
            f"order {state.order_id!r} is {state.status}; its items are fixed since it was placed",
        )
    require_currency(state, currency)


def require_chargeable(state: Order, currency: str | None, done: str) -> None:
    """Refuse unless discounts and shipping charges may still change."""
    require_created(state)
    require_not_cancelled(state)
    require_not_shipped(state, done)
    require_currency(state, currency)


def require_placed(state: Order, currency: str | None = None) -> None:
    """Refuse unless the order is placed and not cancelled."""
    require_created(state)
    require_not_cancelled(state)
    if not was_placed(state):
        raise CommandRejected("placed_first", f"order {state.order_id!r} is {state.status}, not placed; place it first")
    require_currency(state, currency)


def require_currency(state: Order, currency: str | None) -> None:
    """Refuse a currency that is not the order's."""
    if currency is not None and currency != state.currency:
        raise CommandRejected(
            "one_currency",
            f"order {state.order_id!r} is in {state.currency}, so an amount in {currency} has no place in it",
        )


def require_goods_cover_discounts(state: Order, difference: int, price: Decimal) -> None:
    """Refuse a change of the goods that leaves them below the discounts, or too large to record."""
    goods = EXACT.add(state.gross, multiply(difference, price))
    if goods < state.discounts:
        raise CommandRejected(
            "discount_within_goods",
            f"the goods of order {state.order_id!r} would come to {format_money(goods, state.currency)}, less than its "
            f"discounts of {format_money(state.discounts)}",
        )
    if goods >= LIMIT:
        raise CommandRejected(
            "at_most_14_digits", f"the goods of order {state.order_id!r} would come to {format_money(goods)}"
        )


def line_in_order(state: Order, item_id: str) -> tuple[Line, Decimal]:
    """The line of an item that is in the order, and its price."""
    line = state.line(item_id)
    if line is None or line.price is None or line.kept <= 0:
        raise CommandRejected("item_in_order", f"order {state.order_id!r} has no item {item_id!r} (any more)")
    return line, money(line.price, "price")


def price_paid(state: Order, charged: Decimal) -> Decimal:
    """What was paid for one piece: its price less its share of the order's discounts."""
    if not state.discounts or state.gross <= 0:
        return charged
    # Multiplied first and divided last, so that a share that comes out even is not rounded down by a digit.
    paid = EXACT.divide(EXACT.multiply(charged, EXACT.subtract(state.gross, state.discounts)), state.gross)
    return max(ZERO, paid).quantize(QUANTUM, rounding=ROUND_DOWN, context=EXACT)


def require_text(value: object, what: str) -> None:
    """Refuse an id that is blank."""
    if not isinstance(value, str) or not value.strip():
        raise CommandRejected("text_given", f"{what}={value!r} is no id; give a text that is not blank")


def whole(value: object) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise CommandRejected("quantity_whole", f"quantity={value!r} is not a whole number of at most 64 bits")
    return value


def positive_quantity(value: object) -> int:
    """A whole number above zero."""
    quantity = whole(value)
    if quantity <= 0:
        raise CommandRejected("quantity_positive", f"quantity={quantity:,} is not above zero")
    return quantity


def positive_amount(value: object) -> Decimal:
    """Money above zero."""
    amount = money(value)
    if amount <= 0:
        raise CommandRejected("amount_positive", f"amount={format_money(amount)} is not above zero")
    return amount


def price_of(value: object, what: str = "price") -> Decimal:
    """Money not below zero."""
    price = money(value, what)
    if price < 0:
        raise CommandRejected("amount_not_negative", f"{what}={format_money(price)} is below zero")
    return price
