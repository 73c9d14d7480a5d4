"""What can be wrong with a log, or with an append to it."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError, stated
from orders_es.errors.system import advice

__all__ = [
    "CannotErase",
    "DamagedLog",
    "DuplicateEvent",
    "ForeignFile",
    "LogBusy",
    "LogChanged",
    "LogError",
    "LogInUse",
    "LogNotEmpty",
    "LogUnavailable",
    "NoSuchHold",
    "NotALog",
    "ReadOnlyLog",
    "SourceConflict",
    "StorageError",
    "TargetInLog",
    "UnansweredAppend",
    "UnconfirmedWrite",
    "UnderLegalHold",
    "UnreadableLog",
    "VersionConflict",
]


class LogError(OrdersEsError):
    """Something about the log itself."""


@stated()
class VersionConflict(LogError, RuntimeError):
    """The stream was not at the version that the writer expected; nothing was written.

    Load the stream again, decide again, append again: `orders_es.service` does that for you.

    Args:
        stream_id: The stream that moved.
        expected: What the writer believed: a number, or the name of an expectation.
        actual: The stream's version now; 0 where there is no such stream.
    """

    stream_id: str
    expected: int | str
    actual: int

    def __str__(self) -> str:
        wanted = f"version {self.expected}" if isinstance(self.expected, int) else self.expected
        is_at = f"is at version {self.actual}" if self.actual else "does not exist"
        return (
            f"stream {self.stream_id!r} {is_at}, expected {wanted}; nothing was written. "
            "Load it again, decide again and append with the new version"
        )


@stated("{path}, row {row}: {stream_id!r} is in this log already: {reason}")
class SourceConflict(VersionConflict):
    """A source holds a stream that the log has already, from somewhere else.

    Args:
        path: The source file.
        row: The number of the stream's first row in it.
        actual: The stream's version in the log.
        reason: Where the stream came from, and what to do.
    """

    def __init__(self, path: str, row: int, stream_id: str, actual: int, reason: str) -> None:
        super().__init__(stream_id, "NO_STREAM", actual)
        self.args = (path, row, stream_id, actual, reason)
        self.path = path
        self.row = row
        self.reason = reason


@stated("no log at {url!r}: {reason}")
class NotALog(LogError, ValueError):
    """There is no log at this place.

    Args:
        url: What was opened.
        reason: Why it is not a log, and what to do.
    """

    url: str
    reason: str


@stated("{path!r} is in the log {log!r}: nothing else is ever written there; name another place")
class TargetInLog(LogError, ValueError):
    """Something else would be written to where a log is.

    Args:
        path: What would have been written.
    """

    path: str
    log: str


@stated("the log is damaged at {path!r}: {reason}")
class DamagedLog(LogError, RuntimeError):
    """A part of the log is missing, cut short or altered; nothing was written and nothing was removed.

    Args:
        path: The file or folder that is damaged.
        reason: What is wrong with it, and what to do.
    """

    path: str
    reason: str


@stated("{path!r} does not belong to this log: {reason}")
class ForeignFile(DamagedLog):
    """A file lies in the log's folder that does not belong to this log."""


@stated(
    "{path!r} is not the log any more that was opened there: {reason}; nothing was written. Open it "
    "again to go on with what is there now, or put the log back, and go on"
)
class LogChanged(LogError, RuntimeError):
    """The log was exchanged, put back to an older state or taken away while it was open; nothing was written.

    Args:
        path: The log's folder or file.
        reason: How that shows.
    """

    path: str
    reason: str


@stated("cannot write to {path!r}: {reason}; nothing was written. Reading still works")
class ReadOnlyLog(LogError, PermissionError):
    """The log can be read here, but not written.

    Args:
        path: The folder that refused, or the log.
        reason: Why.
    """

    path: str
    reason: str = "permission denied or a read-only disk"


@stated()
class StorageError(LogError, OSError):
    """The operating system refused a write: disk full, quota reached, an I/O error; nothing was written.

    Args:
        path: The folder written to.
        reason: The operating system's words.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"could not write to {self.path!r}: {self.reason}; nothing was appended and the log is as it was. "
            f"{advice(self.reason, 'Mend that, and append again')}"
        )


@stated()
class UnreadableLog(LogError, OSError):
    """The operating system refused a read: no permission, too many open files, no memory, a disk that does not answer.

    Nothing says that the log itself is damaged.

    Args:
        path: The file or folder that was to be read.
        reason: The operating system's words.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"could not read {self.path!r}: {self.reason}; nothing was written, and nothing says that the log itself is "
            f"damaged. {advice(self.reason, 'Mend that, and try again')}"
        )


@stated(
    "{path!r} is in place, but the disk did not confirm it ({reason}): it may be gone after a power cut. "
    "See to the disk, then append again with the same event ids; that is harmless if it is still there"
)
class UnconfirmedWrite(StorageError):
    """The file is in place and everybody sees it, but the operating system did not confirm that it is durable.

    Args:
        reason: The operating system's words.
    """


@stated(
    "the server of the log {path!r} did not answer ({reason}) when an append was committed: it is there whole, or not at "
    "all. Append again with the same event ids; that is harmless if it is there"
)
class UnansweredAppend(StorageError):
    """The connection broke during a commit, and the server could not be asked afterwards whether it was made.

    Args:
        reason: How the connection broke.
    """


@stated("the server of the log {url!r} cannot be reached: {reason}; nothing was appended. {advice}")
class LogUnavailable(LogError, ConnectionError):
    """The server that holds the log does not answer, or does not let this user in; nothing was appended.

    Args:
        url: The log, without passwords.
        reason: The server's words, or those of its library.
        advice: What to do.
    """

    url: str
    reason: str
    advice: str


@stated("event_id {event_id}: {reason}; nothing was written")
class DuplicateEvent(LogError, ValueError):
    """An event_id of this append is recorded already, but not where a retry of it would be.

    Args:
        reason: Where it is, and what to do.
    """

    event_id: str
    reason: str


@stated(
    "others committed to {url!r} first at each of {attempts} attempts in {seconds:.0f} s; nothing was "
    "written. Append again, in smaller batches if they are large"
)
class LogBusy(LogError, TimeoutError):
    """Other writers committed first at every attempt until the time was up; nothing was written.

    Args:
        attempts: How many times it was tried.
        seconds: For how long.
    """

    url: str
    attempts: int
    seconds: float


@stated()
class LogInUse(LogError, BlockingIOError):
    """Another process holds the log's one file, or this one holds it in another way; nothing was read or written.

    Args:
        pid: The id of the process that holds it; None where that cannot be told.
        holder: What that process is, as far as known.
    """

    path: str
    pid: int | None
    holder: str = ""

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid}"
        what = f" ({self.holder})" if self.holder else ""
        return (
            f"{who}{what} holds {self.path!r}, and a DuckDB file belongs to one process at a time; nothing was read or written. "
            "Close it there, or use a folder log, which any number of processes share: orders-es copy FROM TO makes one of it"
        )


@stated("nothing was erased in {url!r}: {reason}")
class CannotErase(LogError, ValueError):
    """Personal data cannot be erased there, or not as it was asked for; the log is as it was.

    Args:
        url: The log.
        reason: Why not, and what to do.
    """

    url: str
    reason: str


@stated(
    "the erasure is recorded in {url!r}, and what was erased answers nothing any more, but bytes of it may still be there: {reason}. "
    "It goes on when the log is next opened for writing: run orders-es erase once more"
)
class ErasureUnfinished(LogError, TimeoutError):
    """Personal data are erased for whoever reads, and their bytes are not all gone yet.

    Args:
        url: The log.
        reason: What was in the way, and what to do about it.
    """

    url: str
    reason: str


@stated(
    "nothing was erased: {subject} is under legal hold {hold!r}, placed by {placed_by} ({why}). Erase once it is released: "
    "orders-es hold release {hold}"
)
class UnderLegalHold(LogError, PermissionError):
    """What should be erased has to be kept for the law's sake.

    Args:
        subject: The order or customer that is held.
        hold: The hold's id.
        placed_by: Whose hold it is.
        why: What it is for.
    """

    subject: str
    hold: str
    placed_by: str
    why: str


@stated(
    "there is no legal hold {hold!r} that is not released in the log {url!r}; orders-es hold list names those that there are"
)
class NoSuchHold(LogError, LookupError):
    """No legal hold of that id is in force.

    Args:
        hold: The id that was given.
    """

    url: str
    hold: str


@stated("the log {url!r} holds {position:,} events already: {reason}; nothing was written")
class LogNotEmpty(LogError, ValueError):
    """Something that only a new log can take met a log with events in it; nothing was written.

    Args:
        position: Position of its last event.
        reason: Why a new log is needed, and what to do.
    """

    url: str
    position: int
    reason: str
