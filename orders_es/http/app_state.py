"""What all handlers share: the log, sessions for its read models, those who follow its events, and what is counted."""

from __future__ import annotations

import queue
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from orders_es.http.measures import Measures
from orders_es.http.problems import Problem
from orders_es.http.tail import Tail
from orders_es.read_models import load_read_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from orders_es.http.settings import ServerSettings
    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel
    from orders_es.replay import Session

__all__ = ["Door"]

T = TypeVar("T")

_LOADERS = 8
_WRITERS = 4


class Door:
    """The log behind a server, and how it is asked: what reads or writes it runs in threads, so many at a time.

    Args:
        settings: How the server behaves.
    """

    def __init__(self, log: EventLog, settings: ServerSettings) -> None:
        self.log = log
        self.settings = settings
        self.models: dict[str, ReadModel] = {
            model.name: model for model in load_read_models(settings.read_models) if not model.internal
        }
        self.tail = Tail(log)
        self.measures = Measures(log, settings)
        self.streams = 0
        self._sessions: queue.LifoQueue[Session] = queue.LifoQueue()
        self._opened: list[Session] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Begin, in the loop in which requests are answered."""
        self._loading = anyio.CapacityLimiter(_LOADERS)
        self._writing = anyio.CapacityLimiter(_WRITERS)
        self._asking = anyio.CapacityLimiter(self.settings.queries)
        self._watching = anyio.CapacityLimiter(1)
        self._folder = tempfile.TemporaryDirectory(prefix="orders-es-http-")
        self.tail.start()

    def close(self) -> None:
        """Let go of everything but the log."""
        self.tail.end()
        self.tail.join()
        for session in self._opened:
            session.close()
        self._opened.clear()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """A folder for answers on their way out."""
        assert self._folder is not None
        return Path(self._folder.name)

    async def load(self, use: Callable[..., T], *given: Any, **named: Any) -> T:
        """What a function gives that looks at the log, and not for long."""
        return await anyio.to_thread.run_sync(partial(use, *given, **named), limiter=self._loading)

    async def write(self, use: Callable[..., T], *given: Any, **named: Any) -> T:
        """What a function gives that appends. It goes on to its end, also when the caller leaves."""
        return await anyio.to_thread.run_sync(partial(use, *given, **named), limiter=self._writing)

    async def watch(self, use: Callable[..., T], *given: Any) -> T:
        """What a function gives that looks at the read-model file, one at a time."""
        return await anyio.to_thread.run_sync(partial(use, *given), limiter=self._watching)

    async def ask(self, use: Callable[[Session], T]) -> T:
        """What a function gives of a session that nobody else has meanwhile."""
        return await anyio.to_thread.run_sync(self._with_session, use, limiter=self._asking)

    def _with_session(self, use: Callable[[Session], T]) -> T:
        try:
            session = self._sessions.get_nowait()
        except queue.Empty:
            from orders_es.replay import connect

            session = connect(self.log, read_models=self.settings.read_models)
            self._opened.append(session)
        try:
            return use(session)
        finally:
            self._sessions.put(session)

    async def body(self, request: Request) -> bytes:
        """The body of a request, if it is JSON, not too large, and comes in time.

        Raises:
            Problem: It is not.
        """
        most = self.settings.most_body
        too_large = Problem("too-large", f"a body has at most {most:,} bytes", {"Connection": "close"})
        if int(request.headers.get("content-length") or 0) > most:
            raise too_large
        pieces: list[bytes] = []
        size = 0
        try:
            with anyio.fail_after(self.settings.body_within):
                async for piece in request.stream():
                    size += len(piece)
                    if size > most:
                        raise too_large
                    pieces.append(piece)
        except TimeoutError:
            within = self.settings.body_within
            raise Problem(
                "request-timeout", f"the body did not come within {within:g} s", {"Connection": "close"}
            ) from None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if size and kind != "application/json":
            raise Problem("unsupported-media-type", "send the body as Content-Type: application/json")
        return b"".join(pieces)
