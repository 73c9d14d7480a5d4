"""What goes in and out of requests, as JSON Schema: the components of the OpenAPI document that `orders_es.http.openapi` writes."""

from __future__ import annotations

from typing import Any

from orders_es.http.bodies import command_schemas
from orders_es.http.problems import PROBLEMS
from orders_es.orders import STATUSES

__all__ = ["TEXT", "reference", "schemas"]

_MONEY = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{4,}$", "description": "Exact: digits, four decimals."}
_TIME = {"type": "string", "format": "date-time"}
TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_TRUTH = {"type": "boolean"}
_PAYMENTS = ["nothing_due", "unpaid", "failed", "part_paid", "paid", "overpaid", "refunded"]


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(fields: dict[str, Any], title: str = "", *, more: bool = False) -> dict[str, Any]:
    """An object that always has all of these fields."""
    described = {"description": title} if title else {}
    return {"type": "object", **described, "properties": fields, "required": list(fields), "additionalProperties": more}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def reference(name: str) -> dict[str, Any]:
    """Where another part of the document says this schema.

    Example:
        >>> reference("Order")
        {'$ref': '#/components/schemas/Order'}
    """
    return {"$ref": f"#/components/schemas/{name}"}


def _line() -> dict[str, Any]:
    texts = {"item_id": TEXT, "description": _or_null(TEXT), "price": _or_null(_MONEY)}
    counts = dict.fromkeys(("added", "removed", "changed", "returned", "adjusted", "quantity"), _WHOLE)
    sums = dict.fromkeys(("gross", "returns", "adjustments", "amount"), _MONEY)
    return _object({**texts, **counts, **sums}, "One item of an order.")


def _order() -> dict[str, Any]:
    texts = (
        "customer_id",
        "country",
        "channel",
        "postal_code",
        "city",
        "state",
        "source_status",
        "cancel_reason",
        "estimated",
    )
    sums = ("gross", "discounts", "shipping", "returns", "adjustments", "paid", "refunded", "total", "balance")
    steps = (
        "created",
        "placed",
        "paid",
        "shipped",
        "delivered",
        "cancelled",
        "first_occurred",
        "last_occurred",
        "promised",
    )
    counts = ("failed_payments", "version", "position", "event_count", "item_count", "line_count")
    fields = {
        "order_id": TEXT,
        "status": {"enum": list(STATUSES)},
        "payment_status": {"enum": _PAYMENTS},
        "currency": _or_null(TEXT),
        **dict.fromkeys(texts, _or_null(TEXT)),
        "lines": _list(reference("Line")),
        **dict.fromkeys(sums, _MONEY),
        **dict.fromkeys((f"{step}_at" for step in steps), _or_null(_TIME)),
        **dict.fromkeys(counts, _WHOLE),
    }
    return _object(fields, "An order as its events make it.")


def _event_facts() -> dict[str, Any]:
    return {
        "position": _WHOLE,
        "version": _WHOLE,
        "event_id": {"type": "string", "format": "uuid"},
        "type": TEXT,
        "occurred_at": _TIME,
        "recorded_at": _TIME,
    }


def _as_of(**more: dict[str, Any]) -> dict[str, Any]:
    return _object({**dict.fromkeys(("at", "known_at", "recorded_by"), _or_null(_TIME)), **more})


def schemas(currency: str | None) -> dict[str, Any]:
    """The components, each under its name.

    Args:
        currency: What new orders have that name none; without it each has to.

    Example:
        >>> schemas(None)["Health"]["properties"]
        {'status': {'const': 'ok'}}
    """
    names = ("actor", "correlation_id", "causation_id")
    root = _or_null(
        {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "The tree's root at that position, where it is the log's end.",
        }
    )
    told = {
        **_event_facts(),
        "schema_version": _WHOLE,
        "entered_at": _or_null(_TIME),
        "estimated": _TRUTH,
        "late": _TRUTH,
        **dict.fromkeys(names, _or_null(TEXT)),
        "summary": TEXT,
        "status_after": {"enum": list(STATUSES)},
        "total_after": _MONEY,
        "payload": {"type": "object"},
        "today": _or_null(
            _object(
                {"type": _or_null(TEXT), "schema_version": _or_null(_WHOLE), "payload": {"type": ["object", "null"]}}
            )
        ),
    }
    return {
        "Line": _line(),
        "Order": _order(),
        "Handled": _object(
            {"order": reference("Order"), "events": _list(_object(_event_facts())), "duplicate": _TRUTH},
            "The order right after the command, the command's events, and whether it had been carried out before.",
        ),
        "OrderAtMoment": _object({"as_of": _as_of(version=_or_null(_WHOLE)), "order": reference("Order")}),
        "Orders": _object(
            {
                "as_of": _as_of(),
                "position": _WHOLE,
                "root": root,
                "orders": _list(
                    {
                        "type": "object",
                        "required": ["order_id", "status", "total"],
                        "properties": {"order_id": TEXT, "status": {"enum": list(STATUSES)}, "total": _MONEY},
                    }
                ),
                "next": _or_null(
                    {"type": "string", "description": "Where the next page is; it shows the same state of the log."}
                ),
            },
            "A page of orders: rows of the read model `orders`.",
        ),
        "History": _object(
            {"order_id": TEXT, "currency": _or_null(TEXT), "as_of": _as_of(), "events": _list(_object(told))},
            "The events of one order in the order of recording.",
        ),
        "Rows": _object(
            {
                "read_model": TEXT,
                "as_of": _as_of(),
                "position": _WHOLE,
                "root": root,
                "notes": _list(TEXT),
                "rows": _list({"type": "object"}),
                "more": _TRUTH,
            },
            "A page of a read model; docs/read-models.md says what the columns mean.",
        ),
        "ReadModels": _object(
            {
                "read_models": _list(
                    _object(
                        {
                            "name": TEXT,
                            "title": TEXT,
                            "key": _list(TEXT),
                            "columns": _list(_object({"name": TEXT, "meaning": TEXT})),
                        }
                    )
                )
            }
        ),
        "Lag": _object({"projections": _list({"type": "object", "required": ["projection", "state"]})}),
        "Health": _object({"status": {"const": "ok"}}),
        "Problem": {
            "type": "object",
            "description": "What went wrong (RFC 9457).",
            "properties": {
                "type": {"enum": [f"urn:orders-es:problem:{kind}" for kind in PROBLEMS]},
                "title": TEXT,
                "status": _WHOLE,
                "detail": TEXT,
                "rule": {"type": "string", "description": "The name of the business rule."},
                "current_version": {
                    "type": "integer",
                    "description": "The version that the order is at; 0 where there is none.",
                },
                "suggestions": _list(TEXT),
            },
            "required": ["type", "title", "status", "detail"],
        },
        **command_schemas(currency),
    }
