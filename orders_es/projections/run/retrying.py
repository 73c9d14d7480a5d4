"""Dead letters tried again, in order within a stream, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.errors import NoSuchDeadLetter, ProjectionError, UnknownProjection
from orders_es.projections.file.dead_letters import close_letter, letters
from orders_es.projections.file.store import changing, find
from orders_es.projections.run.handler_work import HandlerWork
from orders_es.projections.run.outlet_work import OutletWork
from orders_es.projections.run.work import event_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders_es.projections.file.dead_letters import DeadLetter
    from orders_es.projections.file.tables import State
    from orders_es.projections.run.set_work import SetWork
    from orders_es.projections.run.work import Settings

__all__ = ["discard", "retry"]


def retry(work: SetWork | HandlerWork, number: int | None) -> list[DeadLetter]:
    """Dead letters that were tried again, as they stand now.

    Those before which the projection stopped are none of these: running it tries them.

    Args:
        work: The projection; its runner file is held.
        number: One dead letter; those of its stream that came before it are tried first. All open ones if left out.

    Raises:
        NoSuchDeadLetter: There is no open one of that number.
        UnknownProjection: The file knows none of that name.
        ProjectionError: It is no projection with handlers.
        ProjectionChanged, LogReplaced: As for a run.
    """
    work.begin()
    state = work.state
    if state is None:
        raise UnknownProjection(work.projection.name, ())
    if not isinstance(work, HandlerWork | OutletWork):
        raise ProjectionError(
            f"projection {state.name!r} puts no events aside: it stands before the one that it cannot process; mend the "
            "cause and run it"
        )
    waiting = _chosen(_open(work.settings, work.connection, state), number)
    failed: set[str] = set()
    for letter in waiting:
        if letter.position > state.checkpoint or letter.stream_id in failed:
            continue
        event = event_at(work.settings.log, letter.position)
        if not work.again(event) and isinstance(work, HandlerWork) and work.projection.block_streams:
            failed.add(letter.stream_id)
    numbers = {letter.id for letter in waiting}
    with changing(work.connection, work.settings.path, state.name, work.state, work.settings.patience):
        return [letter for letter in letters(work.connection, "projection = ?", (state.name,)) if letter.id in numbers]


def discard(settings: Settings, connection: Any, name: str, number: int) -> DeadLetter:
    """A dead letter that is given up, as it stands now.

    Args:
        settings: Where.
        connection: An in-memory connection.
        name: The projection; its runner file is held.

    Raises:
        UnknownProjection: The file knows none of that name.
        NoSuchDeadLetter: There is no open one of that number.
    """
    state = find(connection, settings.path, name, settings.patience)
    if state is None:
        raise UnknownProjection(name, ())
    [letter] = _chosen(_open(settings, connection, state), number)[-1:]
    with changing(connection, settings.path, name, state, settings.patience):
        close_letter(connection, name, letter.generation, letter.position, "discarded")
        [after] = letters(connection, "id = ?", (number,))
    return after


def _open(settings: Settings, connection: Any, state: State) -> list[DeadLetter]:
    with changing(connection, settings.path, state.name, state, settings.patience):
        return letters(
            connection, "projection = ? AND generation = ? AND state = 'open'", (state.name, state.generation)
        )


def _chosen(waiting: Iterable[DeadLetter], number: int | None) -> list[DeadLetter]:
    """Those to try, the one that was asked for last."""
    found = list(waiting)
    if number is None:
        return found
    wanted = next((letter for letter in found if letter.id == number), None)
    if wanted is None:
        raise NoSuchDeadLetter(number)
    return [letter for letter in found if letter.stream_id == wanted.stream_id and letter.position <= wanted.position]
