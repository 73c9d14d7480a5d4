"""What can be wrong with signed checkpoints, proofs, receipts and the keys behind them."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError, stated

__all__ = [
    "BadCheckpoint",
    "BadKey",
    "BadProof",
    "CannotPublish",
    "NoCheckpoint",
    "NoSuchClose",
    "NotAnExtension",
    "ProofError",
]


class ProofError(OrdersEsError):
    """Something about a signed checkpoint, a proof or a key."""


@stated("key {what!r} cannot be used: {reason}")
class BadKey(ProofError, ValueError):
    """A key cannot be used: malformed, of another kind, or readable by others.

    Args:
        what: The key's file, or its text.
        reason: What is wrong with it, and what to do.
    """

    what: str
    reason: str


@stated("checkpoint {what!r} is refused: {reason}")
class BadCheckpoint(ProofError, ValueError):
    """A checkpoint is malformed, or is not signed by whom it has to be signed.

    Args:
        what: The checkpoint's file, or what it was given as.
        reason: What is wrong with it.
    """

    what: str
    reason: str


@stated("proof {what!r} does NOT hold: {reason}")
class BadProof(ProofError, ValueError):
    """A receipt or a proof is malformed, or does not hold.

    Args:
        what: The proof's file, or what it was given as.
        reason: What is wrong with it.
    """

    what: str
    reason: str


@stated("the log {url!r} is NOT what was signed at {size:,} events: {reason}")
class NotAnExtension(ProofError, RuntimeError):
    """The log is not what was signed with events added at its end: its past was rewritten, or its end cut off.

    Args:
        size: How many events the signed checkpoint counted.
        reason: What was found instead.
    """

    url: str
    size: int
    reason: str


@stated("no signed checkpoint of the log {url!r}: {reason}")
class NoCheckpoint(ProofError, LookupError):
    """There is no signed checkpoint that could be used.

    Args:
        reason: What is missing, and what to do.
    """

    url: str
    reason: str


@stated("could not write to {place!r}: {reason}")
class CannotPublish(ProofError, OSError):
    """A checkpoint, a proof or tiles could not be written to a place.

    Args:
        place: Where to.
        reason: Why not, and what to do.
    """

    place: str
    reason: str


@stated()
class NoSuchClose(ProofError, LookupError):
    """Nothing was closed under that name.

    Args:
        known: Names that there are, the likeliest first.
    """

    name: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        there = (
            f"there are {', '.join(map(repr, self.known))}"
            if self.known
            else "nothing was closed yet: orders-es close NAME --at TIME"
        )
        return f"nothing was closed as {self.name!r}; {there}"
