"""Calls over a connection to NATS that end when it breaks: nats-py goes on waiting for answers that cannot come any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["unless_closed"]

_LOOK_SECONDS = 0.1


async def unless_closed(client: Callable[[], Any], work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives; nobody waits for it once the connection is closed.

    Args:
        client: Gives the connection as it is now, for the coroutine may make it; None while there is none.
        work: What asks over it.

    Raises:
        ConnectionError: It broke.

    Example:
        >>> async def answer():
        ...     return 7
        >>> asyncio.run(unless_closed(lambda: None, answer()))
        7
    """
    asked = asyncio.ensure_future(work)
    while not (await asyncio.wait({asked}, timeout=_LOOK_SECONDS))[0]:
        connection = client()
        if connection is not None and connection.is_closed:
            asked.cancel()
            with suppress(asyncio.CancelledError):
                return await asked
            raise ConnectionError("the connection broke")
    return asked.result()
