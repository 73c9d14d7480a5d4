"""The hash tree of a log as proofs need it: any node of it, with the fewest events read.

What has been hashed once is kept in `derived/tree`: one hash for each 256 events, 12 MB for a hundred million. **Nothing
rests on it**: every proof is checked against a signed root before it is handed out, and where the kept hashes do not lead
there they are thrown away and the events are hashed anew.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from orders_es.audit.proofs import check_consistency
from orders_es.audit.verify_proof import Refused, check_inclusion
from orders_es.errors import DamagedLog, NotAnExtension
from orders_es.files import write_whole
from orders_es.log.envelope import ENVELOPE
from orders_es.log.leaf import leaf_hashes, leaves_of
from orders_es.log.merkle import EMPTY_RANGE, EMPTY_ROOT, CompactRange, decompose, leaf_hash, node_hash
from orders_es.log.protocol import derived_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orders_es.log import EventLog

__all__ = ["BLOCK", "LogTree"]

LEVEL = 8
BLOCK = 1 << LEVEL
"""So many events have one kept hash; as many as a tile of the tlog-tiles layout."""
_MAGIC = b"OESTREE1"
_HASH = 32
_HEAD = len(_MAGIC) + 16


class LogTree:
    """The tree over the events of a log, read-only but for hashes kept under `derived/`.

    Args:
        progress: Show a progress bar while events are hashed.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced()] * 5, expected=NO_STREAM)
        >>> LogTree(log).root(5) == log.head().root
        True
    """

    def __init__(self, log: EventLog, *, progress: bool = False) -> None:
        self.log = log
        self._progress = progress
        derived = derived_folder(log)
        self._place = None if derived is None else derived / "tree" / "blocks"
        self._keeps = not log.read_only
        self._levels: list[list[bytes]] = [_kept(self._place, log.log_id.bytes)]
        self._blocks: dict[int, list[bytes]] = {}
        self._low: dict[tuple[int, int], bytes] = {}
        self._records: dict[int, list[tuple[bytes, str | None, str | None]]] = {}

    # -- what proofs need

    def root(self, size: int) -> bytes:
        """The root of the tree of the first `size` events; the log holds so many."""
        return self._hash(0, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The inclusion proof of a leaf in the tree of the first `size` events (RFC 6962, section 2.1.1)."""
        path = []
        begin, end = 0, size
        while end - begin > 1:
            middle = begin + _split(end - begin)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(begin, middle))
                begin = middle
        return path[::-1]

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """The consistency proof between two sizes (RFC 6962, section 2.1.2); nothing where the first one is 0 or the second."""
        if size1 in (0, size2):
            return []
        path = []
        begin, end = 0, size2
        while size1 != end:
            middle = begin + _split(end - begin)
            if size1 <= middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(begin, middle))
                begin = middle
        if begin:
            path.append(self._hash(begin, end))
        return path[::-1]

    # -- the same, held to a root

    def checked_inclusion(self, index: int, size: int, leaf: bytes, root: bytes) -> list[bytes]:
        """The inclusion proof of a leaf, checked to lead to a signed root.

        Raises:
            NotAnExtension: It does not, however it is computed: these are not the events that were signed.
        """
        for _ in range(2):
            path = self.inclusion(index, size)
            try:
                check_inclusion(index, size, leaf, path, root)
            except Refused:
                self.forget()
            else:
                return path
        reason = f"the event at position {index + 1}, or one beside it, is another one now"
        raise NotAnExtension(self.log.url, size, reason)

    def checked_consistency(self, size1: int, root1: bytes, size2: int, root2: bytes) -> list[bytes]:
        """The consistency proof between two signed heads, checked to hold.

        Raises:
            NotAnExtension: It does not: the log is not an extension of what was signed.
        """
        if size1 > size2:
            reason = f"it ends at position {size2} now, so {size1 - size2:,} events at its end were cut off"
            raise NotAnExtension(self.log.url, size1, reason)
        if not size1:
            return []
        for _ in range(2):
            path = self.consistency(size1, size2)
            try:
                check_consistency(size1, size2, root1, root2, path)
            except Refused:
                self.forget()
            else:
                return path
        reason = f"its first {size1:,} events have the root {self.root(size1).hex()}, and {root1.hex()} was signed"
        raise NotAnExtension(self.log.url, size1, reason)

    # -- hashing

    def hashed_anew(self, size: int, *, after: int = 0) -> CompactRange:
        """The range of the first `size` leaves, those after position `after` read and hashed now.

        The hashes are kept for proofs to come.
        """
        start = after - after % BLOCK
        blocks = self._levels[0]
        if start // BLOCK > len(blocks):
            start = len(blocks) * BLOCK
        del blocks[start // BLOCK :]
        self._forget_above()
        tree = EMPTY_RANGE
        if start:
            nodes = decompose(0, start)
            tree = CompactRange(0, start, tuple(self.node(level, index) for level, index in nodes))
        rest: list[bytes] = []
        for leaves in self._leaves(start, size):
            tree = tree.merge(CompactRange.of_leaves(tree.end, leaves))
            rest += leaves
            whole = len(rest) - len(rest) % BLOCK
            blocks += [CompactRange.of_leaves(0, rest[i : i + BLOCK]).hashes[0] for i in range(0, whole, BLOCK)]
            del rest[:whole]
        del self._levels[1:]  # `node` made them of the blocks that were there before
        if rest:
            self._blocks[size // BLOCK] = rest
        if self._keeps:
            _keep(self._place, self.log.log_id.bytes, blocks)
        return tree

    def forget(self) -> None:
        """Throw away what was kept, so that events are hashed anew."""
        self._levels = [[]]
        self._blocks, self._low, self._records = {}, {}, {}
        if self._place is not None and self._keeps:
            with suppress(OSError):
                self._place.unlink(missing_ok=True)

    def _forget_above(self) -> None:
        del self._levels[1:]
        self._blocks, self._low, self._records = {}, {}, {}

    def _hash(self, begin: int, end: int) -> bytes:
        """MTH of the leaves `[begin, end)`; `begin` is a multiple of the largest power of two in the range."""
        if begin == end:
            return EMPTY_ROOT
        whole = end - end % BLOCK
        if len(self._levels[0]) * BLOCK < whole:
            self.hashed_anew(whole, after=len(self._levels[0]) * BLOCK)
        hashes = [self.node(level, index) for level, index in decompose(begin, end)]
        digest = hashes.pop()
        while hashes:
            digest = node_hash(hashes.pop(), digest)
        return digest

    def node(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree: of 2**level leaves from index · 2**level on. The log holds so many."""
        if level < LEVEL:
            found = self._low.get((level, index))
            if found is None:
                start = index << level
                leaves = self._block(start // BLOCK, start % BLOCK + (1 << level))
                found = CompactRange.of_leaves(0, leaves[start % BLOCK : start % BLOCK + (1 << level)]).hashes[0]
                self._low[level, index] = found
            return found
        while len(self._levels) <= level - LEVEL:
            pairs = iter(self._levels[-1])
            self._levels.append([node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)])
        return self._levels[level - LEVEL][index]

    def record(self, index: int) -> tuple[bytes, str | None, str | None]:
        """The leaf at an index, its bytes and not its hash, and the payload beside it."""
        number, at = divmod(index, BLOCK)
        if len(self._records.get(number, [])) <= at:
            self._read(number, at + 1)
        return self._records[number][at]

    def _block(self, number: int, least: int) -> list[bytes]:
        """The leaf hashes of one block, of its first `least` ones at any rate."""
        if len(self._blocks.get(number, [])) < least:
            self._read(number, least)
        return self._blocks[number]

    def _read(self, number: int, least: int) -> None:
        """Read a block, its first `least` events at any rate. Reading few events of a file costs as much as reading some more."""
        start = number * BLOCK
        end = min(start + BLOCK, max(self.log.head().position, start + least))
        records: list[tuple[bytes, str | None, str | None]] = []
        for batch in self.log.read(after=start, to=end, columns=ENVELOPE):
            said = (batch.column(name).to_pylist() for name in ("payload", "personal"))
            records += zip(leaves_of(batch), *said, strict=True)
        _whole(self.log, start + len(records), end)
        self._records[number] = records
        self._blocks[number] = [leaf_hash(leaf) for leaf, _, _ in records]

    def _leaves(self, begin: int, end: int) -> Iterator[list[bytes]]:
        """The leaf hashes of the leaves `[begin, end)`, batch by batch, from the events themselves."""
        from tqdm.auto import tqdm

        quiet = not self._progress or end - begin <= BLOCK
        with tqdm(total=end - begin, unit=" events", unit_scale=True, desc="hashing", disable=quiet) as bar:
            for batch in self.log.read(after=begin, to=end, columns=ENVELOPE):
                begin += batch.num_rows
                bar.update(batch.num_rows)
                yield leaf_hashes(batch)
        _whole(self.log, begin, end)


def _whole(log: EventLog, reached: int, wanted: int) -> None:
    if reached != wanted:
        raise DamagedLog(log.url, f"it was to be read up to position {wanted} and ends at {reached}; restore the rest")


def _split(count: int) -> int:
    """The largest power of two below a count: where RFC 6962 splits a tree of so many leaves."""
    return 1 << ((count - 1).bit_length() - 1)


def _kept(place: Path | None, log_id: bytes) -> list[bytes]:
    """The hashes kept for this log; none where there are none, or those of another log."""
    if place is None:
        return []
    try:
        raw = place.read_bytes()
    except OSError:
        return []
    if raw[:_HEAD] != _MAGIC + log_id or (len(raw) - _HEAD) % _HASH:
        return []
    return [raw[i : i + _HASH] for i in range(_HEAD, len(raw), _HASH)]


def _keep(place: Path | None, log_id: bytes, blocks: list[bytes]) -> None:
    """Keep hashes for proofs to come, if the place can be written; without them proofs are as right, and slower."""
    if place is None or not blocks:
        return
    with suppress(OSError):
        write_whole(place, _MAGIC + log_id + b"".join(blocks), durable=False, follow_links=False)
