"""Tables built anew beside those that serve, compared with them, and put in their place in one transaction; and back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from time import monotonic
from typing import TYPE_CHECKING, Any

from orders_es.errors import NothingToRollBackTo, ProjectionError, UnknownProjection
from orders_es.log.relation import quoted
from orders_es.projections.file.holding import held
from orders_es.projections.file.store import changing, drop_earlier, drop_tables, find, show
from orders_es.projections.file.tables import all_states, erase, forget, generations, keep, place
from orders_es.projections.run.comparing import Difference, compare
from orders_es.projections.run.handler_work import HandlerWork
from orders_es.projections.run.set_work import RESULT, SetWork
from orders_es.projections.run.work import last_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders_es.projections.file.tables import State
    from orders_es.projections.run.work import Settings

__all__ = ["Rebuilt", "drop", "rebuild", "roll_back"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to.

    Args:
        generation: The generation that serves now.
        position: The position as of which the tables were compared; the new ones were caught up with the log after that.
        differences: How each table differs from the one before; none where there was none before.
        promoted: Whether the new tables serve now.
        seconds: How long it took.
    """

    projection: str
    generation: int
    position: int
    differences: tuple[Difference, ...]
    promoted: bool
    seconds: float

    @property
    def same(self) -> bool:
        """Whether the rebuilt tables are those that were there before."""
        return all(difference.same for difference in self.differences)


def rebuild(work: SetWork | HandlerWork, *, dry_run: bool, progress: Callable[[int], None]) -> Rebuilt:
    """Build a projection's tables anew beside those that serve, compare, and let the new ones serve.

    Whatever happens before the last step, the old ones go on serving. Whoever calls holds the projection's runner file.

    Args:
        dry_run: Only compare.
        progress: Is told the position that the new tables have come to.

    Raises:
        ProjectionError: The projection has no tables.
        LogReplaced: Its tables were made from another log.
        ProjectionStopped, UnknownEventType, InvalidEvent, QueryError: An event cannot be processed.
    """
    started = monotonic()
    settings, projection = work.settings, work.projection
    serving = find(work.connection, settings.path, projection.name, settings.patience)
    if isinstance(work, HandlerWork) and not work.table_names():
        raise ProjectionError(
            f"projection {projection.name!r} has no tables to rebuild; processing its events again would repeat what it "
            "does elsewhere"
        )
    if serving is not None:
        work.check_log(serving)
    work.state = serving
    position = settings.log.head().position if serving is None else serving.checkpoint
    generation = _next_generation(work, serving)
    if isinstance(work, SetWork):
        differences = _rebuild_set(work, position, generation, dry_run=dry_run)
        progress(position)
    else:
        differences = _rebuild_handlers(work, position, generation, dry_run=dry_run, progress=progress)
    now_serving = generation if not dry_run else 0 if serving is None else serving.generation
    return Rebuilt(projection.name, now_serving, position, differences, not dry_run, monotonic() - started)


def _next_generation(work: SetWork | HandlerWork, serving: State | None) -> int:
    """The number after all others. What an interrupted rebuild left is removed."""
    if serving is None:
        return 1
    with _changing(work, serving) as connection:
        others = generations(connection, serving)
        for what, other in others:
            if what == "building":
                drop_tables(connection, other.name, other.generation)
                forget(connection, other.name, other.generation)
    return max([serving.generation, *(other.generation for what, other in others if what != "building")]) + 1


def _rebuild_set(work: SetWork, position: int, generation: int, *, dry_run: bool) -> tuple[Difference, ...]:
    serving, model = work.state, work.projection.model
    found: list[Difference] = []
    if not dry_run:
        work.begin_anew()

    def beside(cursor: Any) -> None:
        found.clear()
        if serving is not None:
            with held(cursor, work.settings.path, write=False, patience=work.settings.patience):
                old = f"{place(serving.name, serving.generation)}.{quoted(model.name)}"
                found.append(compare(cursor, model.name, old, f"temp.{RESULT}", model.key))
        if not dry_run:
            work.hand_on_everything(cursor, position)
            state = work.next_state(position, last_of(work.settings.log, position), generation)
            with _changing(work, serving, cursor) as connection:
                work.write(connection, state)
                _promote(connection, serving, state)
            work.state = state

    work.compute_all(position, beside)
    return tuple(found)


def _rebuild_handlers(
    work: HandlerWork, position: int, generation: int, *, dry_run: bool, progress: Callable[[int], None]
) -> tuple[Difference, ...]:
    serving = work.state
    if serving is None:
        if not dry_run:
            while work.current is None or work.position < position:
                work.advance(work.goal(position))
                progress(work.position)
        return ()
    work.building = work.create(generation)
    while work.position < position:
        if work.settings.stop.is_set():
            raise KeyboardInterrupt
        work.advance(work.goal(position))
        progress(work.position)
    built = work.building
    with held(work.connection, work.settings.path, write=False, patience=work.settings.patience):
        differences = tuple(
            compare(
                work.connection,
                table,
                f"{place(serving.name, serving.generation)}.{quoted(table)}",
                f"{place(built.name, built.generation)}.{quoted(table)}",
                _primary_key(work.connection, built, table),
            )
            for table in built.tables
            if table in serving.tables
        )
    erased = None if dry_run else work.erased_of(serving, work.settings.log.head().position)
    while erased is not None and work.position < erased:  # so that the next run has that behind it
        work.advance(work.goal(erased))
        progress(work.position)
        built = work.building
    with _changing(work, serving) as connection:
        forget(connection, built.name, built.generation)
        if dry_run:
            drop_tables(connection, built.name, built.generation)
        else:
            _promote(connection, serving, built)
            if erased is not None:
                drop_earlier(connection, built)
    work.building = None
    work.state = serving if dry_run else built
    return differences


def _primary_key(connection: Any, state: State, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT constraint_column_names FROM duckdb_constraints() "
        "WHERE schema_name = ? AND table_name = ? AND constraint_type = 'PRIMARY KEY'",
        [place(state.name, state.generation).strip('"'), table],
    ).fetchall()
    return list(rows[0][0]) if rows else []


def _promote(connection: Any, serving: State | None, state: State) -> None:
    """Let a generation serve, keep the one before, and remove all older ones, within a transaction."""
    if serving is not None:
        for _, other in generations(connection, serving):
            if other.generation != state.generation:
                drop_tables(connection, other.name, other.generation)
                _drop_letters(connection, other)
            forget(connection, other.name, other.generation)
        keep(connection, serving, "previous", state.updated_at)
    show(connection, state)


def _drop_letters(connection: Any, state: State) -> None:
    connection.execute(
        "DELETE FROM orders_es.dead_letters WHERE projection = ? AND generation = ?", [state.name, state.generation]
    )


def roll_back(work: SetWork | HandlerWork) -> State:
    """The row of the previous generation, which serves again; the one that did until now is kept as the previous one.

    Args:
        work: The projection; its runner file is held.

    Raises:
        NothingToRollBackTo: There is no previous generation.
    """
    settings, name = work.settings, work.projection.name
    serving = find(work.connection, settings.path, name, settings.patience)
    if work.projection.kind == "outlet":
        raise ProjectionError(
            f"projection {name!r} keeps no earlier tables where its outlet is; build it anew: orders-es project rebuild {name}"
        )
    if serving is None:
        raise NothingToRollBackTo(name)
    now = settings.clock().astimezone(UTC)
    with _changing(work, serving) as connection:
        previous = next((other for what, other in generations(connection, serving) if what == "previous"), None)
        if previous is None:
            raise NothingToRollBackTo(name)
        previous = replace(previous, updated_at=now)
        forget(connection, name, previous.generation)
        keep(connection, serving, "previous", now)
        show(connection, previous)
    return previous


def drop(settings: Settings, connection: Any, name: str) -> None:
    """Remove a projection: its row, its tables, its dead letters.

    Args:
        settings: Where.
        connection: An in-memory connection.
        name: The projection; its runner file is held.

    Raises:
        UnknownProjection: The file knows none of that name.
    """
    serving = find(connection, settings.path, name, settings.patience)
    if serving is None:
        with held(connection, settings.path, write=False, patience=settings.patience):
            known = tuple(state.name for state in all_states(connection))
        raise UnknownProjection(name, known)
    with changing(connection, settings.path, name, serving, settings.patience):
        for _, other in [("serving", serving), *generations(connection, serving)]:
            drop_tables(connection, name, other.generation)
        for table in serving.tables:
            connection.execute(f"DROP VIEW IF EXISTS main.{quoted(table)}")
        erase(connection, name)


@contextmanager
def _changing(work: SetWork | HandlerWork, known: State | None, cursor: Any = None) -> Iterator[Any]:
    connection = cursor or work.connection
    with changing(connection, work.settings.path, work.projection.name, known, work.settings.patience):
        yield connection
