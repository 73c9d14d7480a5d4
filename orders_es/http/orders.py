"""Orders at any moment: many, page by page, and one of them with its history. Nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, Response

from orders_es.http.commands import etag
from orders_es.http.page import PAGE_POLICY
from orders_es.http.problems import Problem
from orders_es.http.request_parameters import MOMENTS, moments_of, number_of, order_id_of, parameters, same_version
from orders_es.json_text import Verbatim, json_bytes, today_facts

if TYPE_CHECKING:
    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.settings import Token
    from orders_es.log import EventLog
    from orders_es.replay import Session

__all__ = ["clocks", "history", "order", "orders", "pinned"]

PAGE = 100
MOST = 1_000
_STATUSES = ("created", "placed", "paid", "shipped", "delivered", "cancelled")


def pinned(log: EventLog, moments: dict[str, Any], position: int | None) -> tuple[int, bytes | None]:
    """The position up to which a question is answered, so that all pages show one state of the log; and the root, where that is its end."""
    from orders_es.log.roots import head_by

    head = log.head()
    end = head
    if moments["recorded_by"] is not None:
        end = head_by(log, moments["recorded_by"])
    if position is None or position >= end.position:
        return end.position, end.root
    return position, None


async def orders(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /orders`: orders at a moment, in the order of their ids, page by page."""
    given = parameters(request, (*MOMENTS, "after", "limit", "position", "status", "customer_id"))
    moments = moments_of(given)
    limit = number_of(given, "limit", PAGE, least=1, most=MOST)
    wanted = number_of(given, "position", -1)
    if given.get("status", "created") not in _STATUSES:
        raise Problem("bad-request", f"status={given['status']!r}: give one of {', '.join(_STATUSES)}")
    conditions = {
        "order_id > $after": "after",
        "status = $status": "status",
        "customer_id = $customer_id": "customer_id",
    }
    asked = {name: given[name] for name in conditions.values() if name in given}
    where = " AND ".join(text for text, name in conditions.items() if name in asked) or "true"

    def read(session: Session) -> tuple[int, bytes | None, list[str], list[tuple[Any, ...]]]:
        position, root = pinned(door.log, moments, None if wanted < 0 else wanted)
        answer = session.sql(
            f"SELECT * FROM orders WHERE {where} ORDER BY order_id LIMIT {limit + 1:d}",
            asked,
            at=moments["at"],
            known_at=moments["known_at"],
            position=position,
        )
        return position, root, answer.columns, answer.rows()

    position, root, columns, rows = await door.ask(read)
    found = [dict(zip(columns, row, strict=True)) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        pairs = given | {"after": found[-1]["order_id"], "position": str(position)}
        following = f"/orders?{urlencode(pairs)}"
    body = {"as_of": moments, "position": position, "root": root, "orders": found, "next": following}
    links = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Response(json_bytes(body), headers=links, media_type="application/json")


async def order(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /orders/{order_id}`: one order at a moment."""
    from orders_es.replay import load_order

    order_id = order_id_of(request)
    given = parameters(request, (*MOMENTS, "version"))
    moments = moments_of(given)
    version = number_of(given, "version", 0, least=1) or None
    found = await door.load(load_order, door.log, order_id, version=version, **moments)
    headers = {"ETag": etag(found), "Cache-Control": "no-cache", "Vary": "Authorization"}
    if same_version(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    body = {"as_of": moments | {"version": version}, "order": found.as_dict()}
    return Response(json_bytes(body), headers=headers, media_type="application/json")


async def history(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /orders/{order_id}/history`: the events of one order, with both of their times and what each changed."""
    order_id = order_id_of(request)
    moments = moments_of(parameters(request, MOMENTS))
    body = await door.load(_history, door.log, order_id, moments)
    return Response(json_bytes(body), media_type="application/json")


def _history(log: EventLog, order_id: str, moments: dict[str, Any]) -> dict[str, Any]:
    from orders_es import replay

    told = replay.history(log, order_id, **moments)
    events = {event.version: event for event in log.load(order_id, to_version=told[-1].version)}
    rows = [
        {
            "position": row.position,
            "version": row.version,
            "event_id": str(row.event_id),
            "type": events[row.version].type,
            "schema_version": events[row.version].schema_version,
            "occurred_at": row.occurred_at,
            "recorded_at": row.recorded_at,
            "entered_at": row.entered_at,
            "estimated": row.estimated,
            "late": row.late,
            "actor": row.actor,
            "correlation_id": row.correlation_id,
            "causation_id": row.causation_id,
            "summary": row.summary,
            "status_after": row.status_after,
            "total_after": row.total_after,
            "payload": Verbatim(events[row.version].payload),
            "today": today_facts(events[row.version]),
        }
        for row in told
    ]
    return {"order_id": order_id, "currency": told.currency, "as_of": moments, "events": rows}


async def clocks(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /orders/{order_id}/clocks`: a page with that order on two sliders, one for each clock."""
    from orders_es.report.two_clocks import clocks_of_order

    order_id = order_id_of(request)
    tz = parameters(request, ("tz",)).get("tz")
    page = await door.load(lambda: clocks_of_order(door.log, order_id, tz=tz).html())
    return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})
