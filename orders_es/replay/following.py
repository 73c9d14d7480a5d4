"""A DuckDB connection that shows a log as it grows: what a session asks with. For `orders_es.replay.session`."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent, InvalidSetting, InvalidTime, QueryError
from orders_es.log.interrupts import interruptible
from orders_es.log.log_argument import check_log
from orders_es.log.roots import head_by
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve, zone_of
from orders_es.read_models import in_reading_order, is_shipped, needed_by
from orders_es.read_models.questions import QUESTIONS
from orders_es.replay.defining import MEMORY_LIMIT, define, scratch_folder, set_memory_limit, set_time_zone
from orders_es.replay.many_moments import bind
from orders_es.replay.names_in_query import MACROS, relations_in
from orders_es.replay.notes import Currencies, FirstEvent
from orders_es.replay.permissions import check_models, not_allowed, restrict
from orders_es.replay.relations import guarded, inline, oddity, refusal
from orders_es.replay.states.using import StatesInUse
from orders_es.replay.tables import ONLY_READS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    import duckdb

    from orders_es.log import EventLog, Head
    from orders_es.orders.moments import Moment
    from orders_es.read_models import ReadModel

__all__ = ["Following"]

_NOW = AsOf()
# What a query may say that only makes sense where everything is there, whether it names it or not.
_BESIDE = frozenset({"events_at", "moment", *MACROS})
"""What is defined together with the read models."""
_WHOLE = "orders_es_whole_log"
_MACRO = re.compile(r"_at\s*\(|orders_es_", re.IGNORECASE)
_GENERATORS = frozenset({"generate_series", "range", "repeat", "unnest"})


class Following:
    """The connection, the log behind it, and how a question comes to an answer on it; `Session` says what can be asked."""

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
        self._states: StatesInUse | None = None
        self._first = FirstEvent()
        self._currencies = Currencies() if "currency" in log.registry.columns else None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection itself, brought up to date with the log: for all that `sql` does not do."""
        with self._lock:
            self._refresh()
            return self._connection

    def check_own_models(self) -> None:
        """Make those read models ready that the package does not ship, so that a mistake in one is found before it is asked.

        Raises:
            BadReadModel: DuckDB refuses one, or it lacks a column that its comment names.
        """
        own = [model for model in self.models if model.path and not is_shipped(model)]
        if own:
            with self._lock:
                views = {m.name: m for model in own for m in (model, *needed_by(model, self.models))}
                macros = {f"{model.name}_at" for model in own}
                self._refresh(None if any(map(_calls_macros, views.values())) else views.keys() | macros)

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
                kept = kept and not (self._states is not None and self._states.are_called(names))
                cursor = self._kept_cursor() if kept else self._connection.cursor()
                try:
                    if asked != _NOW:
                        bind(cursor, asked, with_moment=self._asks_for_moment(names))
                    if self._states is not None and kept:
                        self._states.put_and_keep(cursor, names, head.position, query)
                    elif self._states is not None and not own:
                        self._states.put_before(cursor, asked, names, "" if fresh else query)
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

    def _asks_for_moment(self, names: set[str] | None) -> bool:
        """Whether the relation `moment` is asked for by any of these, as `_named_in` gives them."""
        return names is None or "moment" in names or any(m.reads_moment for m in self.models if m.name in names)

    def _oddity(self, error: Exception) -> InvalidEvent | None:
        """The error that names the event behind a sum that overflowed, where an older or another program let one in."""
        return oddity(self._connection, "memory.main.events", self.log.registry, error)

    def _kept_cursor(self) -> Any:
        """A cursor for what leaves nothing behind on it; a new one each time would cost milliseconds."""
        if self._reader is None:
            self._reader = self._connection.cursor()
        return self._reader

    def _look_for_states(self) -> None:
        """Take in which states there are; what stands on the kept cursor was made of those before."""
        if self.recorded_by is None:
            self._states = StatesInUse(self.log, self.models)
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _named_in(self, query: str) -> set[str] | None:
        """What a query needs: the read models that it names and those that they read, and macros; None for all.

        To define all takes a second, half of it for macros.
        """
        named = relations_in(self._connection, query)
        if named is None:
            return None
        known = {model.name.lower(): model for model in self.models}
        macros = {f"{name}_at": f"{model.name}_at" for name, model in known.items()}
        asked = named & QUESTIONS.keys()
        for question in (QUESTIONS[name] for name in asked):
            named = named - {question.macro} | {*question.reads, *(("moment",) if question.reads_moment else ())}
        if any(name not in _GENERATORS for name in named - known.keys() - macros.keys() - _BESIDE - {"events"}):
            return None  # it may be a slip of the pen, and DuckDB suggests only what there is
        models = {
            m.name: m for name in named & known.keys() for m in (known[name], *needed_by(known[name], self.models))
        }
        if any(map(_calls_macros, models.values())):
            return None
        return models.keys() | {macros[name] for name in named & macros.keys()} | (named & _BESIDE) | asked

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
                self._states = None
        if self._states is None or anew or not self._states.hold():
            self._look_for_states()
        if self._defined is not None and (names is None or not names <= self._defined):
            missing = None if names is None else names - self._defined
            assert self._types is not None
            define(self._connection, self.log, self.models, self._types, only=missing)
            self._defined = None if names is None else self._defined | names
        return self._head

    def define_anew(self) -> None:
        """Before the next question, define `events`, read models and macros once more, whatever somebody has put in their places."""
        with self._lock:
            self._head, self._defined = None, set()

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


def _calls_macros(model: ReadModel) -> bool:
    """Whether a read model of somebody's own may call macros such as `orders_at`, which nothing says that it reads."""
    return not is_shipped(model) and _MACRO.search(model.sql) is not None


def _may_have_vanished(error: Exception) -> bool:
    return type(error).__name__ in {"IOException", "HTTPException"}
