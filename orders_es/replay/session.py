"""SQL over a log at any moment: for analysts. Read-only: nothing here ever writes to a log."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from orders_es.errors import InvalidEvent, InvalidSetting, InvalidTime, QueryError
from orders_es.log.given import check_log
from orders_es.log.interrupts import interruptible
from orders_es.log.open import open_log
from orders_es.log.relation import quoted
from orders_es.log.roots import head_by
from orders_es.log.target import check_target
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve, zone_of
from orders_es.read_models import in_reading_order, load_read_models, needed_by
from orders_es.replay.answer import Answer
from orders_es.replay.defining import MEMORY_LIMIT, define, scratch_folder, set_memory_limit, set_time_zone
from orders_es.replay.handing import copy_out, replacing
from orders_es.replay.many import bind, is_many, moments_of, shared, tables_at
from orders_es.replay.model_diff import diff_query, side
from orders_es.replay.moments import as_of
from orders_es.replay.named import MACROS, relations_in
from orders_es.replay.notes import Currencies, no_payments, nothing_then
from orders_es.replay.permissions import check_models, check_statements, not_allowed, restrict
from orders_es.replay.relations import guarded, inline, oddity, refusal
from orders_es.replay.tables import ONLY_READS, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import tzinfo
    from types import TracebackType

    import duckdb

    from orders_es.log import EventLog, Head
    from orders_es.orders.moments import Moment
    from orders_es.read_models import Folders, ReadModel

__all__ = ["Session", "connect"]

_Result = TypeVar("_Result")
_NOW = AsOf()
# What a query may say that only makes sense where everything is there, whether it names it or not.
_BESIDE = frozenset({"events_at", "moment", *MACROS})
"""What is defined together with the read models."""
_WHOLE = "orders_es_whole_log"
_GENERATORS = frozenset({"generate_series", "range", "repeat", "unnest"})


def connect(
    log: EventLog | str | os.PathLike[str],
    *,
    read_models: Folders = None,
    tz: str | tzinfo | None = None,
    memory_limit: str = MEMORY_LIMIT,
    allow_files: bool = False,
    recorded_by: Moment | None = None,
) -> Session:
    """A session for SQL over the log: `events` and all read models, at any moment.

    Args:
        log: The log, or its place, as for `open_log`: then it is opened, and closed with the session.
        read_models: A folder with `.sql` files, or several, whose read models are there beside the house's own. They are looked at
            once, now.
        tz: The time zone of days, weeks and months, and of moments that name none, such as `"Europe/London"`; UTC if left
            out. Instants are in UTC in every answer.
        memory_limit: How much memory DuckDB may use before it goes on in temporary files, such as `"8GB"`.
        allow_files: Let queries and read models read and write files, attach databases and load extensions. Left out, they
            read this log and nothing else. Into the log no query writes in any case.
        recorded_by: Show the log as it was at that moment by its own clock, whatever sources say of when they knew: a time with
            its zone, or a date, which is the whole day. `at` and `known_at` then ask of what was there.

    Raises:
        BadReadModel: A file in that folder defines no read model, or DuckDB refuses it; the error names file and line.
        InvalidSetting: There is no such time zone, or the limit is none.
        NotALog: There is no log at that place.

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
    models = load_read_models(read_models)
    if isinstance(log, str | os.PathLike):
        with ExitStack() as opened:
            session = Session(
                opened.enter_context(open_log(log)),
                models,
                tz=tz,
                memory_limit=memory_limit,
                allow_files=allow_files,
                recorded_by=recorded_by,
            )
            if read_models:
                session.connection.execute("SELECT 1")
            session.owns = opened.pop_all()
            return session
    session = Session(log, models, tz=tz, memory_limit=memory_limit, allow_files=allow_files, recorded_by=recorded_by)
    if read_models:
        session.connection.execute("SELECT 1")
    return session


class Session:
    """A DuckDB connection that shows a log, and follows it as it grows. Made by `connect`.

    In SQL there are the relation `events`, the read models, and of each the table macro `…_at(at, known_at := …)`:
    `orders_at('2011-06-30')`, which is the whole of that day, or `orders_at(TIMESTAMPTZ '2011-06-30 15:00Z')`. A limit that is
    left out, or NULL, is none. `moment` is one row with
    what was asked for (`at`, `known_at`) or, where no limit was given, the last such time in `events`.

    Args:
        tz: The connection's time zone, in which days begin and end; UTC if left out.
        memory_limit: How much memory DuckDB may use before it goes on in temporary files.
        allow_files: Let queries read and write files; see `connect`.
        files: Files that the session's owner uses on its connection all the same.
        recorded_by: See `connect`.
    """

    def __init__(
        self,
        log: EventLog,
        models: Sequence[ReadModel],
        *,
        tz: str | tzinfo | None = None,
        memory_limit: str = MEMORY_LIMIT,
        allow_files: bool = False,
        files: Sequence[str] = (),
        recorded_by: Moment | None = None,
    ) -> None:
        import duckdb as duck

        check_log(log)
        self.log = log
        self.owns = ExitStack()
        """What closes with the session: a log that was opened for it."""
        self.models = in_reading_order(models)
        self._lock = threading.RLock()
        self._head: Head | None = None
        self._types: frozenset[tuple[str, int]] | None = None
        self._defined: set[str] | None = set()
        self._error: type[Exception] = duck.Error
        self._connection = duck.connect()
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true")
        set_time_zone(self._connection, tz)
        try:
            self.tz: tzinfo = zone_of(tz)
        except InvalidTime as error:
            raise InvalidSetting("tz", str(tz), str(error)) from error
        self.recorded_by = resolve("recorded_by", recorded_by, self.tz)
        self._end: Head | None = None
        set_memory_limit(self._connection, memory_limit)
        self.allow_files = allow_files
        self._scratch = scratch_folder()
        restrict(self._connection, log, [str(self._scratch)], files=files, allow=allow_files)
        check_models(self._connection, self.models, log, allow=allow_files)
        self._reader: Any = None
        self._currencies = Currencies() if "currency" in log.registry.columns else None

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
        at: Moment | Iterable[Moment] | None = None,
        known_at: Moment | Iterable[Moment] | None = None,
        position: int | None = None,
    ) -> Answer:
        """The answer to a query, computed now, with everything in it bound to one moment, or asked at each of several.

        At several moments the answers stand one below the other, with the moment in a first column `at` (`known_at`, or both,
        where several of those are given): a tidy table. Read models made order by order, and what reads them, are computed in one pass.

        Args:
            query: SQL, in DuckDB's dialect.
            parameters: Values for `?`, `$1` or `$name` in it.
            at: Only what had occurred by then: a time with its zone, or a date, which is the whole day; or several of them. It also limits the `…_at` macros in the query.
            known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
                whole day; or several. With several of both, the first belongs to the first.
            position: Only the log's events up to this position.

        Raises:
            NaiveTime: A time has no time zone.
            QueryError: DuckDB refuses the query; the message is DuckDB's.
            InvalidSetting: Several moments are none, or not as many on both clocks.
            FilesNotAllowed: It would read or write files, and `connect` was not told to allow it.
            TargetInLog: It would write into the log.
            UnknownEventType: A read model met an event whose meaning nobody registered.
        """
        if not query.strip(" \t\r\n;"):
            raise QueryError("the query is empty; write one, such as FROM orders", query)
        check_statements(self._connection, query, self.log, allow=self.allow_files)
        if is_many(at) or is_many(known_at):
            return self._at_many(query, parameters, at, known_at, position)
        asked = as_of(at=at, known_at=known_at, position=position, tz=self.tz)

        def ask(cursor: Any, head: Head) -> tuple[Any, tuple[str, ...]]:
            return table_of(cursor, query, parameters), self._noting(cursor, query, asked, head)

        (table, notes), head = self._asking(query, asked, ask)
        return Answer(query, asked, head, lambda: (table, head), tz=self.tz, notes=notes).computed()

    def _at_many(self, query: str, parameters: Any, at: Any, known_at: Any, position: int | None) -> Answer:
        many = moments_of(at, known_at, position, self.tz)
        clocks = [name for name, given in (("at", at), ("known_at", known_at)) if is_many(given)]

        def ask(cursor: Any, head: Head) -> tuple[Any, tuple[str, ...]]:
            shared(cursor, query, many, self.models, self.state)
            table = tables_at(cursor, query, parameters, many, clocks)
            return table, self._noting(cursor, query, many[-1], head)

        (table, notes), head = self._asking(query, _NOW, ask, own=True)
        answer = Answer(query, many[-1], head, lambda: (table, head), tz=self.tz, notes=notes)
        answer.moments = tuple(many)
        return answer.computed()

    def notes(self, query: str, *, at: Moment | None = None, known_at: Moment | None = None) -> tuple[str, ...]:
        """What `sql` would say beside the answer to a query, without computing it: for who writes the answer elsewhere.

        Args:
            at: As in `sql`.
            known_at: As in `sql`.
        """
        asked = as_of(at=at, known_at=known_at, tz=self.tz)
        noted: tuple[str, ...] = self._asking(query, asked, lambda *on: self._noting(on[0], query, asked, on[1]))[0]
        return noted

    def _noting(self, cursor: Any, query: str, asked: AsOf, head: Head) -> tuple[str, ...]:
        found = [nothing_then(cursor, asked, self.tz)]
        if self._currencies is not None:
            found += [self._currencies.note(cursor, query, head), no_payments(cursor, query)]
        return tuple(note for note in found if note)

    def write(
        self,
        query: str,
        path: str | os.PathLike[str],
        *,
        at: Moment | None = None,
        known_at: Moment | None = None,
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
            QueryError: DuckDB refuses the query.
            FilesNotAllowed: It is no SELECT, or would read or write files itself.
            TargetInLog: The file would be in the log.
            OSError: The disk refuses.
        """
        options = {"csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet, COMPRESSION zstd"}[form]
        query = query.strip().rstrip(";")
        asked = as_of(at=at, known_at=known_at, tz=self.tz)
        with self.writing(query, path) as fresh:
            count: int = self._asking(query, asked, lambda cursor, _: self.copy_out(cursor, query, options, fresh))[0]
        return count

    @contextmanager
    def writing(self, query: str, path: str | os.PathLike[str]) -> Iterator[Path]:
        """A place for a file with the answer to a query, which takes the file's place once the block ends well.

        Args:
            query: One SELECT.
            path: The file; it is replaced if it is there.

        Raises:
            FilesNotAllowed: The query is no SELECT, or would write files itself.
            TargetInLog: The file would be in the log.
        """
        check_target(self.log, path)
        check_statements(self._connection, query, self.log, allow=self.allow_files, one=True)
        with replacing(Path(path).absolute()) as fresh:
            yield fresh

    def copy_out(self, cursor: duckdb.DuckDBPyConnection, select: str, options: str, path: Path) -> int:
        """How many rows a SELECT has, after COPY of it into a file that `writing` gave.

        Args:
            cursor: What `using` gave.
            options: What stands in the brackets of COPY.
        """
        return copy_out(cursor, select, options, self._scratch, path)

    def table(self, name: str, *, at: Moment | None = None, known_at: Moment | None = None) -> Answer:
        """A relation at a moment, computed when it is first looked into and not before.

        Args:
            name: `events` or a read model's name.
            at: As in `sql`.
            known_at: As in `sql`.
        """
        asked = as_of(at=at, known_at=known_at, tz=self.tz)
        query = f"SELECT * FROM {quoted(name)}"
        return Answer(
            name,
            asked,
            None,
            lambda: self._asking(query, asked, lambda cursor, _: table_of(cursor, query, None)),
            tz=self.tz,
        )

    def diff(
        self,
        name: str,
        *,
        from_: Moment | AsOf | None = None,
        to: Moment | AsOf | None = None,
        bookkeeping: bool = False,
    ) -> Answer:
        """What differs in a read model between two moments, and who and what made the difference: one row per row of it that differs.

        The columns: those of the read model's key; `change`, which is `created`, `changed` or `gone`; `changed`, the names of the figures that differ;
        `caused_by`, a summary of the causes; of every figure the value `…_before` and `…_after`; and `causes`, the events
        that count at one of the moments only and belong to the row: position, stream_id, type, actor, occurred_at, entered_at, recorded_at and the order's currency.

        An event belongs to a row by its order, item, customer, currency or day, whichever the key names; so where a key says only the day,
        its causes are all events of orders that count on it. A row without causes differs because others do, as a rank does, or because time passed.

        Args:
            name: The read model's name.
            from_: The first moment, of the business clock, or `AsOf` with moments on both clocks; None is now.
            to: The second one, likewise.
            bookkeeping: Compare and show columns such as `version` and `event_count` as well, which change with every event.

        Raises:
            InvalidSetting: There is no such read model, or nothing tells its rows apart.
            NaiveTime: A time has no time zone.

        Example:
            >>> from orders_es.log import NO_STREAM, open_log
            >>> from orders_es.orders import OrderCreated, OrderPlaced
            >>> log = open_log(":memory:", create=True)
            >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
            >>> session = connect(log)
            >>> [(row.order_id, row.change, row.caused_by) for row in session.diff("orders", from_="2011-06-30")]
            [('A-1', 'created', '2 events: OrderCreated, OrderPlaced')]
        """
        before, after = side(self, "from_", from_), side(self, "to", to)
        query, notes = diff_query(self, name, before, after, bookkeeping=bookkeeping)
        answer = self.sql(query)
        answer.question = f"diff of {name} from [{before.spoken(self.tz)}] to [{after.spoken(self.tz)}]"
        answer.notes = (*notes,)
        return answer

    def using(
        self,
        use: Callable[[duckdb.DuckDBPyConnection, Head], _Result],
        query: str = "",
        *,
        at: Moment | None = None,
        known_at: Moment | None = None,
        position: int | None = None,
        reads: Iterable[str] | None = None,
    ) -> _Result:
        """What a function makes of a cursor on which everything is bound to one moment: for more than one query, or COPY.

        Args:
            use: Is given the cursor, which is closed afterwards, and the head of the log that it shows. It is called once
                more where files of the log vanished meanwhile, so it has to begin anew each time.
            query: The question in words or SQL, for errors.
            at: As in `sql`.
            known_at: As in `sql`.
            position: As in `sql`.
            reads: SELECTs that name all relations which `use` asks, so that no others have to be made ready; all if left out.

        Raises:
            NaiveTime, QueryError, UnknownEventType: As in `sql`.

        Example:
            >>> from orders_es.log import open_log
            >>> with connect(open_log(":memory:")) as session:
            ...     session.using(lambda cursor, head: (head.position, cursor.sql("FROM orders").fetchall()))
            (0, [])
        """
        result: _Result = self._asking(
            query, as_of(at=at, known_at=known_at, position=position, tz=self.tz), use, fresh=True, reads=reads
        )[0]
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
        """Let go of the connection. A log that was given open stays open."""
        if self._reader is not None:
            self._reader.close()
        self._connection.close()
        self.owns.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        end = "not read yet" if self._head is None else f"as of position {self._head.position:,}"
        return f"<Session on {self.log.url!r}: {end}>"

    def _repr_html_(self) -> str:
        """What can be asked, without asking anything."""
        rows = "".join(
            f"<tr><td><code>{escape(model.name)}</code></td><td>{escape(model.title)}</td></tr>"
            for model in self.models
            if not model.internal
        )
        return (
            f"<table><caption style='text-align:left'>{escape(repr(self)[1:-1])}</caption>"
            f"<tbody><tr><td><code>events</code></td><td>Events: one row per event.</td></tr>{rows}</tbody></table>"
        )

    def state(self, name: str, events: str) -> str:
        """SQL for a read model over other events than those bound to `events`: for queries that need two moments at once.

        Args:
            events: A relation with the log's columns that the query has under that name.
        """
        with self._lock:
            self._refresh(set())  # nothing has to be made ready for a text
            model = next(model for model in self.models if model.name == name)
            held = self._types or frozenset()
            needed = [(m, guarded(events, m, self.log.registry, held)) for m in needed_by(model, self.models)]
            return inline(model, guarded(events, model, self.log.registry, held), needed)

    def _asking(
        self,
        query: str,
        asked: AsOf,
        ask: Callable[[Any, Head], Any],
        *,
        fresh: bool = False,
        own: bool = False,
        reads: Iterable[str] | None = None,
    ) -> tuple[Any, Head]:
        """What `ask` gets from a cursor on which `events` is what was asked for; once more if files vanished meanwhile."""
        with self._lock, interruptible():
            names = self._named_in_all((query,) if not fresh else reads)
            for again in (False, True):
                head = self._refresh(names, anew=again)
                kept = not fresh and not own and asked == _NOW and ONLY_READS.match(query) is not None
                cursor = self._kept_cursor() if kept else self._connection.cursor()
                try:
                    if asked != _NOW:
                        bind(cursor, asked)
                    with interruptible(cursor):
                        return ask(cursor, head), head
                except self._error as error:
                    if not again and _may_have_vanished(error):
                        names = None
                        continue
                    meant = refusal(str(error), self.log.registry) or not_allowed(error, query)
                    meant = meant or self._oddity(error)
                    raise (QueryError(str(error), query) if meant is None else meant) from error
                finally:
                    if not kept:
                        cursor.close()
        raise AssertionError("unreachable")

    def _oddity(self, error: Exception) -> InvalidEvent | None:
        """The error that names the event behind a sum that overflowed, where an older or another program let one in."""
        return oddity(self._connection, "memory.main.events", self.log.registry, error)

    def _kept_cursor(self) -> Any:
        """A cursor for what leaves nothing behind on it; a new one each time would cost milliseconds."""
        if self._reader is None:
            self._reader = self._connection.cursor()
        return self._reader

    def _named_in(self, query: str) -> set[str] | None:
        """The read models that a query needs: those that it names and those that they read; None for all.

        To define all takes a fifth of a second.
        """
        if self._defined is None:
            return None
        named = relations_in(self._connection, query)
        if named is None:
            return None
        known = {name: model for model in self.models for name in (model.name.lower(), f"{model.name.lower()}_at")}
        if any(name not in _GENERATORS for name in named - known.keys() - _BESIDE - {"events"}):
            return None  # it may be a slip of the pen, and DuckDB suggests only what there is
        models = {m.name for name in named & known.keys() for m in (known[name], *needed_by(known[name], self.models))}
        return models | (named & _BESIDE)

    def _named_in_all(self, queries: Iterable[str] | None) -> set[str] | None:
        named: set[str] = set()
        for query in queries or ():
            names = self._named_in(query)
            if names is None:
                return None
            named |= names
        return None if queries is None else named

    def _refresh(self, names: set[str] | None = None, *, anew: bool = False) -> Head:
        """Show the log as it is now, with these read models, or all; cheap where it has not changed."""
        head = self._end or self.log.head()
        if anew or self._head is None or head.position != self._head.position:
            self._head = self._bind(head)
            types = self.log.event_types()
            if types != self._types:
                self._defined = set()
                self._types = types
        if self._defined is not None and (names is None or not names <= self._defined):
            missing = None if names is None else names - self._defined
            assert self._types is not None
            define(self._connection, self.log, self.models, self._types, only=missing)
            self._defined = None if names is None else self._defined | names
        return self._head

    def _bind(self, head: Head) -> Head:
        """Show the log as `events`, up to what it had recorded by the session's limit, if there is one."""
        if self.recorded_by is None:
            return self.log.bind(self._connection, "events")
        if self._end is None and head.recorded_at is not None and head.recorded_at > self.recorded_by:
            self._end = head_by(self.log, self.recorded_by)  # which stays the end, whatever comes in
        bound = self.log.bind(self._connection, _WHOLE)
        end = self._end or bound
        self._connection.execute(
            f'CREATE OR REPLACE VIEW events AS SELECT * FROM {_WHOLE} WHERE "position" <= {end.position:d}'
        )
        return end


def _may_have_vanished(error: Exception) -> bool:
    return type(error).__name__ in {"IOException", "HTTPException"}
