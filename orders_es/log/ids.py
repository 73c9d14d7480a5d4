"""Which event ids a log holds: asked by whoever appends events with ids of their own, under every backend.

An id that the log makes itself is random and need not be looked up. Of the others, eight bytes of each id in the log are kept
in sorted runs, from the first such append on: 80 MB and about a second for ten million events, once per handle. Only where
those eight bytes are met does anybody look into the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

__all__ = ["EventIds", "Holder", "blob_bytes", "id_keys"]

_FEW_EVENTS = 300_000
_FEW_IDS = 64
_SCANS_MOST = 2
"""In a long log, so many appends of a few events each look through all of it before its ids are learnt."""
_LOOK_MOST = 1_000
_RECENT_MOST = 4_096


class Holder(NamedTuple):
    """Where an event id is recorded."""

    event_id: UUID
    stream_id: str
    version: int
    position: int


class EventIds:
    """The event ids of one log, as far as known. The caller holds the log's lock."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []
        self._recent: set[int] = set()
        self._until = 0
        self._in_use = False
        self._scans = 0

    def find(
        self,
        raw: bytes,
        end: int,
        read: Callable[[int], Iterable[bytes]],
        look: Callable[[list[UUID], int], Holder | None],
    ) -> Holder | None:
        """An event that has one of some ids, if the log holds one.

        Args:
            raw: The ids, 16 bytes each.
            end: The log's last position.
            read: Gives the ids of all events after a position, 16 bytes each, in any number of pieces.
            look: Gives an event after a position that has one of some ids.
        """
        self._in_use = True
        keys = id_keys(raw)
        known = self._until
        if not self.needs_all(len(keys), end):
            self._scans += 1
            found = look([UUID(bytes=raw[i : i + 16]) for i in range(0, len(raw), 16)], known)
            if found is not None:
                return found
        else:
            self.learn(end, read)
        met = np.flatnonzero(self._met(keys))[:_LOOK_MOST].tolist()
        return look([UUID(bytes=raw[16 * i : 16 * i + 16]) for i in met], 0) if met else None

    def needs_all(self, count: int, end: int) -> bool:
        """Whether looking up so many ids will learn all that are in the log."""
        return end - self._until <= _FEW_EVENTS or count > _FEW_IDS or self._scans >= _SCANS_MOST

    def follows(self, first: int) -> bool:
        """Whether ids are in use here, and known up to this position."""
        return self._in_use and first == self._until + 1

    def learn(self, end: int, read: Callable[[int], Iterable[bytes]]) -> None:
        """Take in the ids of all events up to a position. See `find`."""
        if end > self._until:
            for piece in list(read(self._until)):
                self._add(id_keys(piece))
            self._until = end

    def appended(self, first: int, raw: bytes) -> None:
        """Take in the ids of a commit that has just been made; cheap where nobody has asked yet.

        Args:
            first: Its first position.
            raw: Its ids, 16 bytes each.
        """
        if self.follows(first):
            self._add(id_keys(raw))
            self._until += len(raw) // 16

    def _met(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        met = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            places = np.searchsorted(run, keys)
            met |= run[np.minimum(places, len(run) - 1)] == keys
        if self._recent:
            met |= np.fromiter((key in self._recent for key in keys.tolist()), np.bool_, len(keys))
        return met

    def _add(self, keys: npt.NDArray[np.uint64]) -> None:
        if len(keys) < _RECENT_MOST:
            self._recent.update(keys.tolist())
            if len(self._recent) < _RECENT_MOST:
                return
            keys = np.fromiter(self._recent, np.uint64, len(self._recent))
            self._recent = set()
        self._runs.append(np.sort(keys))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")


def id_keys(raw: bytes) -> npt.NDArray[np.uint64]:
    """Eight bytes that stand for each id: both its halves count, whatever kind of UUID it is."""
    halves = np.frombuffer(raw, np.uint64).reshape(-1, 2)
    keys: npt.NDArray[np.uint64] = halves[:, 0] ^ halves[:, 1]
    return keys


def blob_bytes(column: Any) -> Iterable[bytes]:
    """The bytes of a column of 16-byte blobs, piece by piece.

    Args:
        column: A chunked Arrow array of binary values, none of them null.
    """
    import pyarrow as pa

    for chunk in column.chunks:
        if len(chunk):
            fixed = chunk.cast(pa.binary(16))
            yield fixed.buffers()[1][16 * fixed.offset : 16 * (fixed.offset + len(fixed))].to_pybytes()
