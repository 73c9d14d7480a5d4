"""SQL over a log at any moment: for analysts. Read-only: nothing here ever writes to a log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from orders_es.errors import QueryError
from orders_es.log.interrupts import interruptible
from orders_es.log.relation import quoted, text
from orders_es.orders import AsOf
from orders_es.read_models import load_read_models
from orders_es.replay.answer import Answer
from orders_es.replay.moments import as_of
from orders_es.replay.relations import guarded, inline, limits, macro, refusal, undefined, view

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from types import TracebackType

    import duckdb

    from orders_es.log import EventLog, Head
    from orders_es.read_models import ReadModel

__all__ = ["Session", "connect", "define"]

_Result = TypeVar("_Result")
_NOW = AsOf()


def connect(log: EventLog, *, models: str | os.PathLike[str] | None = None) -> Session:
    """A session for SQL over the log: `events`, `orders`, `order_items` and their history, at any moment.

    Args:
        log: The log.
        models: A folder with `.sql` files, whose read models are there beside the house's own.

    Raises:
        BadReadModel: A file in that folder defines no read model.
        QueryError: DuckDB refuses one of them.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> session = connect(log)
        >>> session.sql("SELECT order_id, status, total FROM orders").rows()
        [('A-1', 'placed', Decimal('0.0000'))]
    """
    return Session(log, (*load_read_models(), *(() if models is None else load_read_models(models))))


class Session:
    """A DuckDB connection that shows a log, and follows it as it grows. Made by `connect`.

    In SQL there are the relations `events`, `orders`, `order_items`, `order_history` and `order_record_history`, and of
    each the table macro `…_at(at, known_at := …)`: `orders_at(TIMESTAMPTZ '2011-06-30 23:59:59Z')`. A limit that is left
    out, or NULL, is none. The connection's time zone is UTC.

    Args:
        log: The log.
        models: The read models.
    """

    def __init__(self, log: EventLog, models: Sequence[ReadModel]) -> None:
        import duckdb as duck  # noqa: PLC0415 - only a session needs it

        self.log = log
        self.models = tuple({model.name: model for model in models}.values())
        self._lock = threading.RLock()
        self._head: Head | None = None
        self._types: frozenset[tuple[str, int]] | None = None
        self._error: type[Exception] = duck.Error
        self._connection = duck.connect()
        self._connection.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection itself, brought up to date with the log: for all that `sql` does not do."""
        with self._lock:
            self._refresh()
            return self._connection

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | dict[str, Any] | None = None,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        position: int | None = None,
    ) -> Answer:
        """The answer to a query, computed now, with everything in it bound to one moment.

        Args:
            query: SQL, in DuckDB's dialect.
            parameters: Values for `?`, `$1` or `$name` in it.
            at: Only what had occurred by then, with time zone. It also limits the `…_at` macros in the query.
            known_at: Only what had been recorded by then, with time zone.
            position: Only the log's events up to this position.

        Raises:
            NaiveTime: A time has no time zone.
            QueryError: DuckDB refuses the query; the message is DuckDB's.
            UnknownEventType: A read model met an event whose meaning nobody registered.
        """
        asked = as_of(at=at, known_at=known_at, position=position)
        table, head = self._asking(query, asked, lambda cursor, _: _table(cursor, query, parameters))
        return Answer(query, asked, head, lambda: (table, head)).computed()

    def write(
        self,
        query: str,
        path: str | os.PathLike[str],
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        form: Literal["parquet", "csv"] = "parquet",
    ) -> int:
        """How many rows the answer to a query has, after streaming it to a file, however large it is.

        Args:
            query: One SELECT.
            path: The file; it is replaced if it is there.
            at: As in `sql`.
            known_at: As in `sql`.
            form: What kind of file.

        Raises:
            QueryError: DuckDB refuses the query, or cannot write there.
        """
        options = {"csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet, COMPRESSION zstd"}[form]
        query = query.strip().rstrip(";")
        copy = f"COPY (\n{query}\n) TO {text(str(path))} ({options})"
        asked = as_of(at=at, known_at=known_at)
        count: int = self._asking(query, asked, lambda cursor, _: cursor.execute(copy).fetchall()[0][0])[0]
        return count

    def table(self, name: str, *, at: datetime | None = None, known_at: datetime | None = None) -> Answer:
        """A relation at a moment, computed when it is first looked into and not before.

        Args:
            name: `events` or a read model's name.
            at: As in `sql`.
            known_at: As in `sql`.
        """
        asked = as_of(at=at, known_at=known_at)
        query = f"SELECT * FROM {quoted(name)}"
        return Answer(
            name, asked, None, lambda: self._asking(query, asked, lambda cursor, _: _table(cursor, query, None))
        )

    def using(
        self,
        use: Callable[[duckdb.DuckDBPyConnection, Head], _Result],
        query: str = "",
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        position: int | None = None,
    ) -> _Result:
        """What a function makes of a cursor on which everything is bound to one moment: for more than one query, or COPY.

        Args:
            use: Is given the cursor, which is closed afterwards, and the head of the log that it shows. It is called once
                more where files of the log vanished meanwhile, so it has to begin anew each time.
            query: The question in words or SQL, for errors.
            at: As in `sql`.
            known_at: As in `sql`.
            position: As in `sql`.

        Raises:
            NaiveTime, QueryError, UnknownEventType: As in `sql`.

        Example:
            >>> from orders_es.log import open_log
            >>> with connect(open_log(":memory:")) as session:
            ...     session.using(lambda cursor, head: (head.position, cursor.sql("FROM orders").fetchall()))
            (0, [])
        """
        result: _Result = self._asking(query, as_of(at=at, known_at=known_at, position=position), use)[0]
        return result

    @property
    def events(self) -> Answer:
        """All events as known now. Computed when it is first looked into."""
        return self.table("events")

    @property
    def orders(self) -> Answer:
        """All orders as they stand now. Computed when it is first looked into."""
        return self.table("orders")

    @property
    def order_items(self) -> Answer:
        """The items of all orders as they stand now. Computed when it is first looked into."""
        return self.table("order_items")

    def close(self) -> None:
        """Let go of the connection. The log stays open."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        end = "not read yet" if self._head is None else f"as of position {self._head.position:,}"
        return f"<Session on {self.log.url!r}: {end}>"

    def state(self, name: str, events: str) -> str:
        """SQL for a read model over other events than those bound to `events`: for queries that need two moments at once.

        Args:
            name: The read model.
            events: A relation with the log's columns that the query has under that name.
        """
        with self._lock:
            self._refresh()
            model = next(model for model in self.models if model.name == name)
            return inline(model, guarded(events, model, self.log.registry, self._types or frozenset()))

    def _asking(self, query: str, asked: AsOf, ask: Callable[[Any, Head], Any]) -> tuple[Any, Head]:
        """What `ask` gets from a cursor on which `events` is what was asked for; once more if files vanished meanwhile."""
        with self._lock, interruptible():
            for again in (False, True):
                head = self._refresh(anew=again)
                cursor = self._connection.cursor()
                try:
                    if asked != _NOW:
                        # A temporary view stands before the one of the same name, for read models and macros as well.
                        cursor.execute(
                            f"CREATE TEMP VIEW events AS SELECT * FROM memory.main.events WHERE {limits(asked)}"
                        )
                    return ask(cursor, head), head
                except self._error as error:
                    if not again and _may_have_vanished(error):
                        continue
                    meant = refusal(str(error), self.log.registry)
                    raise (QueryError(str(error), query) if meant is None else meant) from error
                finally:
                    cursor.close()
        raise AssertionError("unreachable")

    def _refresh(self, *, anew: bool = False) -> Head:
        """Show the log as it is now; cheap where it has not changed."""
        head = self.log.head()
        if anew or self._head is None or head.position != self._head.position:
            self._head = self.log.bind(self._connection, "events")
            types = self.log.event_types()
            if types != self._types:
                try:
                    define(self._connection, self.log, self.models, types)
                except self._error as error:
                    raise QueryError(str(error), "") from error
                self._types = types
        return self._head


def define(connection: Any, log: EventLog, models: Sequence[ReadModel], types: frozenset[tuple[str, int]]) -> None:
    """Create the read models and the table macros over the relation `events` of a connection.

    Args:
        connection: A DuckDB connection.
        log: The log that is bound there as `events`.
        models: The read models.
        types: The event types that it holds.
    """
    connection.execute(macro("events_at", None, ""))
    for model in models:
        failing = undefined(model, log.registry, types)
        if failing is not None:
            connection.execute(f"CREATE OR REPLACE VIEW {quoted(model.name)} AS {failing}")
            arguments = '"at" := NULL, known_at := NULL'
            connection.execute(f"CREATE OR REPLACE MACRO {quoted(model.name + '_at')}({arguments}) AS TABLE {failing}")
        elif all(name in log.registry for name in model.types):
            connection.execute(view(model, guarded("events", model, log.registry, types)))
            connection.execute(macro(f"{model.name}_at", model, guarded("as_asked", model, log.registry, types)))
        # A program that does not know the model's types, on a log that holds none of them, has no use for the model.


def _table(cursor: Any, query: str, parameters: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - DuckDB has loaded it by now

    relation = cursor.sql(query, params=parameters)
    if relation is None:  # a statement that gives no rows
        return pa.table({})
    table = relation.to_arrow_table()
    # DuckDB calls UTC by another name, which some libraries take for another zone.
    fields = [
        f.with_type(pa.timestamp("us", "UTC")) if f.type == pa.timestamp("us", "Etc/UTC") else f for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def _may_have_vanished(error: Exception) -> bool:
    return type(error).__name__ in {"IOException", "HTTPException"}
