"""One projection's row and tables in the read-model file, changed in transactions that hold the file only as long as they last."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotWriteReadModels, DamagedReadModels, NoReadModels, TableTaken
from orders_es.log.interrupts import is_interrupt
from orders_es.log.relation import quoted
from orders_es.projections.file.holding import held
from orders_es.projections.file.tables import forget, generations, place, save, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orders_es.projections.file.tables import State

__all__ = ["Moved", "changing", "committing", "drop_tables", "find", "refused_by_disk", "show", "take_tables"]


class Moved(Exception):
    """The projection's row is not what it was when the work on it began: the file was deleted, or put back from a copy."""


def find(
    connection: Any, path: Path, name: str, patience: float, *, also: Callable[[Any], None] | None = None
) -> State | None:
    """A projection's row; None if the file or the row is not there.

    Args:
        connection: An in-memory connection.
        path: The read-model file.
        name: The projection.
        patience: How many seconds to wait while others hold the file.
        also: Is given the connection while it holds the file, which is attached once for both.

    Raises:
        ReadModelsInUse, DamagedReadModels, CannotWriteReadModels: As `held` does.
    """
    try:
        with held(connection, path, write=False, patience=patience), _of_ours(path):
            if also is not None:
                also(connection)
            return state_of(connection, name)
    except NoReadModels:
        return None


@contextmanager
def changing(connection: Any, path: Path, name: str, known: State | None, patience: float) -> Iterator[State | None]:
    """A block that changes the file in one transaction, if the projection's row is still as it is known.

    Args:
        connection: An in-memory connection.
        path: The read-model file; made if it is not there.
        name: The projection.
        known: Its row as of the last look.
        patience: How many seconds to wait while others hold the file.

    Raises:
        Moved: The row is another one.
        ReadModelsInUse, DamagedReadModels, CannotWriteReadModels: As `held` does; or the disk refused the transaction.
    """
    with held(connection, path, write=True, patience=patience):
        with _of_ours(path):
            connection.execute("BEGIN")
            current = state_of(connection, name)
        if _mark(current) != _mark(known):
            raise Moved
        with committing(connection, path):
            yield current


@contextmanager
def committing(connection: Any, path: Path) -> Iterator[None]:
    """A block at whose end the transaction that the connection is in is committed.

    Args:
        connection: A connection that holds the file, in a transaction.

    Raises:
        CannotWriteReadModels: The disk refused.
    """
    import duckdb

    try:
        yield
        connection.execute("COMMIT")
    except duckdb.Error as error:
        meant = refused_by_disk(path, error)
        if meant is None:
            raise
        raise meant from error


def refused_by_disk(path: Path, error: BaseException) -> CannotWriteReadModels | None:
    """What DuckDB's error says, if it is that the disk would not take what was to be written; None if it says something else.

    Args:
        path: The read-model file.
        error: DuckDB's error.
    """
    import duckdb

    if not isinstance(error, duckdb.Error):  # a handler's own, whose text may be anything or raise in its turn
        return None
    told = str(error)
    if isinstance(error, duckdb.IOException | duckdb.FatalException) or "Could not write file" in told:
        return CannotWriteReadModels(str(path), " ".join(told.split()))
    return None


def _mark(state: State | None) -> tuple[object, ...] | None:
    return None if state is None else (state.generation, state.checkpoint, state.log_id, state.fingerprint)


@contextmanager
def _of_ours(path: Path) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.CatalogException as error:
        raise DamagedReadModels(str(path), "it is a DuckDB file of something else") from error
    except duckdb.Error as error:
        if is_interrupt(error):
            raise
        raise DamagedReadModels(str(path), " ".join(str(error).split())) from error


def take_tables(connection: Any, state: State) -> None:
    """Make sure, within a transaction, that no other projection has a table of these names.

    Args:
        connection: A connection that holds the file.
        state: The projection's row, with the names of its tables.

    Raises:
        TableTaken: Another one has.
    """
    for table in state.tables:
        rows = connection.execute(
            "SELECT name FROM orders_es.projections WHERE name <> ? AND list_contains(tables, ?)", [state.name, table]
        ).fetchall()
        if rows:
            raise TableTaken(table, state.name, rows[0][0])


def show(connection: Any, state: State) -> None:
    """Let a generation serve, within a transaction: its tables appear under their names, and its row is the projection's.

    Args:
        connection: A connection that holds the file.
        state: The projection's row, as it is to be.
    """
    before = state_of(connection, state.name)
    for table in set(before.tables if before else ()) - set(state.tables):
        connection.execute(f"DROP VIEW IF EXISTS main.{quoted(table)}")
    for table in state.tables:
        connection.execute(
            f"CREATE OR REPLACE VIEW main.{quoted(table)} AS "
            f"SELECT * FROM {place(state.name, state.generation)}.{quoted(table)}"
        )
    save(connection, state)


def drop_earlier(connection: Any, state: State) -> None:
    """Remove the generations of a projection that do not serve, within a transaction: nobody goes back to what was erased.

    Args:
        connection: A connection that holds the file.
        state: The row of the one that serves.
    """
    for _, other in generations(connection, state):
        drop_tables(connection, other.name, other.generation)
        forget(connection, other.name, other.generation)


def drop_tables(connection: Any, name: str, generation: int) -> None:
    """Remove a generation's tables, within a transaction.

    Args:
        connection: A connection that holds the file.
        name: The projection.
    """
    connection.execute(f"DROP SCHEMA IF EXISTS {place(name, generation)} CASCADE")
