"""How the log and its projections fare: `/lag`, `/metrics` and `/health`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from orders_es.errors import OrdersEsError
from orders_es.http.problems import Problem
from orders_es.http.request_parameters import parameters
from orders_es.json_text import json_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.settings import Token

__all__ = ["health", "lag", "metrics"]


async def lag(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /lag`: how far behind the log each projection is."""
    parameters(request, ())
    if door.settings.models is None:
        raise Problem("not-found", "this server watches no read-model file; start it with --models FILE")
    from orders_es.projections.lag import measure_lag

    models, limits = door.settings.models, door.settings.lag_limits
    found = await door.watch(lambda: measure_lag(door.log, models, limits=limits))
    return Response(json_bytes({"projections": [one.to_dict() for one in found]}), media_type="application/json")


async def metrics(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /metrics`: the same for Prometheus, and what this server counts of itself."""
    parameters(request, ())
    text = await door.watch(door.measures.text)
    return Response(text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def health(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /health`: whether the log can be read. For load balancers; it needs no token, and says nothing else."""
    parameters(request, ())
    try:
        await door.load(door.log.head)
    except OrdersEsError as error:
        raise Problem("unavailable", f"{type(error).__name__}: the log cannot be read", {"Retry-After": "1"}) from error
    if door.tail.stopping:
        raise Problem("unavailable", "the server is about to end", {"Retry-After": "1"})
    return Response(b'{"status":"ok"}', media_type="application/json")
