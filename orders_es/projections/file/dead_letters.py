"""Dead letters in the read-model file: events that a projection could not process, kept with their errors."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from orders_es.log import RecordedEvent

__all__ = ["DeadLetter", "Failure", "close_letter", "letters", "open_streams", "put_aside", "settle"]

_COLUMNS = (
    "id",
    "projection",
    "generation",
    "position",
    "stream_id",
    "version",
    "event_id",
    "type",
    "error",
    "traceback",
    "attempts",
    "blocked",
    "state",
    "first_failed_at",
    "last_failed_at",
)
_LISTED = ", ".join(f'"{name}"' for name in _COLUMNS)
_TRACEBACK_MOST = 20_000
_LINE_MOST = 2_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a projection could not process.

    Args:
        id: Its number.
        projection: Whose it is.
        generation: Of which generation of its tables.
        version: Its version there.
        error: What went wrong, in one line.
        traceback: The traceback's text; empty for one that was never tried.
        attempts: How often it was tried.
        blocked: Whether it was never tried, and waits behind an earlier one of its stream.
        state: `open`; `retried`, once it was processed; or `discarded`.
        first_failed_at: When it was put aside.
        last_failed_at: When it failed last.
    """

    id: int
    projection: str
    generation: int
    position: int
    stream_id: str
    version: int
    event_id: UUID
    type: str
    error: str
    traceback: str
    attempts: int
    blocked: bool
    state: str
    first_failed_at: datetime
    last_failed_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What a dead letter says of its error.

    Args:
        error: One line.
        traceback: The traceback's text.
        attempts: How often it was tried.
    """

    error: str
    traceback: str
    attempts: int

    @classmethod
    def of(cls, error: BaseException, attempts: int) -> Failure:
        """What an exception comes to.

        Args:
            error: The exception.
            attempts: How often it came.
        """
        name = type(error).__name__
        try:
            line = " ".join(f"{name}: {error}".split())
        except Exception as worse:  # noqa: BLE001 - what an error says of itself is the handler's code as well
            line = f"{name}, whose text cannot be had: {type(worse).__name__}"
        if len(line) > _LINE_MOST:
            line = f"{line[:_LINE_MOST]}… ({len(line):,} characters)"
        try:
            trace = _shortened("".join(traceback.format_exception(error)))
        except Exception as worse:  # noqa: BLE001 - as above
            trace = f"the traceback cannot be had: {type(worse).__name__}"
        return cls(_storable(line), _storable(trace), attempts)


def _shortened(trace: str) -> str:
    """A traceback without its middle, where that is long: where it came from and how it ended are at its ends."""
    if len(trace) <= _TRACEBACK_MOST:
        return trace
    half = _TRACEBACK_MOST // 2
    return f"{trace[:half]}\n… {len(trace) - 2 * half:,} characters left out …\n{trace[-half:]}"


def _storable(text: str) -> str:
    """A text that a column takes and a terminal can show: lone surrogates are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def put_aside(
    connection: Any,
    projection: str,
    generation: int,
    event: RecordedEvent,
    failure: Failure | None,
    now: datetime,
) -> None:
    """Keep an event as a dead letter, within a transaction; one that is there already has failed again.

    Args:
        connection: A connection that holds the file.
        projection: Whose it is.
        generation: Of which generation.
        failure: What went wrong; None for one that waits behind another of its stream.
        now: The time.
    """
    blocked = failure is None
    told = failure or Failure("waits behind an earlier event of its stream", "", 0)
    known = connection.execute(
        "UPDATE orders_es.dead_letters SET error = ?, traceback = ?, attempts = attempts + ?, blocked = ?, "
        "last_failed_at = ? WHERE projection = ? AND generation = ? AND \"position\" = ? AND state = 'open' RETURNING id",
        [told.error, told.traceback, told.attempts, blocked, now, projection, generation, event.position],
    ).fetchall()
    if known:
        return
    connection.execute(
        f"INSERT INTO orders_es.dead_letters ({_LISTED}) "
        f"VALUES (nextval('orders_es.dead_letter_numbers'), {', '.join('?' * (len(_COLUMNS) - 1))})",
        [
            projection,
            generation,
            event.position,
            event.stream_id,
            event.version,
            event.event_id,
            event.type,
            told.error,
            told.traceback,
            told.attempts,
            blocked,
            "open",
            now,
            now,
        ],
    )


def close_letter(connection: Any, projection: str, generation: int, position: int, state: str) -> None:
    """Note of an open dead letter, if there is one, what became of it, within a transaction.

    Args:
        connection: A connection that holds the file.
        projection: Whose it is.
        generation: Of which generation.
        state: `retried` or `discarded`.
    """
    connection.execute(
        "UPDATE orders_es.dead_letters SET state = ?, blocked = false "
        "WHERE projection = ? AND generation = ? AND \"position\" = ? AND state = 'open'",
        [state, projection, generation, position],
    )


def settle(connection: Any, projection: str, generation: int, after: int, to: int) -> None:
    """Note that the events before which a projection stood are processed, within the transaction in which they are.

    Args:
        connection: A connection that holds the file.
        after: The checkpoint before it.
        to: The checkpoint after it.
    """
    connection.execute(
        "UPDATE orders_es.dead_letters SET state = 'retried' WHERE projection = ? AND generation = ? "
        'AND "position" > ? AND "position" <= ? AND state = \'open\' AND NOT blocked',
        [projection, generation, after, to],
    )


def open_streams(connection: Any, projection: str, generation: int, checkpoint: int) -> set[str]:
    """The streams of which a generation has put events aside that are still open.

    Args:
        connection: A connection that holds the file.
        checkpoint: Where it stands; an event after that is one before which it stopped, and not put aside.
    """
    rows = connection.execute(
        "SELECT DISTINCT stream_id FROM orders_es.dead_letters WHERE projection = ? AND generation = ? AND state = 'open' "
        'AND "position" <= ?',
        [projection, generation, checkpoint],
    ).fetchall()
    return {stream_id for (stream_id,) in rows}


def letters(connection: Any, condition: str = "true", parameters: tuple[Any, ...] = ()) -> list[DeadLetter]:
    """Dead letters by position.

    Args:
        connection: A connection that holds the file.
        parameters: Values for its `?`.
    """
    rows = connection.execute(
        f'SELECT {_LISTED} FROM orders_es.dead_letters WHERE {condition} ORDER BY "position", projection, id',
        list(parameters),
    ).fetchall()
    return [DeadLetter(*row) for row in rows]
