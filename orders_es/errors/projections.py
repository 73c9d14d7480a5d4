"""What can be wrong with projections and the file that holds their tables."""

from __future__ import annotations

from orders_es.errors.base import OrdersEsError
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


class ReadModelsInUse(ProjectionError, BlockingIOError):
    """Another process held the read-model file for longer than this one would wait.

    Args:
        path: The file.
        pid: The other process, if known.
        program: What it runs, if known.
        waited: Seconds.
    """

    def __init__(self, path: str, pid: int | None, program: str, waited: float) -> None:
        super().__init__(path, pid)  # OSError gives a third argument a meaning of its own
        self.args = (path, pid, program, waited)
        self.path = path
        self.pid = pid
        self.program = program
        self.waited = waited

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid}"
        program = f" ({self.program})" if self.program else ""
        return (
            f"{self.path!r} is held by {who}{program}, for {self.waited:.1f} s so far; close it there, or read from a "
            "copy: ReadModels(path).snapshot()"
        )


class NoReadModels(ProjectionError, LookupError):
    """There is no read-model file, or it holds no such table yet.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"there is no read-model file at {self.path!r}; make it: orders-es project run --models {self.path}"


class DamagedReadModels(ProjectionError, RuntimeError):
    """The read-model file cannot be read.

    Args:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path!r} is no sound read-model file: {self.reason}. Everything in it comes from the log: move it "
            f"away, and make it anew: orders-es project run --models {self.path}"
        )


class CannotWriteReadModels(ProjectionError, OSError):
    """The system refused to write the read-model file, a copy of it, or a runner file beside it.

    Args:
        path: The file.
        reason: The system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"cannot write {self.path!r}: {self.reason}; what was committed is there, and nothing is half there. "
            f"{advice(self.reason, 'Mend that, or give another place, and run it again')}"
        )


class CannotGiveMetrics(ProjectionError, OSError):
    """Metrics cannot be given: no library for them, no port, no place for the file.

    Args:
        place: Where they were to be given: a file, or an address and port.
        reason: What is in the way.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot give metrics at {self.place!r}: {self.reason}"


class ProjectionRunning(ProjectionError, BlockingIOError):
    """Another runner is at work on this projection.

    Args:
        projection: Its name.
        pid: The other runner's process, if known.
        host: Its machine, if known.
    """

    def __init__(self, projection: str, pid: int | None, host: str) -> None:
        super().__init__(projection, pid)
        self.args = (projection, pid, host)
        self.projection = projection
        self.pid = pid
        self.host = host

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid} on {self.host}"
        return f"projection {self.projection!r} is being run by {who}; one runner at a time: stop that one first"


class ProjectionChanged(ProjectionError, RuntimeError):
    """A projection is defined otherwise than when its tables were made.

    Args:
        projection: Its name.
        reason: What has changed.
        models: The read-model file.
    """

    def __init__(self, projection: str, reason: str, models: str) -> None:
        super().__init__(projection, reason, models)
        self.projection = projection
        self.reason = reason
        self.models = models

    def __str__(self) -> str:
        return (
            f"projection {self.projection!r} {self.reason}; its table stays as it was until it is rebuilt: "
            f"orders-es project rebuild {self.projection} --models {self.models}"
        )


class ProjectionStopped(ProjectionError, RuntimeError):
    """A projection met an event that it cannot process, and stands before it.

    Args:
        projection: Its name.
        position: The event's position.
        stream_id: Its stream.
        reason: The error.
    """

    def __init__(self, projection: str, position: int, stream_id: str, reason: str) -> None:
        super().__init__(projection, position, stream_id, reason)
        self.projection = projection
        self.position = position
        self.stream_id = stream_id
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"projection {self.projection!r} stands before position {self.position} of stream {self.stream_id!r}: "
            f"{self.reason}; mend the cause and run it again, or see orders-es dead-letters list"
        )


class LogReplaced(ProjectionError, ValueError):
    """The log is not the one from which a projection's tables were made.

    Args:
        projection: Its name.
        reason: How that shows.
    """

    def __init__(self, projection: str, reason: str) -> None:
        super().__init__(projection, reason)
        self.projection = projection
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"projection {self.projection!r} was made from another log: {self.reason}; give the right log, or another "
            "file for this one's read models"
        )


class UnknownProjection(ProjectionError, LookupError):
    """There is no projection of that name.

    Args:
        name: What was asked for.
        known: The names that there are.
    """

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        return f"there is no projection {self.name!r}; there are {', '.join(self.known) or 'none'}"


class TableTaken(ProjectionError, ValueError):
    """Two projections want a table of the same name.

    Args:
        table: The table.
        projection: Who wants it.
        owner: Whose it is.
    """

    def __init__(self, table: str, projection: str, owner: str) -> None:
        super().__init__(table, projection, owner)
        self.table = table
        self.projection = projection
        self.owner = owner

    def __str__(self) -> str:
        return (
            f"projection {self.projection!r} wants a table {self.table!r}, which is that of projection {self.owner!r}; "
            f"rename the table, or, if the projection was renamed: orders-es project drop {self.owner}"
        )


class NothingToRollBackTo(ProjectionError, LookupError):
    """A projection has no previous generation.

    Args:
        projection: Its name.
    """

    def __init__(self, projection: str) -> None:
        super().__init__(projection)
        self.projection = projection

    def __str__(self) -> str:
        return f"projection {self.projection!r} has no previous generation; there is one after a rebuild"


class NoSuchDeadLetter(ProjectionError, LookupError):
    """There is no dead letter of that number.

    Args:
        number: The number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"there is no open dead letter {self.number}; see orders-es dead-letters list"


class OutletUnavailable(ProjectionError, ConnectionError):
    """Another system that is to hold a read model's rows cannot be reached, or has no room; nothing was delivered.

    Args:
        outlet: Its URL.
        reason: What it said.
    """

    def __init__(self, outlet: str, reason: str) -> None:
        super().__init__(outlet, reason)
        self.outlet = outlet
        self.reason = reason

    def __str__(self) -> str:
        return f"outlet {self.outlet}: {self.reason}; the delivery is made when it answers again"


class OutletMismatch(ProjectionError, ValueError):
    """Another system holds something else than what is to go there.

    Args:
        outlet: Its URL.
        reason: What it holds, and what can be done.
    """

    def __init__(self, outlet: str, reason: str) -> None:
        super().__init__(outlet, reason)
        self.outlet = outlet
        self.reason = reason

    def __str__(self) -> str:
        return f"outlet {self.outlet}: {self.reason}"


class RowsRefused(ProjectionError, ValueError):
    """Another system took a delivery but for certain rows, which it will never take.

    Args:
        outlet: Its URL.
        reasons: Why, by the row's index among the rows delivered.
    """

    def __init__(self, outlet: str, reasons: dict[int, str]) -> None:
        super().__init__(outlet, reasons)
        self.outlet = outlet
        self.reasons = reasons

    def __str__(self) -> str:
        first = next(iter(self.reasons.values()), "")
        return f"outlet {self.outlet} refuses {len(self.reasons):,} rows: {first}"
