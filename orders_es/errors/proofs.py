"""What can be wrong with signed checkpoints, proofs, receipts and the keys behind them."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError

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


class BadKey(ProofError, ValueError):
    """A key cannot be used: malformed, of another kind, or readable by others.

    Args:
        what: The key's file, or its text.
        reason: What is wrong with it, and what to do.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"key {self.what!r} cannot be used: {self.reason}"


class BadCheckpoint(ProofError, ValueError):
    """A checkpoint is malformed, or is not signed by whom it has to be signed.

    Args:
        what: The checkpoint's file, or what it was given as.
        reason: What is wrong with it.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"checkpoint {self.what!r} is refused: {self.reason}"


class BadProof(ProofError, ValueError):
    """A receipt or a proof is malformed, or does not hold.

    Args:
        what: The proof's file, or what it was given as.
        reason: What is wrong with it.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"proof {self.what!r} does NOT hold: {self.reason}"


class NotAnExtension(ProofError, RuntimeError):
    """The log is not what was signed with events added at its end: its past was rewritten, or its end cut off.

    Args:
        url: The log.
        size: How many events the signed checkpoint counted.
        reason: What was found instead.
    """

    def __init__(self, url: str, size: int, reason: str) -> None:
        super().__init__(url, size, reason)
        self.url = url
        self.size = size
        self.reason = reason

    def __str__(self) -> str:
        return f"the log {self.url!r} is NOT what was signed at {self.size:,} events: {self.reason}"


class NoCheckpoint(ProofError, LookupError):
    """There is no signed checkpoint that could be used.

    Args:
        url: The log.
        reason: What is missing, and what to do.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"no signed checkpoint of the log {self.url!r}: {self.reason}"


class CannotPublish(ProofError, OSError):
    """A checkpoint, a proof or tiles could not be written to a place.

    Args:
        place: Where to.
        reason: Why not, and what to do.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"could not write to {self.place!r}: {self.reason}"


class NoSuchClose(ProofError, LookupError):
    """Nothing was closed under that name.

    Args:
        name: The name.
        known: Names that there are, the likeliest first.
    """

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        there = (
            f"there are {', '.join(map(repr, self.known))}"
            if self.known
            else "nothing was closed yet: orders-es close NAME --at TIME"
        )
        return f"nothing was closed as {self.name!r}; {there}"
