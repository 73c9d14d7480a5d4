"""Customers: they speak HTTP and JSON and know nothing of events."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from typing import Any

__all__ = ["buy", "post"]

GOODS = (("mug", "A mug", 1250), ("bag", "A bag", 1800), ("lamp", "A lamp", 4599), ("card", "A card", 195))


def post(url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """What the shop answers to a request.

    Args:
        url: Where to.
        body: What to say.
        headers: Names with `_` for `-`.

    Raises:
        urllib.error.HTTPError: It says no.
    """
    named = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    asked = urllib.request.Request(url, json.dumps(body).encode(), named)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def buy(door: str, orders: int, seed: int = 1) -> list[str]:
    """The ids of orders that were opened, paid by most, and shipped to some.

    Args:
        door: The shop's address.
        orders: How many.
        seed: Another one buys other things.
    """
    draw = random.Random(seed)
    made = []
    for number in range(orders):
        chosen = draw.sample(GOODS, draw.randint(1, 3))
        items = [
            {"product_id": sku, "product_name": name, "quantity": draw.randint(1, 4), "unit_price_cents": cents}
            for sku, name, cents in chosen
        ]
        key = f"buy {seed} {number}"  # sent again, because its answer was lost, it still opens one order
        opened = post(f"{door}/orders", {"customer_id": f"c-{draw.randint(1, 9)}", "items": items}, Idempotency_Key=key)
        order = opened["order"]["order_id"]
        extra = {"order_id": order, "product_id": "wrap", "quantity": 1, "unit_price": "0.50"}
        post(f"{door}/orders/add-item", extra, Idempotency_Key=f"{key} wrap")
        placed = post(f"{door}/orders/{order}/place-order", {}, Idempotency_Key=f"{key} place")
        if draw.random() < 0.8:
            amount = placed["order"]["total"]
            post(
                f"{door}/orders/{order}/record-payment",
                {"amount": amount, "method": "card"},
                Idempotency_Key=f"{key} pay",
            )
            if draw.random() < 0.4:
                post(f"{door}/orders/{order}/ship-order", {"carrier": "post"}, Idempotency_Key=f"{key} ship")
        made.append(order)
    return made
