"""The Merkle tree of RFC 6962 over the events of a log, as far as writing needs it: hashes, compact ranges, roots.

A *compact range* of leaves ``[begin, end)`` is the shortest list of perfect-subtree hashes that covers them.
Ranges of neighbours merge in O(log n) hashes, the range from 0 gives the root, and nothing else has to be kept to
extend a tree. Source: RFC 6962, section 2.1 (https://www.rfc-editor.org/rfc/rfc6962#section-2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from orders_es.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EMPTY_RANGE", "EMPTY_ROOT", "CompactRange", "leaf_hash", "node_hash"]

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves: the hash of an empty string."""

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 ‖ leaf).

    Args:
        leaf: The leaf's bytes.

    Example:
        >>> leaf_hash(b"").hex()[:16]
        '6e340b9cffb37a98'
    """
    return sha256(LEAF_PREFIX + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(NODE_PREFIX + left + right).digest()


def subtrees(begin: int, end: int) -> int:
    """How many perfect subtrees cover leaves ``[begin, end)``.

    Example:
        >>> subtrees(3, 8), subtrees(0, 7)
        (2, 3)
    """
    if not begin:  # a whole tree, and one event: nearly all that there are
        return end.bit_count()
    return 1 if end - begin == 1 else len(decompose(begin, end))


def decompose(begin: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees that cover leaves ``[begin, end)``, left to right, as (level, index at that level).

    Example:
        >>> decompose(3, 8)
        [(0, 3), (2, 1)]
    """
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The hashes of the perfect subtrees that cover leaves ``[begin, end)``.

    Args:
        begin: Index of the first leaf (the event at position p is leaf p - 1).
        end: Index after the last leaf.
        hashes: One hash of 32 bytes per subtree of `decompose(begin, end)`, in that order.

    Example:
        >>> leaves = [leaf_hash(bytes([i])) for i in range(5)]
        >>> whole = CompactRange.of_leaves(0, leaves)
        >>> whole == CompactRange.of_leaves(0, leaves[:3]).merge(CompactRange.of_leaves(3, leaves[3:]))
        True
    """

    begin: int
    end: int
    hashes: tuple[bytes, ...]

    @staticmethod
    def of_leaves(begin: int, leaf_hashes: Sequence[bytes]) -> CompactRange:
        """The compact range of consecutive leaves, the first of which has index `begin`; one hash per leaf."""
        end = begin + len(leaf_hashes)
        level: list[bytes] = list(leaf_hashes)
        start, left, right = begin, [], []
        while level:
            if start & 1:  # its sibling lies before the range
                left.append(level[0])
                del level[0]
                start += 1
            if len(level) & 1:  # its sibling lies after the range
                right.append(level.pop())
            pairs = iter(level)
            level = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]
            start >>= 1
        return CompactRange(begin, end, (*left, *reversed(right)))

    def merge(self, right: CompactRange) -> CompactRange:
        """The compact range of this one and its right neighbour together.

        Raises:
            ValueError: The other range does not begin where this one ends.
        """
        if right.begin != self.end:
            raise InvalidArgument(f"[{self.begin}, {self.end}) and [{right.begin}, {right.end}) are not neighbours")
        hashes = list(self.hashes)
        if (
            right.end - right.begin == 1 and not self.begin
        ):  # one more leaf: it completes a subtree for each trailing 1 bit
            digest = right.hashes[0]
            size = self.end
            while size & 1:
                digest = node_hash(hashes.pop(), digest)
                size >>= 1
            return CompactRange(0, right.end, (*hashes, digest))
        nodes = decompose(self.begin, self.end)
        for (level, index), digest in zip(decompose(right.begin, right.end), right.hashes, strict=True):
            nodes.append((level, index))
            hashes.append(digest)
            while len(nodes) > 1:
                (below, i), (above, j) = nodes[-2:]
                if below != above or i & 1 or j != i + 1:
                    break
                nodes[-2:] = [(below + 1, i >> 1)]
                hashes[-2:] = [node_hash(hashes[-2], hashes[-1])]
        return CompactRange(self.begin, right.end, tuple(hashes))

    def root(self) -> bytes:
        """The root of the tree of all leaves up to `end`.

        Raises:
            ValueError: The range does not begin at leaf 0.
        """
        if self.begin:
            raise InvalidArgument(f"a root needs all leaves from 0; this range begins at {self.begin}")
        if not self.hashes:
            return EMPTY_ROOT
        digest = self.hashes[-1]
        for left in self.hashes[-2::-1]:
            digest = sha256(b"\x01" + left + digest).digest()
        return digest


EMPTY_RANGE = CompactRange(0, 0, ())
"""The compact range of a tree without leaves."""
