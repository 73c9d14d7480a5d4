"""The words of other order services in bodies: `product_id` for `item_id`, `unit_price` for `price`, and prices in cents.

They are put into ours before a body is read, so that everything behind that door knows one set of words. Two words for one thing in one item are refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from orders_es.http.problems import Problem

__all__ = ["in_our_words", "with_other_words"]

_OURS: Final = {
    "product_id": "item_id",
    "product_name": "description",
    "unit_price": "price",
    "unit_price_cents": "price",
    "price_cents": "price",
}
_CENTS: Final = ("unit_price_cents", "price_cents")
_MOST_CENTS: Final = 10**16


def in_our_words(command: str, said: Any, currency: str | None = None) -> Any:
    """A body in our own words; the very same object where it is that already.

    Args:
        command: The name of the command's class.
        said: The body, as `json.loads` gives it.
        currency: That of a new order whose body names none.

    Raises:
        Problem: It says one thing in two words, or a price of which nobody knows whether it is in cents.

    Example:
        >>> in_our_words("AddItem", {"product_id": "mug", "quantity": 2, "unit_price_cents": 1250})
        {'item_id': 'mug', 'quantity': 2, 'price': '12.50'}
    """
    if not isinstance(said, dict):
        return said
    if command == "AddItem":
        return _item(said)
    if command != "CreateOrder":
        return said
    if isinstance(said.get("items"), list):
        items = [_item(item) if isinstance(item, dict) else item for item in said["items"]]
        if any(item is not given for item, given in zip(items, said["items"], strict=True)):
            said = {**said, "items": items}
    return said if currency is None or "currency" in said else {**said, "currency": currency}


def _item(said: dict[str, Any]) -> dict[str, Any]:
    if _OURS.keys().isdisjoint(said):
        return said
    found: dict[str, Any] = {}
    for name, value in said.items():
        ours = _OURS.get(name, name)
        if ours in found:
            raise Problem("invalid", f"{ours!r} stands there twice, once as {name!r}; say it once")
        found[ours] = _price(name, value) if ours == "price" and name != "price" else value
    return found


def _price(name: str, value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if name in _CENTS:
        if not whole or abs(value) >= _MOST_CENTS:
            raise Problem("invalid", f"{name} is a whole number of cents, such as 1250 for 12.50")
        return f"{Decimal(value).scaleb(-2):f}"
    if whole:
        raise Problem(
            "invalid",
            f'unit_price={value} could be {value}.00 or {Decimal(value).scaleb(-2):f}; write "unit_price": "12.50" with digits in a string, or "unit_price_cents": 1250',
        )
    return value


def with_other_words(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of an item that may be said in other words as well.

    Args:
        schema: The schema of an item in our words.

    Example:
        >>> item = {"properties": {"item_id": {}, "description": {}, "price": {"anyOf": [{"type": "string"}]}}, "required": ["item_id", "price"]}
        >>> with_other_words(item)["required"]
        []
    """
    ours = schema["properties"]
    [digits] = [one for one in ours["price"]["anyOf"] if one["type"] == "string"]
    cents = {
        "description": "A whole number of cents.",
        "type": "integer",
        "exclusiveMinimum": -_MOST_CENTS,
        "exclusiveMaximum": _MOST_CENTS,
    }
    others = {
        "product_id": ours["item_id"],
        "product_name": ours["description"],
        "unit_price": {"description": "Exact money: digits in a string.", **digits},
        **dict.fromkeys(_CENTS, cents),
    }
    prices = ("price", *(name for name, one in _OURS.items() if one == "price"))
    return {
        **schema,
        "properties": {**ours, **others},
        "required": [name for name in schema["required"] if name not in ("item_id", "price")],
        "allOf": [
            {"oneOf": [{"required": ["item_id"]}, {"required": ["product_id"]}]},
            {"oneOf": [{"required": [name]} for name in prices]},
            {"not": {"required": ["description", "product_name"]}},
        ],
    }
