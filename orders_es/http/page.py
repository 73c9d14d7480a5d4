"""The page at `/`, and the description of everything else. Both hold nothing of the log."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from orders_es.http.request_parameters import parameters

if TYPE_CHECKING:
    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.settings import Token

__all__ = ["PAGE_POLICY", "openapi", "page"]

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""What a page may do: run what stands in it, ask this server, and nothing else."""


@cache
def _page() -> str:
    return files("orders_es.http").joinpath("page.html").read_text(encoding="utf-8")


@cache
def _description(currency: str | None) -> bytes:
    from orders_es.http.openapi import description
    from orders_es.json_text import json_bytes

    return json_bytes(description(currency))


async def page(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /`: orders, one order's timeline on both clocks, and lag, in a page that needs no network but this server."""
    del door
    parameters(request, ())
    return HTMLResponse(_page(), headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})


async def openapi(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /openapi.json`: all that can be asked, as OpenAPI 3.1."""
    parameters(request, ())
    return Response(_description(door.settings.currency), media_type="application/json")
