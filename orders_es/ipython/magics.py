"""`%events_sql` and `%%events_sql`: a query over a log, at a moment, as a DataFrame."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from orders_es.errors import OrdersEsError
from orders_es.ipython.call import Call, CallError, names_of, read_call
from orders_es.orders.moments import resolve, zone_of
from orders_es.replay.opening import connect
from orders_es.replay.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    import pandas as pd

    from orders_es.log import EventLog

__all__ = ["EventsSql"]

_MOMENTS = ("at", "known-at", "recorded-by")


def _moments(call: Call, session: Session, zone: tzinfo, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What `--at`, `--known-at` and `--recorded-by` say, or the close that `--as-closed` names, with the end that the log had then."""
    name = call.options.get("as-closed")
    if name is None:
        return {name.replace("-", "_"): resolve(name, _said(call, name, variables), zone) for name in _MOMENTS}
    if any(name in call.options for name in _MOMENTS):
        raise CallError("--as-closed says all moments; leave out --at, --known-at and --recorded-by, or --as-closed")
    from orders_es.audit import closed

    known = closed(session.log, name)
    return {"at": known.at, "known_at": known.known_at, "position": known.position}


def _said(call: Call, name: str, variables: Mapping[str, Any]) -> Any:
    """What an option says: a text, or with a `$` before it the value of the variable of that name."""
    value = call.options.get(name)
    if value is None or not value.startswith("$"):
        return value
    if value[1:] not in variables:
        raise CallError(f"there is no variable {value[1:]!r} for --{name} {value}")
    return variables[value[1:]]


@magics_class
class EventsSql(Magics):  # type: ignore[misc]  # IPython is untyped
    """The magic, and the logs that it was told to open. Registered by `%load_ext orders_es.ipython`."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._opened: dict[tuple[str, str, bool], tuple[EventLog, Session]] = {}
        self._words: dict[int, tuple[int, list[tuple[str, str]]]] = {}

    @no_var_expand  # type: ignore[untyped-decorator]
    @line_cell_magic  # type: ignore[untyped-decorator]
    def events_sql(self, line: str, cell: str | None = None) -> pd.DataFrame | None:
        """SQL over a log, bound to one moment.

        %%events_sql [--at T] [--known-at T] [--recorded-by T] [--as-closed NAME] [--tz ZONE] [--log FOLDER | --session NAME] [--allow-files] [name <<]

        T is a date, which means its end, or a time: 2025-02-28, '2025-02-28 15:00', 2025-02-28T15:00Z, or $name for the variable of that name. --tz ZONE says where
        times without a zone are read. --recorded-by asks what the log itself had recorded by then, whatever sources say. --as-closed NAME is the moment, on both clocks, that was closed under that name. The query goes to the session in this notebook: a variable that holds one, `session`
        if there are several, or --session NAME; or to the log in --log FOLDER. $name in it is the value of that variable.
        A query reads its log and no other file; --allow-files, with --log, permits others. A session of this notebook does if
        `connect(log, allow_files=True)` made it. The answer is a DataFrame; `name <<` puts it into a variable and shows nothing.
        """
        try:
            call = read_call(line, cell)
            session = self._session(call)
            zone = zone_of(call.options["tz"]) if "tz" in call.options else session.tz
            answer = session.sql(
                call.query, self._values(call.query), **_moments(call, session, zone, self.shell.user_ns)
            )
            for note in answer.notes:
                sys.stderr.write(f"note: {note}\n")
            frame = answer.to_pandas()
        except (CallError, OrdersEsError) as error:
            raise UsageError(str(error)) from None
        if call.name is None:
            return frame
        self.shell.user_ns[call.name] = frame
        return None

    def _values(self, query: str) -> dict[str, Any] | None:
        names = names_of(query)
        missing = [name for name in names if name not in self.shell.user_ns]
        if missing:
            raise CallError(f"there is no variable {missing[0]!r} for ${missing[0]} in the query")
        return {name: self.shell.user_ns[name] for name in names} or None

    def _session(self, call: Call) -> Session:
        if "log" in call.options:
            if "session" in call.options:
                raise CallError("give --log or --session, not both")
            return self._open(
                call.options["log"], call.options.get("tz", "UTC"), allow_files="allow-files" in call.options
            )
        session = self._there(call)
        if "allow-files" in call.options and not session.allow_files:
            raise CallError("that session may use no files; make it with connect(log, allow_files=True)")
        return session

    def _there(self, call: Call) -> Session:
        there = {
            name: value
            for name, value in self.shell.user_ns.items()
            if isinstance(value, Session) and not name.startswith("_")
        }
        name = call.options.get("session")
        if name is not None:
            if name not in there:
                raise CallError(f"{name!r} is no session here; there is {', '.join(there) or 'none'}")
            return there[name]
        if len({id(value) for value in there.values()}) == 1:
            return next(iter(there.values()))
        if "session" in there:
            return there["session"]
        if there:
            raise CallError(f"there are several sessions: say --session {' or --session '.join(there)}")
        raise CallError("there is no session here; make one: session = connect(log), or say --log FOLDER")

    def _open(self, url: str, zone: str, *, allow_files: bool) -> Session:
        from orders_es.domains import known_domains, registry_of
        from orders_es.log import open_log

        key = (url, zone, allow_files)
        if key not in self._opened:
            domains = known_domains()
            log = open_log(url, registry=registry_of(domains), read_only=True)
            models = [decider.read_models for decider in domains if decider.read_models is not None]
            self._opened[key] = log, connect(log, read_models=models, tz=zone, allow_files=allow_files)
        return self._opened[key][1]

    @context_matcher(identifier="orders_es.events_sql")  # type: ignore[untyped-decorator]
    def completions(self, context: Any) -> dict[str, Any]:
        """Relations and columns, wherever the text being written is a query of the magic."""
        text = context.full_text.lstrip()
        if not (text.startswith("%%events_sql") or "%events_sql" in context.line_with_cursor):
            return {"completions": []}
        token = context.token.rpartition(".")[2]
        words = [(word, kind) for word, kind in self._known() if word.lower().startswith(token.lower())]
        found = [SimpleCompletion(text=word, type=kind) for word, kind in words]
        return {"completions": found, "matched_fragment": token, "suppress": bool(found)}

    def _known(self) -> list[tuple[str, str]]:
        try:
            session = self._session(Call("", {}, None))
        except CallError:
            return []
        head = session.log.head().position
        if self._words.get(id(session), (-1, []))[0] < 0 <= head:
            try:
                rows = session.sql("SELECT DISTINCT table_name, column_name FROM duckdb_columns() WHERE NOT internal")
            except OrdersEsError:
                return []
            tables = sorted({table for table, _ in rows.rows()})
            macros = [f"{table}_at" for table in tables if table != "moment"]
            columns = sorted({column for _, column in rows.rows()} - set(tables))
            words = [
                (word, kind)
                for kind, group in (("table", tables), ("function", macros), ("column", columns))
                for word in group
            ]
            self._words[id(session)] = head, words
        return self._words[id(session)][1]

    def close(self) -> None:
        """Close what was opened."""
        for log, session in self._opened.values():
            session.close()
            log.close()
        self._opened.clear()
