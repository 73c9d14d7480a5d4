"""Consistency proofs between two signed heads: that the later tree is the earlier one with events added at its end.

A proof is kept in the form in which a witness takes it (c2sp.org/tlog-witness, `add-checkpoint`): the line `old SIZE`, one
hash a line, an empty line, and the later checkpoint as it was signed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.audit.verify_proof import Checkpoint, Refused, climbed, node_hash, number, proof_path

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ConsistencyProof", "check_consistency"]

_HASH = 32


def check_consistency(size1: int, size2: int, root1: bytes, root2: bytes, path: Sequence[bytes]) -> None:
    """Return if a tree is another one with records added at its end.

    Args:
        size1: How many records the earlier tree has, 1 or more: an empty tree is the beginning of any.
        size2: How many the later one has.
        root1: The earlier root.
        root2: The later root.
        path: The consistency proof.

    Raises:
        Refused: It is not, or the proof is none.
    """
    if not 0 < size1 <= size2:
        raise Refused(f"a tree of {size1} records is no beginning of one of {size2}")
    if size1 == size2:
        if path or root1 != root2:
            raise Refused(f"two different trees of {size1} records, or hashes where none belong")
        return
    if any(len(digest) != _HASH for digest in (root1, root2, *path)):
        raise Refused("a hash has another length than 32 bytes")
    if not path:
        raise Refused("the consistency proof is empty")
    above = ((size1 ^ (size1 - 1)).bit_length()) - 1  # levels up to which the earlier tree ends as the later one does
    start, *hashes = path if size1 & (size1 - 1) else [root1, *path]
    first = second = start
    for sibling, on_the_left in climbed((size1 - 1) >> above, (size2 - 1) >> above, hashes):
        second = node_hash(sibling, second) if on_the_left else node_hash(second, sibling)
        if on_the_left:
            first = node_hash(sibling, first)
    if (first, second) != (root1, root2):
        raise Refused(
            f"the tree of {size2} records is not the one of {size1} with records added: its past was rewritten"
        )


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """A consistency proof with the later checkpoint, as they stand: nothing has been checked.

    Args:
        old: How many events the earlier checkpoint counted.
        path: The proof's hashes.
        checkpoint: The later checkpoint.
        note: The later checkpoint's bytes.
    """

    old: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: bytes

    @staticmethod
    def parse(raw: bytes) -> ConsistencyProof:
        """The proof in a file's bytes.

        Raises:
            Refused: It is none.
        """
        head, blank, note = raw.partition(b"\n\n")
        try:
            first, *rest = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise Refused("the proof is not plain text") from None
        if not blank or not first.startswith("old "):
            raise Refused("no consistency proof: its first line is not `old SIZE`, or it is cut short")
        return ConsistencyProof(number(first[4:], "the old size"), proof_path(rest), Checkpoint.parse(note), note)

    def to_bytes(self) -> bytes:
        """The proof as a file, and as what a witness is sent."""
        hashes = "".join(f"{base64.b64encode(digest).decode()}\n" for digest in self.path)
        return f"old {self.old}\n{hashes}\n".encode() + self.note

    def check(self, old: Checkpoint) -> None:
        """Return if the later checkpoint is the earlier one with events added. The signatures are not looked at here.

        Raises:
            Refused: It is not, or the proof is another one's.
        """
        new = self.checkpoint
        if old.origin != new.origin:
            raise Refused(f"the checkpoints are of two logs, {old.origin!r} and {new.origin!r}")
        if old.size != self.old:
            raise Refused(f"the proof begins at {self.old:,} events, and the earlier checkpoint counts {old.size:,}")
        if old.size:
            check_consistency(old.size, new.size, old.root, new.root, self.path)
        elif self.path:
            raise Refused("a proof that begins with an empty log has no hashes")
