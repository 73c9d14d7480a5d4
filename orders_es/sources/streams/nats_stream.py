"""`NatsStream`: the messages of a JetStream stream of NATS, in the order of their sequence.

A stream numbers its messages without gaps and in one order, so a message's sequence is its place, and what can be read is settled.
Messages that a limit removed before they were read are an error, and not a gap that nobody sees.

Source: NATS documentation, "JetStream", consumers with `opt_start_seq`; ADR-17, ordered consumers.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log.redacting import without_password
from orders_es.nats_calls import unless_closed
from orders_es.sources.streams.source import Delivered

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

__all__ = ["NatsStream"]

_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
_FETCH_SECONDS = 2.0
_SAID = 200


class NatsStream:
    """A stream of JetStream. A message's data is a line, a JSON object.

    Needs nats-py: pip install 'orders_es[nats]'.

    Args:
        url: `nats://user@host:port`, or `tls://` for TLS.
        stream: The stream's name.
        subject: Only messages of this subject; `orders.>` for all below it. All if left out.

    Raises:
        BadSource: There is no such stream.
        InvalidSetting: The URL makes no sense.
        SourceUnavailable: The server does not answer.
    """

    def __init__(self, url: str, stream: str, *, subject: str | None = None) -> None:
        import nats  # noqa: F401 - said here where it is missing, and not in a thread

        shown = without_password(url)
        if urlsplit(url).scheme not in ("nats", "tls"):
            raise InvalidSetting("source", shown, "write nats://host:port")
        self._url, self._stream, self._subject = url, stream, subject
        self.name = f"{shown.partition('?')[0]} stream {stream}" + (f" subject {subject}" if subject else "")
        self._client: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="orders_es nats", daemon=True)
        self._thread.start()
        self._last = 0
        try:
            self._run(self._info())
        except BaseException:
            self.close()
            raise

    def read(self, after: str | None, limit: int) -> Sequence[Delivered]:
        """The messages after a place. See `Source.read`."""
        self._last = int(after or 0)
        messages: Sequence[Delivered] = self._run(self._read(self._last, limit))
        return messages

    def committed(self, place: str) -> None:
        """Nothing: the consumer is ours alone and short-lived; the stream's limits say how long messages stay. See `Source.committed`."""

    def wait(self, seconds: float) -> bool:
        """Whether there is a message after the last place within so long. See `Source.wait`."""

        async def look() -> bool:
            await asyncio.sleep(seconds)
            info = await self._info()
            return bool(info.state.last_seq > self._last)

        return bool(self._run(look()))

    def close(self) -> None:
        """Let go of the connection and its thread."""
        if self._loop.is_closed():
            return
        self._drop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    async def _connected(self) -> Any:
        import nats

        if self._client is None or self._client.is_closed:

            async def quiet(_: Exception) -> None:
                """What goes wrong is said by whoever asks."""

            self._client = await nats.connect(
                self._url,
                connect_timeout=5,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0.05,
                error_cb=quiet,
            )
        return self._client

    async def _info(self) -> Any:
        client = await self._connected()
        return await client.jetstream(timeout=_SECONDS).stream_info(self._stream)

    async def _read(self, after: int, limit: int) -> list[Delivered]:
        from nats.errors import TimeoutError as NothingCame
        from nats.js import api

        info = await self._info()
        state = info.state
        if state.first_seq > after + 1:
            what = (
                f"the last one that was read is {after}: what stood between them is lost here. Keep more of the stream, and follow it into a log of its own"
                if after
                else f"it was never read: bring the earlier ones in first, by import jsonl, and say where they end: after='{state.first_seq - 1}' "
                f"(--after {state.first_seq - 1})"
            )
            raise BadSource(self.name, None, f"messages before {state.first_seq} were removed, and {what}")
        if state.last_seq <= after:
            if state.last_seq < after:
                raise BadSource(
                    self.name,
                    None,
                    f"it ends at {state.last_seq}, before {after}, which was read already: it is another stream of that name",
                )
            return []
        stream = (await self._connected()).jetstream(timeout=_SECONDS)
        consumer = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=api.AckPolicy.NONE,
            inactive_threshold=60,
            mem_storage=True,
        )
        subscription = await stream.pull_subscribe(self._subject or ">", stream=self._stream, config=consumer)
        delivered: list[Delivered] = []
        try:
            while len(delivered) < limit:
                messages = await subscription.fetch(min(limit - len(delivered), 256), timeout=_FETCH_SECONDS)
                delivered += [Delivered(str(m.metadata.sequence.stream), m.data) for m in messages]
                if not messages or messages[-1].metadata.num_pending == 0:
                    break
        except NothingCame:
            pass  # none of this subject
        finally:
            await subscription.unsubscribe()
        return delivered

    async def _unless_lost(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What it gives; nobody waits for answers that cannot come any more, because the connection broke.

        Raises:
            ConnectionError: It broke.
        """
        if self._client is not None and self._client.is_closed:
            self._client = None
        return await unless_closed(lambda: self._client, work)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        import nats.errors
        import nats.js.errors

        try:
            asked = asyncio.run_coroutine_threadsafe(self._unless_lost(work), self._loop)
            try:
                return asked.result(_SECONDS * 2)
            except TimeoutError:
                asked.cancel()  # nobody waits for it any more
                raise
        except nats.js.errors.NotFoundError as error:
            raise BadSource(self.name, None, f"there is no such stream: {str(error)[:_SAID]}") from error
        except nats.js.errors.APIError as error:
            raise BadSource(self.name, None, f"it cannot be read: {str(error)[:_SAID]}") from error
        except (BadSource, InvalidSetting, MemoryError):
            raise
        except (Exception, CancelledError) as error:
            # Of the client's own as well, which has them where a connection breaks in the midst of a call: it is made anew.
            self._drop()
            known = isinstance(error, nats.errors.Error | OSError)
            said = str(error) or type(error).__name__
            raise SourceUnavailable(
                self.name, (said if known else f"{type(error).__name__}: {said}")[:_SAID]
            ) from error

    def _drop(self) -> None:
        """Let go of a connection that is broken, or may be."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception, CancelledError):
                asyncio.run_coroutine_threadsafe(client.close(), self._loop).result(_CLOSE_SECONDS)
