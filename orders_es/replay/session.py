"""SQL over a log at any moment: for analysts. Read-only: nothing here ever writes to a log."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from orders_es.errors import QueryError
from orders_es.html_table import html_table
from orders_es.log.relation import quoted, text
from orders_es.log.target import check_target
from orders_es.orders import AsOf
from orders_es.replay.answer import Answer
from orders_es.replay.answer_files import copy_out, replacing
from orders_es.replay.following import Following
from orders_es.replay.lossless_types import lossless
from orders_es.replay.many_moments import is_many, moments_of, shared, tables_at
from orders_es.replay.model_diff import diff_query, side
from orders_es.replay.moments import as_of
from orders_es.replay.notes import no_payments, nothing_then, passed_over
from orders_es.replay.permissions import check_statements, check_text
from orders_es.replay.tables import table_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    import duckdb

    from orders_es.log import Head
    from orders_es.orders.moments import Moment

__all__ = ["Session"]

_Result = TypeVar("_Result")
_NOW = AsOf()


_DEFINES = re.compile(r"\b(create|drop|alter)\b", re.IGNORECASE)


class Session(Following):
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

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | dict[str, Any] | None = None,
        *,
        at: Moment | Iterable[Moment] | None = None,
        known_at: Moment | Iterable[Moment] | None = None,
        recorded_by: Moment | None = None,
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
            recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew; one moment.
            position: Only the log's events up to this position.

        Raises:
            NaiveTime: A time has no time zone.
            QueryError: DuckDB refuses the query; the message is DuckDB's.
            InvalidSetting: Several moments are none, or not as many on both clocks.
            FilesNotAllowed: It would read or write files, and `connect` was not told to allow it.
            TargetInLog: It would write into the log.
            UnknownEventType: A read model met an event whose meaning nobody registered.
        """
        check_text(query)
        if not query.strip(" \t\r\n;"):
            raise QueryError("the query is empty; write one, such as FROM orders", query)
        check_statements(self._connection, query, self.log, allow=self.allow_files)
        if is_many(at) or is_many(known_at):
            return self._at_many(query, parameters, at, known_at, recorded_by, position)
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=position, tz=self.tz)

        def ask(cursor: Any, head: Head) -> tuple[Any, tuple[str, ...]]:
            return table_of(cursor, query, parameters, head.position), self._noting(cursor, query, asked, head)

        try:
            (table, notes), head = self._asking(query, asked, ask)
        finally:
            if _DEFINES.search(
                query
            ):  # what it made in the place of `orders` or `ask_gaps` stands for this query alone
                self.define_anew()
        return Answer(query, self._limited(asked), head, lambda: (table, head), tz=self.tz, notes=notes).computed()

    def _at_many(
        self, query: str, parameters: Any, at: Any, known_at: Any, recorded_by: Any, position: int | None
    ) -> Answer:
        many = moments_of(at, known_at, position, self.tz, recorded_by=recorded_by)
        clocks = [name for name, given in (("at", at), ("known_at", known_at)) if is_many(given)]

        def ask(cursor: Any, head: Head) -> tuple[Any, tuple[str, ...]]:
            shared(cursor, query, many, self.models, self.state)
            table = tables_at(cursor, query, parameters, many, clocks)
            return table, self._noting(cursor, query, many[-1], head)

        (table, notes), head = self._asking(query, _NOW, ask, own=True)
        answer = Answer(query, self._limited(many[-1]), head, lambda: (table, head), tz=self.tz, notes=notes)
        answer.moments = tuple(many)
        return answer.computed()

    def _limited(self, asked: AsOf) -> AsOf:
        """What was asked, as it has to be said: with the limit that the session itself was opened with."""
        limits = [moment for moment in (asked.recorded_by, self.recorded_by) if moment is not None]
        return replace(asked, recorded_by=min(limits)) if limits else asked

    def notes(
        self, query: str, *, at: Moment | None = None, known_at: Moment | None = None, recorded_by: Moment | None = None
    ) -> tuple[str, ...]:
        """What `sql` would say beside the answer to a query, without computing it: for who writes the answer elsewhere.

        Args:
            at: As in `sql`.
            known_at: As in `sql`.
            recorded_by: As in `sql`.
        """
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=self.tz)
        noted: tuple[str, ...] = self._asking(query, asked, lambda *on: self._noting(on[0], query, asked, on[1]))[0]
        return noted

    def _mark(self) -> tuple[str, ...]:
        note = passed_over(self.log)
        return () if note is None else (note,)

    def _noting(self, cursor: Any, query: str, asked: AsOf, head: Head) -> tuple[str, ...]:
        found = [
            passed_over(self.log),
            None if self._first.counts(cursor, asked) else nothing_then(cursor, asked, self.tz),
        ]
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
        recorded_by: Moment | None = None,
        form: Literal["parquet", "csv"] = "parquet",
    ) -> int:
        """How many rows the answer to a query has, after streaming it to a file, however large it is.

        Args:
            query: One SELECT.
            path: The file; it is replaced if it is there.
            at: As in `sql`.
            known_at: As in `sql`.
            recorded_by: As in `sql`.
            form: What kind of file.

        Raises:
            QueryError: DuckDB refuses the query.
            FilesNotAllowed: It is no SELECT, or would read or write files itself.
            TargetInLog: The file would be in the log.
            CannotWriteFile: The disk refuses.
        """
        options = {"csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet, COMPRESSION zstd"}[form]
        if form == "parquet" and (marks := self._mark()):
            options += f", KV_METADATA {{'orders_es.passed_over': {text(marks[0])}}}"
        check_text(query)
        query = query.strip().rstrip(";")
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=self.tz)
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
            CannotWriteFile: The disk refuses.
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
        if options.startswith("FORMAT parquet"):
            asked = cursor.sql(select)
            select = lossless(select, zip(asked.columns, asked.types, strict=True), "parquet")
        return copy_out(cursor, select, options, self._scratch, path)

    def table(
        self, name: str, *, at: Moment | None = None, known_at: Moment | None = None, recorded_by: Moment | None = None
    ) -> Answer:
        """A relation at a moment, computed when it is first looked into and not before.

        Args:
            name: `events` or a read model's name.
            at: As in `sql`.
            known_at: As in `sql`.
            recorded_by: As in `sql`.
        """
        asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=self.tz)
        query = f"SELECT * FROM {quoted(name)}"
        answer = Answer(
            name,
            self._limited(asked),
            None,
            lambda: self._asking(query, asked, lambda cursor, head: table_of(cursor, query, None, head.position)),
            tz=self.tz,
            notes=self._mark(),
        )
        answer.query = query
        return answer

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
            >>> from orders_es.replay import connect
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
        answer.notes = (*self._mark(), *notes)
        return answer

    def using(
        self,
        use: Callable[[duckdb.DuckDBPyConnection, Head], _Result],
        query: str = "",
        *,
        at: Moment | None = None,
        known_at: Moment | None = None,
        recorded_by: Moment | None = None,
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
            recorded_by: As in `sql`.
            position: As in `sql`.
            reads: SELECTs that name all relations which `use` asks, so that no others have to be made ready; all if left out.

        Raises:
            NaiveTime, QueryError, UnknownEventType: As in `sql`.

        Example:
            >>> from orders_es.log import open_log
            >>> from orders_es.replay import connect
            >>> with connect(open_log(":memory:")) as session:
            ...     session.using(lambda cursor, head: (head.position, cursor.sql("FROM orders").fetchall()))
            (0, [])
        """
        result: _Result = self._asking(
            query,
            as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=position, tz=self.tz),
            use,
            fresh=True,
            reads=reads,
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
        models = [[model.name, model.title] for model in self.models if not model.internal]
        events = ["events", "Events: one row per event."]
        return html_table([events, *models], heads=("relation", "what it holds"), title=repr(self)[1:-1])
