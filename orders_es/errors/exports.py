"""What can be wrong with an export: it cannot be written as asked, or a file is none."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError, stated
from orders_es.errors.system import advice

__all__ = ["CannotExport", "CannotWriteFile", "NotAnExport"]


@stated("{path!r} cannot be written: {reason}")
class CannotExport(OrdersEsError, ValueError):
    """A file cannot hold what it was asked to hold; nothing was written.

    Args:
        path: The file that was asked for.
        reason: Why not, and what to do instead.
    """

    path: str
    reason: str


@stated()
class CannotWriteFile(OrdersEsError, OSError):
    """The operating system refused to write a file that somebody asked for; what was there before is as it was.

    Args:
        path: The file that was asked for.
        reason: The system's words.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"could not write {self.path!r}: {self.reason}; what was there before is as it was. "
            f"{advice(self.reason, 'Mend that, or give another place, and try again')}"
        )


@stated("{path!r} is no export that can be traced to a log: {reason}")
class NotAnExport(OrdersEsError, ValueError):
    """A file does not say which log it was made from, or is not as it was written.

    Args:
        reason: What is missing or wrong.
    """

    path: str
    reason: str
