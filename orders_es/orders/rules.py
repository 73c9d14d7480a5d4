"""The business rules by name, for everybody who shows a refusal to people or acts on one in a program.

`CommandRejected.rule` is one of these names. They are stable: programs may depend on them. All are `decide`'s,
except `one_command_per_id`, which is `orders_es.service`'s.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "money_is_exact": "Money is a Decimal or an int, never a float.",
        "at_most_4_decimals": "An amount has at most 4 decimals.",
        "at_most_14_digits": "An amount, and what an order's goods come to, has at most 14 digits before the point.",
        "amount_positive": "An amount paid, refunded or discounted is above zero.",
        "amount_not_negative": "A price or a shipping charge is not below zero.",
        "amount_not_zero": "An adjustment changes something.",
        "quantity_whole": "A quantity is a whole number, of at most 64 bits.",
        "quantity_positive": "A quantity is above zero.",
        "quantity_differs": "A change of quantity changes it.",
        "text_given": "An id that has to be given is not blank.",
        "currency_code": "A currency is a code of three capital letters.",
        "one_currency": "Every amount of an order is in the order's currency.",
        "created_once": "An order is created once.",
        "created_first": "Nothing happens to an order before it is created.",
        "items_open_until_placed": "Items change only until the order is placed.",
        "one_price_per_item": "An item has one price within an order.",
        "item_in_order": "Only an item that is in the order can be changed, removed or returned.",
        "no_more_than_there": "No more pieces are removed than are in the order.",
        "discount_within_goods": "Discounts never come to more than the goods.",
        "placed_once": "An order is placed once.",
        "placed_with_items": "An empty order cannot be placed.",
        "placed_first": "Payment and shipping wait until the order is placed.",
        "not_cancelled": "A cancelled order takes no items, charges, payments or shipping.",
        "cancelled_once": "An order is cancelled once.",
        "not_after_shipping": "Discounts, shipping charges and cancellation end when the order is shipped.",
        "no_more_than_owed": "No more is paid than is owed.",
        "shipped_once": "An order is shipped once.",
        "shipped_first": "Only a shipped order can be delivered.",
        "delivered_once": "An order is delivered once.",
        "delivered_first": "Only what was delivered can come back.",
        "no_more_than_delivered": "No more pieces come back than were delivered.",
        "return_within_price": "A returned piece is credited at no more than its price, and all returns at no more than goods less discounts.",
        "no_more_than_paid": "No more is refunded than was paid and not yet refunded.",
        "customer_differs": "Assigning a customer changes the customer.",
        "one_command_per_id": "A command id stands for one command; repeating it is harmless, giving it to another is not.",
    }
)
"""Each rule's name and what it says."""
