"""`NatsOutlet`: a read model's rows as a key-value bucket of NATS JetStream, which any client of NATS reads and watches.

    row.A-1     a row as JSON: money as digits in text, times in UTC with `Z`
    about       what is held there, and up to which position: JSON

A bucket is a stream that keeps the last message of each subject. `about` says first how far a delivery is `going`, and is expected to be the one that we know: so two writers cannot both go on. Then rows are published
and acknowledged, then `about` says the position. A delivery that was broken off is made again exactly as far, and leads to the same last messages.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.json_text import json_bytes
from orders_es.log.redacting import without_password
from orders_es.nats_calls import unless_closed
from orders_es.projections.outlets.row_text import json_rows, row_keys

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    import pyarrow as pa

    from orders_es.projections.outlets.outlet import Target

__all__ = ["NatsOutlet"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WRONG_LAST_SEQUENCE = 10071
_SECONDS = 30.0
_IN_FLIGHT = 1_000
_HEADERS = 2_048
"""Bytes of a message that are left for its headers."""


class NatsOutlet:
    """A key-value bucket that holds one read model's rows.

    Needs nats-py: pip install 'orders_es[nats]'.

    Args:
        url: `nats://user@host:port?bucket=NAME`: the read model's name is the bucket's unless there is another one. `tls://` for TLS.

    Raises:
        InvalidSetting: It is no such URL.

    Example:
        >>> NatsOutlet("nats://ann:secret@broker.example:4222?bucket=shop").url
        'nats://ann@broker.example:4222?bucket=shop'
    """

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        if parts.scheme not in ("nats", "tls") or not parts.hostname or parts.path.strip("/"):
            raise InvalidSetting("outlet", self.url, "write nats://host:port?bucket=NAME")
        if [name for name, _ in pairs] not in ([], ["bucket"]) or not all(_NAME.fullmatch(value) for _, value in pairs):
            raise InvalidSetting(
                "outlet", self.url, "bucket= names one bucket, by letters, digits, _ and -; nothing else is known"
            )
        self._named = pairs[0][1] if pairs else None
        self._server = urlunsplit(parts._replace(query=""))
        self._target: Target | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._about_at = 0
        """Sequence of the `about` that we know; 0 where there is none."""
        self._position: int | None = None
        self._since = 0
        """The stream's last sequence when this delivery began for the first time: part of its messages' ids."""

    @property
    def bucket(self) -> str:
        """The bucket's name: as the URL has it, or the read model's."""
        return self._named or self._opened().read_model

    def open(self, target: Target) -> int | None:
        """See `Outlet.open`."""
        self._target = target
        with self._asking():
            position: int | None = self._run(self._open(target))
        return position

    def deliver(self, removed: pa.Table | None, rows: pa.Table, position: int) -> None:
        """See `Outlet.deliver`."""
        target = self._opened()
        new = dict(zip(self._keys(rows, target), json_rows(rows), strict=True))
        gone = None if removed is None else set(self._keys(removed, target)) - new.keys()
        with self._asking():
            refused = self._run(self._deliver(gone, new, position))
        if refused:
            raise RowsRefused(self.url, refused)

    def close(self) -> None:
        """Let go of the connection and its thread; the next call makes both anew."""
        loop, thread, client = self._loop, self._thread, self._client
        self._loop = self._thread = self._client = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_closed(client), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _open(self, target: Target) -> int | None:
        from nats.js import api

        client = await self._connected()
        stream = client.jetstream(timeout=_SECONDS)
        info = await self._info(stream)
        subjects = f"$KV.{self.bucket}.>"
        if info is None:
            await stream.add_stream(
                api.StreamConfig(
                    name=self._stream,
                    subjects=[subjects],
                    max_msgs_per_subject=1,
                    storage=api.StorageType.FILE,
                    discard=api.DiscardPolicy.NEW,
                    allow_direct=True,
                    allow_rollup_hdrs=True,
                    deny_delete=True,
                )
            )
            info = await stream.stream_info(self._stream)
        limits = info.config
        if list(limits.subjects or ()) != [subjects] or limits.max_age or limits.max_msgs not in (None, -1, 0):
            raise OutletMismatch(
                self.url,
                f"the stream {self._stream!r} forgets messages, or is no bucket; give another one: bucket=NAME",
            )
        self._since = info.state.last_seq
        held, self._about_at = await self._about(stream)
        self._position = (held or {}).get("position")
        if held is None:
            if info.state.messages:
                raise OutletMismatch(
                    self.url,
                    f"the bucket {self.bucket!r} holds what no outlet put there; give another one: bucket=NAME",
                )
            return None
        if (other := target.other(held)) is not None:
            raise OutletMismatch(
                self.url,
                f"its bucket {self.bucket!r} holds another {other[0]} ({other[1]}, not {other[2]}); give each projection a "
                "bucket of its own, or delete this one",
            )
        position: int | None = held.get("going", held.get("position"))
        return position

    async def _deliver(self, gone: set[str] | None, new: dict[str, bytes], position: int) -> dict[int, str]:
        client = await self._connected()
        stream = client.jetstream(timeout=_SECONDS)
        everything = gone is None
        if gone is None:
            info = await stream.stream_info(self._stream, subjects_filter=self._subject("row.>"))
            gone = {subject.removeprefix(self._subject("")) for subject in info.state.subjects or ()} - new.keys()
        most = client.max_payload - _HEADERS
        refused = {
            place: f"it has {len(row):,} bytes, and the server takes {most:,}"
            for place, row in enumerate(new.values())
            if len(row) > most
        }
        stale = [key for place, key in enumerate(new) if place in refused]  # better no row than the one of before
        messages = [(key, b"", {"KV-Operation": "DEL"}) for key in [*sorted(gone), *stale]]
        messages += [(key, row, {}) for place, (key, row) in enumerate(new.items()) if place not in refused]
        delivery = f"{self._since}-{_digest(messages, position)}"
        # What is broken off while all is exchanged is filled anew; what is broken off in between goes on exactly as far.
        begun = {} if everything else {"position": self._position, "going": position}
        self._about_at = await self._commit(stream, delivery, "going", begun)
        await self._publish(client, messages, delivery)
        self._about_at = self._since = await self._commit(stream, delivery, "about", {"position": position})
        self._position = position
        return refused

    async def _publish(self, client: Any, messages: list[tuple[str, bytes, dict[str, str]]], delivery: str) -> None:
        """Publish messages, a thousand of them on their way at a time, and wait until the server has all of them.

        nats-py's own `publish_async` gives way after each message, which then leaves in a packet of its own; here they leave together.
        """
        inbox = client.new_inbox()
        acknowledged = _Acknowledged()
        heard = await client.subscribe(
            f"{inbox}.*", cb=acknowledged.hear, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        try:
            for number, (key, row, headers) in enumerate(messages):
                if number - acknowledged.count >= _IN_FLIGHT:
                    await acknowledged.until(number - _IN_FLIGHT // 2)
                named = {**headers, "Nats-Msg-Id": f"{delivery}-{number}"}
                await client.publish(self._subject(key), row, reply=f"{inbox}.{number}", headers=named)
            await acknowledged.until(len(messages))
        finally:
            with suppress(Exception):  # where the connection broke
                await heard.unsubscribe()

    async def _commit(self, stream: Any, delivery: str, step: str, values: dict[str, Any]) -> int:
        """The sequence of `about` after it says something new, if it is still the one that we know."""
        from nats.js.errors import APIError

        about = json_bytes({**self._opened().facts(), **values})
        headers = {"Nats-Msg-Id": f"{delivery}-{step}", "Nats-Expected-Last-Subject-Sequence": str(self._about_at)}
        try:
            answer = await stream.publish(self._subject("about"), about, timeout=_SECONDS, headers=headers)
        except APIError as error:
            if error.err_code != _WRONG_LAST_SEQUENCE:
                raise
            last = await stream.get_last_msg(self._stream, self._subject("about"))
            ours = (last.headers or {}).get("Nats-Msg-Id", "").startswith(f"{delivery}-")  # its answer was lost
            if not ours:
                raise OutletUnavailable(self.url, "somebody else writes to it, too; stop one of the two") from error
            return int(last.seq)
        return int(answer.seq)

    async def _about(self, stream: Any) -> tuple[dict[str, Any] | None, int]:
        from nats.js.errors import NotFoundError

        try:
            last = await stream.get_last_msg(self._stream, self._subject("about"))
        except NotFoundError:
            return None, 0
        return json.loads(last.data or b"{}"), int(last.seq)

    async def _info(self, stream: Any) -> Any:
        from nats.js.errors import NotFoundError

        try:
            return await stream.stream_info(self._stream)
        except NotFoundError:
            return None

    async def _connected(self) -> Any:
        from nats.aio.client import Client

        if self._client is None or self._client.is_closed:

            async def told(_: Exception) -> None:
                """What breaks is told by the call that it breaks."""

            client: Any = Client()
            try:
                await client.connect(
                    self._server,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0.05,
                    connect_timeout=10,
                    error_cb=told,
                    name="orders_es",
                )
            except BaseException:
                await client.close()  # it leaves its socket open where it was not let in
                raise
            self._client = client
        return self._client

    @property
    def _stream(self) -> str:
        return f"KV_{self.bucket}"

    def _subject(self, key: str) -> str:
        return f"$KV.{self.bucket}.{key}"

    def _opened(self) -> Target:
        if self._target is None:
            raise InvalidSetting("outlet", self.url, "open it for a target first")
        return self._target

    @staticmethod
    def _keys(table: pa.Table, target: Target) -> list[str]:
        return [f"row.{key}" for key in row_keys(table, target.key)]

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine gives, in a loop that has a thread of its own, so that the connection answers between two calls."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="orders_es-nats", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._unless_lost(work), self._loop).result()

    async def _unless_lost(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What it gives; nobody waits for answers that cannot come any more, because the connection broke.

        Raises:
            ConnectionError: It broke.
        """
        if self._client is not None and self._client.is_closed:
            self._client = None
        return await unless_closed(lambda: self._client, work)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """A block with a connection; one that broke is made anew by the next block."""
        try:
            from nats.errors import Error
        except ImportError as error:
            raise ImportError(f"an outlet to NATS needs nats-py: pip install 'orders_es[nats]' ({error})") from error
        try:
            yield
        except (Error, OSError, TimeoutError) as error:
            if isinstance(error, OutletUnavailable):
                raise
            self.close()
            raise OutletUnavailable(self.url, " ".join(str(error).split()) or type(error).__name__) from error


class _Acknowledged:
    """How many of the messages of a delivery the server says that it has, and what it refused."""

    def __init__(self) -> None:
        self.count = 0
        self._failed: Exception | None = None
        self._news = asyncio.Event()

    async def hear(self, answer: Any) -> None:
        """Take an answer of the server's."""
        from nats.errors import NoRespondersError
        from nats.js.errors import APIError

        if answer.headers is not None and not answer.data:
            self._failed = NoRespondersError()
        elif b'"error"' in answer.data:
            said = json.loads(answer.data).get("error")
            if said is not None:
                try:
                    APIError.from_error(said)
                except APIError as error:  # it raises what fits
                    self._failed = error
        self.count += 1
        self._news.set()

    async def until(self, count: int) -> None:
        """Wait until so many were acknowledged.

        Raises:
            nats.errors.Error: The server refused one.
            TimeoutError: It says nothing for so long.
        """
        while self.count < count and self._failed is None:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), _SECONDS)
            except TimeoutError as error:
                raise TimeoutError(
                    f"the server did not acknowledge {count - self.count:,} messages within {_SECONDS:.0f} s"
                ) from error
        if self._failed is not None:
            raise self._failed


async def _closed(client: Any) -> None:
    """Close a client; one whose connection broke is closing itself, and is let finish."""
    if client is not None:
        await client.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=1)


def _digest(messages: list[tuple[str, bytes, dict[str, str]]], position: int) -> str:
    found = hashlib.sha256(str(position).encode())
    for key, row, headers in messages:
        found.update(f"\n{key} {len(row)} {len(headers)}\n".encode() + row)
    return found.hexdigest()[:32]
