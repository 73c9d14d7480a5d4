"""What can be wrong with what a caller gave: a time, a setting, a source file, a read model, a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors.base import OrdersEsError, stated

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "BadReadModel",
    "BadSource",
    "CannotServe",
    "FilesNotAllowed",
    "InvalidArgument",
    "InvalidSetting",
    "InvalidTime",
    "NaiveTime",
    "QueryError",
    "SourceUnavailable",
    "WrongType",
    "check_count",
]


@stated()
class NaiveTime(OrdersEsError, ValueError):
    """A time without a zone where an instant is needed.

    Args:
        argument: The argument's name.
        value: What was given.
    """

    argument: str
    value: datetime

    def __str__(self) -> str:
        v = self.value
        parts = [v.year, v.month, v.day, v.hour, v.minute]
        if v.second or v.microsecond:
            parts.append(v.second)
        if v.microsecond:
            parts.append(v.microsecond)
        call = f"datetime({', '.join(map(str, parts))}, tzinfo=UTC)"
        return (
            f"{self.argument}={v.isoformat(sep=' ')!s} has no time zone, so it names no instant; "
            f"write {self.argument}={call}, with `from datetime import UTC, datetime`"
        )


@stated("{reason}")
class InvalidTime(OrdersEsError, ValueError):
    """A text, or another value, names no instant.

    Args:
        given: What was given.
        reason: Why it is none, and what to write instead.
    """

    given: str
    reason: str


@stated()
class BadSource(OrdersEsError, ValueError):
    """A source file, or one row of it, cannot be imported; nothing was appended.

    Args:
        path: The source file.
        row: The row's number in the file (the first row of data is 1), or None where it is the file as a whole.
        reason: What is wrong with it, and what to do.
    """

    path: str
    row: int | None
    reason: str

    def __str__(self) -> str:
        where = self.path if self.row is None else f"{self.path}, row {self.row}"
        return f"{where}: {self.reason}"


@stated("{source}: {reason}; what it records meanwhile is read when it answers again")
class SourceUnavailable(OrdersEsError, ConnectionError):
    """A system that is followed does not answer; nothing was lost.

    Args:
        source: Which one, without passwords.
        reason: What it said.
    """

    source: str
    reason: str


@stated("{reason}")
class InvalidArgument(OrdersEsError, ValueError):
    """A call makes no sense with what it was given; nothing was done.

    Args:
        reason: Which argument, what it was, and what would be right.
    """

    reason: str


@stated("{reason}")
class WrongType(OrdersEsError, TypeError):
    """A call was given something of another kind than it takes; nothing was done.

    Args:
        reason: Which argument, what it is, and what to give instead.
    """

    reason: str


@stated("{field}={value!r}: {reason}")
class InvalidSetting(OrdersEsError, ValueError):
    """A setting is out of range.

    Args:
        field: The setting's name.
        value: What was given.
        reason: What would be right.
    """

    field: str
    value: object
    reason: str


@stated()
class BadReadModel(OrdersEsError, ValueError):
    """A file does not define a read model.

    Args:
        reason: What is wrong with it, and what would be right.
        line: Where in the file, or None where it is the file as a whole.
    """

    path: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        where = "" if self.line is None else f", line {self.line}"
        return f"{self.path!r}{where} is no read model: {self.reason}"


@stated("{message}")
class QueryError(OrdersEsError, ValueError):
    """DuckDB refused a query, or could not go on with it.

    Args:
        message: DuckDB's own words.
    """

    message: str
    query: str


@stated(
    "{message}: a query reads its log and nothing else, and writes nothing, unless it is permitted to: "
    "--allow-files, or allow_files=True in Python"
)
class FilesNotAllowed(QueryError):
    """A query would read or write files, or the network, and its session was not permitted to.

    Args:
        message: What it would have done.
    """


@stated("cannot serve at {place}: {reason}; give another address or port: --port 0 takes any that is free")
class CannotServe(OrdersEsError, OSError):
    """A server cannot listen where it was to.

    Args:
        place: The address and port.
        reason: The system's words.
    """

    place: str
    reason: str


def check_count(name: str, value: object, *, least: int = 1) -> None:
    """Refuse what is no whole number, or a smaller or larger one than there can be.

    Args:
        name: The argument's name.
        value: What was given.
        least: The smallest that is taken.

    Raises:
        WrongType: It is no `int`.
        InvalidSetting: It is smaller, or no number of 64 bits.

    Example:
        >>> check_count("attempts", "3")
        Traceback (most recent call last):
        orders_es.errors.calls.WrongType: attempts='3' is str; give a whole number, 1 or more
    """
    if type(value) is not int:
        raise WrongType(f"{name}={value!r} is {type(value).__name__}; give a whole number, {least} or more")
    if value < least:
        raise InvalidSetting(name, value, f"give {least} or more")
    if value >= 1 << 63:
        raise InvalidSetting(name, value, f"give {(1 << 63) - 1:,} at most")
