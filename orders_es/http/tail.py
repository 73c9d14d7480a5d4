"""The end of a log, for many who follow it at once: one thread looks at the log, and pages that were read are shared.

A reader holds at most the page that it is sending, and pages are shared as long as they are recent, so a thousand readers at the end of the log
cost one read; those who are slow, or far behind, read pages of their own, a few at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import msgspec

from orders_es.json_text import Verbatim, json_bytes, today_facts_of
from orders_es.log.envelope import ENVELOPE, MOMENTS
from orders_es.log.event import from_micros

if TYPE_CHECKING:
    from orders_es.log import EventLog, EventRegistry

__all__ = ["Page", "Tail", "event_line"]

_LOGGER = logging.getLogger("orders_es.http")
_EVENTS = 256
_KEPT = 32
_READERS = 4
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, one after the other.

    Args:
        positions: Where each stands.
        lines: Each as JSON in one line, without the line's end.
    """

    positions: tuple[int, ...]
    lines: tuple[bytes, ...]


class Tail:
    """What readers of events share; it begins with `start`, in the loop that they run in.

    Args:
        log: The log; nothing is ever written to it.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._stop = threading.Event()
        self._pages: OrderedDict[int, asyncio.Task[Page]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self.stopping = False
        self.position = 0

    def start(self) -> None:
        """Begin to watch the log."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._limiter = anyio.CapacityLimiter(_READERS)
        self.position = self._log.head().position
        self._thread = threading.Thread(target=self._watch, name="orders_es-tail", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let every reader come to an end, and stop watching. From any thread; harmless if it is called again."""
        self.stopping = True
        self._stop.set()
        if self._thread is not None:
            with suppress(RuntimeError):  # the loop is closed, and with it every reader
                self._loop.call_soon_threadsafe(self._changed.set)

    def join(self) -> None:
        """Wait until the log is watched no more."""
        if self._thread is not None:
            self._thread.join()

    async def wait(self, after: int, disconnected: asyncio.Task[None], within: float) -> bool:
        """Whether there are events after a position, as soon as there are; False when it took too long, or the end has come.

        Args:
            disconnected: Is done when nobody waits any more.
            within: Seconds.
        """
        if self.position > after:
            return True
        if self.stopping:
            return False
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({changed, disconnected}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        return self.position > after

    async def page(self, after: int, to: int) -> Page:
        """The next events after a position, up to another one; at least one, if there is any.

        Raises:
            OrdersEsError: The log cannot be read.
        """
        task = self._pages.get(after)
        if task is None or (task.done() and (task.cancelled() or task.exception() or not task.result().lines)):
            task = self._pages[after] = asyncio.create_task(self._read(after))
            while len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
        page = await asyncio.shield(task)  # whoever goes away takes it from nobody else
        if not page.lines or page.positions[-1] <= to:
            return page
        count = sum(position <= to for position in page.positions)
        return Page(page.positions[:count], page.lines[:count])

    async def _read(self, after: int) -> Page:
        return await anyio.to_thread.run_sync(self._lines, after, limiter=self._limiter)

    def _lines(self, after: int) -> Page:
        for batch in self._log.read(after=after, to=after + _EVENTS, batch_size=_EVENTS, columns=ENVELOPE):
            rows = _rows(batch)
            return Page(
                tuple(row["position"] for row in rows), tuple(event_line(row, self._log.registry) for row in rows)
            )
        return Page((), ())

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for batch in self._log.subscribe(after=self.position, stop=self._stop, columns=["position"]):
                    self._tell(batch.column("position")[-1].as_py())
            except Exception:
                _LOGGER.exception("the log cannot be followed just now; it is tried again")
                self._stop.wait(_PAUSE)

    def _tell(self, position: int) -> None:
        def moved() -> None:
            self.position = position
            changed, self._changed = self._changed, asyncio.Event()
            if self.stopping:
                self._changed.set()
            changed.set()

        try:
            self._loop.call_soon_threadsafe(moved)
        except RuntimeError:  # the loop has ended
            self._stop.set()


def _rows(batch: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]]
    try:
        rows = batch.to_pylist()
    except (OverflowError, ValueError):  # a time outside the years 1 to 9999, which another program recorded
        import pyarrow as pa

        rows = batch.drop_columns(list(MOMENTS)).to_pylist()
        for name in MOMENTS:
            for row, micros in zip(rows, batch.column(name).cast(pa.int64()).to_pylist(), strict=True):
                try:
                    row[name] = None if micros is None else from_micros(micros)
                except OverflowError:
                    row |= {name: None, f"{name}_microseconds": micros}
    return rows


def event_line(row: dict[str, Any], registry: EventRegistry) -> bytes:
    """An event as JSON in one line, its payload to the letter but for white space; of an old version, what it is today as well.

    Args:
        row: The envelope and the payload by name, as Arrow's `to_pylist` gives them.
        registry: What says what it is today.
    """
    payload = row["payload"]
    try:
        said: Any = Verbatim(msgspec.json.format(payload, indent=-1))
    except (msgspec.DecodeError, RecursionError):  # what another program recorded
        said = None
    event = {name: value for name, value in row.items() if name != "payload"}
    event["event_id"] = str(row["event_id"])
    event |= {"payload": said, **({} if said is not None else {"payload_text": payload})}
    today = today_facts_of(registry, (row["type"], row["schema_version"], payload, row["position"], row["stream_id"]))
    return json_bytes(event if today is None else event | {"today": today})
