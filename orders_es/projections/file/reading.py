"""`ReadModels`: the tables in a read-model file, for whoever asks. Read-only: nothing here ever writes to the file."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import CannotWriteReadModels, DamagedReadModels, QueryError, ReadModelsInUse
from orders_es.projections.file.dead_letters import letters
from orders_es.projections.file.holding import held
from orders_es.projections.file.requests import unfinished
from orders_es.projections.file.runner_file import runners_folder, said_last, who_runs
from orders_es.projections.file.tables import all_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from orders_es.projections.file.dead_letters import DeadLetter
    from orders_es.projections.file.tables import State

__all__ = ["ReadModels", "Rows"]

PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a query, in memory: the file is closed again."""

    table: pa.Table

    def rows(self) -> list[tuple[Any, ...]]:
        """The answer as tuples, in order."""
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        names: list[str] = self.table.column_names
        return names

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        return self.table

    def to_pandas(self) -> pd.DataFrame:
        """The answer as a pandas DataFrame; money stays exact, as columns of Arrow decimals."""
        import pandas as pd
        import pyarrow as pa

        frame: pd.DataFrame = self.table.to_pandas(
            types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None
        )
        return frame

    def __len__(self) -> int:
        count: int = self.table.num_rows
        return count

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


class ReadModels:
    """The tables that projections keep in a DuckDB file. It is opened for each question and closed after it.

    Args:
        tz: The time zone of days in queries; UTC if left out.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> from orders_es.projections import Projector, set_projections
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> path = tempfile.mkdtemp() + "/shop.duckdb"
        >>> _ = Projector(log, path, set_projections(["orders"])).run()
        >>> ReadModels(path).query("SELECT order_id, status FROM orders").rows()
        [('A-1', 'placed')]
    """

    def __init__(self, path: str | os.PathLike[str], *, tz: str = "UTC") -> None:
        self.path = Path(path)
        self._tz = tz

    def query(
        self, sql: str, params: Sequence[Any] | dict[str, Any] | None = None, *, timeout: float = PATIENCE
    ) -> Rows:
        """The answer to a query. A runner that is at work on the file is waited for: it holds it for a batch at a time.

        Args:
            sql: A query in DuckDB's dialect.
            params: Values for `?`, `$1` or `$name` in it.
            timeout: How many seconds to wait while others hold the file.

        Raises:
            NoReadModels: There is no file.
            ReadModelsInUse: Others held it all that time; the error says who.
            DamagedReadModels: It is no sound read-model file.
            QueryError: DuckDB refuses the query; the message is DuckDB's.
        """
        import duckdb
        import pyarrow as pa

        with self._open(timeout) as connection:
            try:
                relation = connection.sql(sql, params=params)
                table = pa.table({}) if relation is None else relation.to_arrow_table()
            except duckdb.Error as error:
                raise QueryError(str(error), sql) from error
        fields = [
            f.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(f.type) and f.type.tz is not None else f
            for f in table.schema
        ]
        return Rows(table.cast(pa.schema(fields)))

    def tables(self, *, timeout: float = PATIENCE) -> list[str]:
        """The names of the tables that can be asked, sorted. Raises as `query` does.

        Args:
            timeout: As in `query`.
        """
        with self._open(timeout) as connection:
            states = self._states(connection)
        return sorted(table for state in states for table in state.tables)

    def status(self, *, timeout: float = PATIENCE) -> list[State]:
        """Each projection's row, by name: what it is, and up to which position its tables account for. Raises as `query` does.

        Its `status` is `ok` (it came to the log's end), `running` (its runner is at work), `behind` (its runner ended, and the
        log has grown meanwhile), `interrupted` (its runner was killed on the way) or `stopped_by_error`.

        Args:
            timeout: As in `query`.
        """
        idle = {
            path.stem for path in runners_folder(self.path).glob("*.json") if who_runs(self.path, path.stem) is None
        }
        with self._open(timeout) as connection:
            states = self._states(connection)
        for state in states:
            if state.status == "running" and state.name in idle and who_runs(self.path, state.name) is None:
                state.status = "behind" if said_last(self.path, state.name) == "ended" else "interrupted"
        return states

    def unfinished(self) -> list[str]:
        """The projections that runs were asked for which were killed, or failed, before these were done; the next run does them.

        Whether the file is there does not matter: a run may be killed before it makes it.
        """
        return unfinished(self.path)

    def dead_letters(self, projection: str | None = None, *, timeout: float = PATIENCE) -> list[DeadLetter]:
        """The events that projections could not process, by position; those of generations that serve. Raises as `query` does.

        Args:
            projection: Only this one's.
            timeout: As in `query`.
        """
        serving = "(projection, generation) IN (SELECT (name, generation) FROM orders_es.projections)"
        with self._open(timeout) as connection:
            self._states(connection)
            found = letters(connection, serving)
        return [letter for letter in found if projection in (None, letter.projection)]

    def snapshot(self, to: str | os.PathLike[str] | None = None, *, timeout: float = PATIENCE) -> ReadModels:
        """A copy of the whole file as it is between two batches, which no runner ever locks.

        Args:
            to: Where it is written; it is replaced if it is there. A file in a new temporary folder if left out.
            timeout: As in `query`.

        Raises:
            CannotWriteReadModels: It cannot be written.
            NoReadModels, ReadModelsInUse, DamagedReadModels: As `query` does.
        """
        place = Path(tempfile.mkdtemp(prefix="orders_es-")) / self.path.name if to is None else Path(to)
        new = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            # Held for reading, so that nobody writes meanwhile. The file itself goes last: closing any handle on it gives up
            # this process's lock on it, as POSIX has it.
            with self._open(timeout):
                _copy(_log_of(self.path), _log_of(new))
                _copy(self.path, new)
            _log_of(place).unlink(missing_ok=True)
            if _log_of(new).exists():
                _log_of(new).replace(_log_of(place))
            new.replace(place)
        except ReadModelsInUse:
            raise
        except OSError as error:
            raise CannotWriteReadModels(str(place), error.strerror or str(error)) from error
        return ReadModels(place, tz=self._tz)

    def __repr__(self) -> str:
        return f"ReadModels({str(self.path)!r})"

    @contextmanager
    def _open(self, timeout: float) -> Iterator[Any]:
        import duckdb

        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = ?", [self._tz])
            with held(connection, self.path, write=False, patience=timeout):
                yield connection

    def _states(self, connection: Any) -> list[State]:
        import duckdb

        try:
            return all_states(connection)
        except duckdb.CatalogException as error:
            raise DamagedReadModels(str(self.path), "it is a DuckDB file of something else") from error


def _log_of(path: Path) -> Path:
    """What DuckDB has committed and not put into a file yet."""
    return path.with_name(path.name + ".wal")


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists():
        shutil.copyfile(source, target)
