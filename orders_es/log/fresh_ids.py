"""Event ids that the log makes itself: UUID version 7 (RFC 9562), those of one commit one after the other.

Random ids took half of a light log, since nothing compresses them. These share all but their last bytes within a commit, and are
as unique: the 62 bits behind the time, drawn anew for each commit, are where its ids begin, and the 12 before them tell commits of
one millisecond apart. Two commits clash only where they begin in the same millisecond, with the same 12 bits, and fewer places
apart than they have events.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

__all__ = ["fresh_ids", "fresh_words"]

_TAIL = 1 << 62
_VERSION = 7 << 12
_VARIANT = 1 << 63
_MOST = 1 << 40


def _begin(count: int) -> tuple[int, int]:
    """The first half of some ids, and where their second halves begin."""
    drawn = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    head = milliseconds << 16 | _VERSION | drawn >> 64 & 0xFFF
    return head, _VARIANT | (drawn & _TAIL - 1) % (_TAIL - count + 1)


def fresh_ids() -> Iterator[bytes]:
    """Event ids that nobody else makes, 16 bytes each, one after the other, as many as one commit can need.

    Example:
        >>> ids = fresh_ids()
        >>> int.from_bytes(next(ids), "big") - int.from_bytes(next(ids), "big")
        -1
    """
    head, tail = _begin(_MOST)
    start = head << 64 | tail
    for number in range(start, start + _MOST):
        yield number.to_bytes(16, "big")


def fresh_words(count: int) -> np.ndarray[Any, Any]:
    """The same for a table: one row of two big-endian words for each id."""
    import numpy as np

    head, tail = _begin(count)
    words = np.empty((count, 2), ">u8")
    words[:, 0] = head
    words[:, 1] = np.arange(tail, tail + count, dtype=np.uint64)
    return words
