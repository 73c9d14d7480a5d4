"""Commands: a request's body becomes a command, `handle` decides and appends, and the answer is the order right after it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from orders_es.http.bodies import COMMANDS, body_of, with_order_id
from orders_es.http.problems import Problem
from orders_es.http.request_parameters import order_id_of, parameters, versions_of
from orders_es.json_text import json_bytes
from orders_es.log.limits import LONGEST_ID, check_new_stream_id
from orders_es.service import handle

if TYPE_CHECKING:
    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.bodies import Asked
    from orders_es.http.settings import Token
    from orders_es.orders import Order
    from orders_es.service import Handled

__all__ = ["add_item", "command", "create_order", "etag"]

_KEYS = uuid.UUID("0b6b1b0e-6a3e-5b0b-8a5d-6d6e3a0a5a18")
"""The namespace that orders' ids are derived in from idempotency keys: another one would break retries."""


def etag(order: Order) -> str:
    """The entity tag of an order: its version."""
    return f'"{order.version}"'


async def create_order(door: Door, request: Request, token: Token | None) -> Response:
    """`POST /orders`: open an order, of the id that the body names or of a new one, with the items that it names."""
    parameters(request, ())
    asked = with_order_id("create-order", needed=False).read(await door.body(request), currency=door.settings.currency)
    key = _key(request)
    order_id = asked.order_id
    if order_id is None:  # the same one when the request is sent again
        order_id = str(uuid.uuid4() if key is None else uuid.uuid5(_KEYS, key))
    return await _handled(door, request, token, order_id, asked, key)


async def add_item(door: Door, request: Request, token: Token | None) -> Response:
    """`POST /orders/add-item`: put an item into the order that the body names."""
    parameters(request, ())
    asked = with_order_id("add-item", needed=True).read(await door.body(request))
    assert asked.order_id is not None
    return await _handled(door, request, token, asked.order_id, asked, _key(request))


async def command(door: Door, request: Request, token: Token | None) -> Response:
    """`POST /orders/{order_id}/{command}`: any command."""
    parameters(request, ())
    name = request.path_params["command"]
    if name not in COMMANDS:
        raise Problem("not-found", f"there is no command {name!r}; there are {', '.join(COMMANDS)}")
    order_id = order_id_of(request)
    asked = body_of(name).read(await door.body(request), currency=door.settings.currency)
    return await _handled(door, request, token, order_id, asked, _key(request))


def _key(request: Request) -> str | None:
    """The idempotency key, as text or as the quoted string that the IETF's draft has.

    Raises:
        Problem: It is empty, too long, or not visible ASCII.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    key = given.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > LONGEST_ID or not all(" " <= c <= "~" for c in key):
        raise Problem("bad-request", "Idempotency-Key is text of 1 to 1,024 visible characters, such as a UUID")
    return key


async def _handled(
    door: Door, request: Request, token: Token | None, order_id: str, asked: Asked, key: str | None
) -> Response:
    try:
        check_new_stream_id(order_id)
    except ValueError as error:
        raise Problem("invalid", f"that is no order's id: {error}") from error
    said = dict(asked.said)
    if token is not None and token.name is not None:
        if said.get("actor", token.name) != token.name:
            raise Problem("forbidden", f"this token is {token.name}'s, and acts for nobody else; leave out `actor`")
        said["actor"] = token.name
    given = request.headers.get("if-match")
    wanted = versions_of(given)
    met: list[int] = []

    def matches(order: Order) -> bool:
        met.append(order.version)
        return order.version > 0 if wanted is None else order.version in wanted

    done: Handled[Any] = await door.write(
        handle,
        door.log,
        order_id,
        asked.command,
        command_id=key,
        once="in_log",
        provided=None if given is None else matches,
        **said,
    )
    if not done.events and met:
        at = f"is at version {met[-1]}" if met[-1] else "does not exist"
        raise Problem(
            "version-mismatch",
            f"order {order_id!r} {at}, and If-Match says {given}; nothing was done. Look at the order as it is now, and decide again",
            {"ETag": f'"{met[-1]}"'} if met[-1] else None,
            current_version=met[-1],
        )
    if done.duplicate:
        _same_beside(done, said, key)
    created = type(asked.command).__name__ == "CreateOrder"
    headers = {"ETag": etag(done.state)}
    if created:
        headers["Location"] = f"/orders/{quoted(order_id)}"
    return Response(json_bytes(_answer(done)), 201 if created else 200, headers, "application/json")


def _same_beside(done: Handled[Any], said: dict[str, Any], key: str | None) -> None:
    """A repeated request says the same beside its command, too; if not, its key belongs to another one."""
    first = done.events[0]
    beside = {"actor": None, "correlation_id": None, "causation_id": key, **said}  # without `occurred_at` it was then
    for name, value in beside.items():
        if getattr(first, name) != value:
            raise Problem(
                "key-reused",
                f"the idempotency key belongs to a request that said another {name}; give each request a key of its own",
            )


def _answer(done: Handled[Any]) -> dict[str, Any]:
    return {
        "order": done.state.as_dict(),
        "events": [
            {
                "position": event.position,
                "version": event.version,
                "event_id": str(event.event_id),
                "type": event.type,
                "occurred_at": event.occurred_at,
                "recorded_at": event.recorded_at,
            }
            for event in done.events
        ],
        "duplicate": done.duplicate,
    }


def quoted(order_id: str) -> str:
    """An order's id as a part of a path."""
    from urllib.parse import quote

    return quote(order_id, safe="")
