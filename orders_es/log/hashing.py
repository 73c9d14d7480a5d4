"""The one seam from Arrow batches to leaf hashes: here, and on the other cores where there are many events.

Hashing one small text after the other holds Python's lock, so threads do not help: three hashes and a tree node of an event take a
microsecond of one core. Where a table is large, other processes hash parts of it. They are programs of their own that are given columns in
shared memory and give a compact range back: nothing of the caller's program runs in them, a notebook or a script without a main
guard is no different from any other caller, and a fork of the caller leaves them alone. They start when the first large table comes, nobody
waits until they have, and end with the program or after a minute without work. Whatever becomes of them, the caller hashes what they did not.
"""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from orders_es.log.leaf import HASHED, leaf_hashes
from orders_es.log.merkle import CompactRange

__all__ = ["LARGE", "SWITCH", "Beside", "range_beside", "range_of", "warm_up"]

LARGE = 65_536
"""From so many events on other processes are worth starting."""
SWITCH = "ORDERS_ES_HASHERS"
"""The environment variable that says how many other processes hash; 0 for none. One less than there are cores if left out."""

_STEP = 16_384
_MOST = 7
_HASH = 32
_WORD = 8
_IDLE_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
_READY = b"\x01"
_PROGRAM = "import sys; sys.path[:] = {path!r}; from orders_es.log.hashing import serve; serve({fd})"


def range_of(table: pa.Table, first: int) -> CompactRange:
    """The compact range of the leaves of events, by all cores where they are many.

    Args:
        table: The events, in order.
        first: Position of the first.
    """
    many = table.num_rows >= LARGE
    parts: list[CompactRange | Beside] = []
    for start in range(0, table.num_rows, _STEP):
        part = table.slice(start, _STEP)
        for i, each in enumerate(parts):
            if isinstance(each, Beside) and each.done():
                parts[i] = each.range()  # and it has time for another part
        beside = _pool.begin(part, first + start) if many else None
        parts.append(beside or _range(part, first + start))
    found = CompactRange(first - 1, first - 1, ())
    for each in parts:
        found = found.merge(each.range() if isinstance(each, Beside) else each)
    return found


def range_beside(batch: pa.RecordBatch, first: int) -> Beside | None:
    """The hashing of a batch's leaves, which another process has begun; None where none has time.

    Args:
        batch: The events, in order.
        first: Position of the first.
    """
    return _pool.begin(pa.Table.from_batches([batch]), first)


def warm_up(events: int) -> None:
    """Take in that so many events are to be hashed soon: other processes start, if that is worth it."""
    if events >= LARGE:
        _pool.start()


class Beside:
    """Events that another process hashes. One that nobody asks for what it came to is ended.

    Args:
        hasher: The process.
        table: The events.
        first: Position of the first.
    """

    def __init__(self, hasher: _Hasher, table: pa.Table, first: int) -> None:
        self._hasher: _Hasher | None = hasher
        self._table, self._first = table, first

    def done(self) -> bool:
        """Whether it has been hashed, so that nobody need wait."""
        return self._hasher is None or self._hasher.said()

    def range(self) -> CompactRange:
        """The compact range; once. What another process did not hash is hashed here."""
        assert self._hasher is not None
        raw = self._hasher.take()
        hasher, self._hasher = self._hasher, None
        if raw is None:
            hasher.end()
        hasher.busy.release()
        if raw is None:
            return _range(self._table, self._first)
        hashes = tuple(raw[i : i + _HASH] for i in range(0, len(raw), _HASH))
        return CompactRange(self._first - 1, self._first - 1 + self._table.num_rows, hashes)

    def __del__(self) -> None:
        if self._hasher is not None:  # interrupted: what it still says belongs to nobody
            self._hasher.end()
            self._hasher.busy.release()


def _range(table: pa.Table | pa.RecordBatch, first: int) -> CompactRange:
    return CompactRange.of_leaves(first - 1, leaf_hashes(table))


class _Hasher:
    """Another process, as whoever gives it work sees it."""

    def __init__(self) -> None:
        self._shared = _shared_file()
        program = _PROGRAM.format(path=[place or str(Path.cwd()) for place in sys.path], fd=self._shared.fileno())
        self._process = subprocess.Popen(  # noqa: S603 - this very Python, and a text of ours
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[self._shared.fileno()],
            start_new_session=True,  # Ctrl-C is for the caller
        )
        self._ready = False
        self.busy = threading.Lock()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """Whether it has started and can be given work."""
        if not self._ready and self._process.stdout is not None and self.said():
            with suppress(OSError, ValueError):
                self._ready = os.read(self._process.stdout.fileno(), 1) == _READY
        return self._ready and self.alive

    def give(self, table: pa.Table, first: int) -> bool:
        """Whether it has been given events to hash."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        data = sink.getvalue()
        try:
            view = memoryview(data)
            at = 0
            while at < len(view):
                at += os.pwrite(self._shared.fileno(), view[at:], at)
            self._write(len(view).to_bytes(_WORD, "big") + (first - 1).to_bytes(_WORD, "big"))
        except (OSError, ValueError):
            return False
        return True

    def _write(self, message: bytes) -> None:
        assert self._process.stdin is not None
        os.write(self._process.stdin.fileno(), message)

    def said(self, patience: float = 0) -> bool:
        """Whether it says something, or has ended."""
        assert self._process.stdout is not None
        try:
            return bool(select.select([self._process.stdout], [], [], patience)[0])
        except (OSError, ValueError):
            return True

    def take(self) -> bytes | None:
        """What it came to; None if it has ended, or says nothing for half a minute."""
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            if self.said(_PATIENCE_SECONDS):
                length = _exactly(self._process.stdout.fileno(), _WORD)
                if length is not None:
                    return _exactly(self._process.stdout.fileno(), int.from_bytes(length, "big"))
        return None

    def end(self) -> None:
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.kill()
            self._process.wait(1)
            self._shared.close()


class _Pool:
    """The other processes of this one."""

    def __init__(self) -> None:
        self._hashers: list[_Hasher] = []
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Have as many as there should be; they are used once they are ready."""
        with self._lock:
            if self._pid != os.getpid():  # they are another process's
                self._hashers, self._pid = [], os.getpid()
            for gone in [each for each in self._hashers if not each.alive and not each.busy.locked()]:
                gone.end()
                self._hashers.remove(gone)
            with suppress(OSError, ValueError):  # no process or memory to be had: then without
                for _ in range(_wanted() - len(self._hashers)):
                    self._hashers.append(_Hasher())

    def begin(self, table: pa.Table, first: int) -> Beside | None:
        """Events that one of them hashes from now on; None where none has time."""
        self.start()
        wanted = table.select([name for name in table.column_names if name in HASHED])
        for hasher in self._hashers:
            if hasher.busy.acquire(blocking=False):
                if hasher.ready() and hasher.give(wanted, first):
                    return Beside(hasher, wanted, first)
                hasher.busy.release()
        return None

    def end(self) -> None:
        if self._pid == os.getpid():
            for hasher in self._hashers:
                hasher.end()
            self._hashers = []


_pool = _Pool()
atexit.register(_pool.end)


def _wanted() -> int:
    said = os.environ.get(SWITCH, "")
    if said.isdecimal():
        return min(int(said), _MOST)
    if said or not sys.executable or getattr(sys, "frozen", False) or not hasattr(os, "sched_getaffinity"):
        return 0
    return min(len(os.sched_getaffinity(0)) - 1, _MOST)


def _shared_file() -> Any:
    create = getattr(os, "memfd_create", None)
    if create is not None:
        with suppress(OSError):
            return os.fdopen(create("orders_es"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _exactly(fd: int, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        piece = os.read(fd, count - len(found))
        if not piece:
            return None
        found += piece
    return found


def serve(shared: int) -> None:
    """What another process does: hash what is in shared memory, until nobody has work for it any more.

    Args:
        shared: The file descriptor of that memory.
    """
    import mmap

    os.write(1, _READY)
    while select.select([0], [], [], _IDLE_SECONDS)[0]:
        said = _exactly(0, 2 * _WORD)
        if said is None:
            return
        length, begin = int.from_bytes(said[:_WORD], "big"), int.from_bytes(said[_WORD:], "big")
        with mmap.mmap(shared, length, prot=mmap.PROT_READ) as memory:
            with pa.ipc.open_stream(pa.py_buffer(memory)) as stream:
                table = stream.read_all()
            hashes = b"".join(CompactRange.of_leaves(begin, leaf_hashes(table)).hashes)
            del table, stream
        os.write(1, len(hashes).to_bytes(_WORD, "big") + hashes)
