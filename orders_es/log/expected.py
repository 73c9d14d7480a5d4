"""What a writer believes about a stream before it appends: for everybody who appends."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

from orders_es.errors import InvalidArgument, WrongType

__all__ = ["ANY", "NO_STREAM", "STREAM_EXISTS", "Expected", "ExpectedVersion", "check_expected"]


class Expected(Enum):
    """The expectations that are not a number. Use the constants `NO_STREAM`, `STREAM_EXISTS` and `ANY`."""

    NO_STREAM = "NO_STREAM"
    STREAM_EXISTS = "STREAM_EXISTS"
    ANY = "ANY"

    def __repr__(self) -> str:
        return self.value


NO_STREAM: Final = Expected.NO_STREAM
"""The stream must not exist yet."""
STREAM_EXISTS: Final = Expected.STREAM_EXISTS
"""The stream must exist, at whatever version."""
ANY: Final = Expected.ANY
"""No check: append after whatever is there."""

ExpectedVersion: TypeAlias = "int | Expected"


def check_expected(expected: object) -> ExpectedVersion:
    """`expected` itself, if it is an expectation; 0 becomes `NO_STREAM`.

    Args:
        expected: A version (0 or more) or one of the constants.

    Raises:
        TypeError: It is something else; `None` in particular never means "no check".
        ValueError: It is a negative number.

    Example:
        >>> check_expected(0), check_expected(7)
        (NO_STREAM, 7)
    """
    if isinstance(expected, Expected):
        return expected
    if isinstance(expected, int) and not isinstance(expected, bool):
        if expected < 0:
            raise InvalidArgument(f"expected={expected}: a version is 0 (no stream) or more")
        return expected or NO_STREAM
    raise WrongType(f"expected={expected!r}: give the stream's version as an int, or NO_STREAM, STREAM_EXISTS or ANY")


def holds(expected: ExpectedVersion, actual: int) -> bool:
    """Whether a stream at version `actual` (0: none) is what the writer expected."""
    if isinstance(expected, int):
        return actual == expected
    if expected is NO_STREAM:
        return actual == 0
    return expected is ANY or actual > 0


def describe(expected: ExpectedVersion) -> int | str:
    """The expectation in the form that `VersionConflict` carries."""
    return expected if isinstance(expected, int) else expected.value
