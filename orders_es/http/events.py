"""The events of the log as they come: one JSON line each, or server-sent events; to the log's end, or on and on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from orders_es.http.problems import Problem
from orders_es.http.request_parameters import form_of, number_of, parameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.settings import Token
    from orders_es.http.tail import Page

__all__ = ["FORMS", "events"]

FORMS = {"ndjson": "application/x-ndjson", "sse": "text/event-stream"}
"""The forms of events, and their media types."""
_BEAT = {"ndjson": b"\n", "sse": b":\n\n"}
_EVER = 2**63 - 1


async def events(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /events`: the events after a position.

    Server-sent events go on and on, and begin again after `Last-Event-ID`, which browsers send by themselves; lines end with the log as it is now,
    unless `follow=true`.
    """
    given = parameters(request, ("after", "limit", "follow", "format"))
    form = form_of(request, FORMS, given.get("format"))
    if given.get("follow", "true") not in ("true", "false"):
        raise Problem("bad-request", f"follow={given['follow']!r}: give true or false")
    follow = given.get("follow", "true" if form == "sse" else "false") == "true"
    after = number_of(
        {"after": request.headers["last-event-id"]} if "last-event-id" in request.headers else given, "after", 0
    )
    limit = number_of(given, "limit", _EVER, least=1)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    media = f"{FORMS[form]}; charset=utf-8"
    if request.method == "HEAD":
        return Response(None, headers=headers, media_type=media)
    if door.streams >= door.settings.most_streams:
        raise Problem("unavailable", "too many follow the events already; try again later", {"Retry-After": "10"})
    position = (await door.load(door.log.head)).position
    end = _EVER if follow else position
    return StreamingResponse(_pieces(door, request, form, after, end, limit), headers=headers, media_type=media)


async def _pieces(door: Door, request: Request, form: str, after: int, end: int, limit: int) -> AsyncIterator[bytes]:
    door.streams += 1
    door.measures.streaming(1)
    gone = asyncio.create_task(_disconnected(request))
    tail, known = door.tail, end if end < _EVER else 0
    try:
        if form == "sse":
            yield b"retry: 1000\n\n"  # so that a client begins to listen before there is an event
        while after < end and limit and not tail.stopping and not gone.done():
            if max(tail.position, known) <= after:
                if not await tail.wait(after, gone, door.settings.heartbeat) and not gone.done() and not tail.stopping:
                    yield _BEAT[form]
                continue
            page = await tail.page(after, min(end, after + limit))
            if not page.positions:
                return
            yield _text(page, form)
            after, limit = page.positions[-1], limit - len(page.positions)
        if (
            tail.stopping and after < end and limit and not gone.done()
        ):  # what was acknowledged before the end is still told
            yield _text(await tail.page(after, min(end, after + limit)), form)
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        door.streams -= 1
        door.measures.streaming(-1)


def _text(page: Page, form: str) -> bytes:
    if form == "ndjson":
        return b"".join(line + b"\n" for line in page.lines)
    numbered = zip(page.positions, page.lines, strict=True)
    return b"".join(b"id: %d\nevent: event\ndata: %s\n\n" % (position, line) for position, line in numbered)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
