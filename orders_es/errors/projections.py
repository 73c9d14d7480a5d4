"""What can be wrong with projections and the file that holds their tables."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError, stated
from orders_es.errors.system import advice

__all__ = [
    "CannotGiveMetrics",
    "CannotWriteReadModels",
    "DamagedReadModels",
    "LogReplaced",
    "NoReadModels",
    "NoSuchDeadLetter",
    "NothingToRollBackTo",
    "OutletMismatch",
    "OutletUnavailable",
    "ProjectionChanged",
    "ProjectionError",
    "ProjectionRunning",
    "ProjectionStopped",
    "ReadModelsInUse",
    "RowsRefused",
    "TableTaken",
    "UnknownProjection",
]


class ProjectionError(OrdersEsError):
    """The base of what goes wrong with projections."""


@stated()
class ReadModelsInUse(ProjectionError, BlockingIOError):
    """Another process held the read-model file for longer than this one would wait.

    Args:
        pid: The other process, if known.
        program: What it runs, if known.
        waited: Seconds.
    """

    path: str
    pid: int | None
    program: str
    waited: float

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid}"
        program = f" ({self.program})" if self.program else ""
        return (
            f"{self.path!r} is held by {who}{program}, for {self.waited:.1f} s so far; close it there, or read from a "
            "copy: ReadModels(path).snapshot()"
        )


@stated("there is no read-model file at {path!r}; make it: orders-es project run --models {path}")
class NoReadModels(ProjectionError, LookupError):
    """There is no read-model file, or it holds no such table yet."""

    path: str


@stated(
    "{path!r} is no sound read-model file: {reason}. Everything in it comes from the log: move it away, "
    "and make it anew: orders-es project run --models {path}"
)
class DamagedReadModels(ProjectionError, RuntimeError):
    """The read-model file cannot be read.

    Args:
        reason: What is wrong with it.
    """

    path: str
    reason: str


@stated()
class CannotWriteReadModels(ProjectionError, OSError):
    """The system refused to write the read-model file, a copy of it, or a runner file beside it.

    Args:
        reason: The system's words.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"cannot write {self.path!r}: {self.reason}; what was committed is there, and nothing is half there. "
            f"{advice(self.reason, 'Mend that, or give another place, and run it again')}"
        )


@stated("cannot give metrics at {place!r}: {reason}")
class CannotGiveMetrics(ProjectionError, OSError):
    """Metrics cannot be given: no library for them, no port, no place for the file.

    Args:
        place: Where they were to be given: a file, or an address and port.
        reason: What is in the way.
    """

    place: str
    reason: str


@stated()
class ProjectionRunning(ProjectionError, BlockingIOError):
    """Another runner is at work on this projection.

    Args:
        projection: Its name.
        pid: The other runner's process, if known.
        host: Its machine, if known.
    """

    projection: str
    pid: int | None
    host: str

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid} on {self.host}"
        return f"projection {self.projection!r} is being run by {who}; one runner at a time: stop that one first"


@stated(
    "projection {projection!r} {reason}; its table stays as it was until it is rebuilt: orders-es "
    "project rebuild {projection} --models {models}"
)
class ProjectionChanged(ProjectionError, RuntimeError):
    """A projection is defined otherwise than when its tables were made.

    Args:
        projection: Its name.
        reason: What has changed.
        models: The read-model file.
    """

    projection: str
    reason: str
    models: str


@stated(
    "projection {projection!r} stands before position {position} of stream {stream_id!r}: {reason}; mend "
    "the cause and run it again, or see orders-es dead-letters list"
)
class ProjectionStopped(ProjectionError, RuntimeError):
    """A projection met an event that it cannot process, and stands before it.

    Args:
        projection: Its name.
        reason: The error.
    """

    projection: str
    position: int
    stream_id: str
    reason: str


@stated(
    "projection {projection!r} was made from another log: {reason}; give the right log, or another file "
    "for this one's read models"
)
class LogReplaced(ProjectionError, ValueError):
    """The log is not the one from which a projection's tables were made.

    Args:
        projection: Its name.
        reason: How that shows.
    """

    projection: str
    reason: str


@stated()
class UnknownProjection(ProjectionError, LookupError):
    """There is no projection of that name.

    Args:
        name: What was asked for.
        known: The names that there are.
    """

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no projection {self.name!r}; there are {', '.join(self.known) or 'none'}"


@stated(
    "projection {projection!r} wants a table {table!r}, which is that of projection {owner!r}; rename "
    "the table, or, if the projection was renamed: orders-es project drop {owner}"
)
class TableTaken(ProjectionError, ValueError):
    """Two projections want a table of the same name.

    Args:
        projection: Who wants it.
        owner: Whose it is.
    """

    table: str
    projection: str
    owner: str


@stated("projection {projection!r} has no previous generation; there is one after a rebuild")
class NothingToRollBackTo(ProjectionError, LookupError):
    """A projection has no previous generation.

    Args:
        projection: Its name.
    """

    projection: str


@stated("there is no open dead letter {number}; see orders-es dead-letters list")
class NoSuchDeadLetter(ProjectionError, LookupError):
    """There is no dead letter of that number."""

    number: int


@stated("outlet {outlet}: {reason}; the delivery is made when it answers again")
class OutletUnavailable(ProjectionError, ConnectionError):
    """Another system that is to hold a read model's rows cannot be reached, or has no room; nothing was delivered.

    Args:
        outlet: Its URL.
        reason: What it said.
    """

    outlet: str
    reason: str


@stated("outlet {outlet}: {reason}")
class OutletMismatch(ProjectionError, ValueError):
    """Another system holds something else than what is to go there.

    Args:
        outlet: Its URL.
        reason: What it holds, and what can be done.
    """

    outlet: str
    reason: str


@stated()
class RowsRefused(ProjectionError, ValueError):
    """Another system took a delivery but for certain rows, which it will never take.

    Args:
        outlet: Its URL.
        reasons: Why, by the row's index among the rows delivered.
    """

    outlet: str
    reasons: dict[int, str]

    def __str__(self) -> str:
        first = next(iter(self.reasons.values()), "")
        return f"outlet {self.outlet} refuses {len(self.reasons):,} rows: {first}"
