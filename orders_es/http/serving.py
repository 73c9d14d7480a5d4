"""`serve`: the application on uvicorn, on a socket that was taken before anything else began, until it is told to end."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from orders_es.errors import CannotServe, InvalidSetting
from orders_es.http.app import create_app, door_of
from orders_es.http.settings import ServerSettings, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.log import EventLog

__all__ = ["listen", "serve"]

_GRACE = 10
_BACKLOG = 2_048


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that listens.

    Args:
        host: The address; this machine alone if left out.
        port: The port; 0 takes any that is free.

    Raises:
        CannotServe: It cannot be had.

    Example:
        >>> with listen() as taken:
        ...     taken.getsockname()[0]
        '127.0.0.1'
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
            taken.listen(_BACKLOG)
        except BaseException:
            taken.close()
            raise
    except OSError as error:
        raise CannotServe(f"{host}:{port}", error.strerror or str(error)) from error
    return taken


class _Server(uvicorn.Server):
    """A server whose streams of events end when it is told to, so that nobody is waited for in vain."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None], started: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def serve(
    log: EventLog,
    at: socket.socket,
    settings: ServerSettings | None = None,
    *,
    started: Callable[[], None] = lambda: None,
    access_log: bool = False,
) -> None:
    """Answer requests until SIGINT or SIGTERM comes: then what was begun is finished, for ten seconds at most, and streams end.

    Args:
        log: The log, which stays open.
        at: What `listen` gave; it is closed in the end.
        settings: As for `create_app`.
        started: Is called once requests are answered.
        access_log: Whether each request is written to standard output.

    Raises:
        InvalidSetting: There are no tokens, and others than this machine would reach it.

    Example::

        with open_log("shop") as log:
            serve(log, listen("127.0.0.1", 8080))
    """
    settings = settings or ServerSettings()
    host = at.getsockname()[0]
    if not settings.tokens and not is_loopback(host):
        raise InvalidSetting(
            "host", host, "whoever reaches that address could write to the log; give tokens, or listen at 127.0.0.1"
        )
    app = create_app(log, settings)
    options: dict[str, Any] = {"log_level": "warning", "access_log": access_log, "timeout_graceful_shutdown": _GRACE}
    if access_log:
        options["log_level"] = "info"
    config = uvicorn.Config(app, server_header=False, proxy_headers=False, ws="none", lifespan="on", **options)
    with at:
        _Server(config, door_of(app).tail.end, started).run([at])
