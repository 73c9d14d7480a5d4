"""What can be wrong with an export: it cannot be written as asked, or a file is none."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError

__all__ = ["CannotExport", "NotAnExport"]


class CannotExport(OrdersEsError, ValueError):
    """A file cannot hold what it was asked to hold; nothing was written.

    Args:
        path: The file that was asked for.
        reason: Why not, and what to do instead.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path!r} cannot be written: {self.reason}"


class NotAnExport(OrdersEsError, ValueError):
    """A file does not say which log it was made from, or is not as it was written.

    Args:
        path: The file.
        reason: What is missing or wrong.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path!r} is no export that can be traced to a log: {self.reason}"
