"""Where each stream stands: an in-memory index from stream id to version, built from the log and kept up with it.

A stream is kept as 16 bytes of SHA-256 of its id and a version, in sorted numpy runs that merge as they grow: 20 bytes a
stream, some microseconds a look-up, thousands of look-ups at once in one call.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

__all__ = ["StreamIndex", "stream_key"]

_RECENT_MOST = 20_000
_RUNS_MOST = 6
_WORD = 8


def stream_key(stream_id: str) -> bytes:
    """The 16 bytes under which a stream is kept."""
    return sha256(stream_id.encode()).digest()[:16]


class _Run:
    """Streams sorted by the first half of their key."""

    __slots__ = ("high", "low", "versions")

    def __init__(
        self, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], versions: npt.NDArray[np.int32]
    ) -> None:
        order = np.argsort(high, kind="stable")
        self.high = high[order]
        self.low = low[order]
        self.versions = versions[order]

    def find(self, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """The version of each key, 0 where it is not here."""
        found = np.zeros(len(high), np.int32)
        at = np.searchsorted(self.high, high)
        open_ = np.arange(len(high))
        while len(open_):  # more than one round only where two keys share their first half
            at_open = at[open_]
            inside = at_open < len(self.high)
            open_, at_open = open_[inside], at_open[inside]
            same = self.high[at_open] == high[open_]
            open_, at_open = open_[same], at_open[same]
            hit = self.low[at_open] == low[open_]
            hits = open_[hit]
            found[hits] = np.maximum(found[hits], self.versions[at_open[hit]])
            at[open_] += 1
        return found


class StreamIndex:
    """Versions of streams. Knows what was put in; a stream that was not has version 0.

    Example:
        >>> index = StreamIndex()
        >>> index.put({"order-1": 3})
        >>> index.get("order-1"), index.get("order-2")
        (3, 0)
    """

    def __init__(self) -> None:
        self._recent: dict[str, int] = {}
        self._runs: list[_Run] = []

    def put(self, versions: Mapping[str, int]) -> None:
        """Take in each stream's version now: none is lower than what was put before."""
        if len(versions) > _RECENT_MOST:
            self.put_any(versions)
            return
        self._recent.update(versions)
        if len(self._recent) > _RECENT_MOST:
            self._settle()

    def put_any(self, versions: Mapping[str, int]) -> None:
        """Take in versions of any age; of several of one stream, the highest counts."""
        keys = b"".join([stream_key(s) for s in versions])
        self.put_keys(keys, np.fromiter(versions.values(), np.int32, len(versions)))

    def put_keys(self, keys: bytes, versions: npt.NDArray[np.int32]) -> None:
        """As `put_any`, for streams whose 16-byte keys are known, one after the other in `keys`."""
        words: Any = np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2)
        self.put_words(words[:, 0].copy(), words[:, 1].copy(), versions)

    def put_words(
        self, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], versions: npt.NDArray[np.int32]
    ) -> None:
        """As `put_keys`, of keys in two halves."""
        if not len(high):
            return
        self._settle()  # what is recent is believed without a look at the runs
        self._runs.append(_Run(high, low, versions))
        if len(self._runs) > _RUNS_MOST:
            self._merge()

    def get(self, stream_id: str) -> int:
        """A stream's version; 0 if it was never put."""
        version = self._recent.get(stream_id)
        if version is not None:
            return version
        if not self._runs:
            return 0
        return int(self._find([stream_id])[0])

    def get_many(self, stream_ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """The versions of many streams, in their order."""
        found = self._find(stream_ids) if self._runs else np.zeros(len(stream_ids), np.int32)
        if self._recent:
            recent = self._recent
            for i, stream_id in enumerate(stream_ids):
                version = recent.get(stream_id)
                if version is not None:
                    found[i] = version
        return found

    def _find(self, stream_ids: Sequence[str]) -> npt.NDArray[np.int32]:
        keys = b"".join([stream_key(s) for s in stream_ids])
        words = np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2)
        found = np.zeros(len(stream_ids), np.int32)
        for run in self._runs:
            found = np.maximum(found, run.find(words[:, 0], words[:, 1]))
        return found

    def _settle(self) -> None:
        """Move what is recent into a run."""
        if self._recent:
            recent, self._recent = self._recent, {}
            self.put_any(recent)

    def _merge(self) -> None:
        """One run out of all; a stream that stands in several keeps its highest version."""
        high = np.concatenate([run.high for run in self._runs])
        low = np.concatenate([run.low for run in self._runs])
        versions = np.concatenate([run.versions for run in self._runs])
        order = np.lexsort((versions, low, high))
        high, low, versions = high[order], low[order], versions[order]
        last = np.ones(len(high), bool)
        last[:-1] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        self._runs = [_Run(high[last], low[last], versions[last])]
