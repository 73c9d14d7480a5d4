"""`create_app`: a log as an ASGI application. Each route is named once, in `ROUTES`, with what it needs."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from orders_es.http import commands, events, monitoring, orders, page, read_models
from orders_es.http.access import admit
from orders_es.http.app_state import Door
from orders_es.http.problems import Problem, problem_of
from orders_es.http.settings import ServerSettings
from orders_es.log.log_argument import check_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from orders_es.http.settings import Right, Token
    from orders_es.log import EventLog

__all__ = ["ROUTES", "Way", "create_app", "door_of"]


class Way(NamedTuple):
    """One route.

    Args:
        method: `GET`, which includes `HEAD`, or `POST`.
        path: As OpenAPI has it.
        needs: What whoever asks has to be permitted.
        answer: Gives the answer.
    """

    method: str
    path: str
    needs: Right
    answer: Callable[[Door, Request, Token | None], Awaitable[Response]]


ROUTES = (
    Way("GET", "/", "open", page.page),
    Way("GET", "/openapi.json", "open", page.openapi),
    Way("GET", "/health", "open", monitoring.health),
    Way("GET", "/orders", "read", orders.orders),
    Way("POST", "/orders", "write", commands.create_order),
    Way("POST", "/orders/add-item", "write", commands.add_item),
    Way("GET", "/orders/{order_id}", "read", orders.order),
    Way("GET", "/orders/{order_id}/history", "read", orders.history),
    Way("GET", "/orders/{order_id}/clocks", "read", orders.clocks),
    Way("POST", "/orders/{order_id}/{command}", "write", commands.command),
    Way("GET", "/events", "read", events.events),
    Way("GET", "/read-models", "read", read_models.read_models),
    Way("GET", "/read-models/{name}", "read", read_models.read_model),
    Way("GET", "/lag", "read", monitoring.lag),
    Way("GET", "/metrics", "read", monitoring.metrics),
)
"""All that can be asked."""


def create_app(log: EventLog, settings: ServerSettings | None = None) -> Starlette:
    """An ASGI application on a log: for a server of one's own, and for tests. `serve` runs one.

    Args:
        log: The log, which stays open when the application ends.
        settings: Who may do what, and how much; left out, programs of this machine may do everything.

    Example:
        >>> from starlette.testclient import TestClient
        >>> from orders_es.log import open_log
        >>> with TestClient(create_app(open_log(":memory:", create=True)), base_url="http://localhost") as client:
        ...     made = client.post("/orders", json={"order_id": "A-1", "currency": "GBP"})
        ...     made.status_code, made.headers["etag"], client.get("/orders/A-1").json()["order"]["status"]
        (201, '"1"', 'created')
    """
    check_log(log)
    door = Door(log, settings or ServerSettings())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        door.start()
        try:
            yield
        finally:
            door.close()

    async def not_here(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = "method-not-allowed" if error.status_code == 405 else "not-found"  # noqa: PLR2004 - as Starlette has it
        detail = "see /openapi.json for what there is"
        return Problem(kind, detail, error.headers).response()

    app = Starlette(
        routes=[_route(door, path) for path in dict.fromkeys(way.path for way in ROUTES)],
        exception_handlers={HTTPException: not_here},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.door = door
    app.add_middleware(_Encoded)
    return app


def _route(door: Door, path: str) -> Route:
    """All ways of one path, so that whoever asks in another way is told which there are."""
    answers = {way.method: _endpoint(door, way) for way in ROUTES if way.path == path}

    async def endpoint(request: Request) -> Response:
        return await answers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(answers))


def _endpoint(door: Door, way: Way) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        began = time.perf_counter()
        try:
            answer = await way.answer(door, request, admit(request, door.settings, way.needs))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered
            answer = problem_of(error).response()
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        door.measures.answered(f"{way.method} {way.path}", answer.status_code, time.perf_counter() - began)
        return answer

    return endpoint


class _Encoded:
    """Paths reach the routes as they were sent, so that a slash within an order's id is none of the path's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("raw_path"):
            raw: Any = scope["raw_path"]
            path = raw.partition(b"?")[0].decode("latin-1")
            scope = {**scope, "path": path if path.startswith("/") else "/" + path}
        await self._app(scope, receive, send)


def door_of(app: Starlette) -> Door:
    """What an application's handlers share."""
    door: Door = app.state.door
    return door
