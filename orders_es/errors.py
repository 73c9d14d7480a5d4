"""Every error that orders_es raises on purpose, for everybody who catches one.

::

    OrdersEsError
    ├── LogError
    │   ├── VersionConflict     (RuntimeError)     somebody else appended first
    │   │   └── SourceConflict                     a source's stream is there already, from another source
    │   ├── NotALog             (ValueError)       the path holds no log
    │   ├── DamagedLog          (RuntimeError)     a file is missing, cut short or altered
    │   │   └── ForeignFile                        a file in the folder is not of this log
    │   ├── ReadOnlyLog         (PermissionError)  the folder cannot be written
    │   ├── StorageError        (OSError)          the disk refused: full, quota, I/O
    │   │   └── UnconfirmedWrite                   it is in place, but perhaps not for good
    │   ├── UnreadableLog       (OSError)          the operating system refused a read: permission, too many open files
    │   ├── DuplicateEvent      (ValueError)       an event_id is there already, elsewhere
    │   ├── LogNotEmpty         (ValueError)       something that needs a new log met events
    │   ├── LogBusy             (TimeoutError)     others committed first, every time
    │   └── LogInUse            (BlockingIOError)  another process holds the log's file
    ├── EventError
    │   ├── UnknownEventType    (LookupError)      its meaning is needed and nobody registered it
    │   ├── InvalidEvent        (ValueError)       a field's value cannot be recorded
    │   └── RegistrationClash   (ValueError)       a type or field name is taken
    ├── CommandRejected         (ValueError)       a business rule says no
    ├── OrderNotFound           (LookupError)      no such order, at that moment
    ├── NaiveTime               (ValueError)       a time without a zone
    ├── BadSource               (ValueError)       a source file cannot be imported
    ├── BadReadModel            (ValueError)       a `.sql` file defines no read model
    ├── QueryError              (ValueError)       DuckDB refused a query
    └── InvalidSetting          (ValueError)       a setting is out of range

Facts travel as attributes, passed positionally to the constructor, so that every error survives
`pickle` and with it a trip through a process pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "BadReadModel",
    "BadSource",
    "CommandRejected",
    "DamagedLog",
    "DuplicateEvent",
    "EventError",
    "ForeignFile",
    "InvalidEvent",
    "InvalidSetting",
    "LogBusy",
    "LogError",
    "LogInUse",
    "LogNotEmpty",
    "NaiveTime",
    "NotALog",
    "OrderNotFound",
    "OrdersEsError",
    "QueryError",
    "ReadOnlyLog",
    "RegistrationClash",
    "SourceConflict",
    "StorageError",
    "UnconfirmedWrite",
    "UnknownEventType",
    "UnreadableLog",
    "VersionConflict",
]


class OrdersEsError(Exception):
    """The base of every error raised on purpose by this package."""


class LogError(OrdersEsError):
    """Something about the log itself."""


class VersionConflict(LogError, RuntimeError):
    """The stream was not at the version that the writer expected; nothing was written.

    Load the stream again, decide again, append again: `orders_es.service` does that for you.

    Args:
        stream_id: The stream that moved.
        expected: What the writer believed: a number, or the name of an expectation.
        actual: The stream's version now; 0 where there is no such stream.
    """

    def __init__(self, stream_id: str, expected: int | str, actual: int) -> None:
        super().__init__(stream_id, expected, actual)
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        wanted = f"version {self.expected}" if isinstance(self.expected, int) else self.expected
        is_at = f"is at version {self.actual}" if self.actual else "does not exist"
        return (
            f"stream {self.stream_id!r} {is_at}, expected {wanted}; nothing was written. "
            "Load it again, decide again and append with the new version"
        )


class SourceConflict(VersionConflict):
    """A source holds a stream that the log has already, from somewhere else.

    Args:
        path: The source file.
        row: The number of the stream's first row in it.
        stream_id: The stream.
        actual: The stream's version in the log.
        reason: Where the stream came from, and what to do.
    """

    def __init__(self, path: str, row: int, stream_id: str, actual: int, reason: str) -> None:
        super().__init__(stream_id, "NO_STREAM", actual)
        self.args = (path, row, stream_id, actual, reason)
        self.path = path
        self.row = row
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}, row {self.row}: {self.stream_id!r} is in this log already: {self.reason}"


class NotALog(LogError, ValueError):
    """There is no log at this place.

    Args:
        url: What was opened.
        reason: Why it is not a log, and what to do.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"no log at {self.url!r}: {self.reason}"


class DamagedLog(LogError, RuntimeError):
    """A part of the log is missing, cut short or altered; nothing was written and nothing was removed.

    Args:
        path: The file or folder that is damaged.
        reason: What is wrong with it, and what to do.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the log is damaged at {self.path!r}: {self.reason}"


class ForeignFile(DamagedLog):
    """A file lies in the log's folder that does not belong to this log."""

    def __str__(self) -> str:
        return f"{self.path!r} does not belong to this log: {self.reason}"


class ReadOnlyLog(LogError, PermissionError):
    """The log can be read here, but not written.

    Args:
        path: The folder that refused.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"cannot write to {self.path!r}: permission denied or a read-only disk; nothing was written. Reading still works"


class StorageError(LogError, OSError):
    """The operating system refused a write: disk full, quota reached, an I/O error; nothing was written.

    Args:
        path: The folder written to.
        reason: The operating system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"could not write to {self.path!r}: {self.reason}; nothing was appended and the log is as it was. Make room and append again"


class UnreadableLog(LogError, OSError):
    """The operating system refused a read: no permission, too many open files, no memory. Nothing says it is damaged.

    Args:
        path: The file or folder that was to be read.
        reason: The operating system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"could not read {self.path!r}: {self.reason}; nothing was written, and nothing is wrong with the log itself. "
            "Close files or ask for the permission, and try again"
        )


class UnconfirmedWrite(StorageError):
    """The file is in place and everybody sees it, but the operating system did not confirm that it is durable.

    Args:
        path: The file.
        reason: The operating system's words.
    """

    def __str__(self) -> str:
        return (
            f"{self.path!r} is in place, but the disk did not confirm it ({self.reason}): it may be gone after a power cut. "
            "See to the disk, then append again with the same event ids; that is harmless if it is still there"
        )


class DuplicateEvent(LogError, ValueError):
    """An event_id of this append is recorded already, but not where a retry of it would be.

    Args:
        event_id: The id.
        reason: Where it is, and what to do.
    """

    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(event_id, reason)
        self.event_id = event_id
        self.reason = reason

    def __str__(self) -> str:
        return f"event_id {self.event_id}: {self.reason}; nothing was written"


class LogBusy(LogError, TimeoutError):
    """Other writers committed first at every attempt until the time was up; nothing was written.

    Args:
        url: The log.
        attempts: How many times it was tried.
        seconds: For how long.
    """

    def __init__(self, url: str, attempts: int, seconds: float) -> None:
        super().__init__(url, attempts, seconds)
        self.url = url
        self.attempts = attempts
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"others committed to {self.url!r} first at each of {self.attempts} attempts in {self.seconds:.0f} s; nothing was written. "
            "Append again, in smaller batches if they are large"
        )


class LogInUse(LogError, BlockingIOError):
    """Another process holds the log's one file, or this one holds it in another way; nothing was read or written.

    Args:
        path: The file.
        pid: The id of the process that holds it; None where that cannot be told.
        holder: What that process is, as far as known.
    """

    def __init__(self, path: str, pid: int | None, holder: str = "") -> None:
        super().__init__(path, pid)
        self.args = (path, pid, holder)
        self.path = path
        self.pid = pid
        self.holder = holder

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid}"
        what = f" ({self.holder})" if self.holder else ""
        return (
            f"{who}{what} holds {self.path!r}, and a DuckDB file belongs to one process at a time; nothing was read or written. "
            "Close it there, or use a folder log, which any number of processes share: orders-es copy FROM TO makes one of it"
        )


class LogNotEmpty(LogError, ValueError):
    """Something that only a new log can take met a log with events in it; nothing was written.

    Args:
        url: The log.
        position: Position of its last event.
        reason: Why a new log is needed, and what to do.
    """

    def __init__(self, url: str, position: int, reason: str) -> None:
        super().__init__(url, position, reason)
        self.url = url
        self.position = position
        self.reason = reason

    def __str__(self) -> str:
        return f"the log {self.url!r} holds {self.position:,} events already: {self.reason}; nothing was written"


class EventError(OrdersEsError):
    """Something about an event or its type."""


class UnknownEventType(EventError, LookupError):
    """The meaning of an event is needed, and its type is not in the registry.

    Args:
        type: The event type's name.
        position: Where the event stands in the log; 0 if it is not recorded.
        stream_id: Its stream.
    """

    def __init__(self, type: str, position: int = 0, stream_id: str = "") -> None:  # noqa: A002 - the field's own name
        super().__init__(type, position, stream_id)
        self.type = type
        self.position = position
        self.stream_id = stream_id

    def __str__(self) -> str:
        where = f" (position {self.position}, stream {self.stream_id!r})" if self.position else ""
        return (
            f"event type {self.type!r}{where} is not registered, so its meaning is unknown; "
            "register its dataclass: open_log(url, registry=…)"
        )


class InvalidEvent(EventError, ValueError):
    """An event cannot be recorded, or a recorded payload does not fit its type.

    Args:
        type: The event type's name.
        field: The field, or an empty string where it is the event as a whole.
        reason: What is wrong with it, and what would be right.
    """

    def __init__(self, type: str, field: str, reason: str) -> None:  # noqa: A002 - the field's own name
        super().__init__(type, field, reason)
        self.type = type
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.type}.{self.field}: {self.reason}" if self.field else f"{self.type}: {self.reason}"


class RegistrationClash(EventError, ValueError):
    """An event type's name, or one of its fields, is taken with another meaning.

    Args:
        name: The type or field.
        reason: What it clashes with.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot register {self.name!r}: {self.reason}"


class CommandRejected(OrdersEsError, ValueError):
    """A business rule says no to a command; nothing was decided.

    Args:
        rule: A short stable name of the rule, for programs.
        message: The rule in words, with the figures of this case, for people.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(rule, message)
        self.rule = rule
        self.message = message

    def __str__(self) -> str:
        return self.message


class OrderNotFound(OrdersEsError, LookupError):
    """There is no such order, or there was none at the moment asked about.

    Args:
        order_id: What was asked for.
        reason: Whether it never was, or not yet at that moment.
        suggestions: Ids that look like it.
    """

    def __init__(self, order_id: str, reason: str = "", suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(order_id, reason, suggestions)
        self.order_id = order_id
        self.reason = reason
        self.suggestions = suggestions

    def __str__(self) -> str:
        text = f"no order {self.order_id!r}"
        if self.reason:
            text += f": {self.reason}"
        if self.suggestions:
            text += f"; did you mean {', '.join(self.suggestions)}?"
        return text


class NaiveTime(OrdersEsError, ValueError):
    """A time without a zone where an instant is needed.

    Args:
        argument: The argument's name.
        value: What was given.
    """

    def __init__(self, argument: str, value: datetime) -> None:
        super().__init__(argument, value)
        self.argument = argument
        self.value = value

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


class BadSource(OrdersEsError, ValueError):
    """A source file, or one row of it, cannot be imported; nothing was appended.

    Args:
        path: The source file.
        row: The row's number in the file (the first row of data is 1), or None where it is the file as a whole.
        reason: What is wrong with it, and what to do.
    """

    def __init__(self, path: str, row: int | None, reason: str) -> None:
        super().__init__(path, row, reason)
        self.path = path
        self.row = row
        self.reason = reason

    def __str__(self) -> str:
        where = self.path if self.row is None else f"{self.path}, row {self.row}"
        return f"{where}: {self.reason}"


class InvalidSetting(OrdersEsError, ValueError):
    """A setting is out of range.

    Args:
        field: The setting's name.
        value: What was given.
        reason: What would be right.
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        super().__init__(field, value, reason)
        self.field = field
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}={self.value!r}: {self.reason}"


class BadReadModel(OrdersEsError, ValueError):
    """A file does not define a read model.

    Args:
        path: The file.
        reason: What is wrong with it, and what would be right.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path!r} is no read model: {self.reason}"


class QueryError(OrdersEsError, ValueError):
    """DuckDB refused a query, or could not go on with it.

    Args:
        message: DuckDB's own words.
        query: The query.
    """

    def __init__(self, message: str, query: str) -> None:
        super().__init__(message, query)
        self.message = message
        self.query = query

    def __str__(self) -> str:
        return self.message
