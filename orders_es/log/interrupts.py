"""Ctrl-C while DuckDB works: for everything that asks it something."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["interruptible", "is_interrupt"]


def is_interrupt(error: BaseException) -> bool:
    """Whether it was Ctrl-C, of which DuckDB makes a RuntimeError while a query runs.

    Args:
        error: What was raised.

    Example:
        >>> is_interrupt(RuntimeError("Query interrupted"))
        True
    """
    return type(error) is RuntimeError and "interrupted" in str(error).lower()


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that queries DuckDB, out of which Ctrl-C comes as everywhere else in Python.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed while a query ran.
    """
    try:
        yield
    except RuntimeError as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        raise
