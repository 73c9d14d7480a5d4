"""Orders of Shopify's Admin API, with what happened to them; for `orders_es.sources.history`.

Source of the format: Shopify's reference of the REST Admin API, the resources Order, Refund, Transaction, Fulfillment and Event. An
order comes as one document that holds all of these; each of them is a row of a table of its own, so that a later export of the
same order adds what is new in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orders_es.sources.history.records import Record, Row, Settings, loads, texts
from orders_es.sources.history.stripe import flattened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["shopify"]

_MOVING = re.compile(
    r"updated_at|closed_at|cancelled_at|cancel_reason|financial_status|fulfillment_status|fulfillable_quantity|current_.*|total_outstanding"
    r"|tags|note|note_attributes.*|order_status_url|payment_gateway_names|confirmed|payments_listed|refunds"
)
"""What of an order goes on changing: it is known as it stood when the order was last updated, and the rest since it was made."""
_NEEDED = {
    "transactions": ("kind", "status", "amount", "gateway", "authorization", "processed_at", "message"),
    "fulfillments": ("status", "tracking_company", "tracking_number"),
    "refund_line_items": ("quantity", "item", "price", "note", "processed_at"),
}
"""Columns that there are always, whether this version of the API sends them or not, so that a mapping can name them."""
_APART = ("line_items", "shipping_lines", "refunds", "transactions", "fulfillments", "events")


def shopify(line: Row, settings: Settings) -> Iterator[Record]:
    """What an order, or an event, says.

    Args:
        line: The text under `line`.

    Raises:
        ValueError: It is neither.
    """
    given = loads(line["line"], "the line")
    if given is None:
        return
    if isinstance(given, dict) and "verb" in given and "subject_id" in given:
        yield _event(given, settings)
        return
    if not isinstance(given, dict) or "line_items" not in given or "created_at" not in given:
        raise ValueError("the line is no order of Shopify's Admin API: it has no line_items and created_at")
    order = {
        "order_id": texts(given["id"]),
        "order_name": texts(given.get("name")),
        "currency": texts(given["currency"]),
    }
    made = settings.instant(texts(given["created_at"]), "created_at")
    yield from _order(given, order, made, settings)
    for number, item in enumerate(given["line_items"]):
        row = _fixed(flattened(item)) | order | {"item": _item(item), "processed_at": texts(given.get("processed_at"))}
        yield Record(table="line_items", key=_id(item, f"line {number + 1}"), op="state", at=made, after=row)
    for item in given.get("shipping_lines") or ():
        row = flattened(item) | order | {"processed_at": texts(given.get("processed_at"))}
        yield Record(table="shipping_lines", key=_id(item, "a shipping line"), op="state", at=made, after=row)
    for item in given.get("fulfillments") or ():
        yield _dated("fulfillments", {**item, "line_items": None}, order, settings)
    for item in given.get("transactions") or ():
        yield _dated("transactions", item, order, settings)
    for item in given.get("events") or ():
        yield _event(item, settings)
    for refund in given.get("refunds") or ():
        yield from _refund(refund, order, settings)


def _order(given: dict[str, Any], order: dict[str, str | None], made: datetime, settings: Settings) -> Iterator[Record]:
    """The order as it was made, that it was cancelled, and how it stood when it was last updated."""
    row = flattened({name: value for name, value in given.items() if name not in _APART}) | order
    inside = texts(given.get("taxes_included")) == "true"
    row["tax_beside_prices"] = "0" if inside else texts(given.get("total_tax")) or "0"
    codes = given.get("discount_codes") or ()
    row["discount_code"] = texts(codes[0].get("code")) if codes else None
    for name in ("total_tip_received", "total_discounts"):
        row[name] = row.get(name) or "0"
    for name in (
        "source_name",
        "processed_at",
        "cancelled_at",
        "cancel_reason",
    ):
        row.setdefault(name, None)
    for name in ("customer.id", "shipping_address.country_code", "shipping_address.city", "shipping_address.zip"):
        row.setdefault(name, None)
    paid = row.get("financial_status") in ("paid", "partially_paid", "partially_refunded", "refunded")
    row["payments_listed"] = "false" if paid and not given.get("transactions") else "true"
    key = _id(given, "an order")
    yield Record(table="orders", key=key, op="state", at=made, after=_fixed(row))
    updated = max(made, settings.instant(row["updated_at"], "updated_at")) if row.get("updated_at") else made
    moved = {name: value for name, value in row.items() if _MOVING.fullmatch(name)}
    if row["cancelled_at"]:
        gone = {name: moved.pop(name) for name in ("cancelled_at", "cancel_reason")}
        cancelled = settings.instant(row["cancelled_at"], "cancelled_at")
        yield Record(table="orders", key=key, op="state", at=cancelled, after=gone, whole=False)
    yield Record(table="orders", key=key, op="state", at=updated, after=moved, whole=False)


def _fixed(row: Row) -> Row:
    return {name: value for name, value in row.items() if not _MOVING.fullmatch(name)}


def _refund(refund: dict[str, Any], order: dict[str, str | None], settings: Settings) -> Iterator[Record]:
    own = {name: value for name, value in refund.items() if name not in ("refund_line_items", "transactions")}
    yield _dated("refunds", own, order, settings)
    said = {name: refund.get(name) for name in ("created_at", "processed_at", "note", "user_id")}
    for item in refund.get("refund_line_items") or ():
        of = item.get("line_item") or {}
        row = {**said, **item, "item": _item(of), "price": of.get("price"), "refund_id": refund.get("id")}
        yield _dated("refund_line_items", row, order, settings)
    for item in refund.get("transactions") or ():
        yield _dated("transactions", item, order, settings)


def _dated(table: str, given: dict[str, Any], order: dict[str, str | None], settings: Settings) -> Record:
    """What says itself when it came about."""
    at = settings.instant(texts(given.get("created_at")), f"created_at of {table}")
    return Record(
        table=table,
        key=_id(given, table),
        op="state",
        at=at,
        after=dict.fromkeys(_NEEDED.get(table, ())) | flattened(given) | order,
        actor=texts(given.get("user_id")),
    )


def _event(given: dict[str, Any], settings: Settings) -> Record:
    return Record(
        table="events",
        key=_id(given, "an event"),
        op="insert",
        at=settings.instant(texts(given.get("created_at")), "created_at"),
        after=flattened(given) | {"order_id": texts(given.get("subject_id"))},
        actor=texts(given.get("author")),
        reason=texts(given.get("verb")),
    )


def _id(given: dict[str, Any], what: str) -> str:
    said = texts(given.get("id"))
    if not said:
        raise ValueError(f"{what} has no id")
    return said


def _item(given: dict[str, Any]) -> str | None:
    """By what an article is known: its number, or else that of its variant, or else its name."""
    for name in ("sku", "variant_id", "title", "id"):
        if said := (texts(given.get(name)) or "").strip():
            return said
    return None
