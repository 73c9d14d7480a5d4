"""What can be asked, as OpenAPI 3.1. Bodies come from the commands' own classes, orders' fields from `Order`, routes are held to `ROUTES` by a test."""

from __future__ import annotations

from typing import Any

from orders_es.http.bodies import COMMANDS
from orders_es.http.events import FORMS as EVENT_FORMS
from orders_es.http.openapi_schemas import TEXT, reference, schemas
from orders_es.http.orders import MOST as MOST_ORDERS
from orders_es.http.orders import PAGE as PAGE_ORDERS
from orders_es.http.problems import MEDIA_TYPE, PROBLEMS
from orders_es.http.read_models import FORMS, MOST, PAGE
from orders_es.log.limits import LONGEST_ID
from orders_es.orders import STATUSES

__all__ = ["description"]

_JSON = "application/json"
_SPELLINGS = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?)?$"
)
_MOMENT = (
    "An instant (`2026-06-03T15:00Z`), a time in `tz` (`2026-06-03 15:00`), or a date, which is the whole of that day. "
    "The moment itself is included."
)


def _query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": text}


def _moments() -> list[dict[str, Any]]:
    schema = {"type": "string", "pattern": _SPELLINGS}
    return [
        _query("at", schema, f"Only what had happened by then. {_MOMENT}"),
        _query("known_at", schema, "Only what was known by then: entered, as its source says, or else recorded."),
        _query("recorded_by", schema, "Only what this log itself had recorded by then."),
        _query(
            "tz",
            {"type": "string", "enum": ["UTC", "Europe/London", "Europe/Berlin", "America/New_York"], "default": "UTC"},
            "Any IANA time zone.",
        ),
    ]


def _number(
    name: str, text: str, *, least: int = 0, most: int = 2**63 - 1, default: int | None = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    return _query(name, schema if default is None else schema | {"default": default}, text)


def _order_id() -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
    return {
        "name": "order_id",
        "in": "path",
        "required": True,
        "schema": schema,
        "description": "The order, which is a stream of that name.",
    }


def _header(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": text}


def _problems(*statuses: int) -> dict[str, Any]:
    titles: dict[int, list[str]] = {}
    for status, title in PROBLEMS.values():
        titles.setdefault(status, []).append(title)
    return {
        str(status): {
            "description": "; ".join(titles[status]),
            "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
        }
        for status in sorted({400, 401, 403, 500, 503, *statuses})
    }


def _reading(
    summary: str, content: dict[str, Any], *parameters: dict[str, Any], problems: tuple[int, ...] = (), **more: Any
) -> dict[str, Any]:
    ok = {"description": "The answer.", "content": content, **more}
    return {"summary": summary, "parameters": list(parameters), "responses": {"200": ok, **_problems(*problems)}}


def _json(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": reference(name)}}


def _writing(
    summary: str, body: str, *parameters: dict[str, Any], created: bool = False, needed: bool
) -> dict[str, Any]:
    tag = {"ETag": {"schema": TEXT, "description": "The order's version."}}
    place = {"Location": {"schema": TEXT, "description": "Where the order is."}} if created else {}
    headers = [
        _header(
            "If-Match",
            {"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$'},
            "The version that the order has to be at, as its ETag said.",
        ),
        _header(
            "Idempotency-Key",
            {"type": "string", "pattern": "^[!#-~]{1,255}$"},
            "With it, a request that is sent again is carried out once.",
        ),
    ]
    return {
        "summary": summary,
        "parameters": [*parameters, *headers],
        "requestBody": {"required": needed, "content": _json(body)},
        "responses": {
            "201" if created else "200": {
                "description": "It is recorded, durably.",
                "headers": {**tag, **place},
                "content": _json("Handled"),
            },
            **_problems(404, 408, 409, 412, 413, 415, 422),
        },
    }


def _commands() -> dict[str, Any]:
    found = {}
    for name, cls in COMMANDS.items():
        said = (cls.__doc__ or "").partition("\n")[0].rstrip(".")
        needed = name not in ("place-order", "ship-order", "deliver-order", "cancel-order")
        asked = _writing(said, cls.__name__, _order_id(), created=name == "create-order", needed=needed)
        found[f"/orders/{{order_id}}/{name}"] = {"post": asked | {"operationId": cls.__name__, "tags": ["commands"]}}
    return found


def _paths() -> dict[str, Any]:
    position = _number("position", "Only the log's events up to this position, so that pages belong together.")
    text = {"text/html": {"schema": TEXT}}
    paged = _number("limit", "Rows at most.", least=1, most=MOST_ORDERS, default=PAGE_ORDERS)
    status = _query("status", {"enum": list(STATUSES[1:])}, "Only orders of this status.")
    list_orders = _reading(
        "Orders at a moment, page by page",
        _json("Orders"),
        *_moments(),
        _query("after", TEXT, "Begin after this order."),
        paged,
        position,
        status,
        _query("customer_id", TEXT, "Only this customer's orders."),
    )
    one = _reading(
        "One order at a moment",
        _json("OrderAtMoment"),
        _order_id(),
        *_moments(),
        _number("version", "Only its first events.", least=1),
        problems=(404,),
    )
    one["responses"]["304"] = {"description": "It is as `If-None-Match` says."}
    rows = {
        media: {"schema": reference("Rows") if name == "json" else {"type": "string"}} for name, media in FORMS.items()
    }
    model = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    one_event = {"type": "object", "required": ["data"], "properties": {"data": TEXT, "event": TEXT, "id": TEXT}}
    lines = {EVENT_FORMS["ndjson"]: {"schema": TEXT}, EVENT_FORMS["sse"]: {"schema": one_event}}
    gets = {
        "/": _reading("The page", text),
        "/openapi.json": _reading("This description", {_JSON: {"schema": {"type": "object"}}}),
        "/health": _reading("Whether the log can be read", _json("Health")),
        "/orders": list_orders,
        "/orders/{order_id}": one,
        "/orders/{order_id}/history": _reading(
            "The events of one order, with both clocks", _json("History"), _order_id(), *_moments(), problems=(404,)
        ),
        "/orders/{order_id}/clocks": _reading(
            "A page with one order on two sliders", text, _order_id(), _moments()[-1], problems=(404,)
        ),
        "/events": _reading(
            "The events of the log",
            lines,
            _number("after", "Begin with the event after this position."),
            _number("limit", "At most so many events.", least=1),
            _query(
                "follow",
                {"enum": ["true", "false"]},
                "Whether to go on with what comes; server-sent events do unless told otherwise.",
            ),
            _query("format", {"enum": list(EVENT_FORMS)}, "Instead of the header Accept."),
            _header(
                "Last-Event-ID",
                {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
                "Begin after this position, as a browser asks that comes again.",
            ),
            problems=(406,),
        ),
        "/read-models": _reading("The read models that there are", _json("ReadModels")),
        "/read-models/{name}": _reading(
            "A read model at a moment",
            rows,
            model,
            *_moments(),
            _query("format", {"enum": list(FORMS)}, "Instead of the header Accept."),
            _number("limit", "Rows at most; of JSON only.", least=1, most=MOST, default=PAGE),
            _number("offset", "Leave out so many rows; of JSON only."),
            position,
            problems=(404, 406),
        ),
        "/lag": _reading("How far behind the log each projection is", _json("Lag"), problems=(404,)),
        "/metrics": _reading("The same for Prometheus", {"text/plain": {"schema": TEXT}}),
    }
    paths: dict[str, Any] = {path: {"get": asked} for path, asked in gets.items()}
    create = _writing(
        "Open an order, of the id that the body names or of a new one, with its first items",
        "CreateOrderOfOrder",
        created=True,
        needed=True,
    )
    paths["/orders"]["post"] = create | {"operationId": "CreateOrderOfOrder", "tags": ["commands"]}
    add = _writing("Put an item into the order that the body names", "AddItemOfOrder", needed=True)
    paths["/orders/add-item"] = {"post": add | {"operationId": "AddItemOfOrder", "tags": ["commands"]}}
    for path in ("/", "/openapi.json", "/health"):
        paths[path]["get"]["security"] = []
    return paths | _commands()


def description(currency: str | None = None) -> dict[str, Any]:
    """The document.

    Args:
        currency: What new orders have that name none; without it each has to.

    Example:
        >>> description()["openapi"], len(description()["paths"])
        ('3.1.0', 29)
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orders-es",
            "version": "1",
            "description": "Orders at any moment, on two clocks, over an append-only log. Money is digits in strings; times are UTC.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas(currency),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }
