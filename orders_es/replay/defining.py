"""Putting `moment`, the read models and their macros into a DuckDB connection that shows a log."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadReadModel, InvalidSetting, OrdersEsError, QueryError, WrongType
from orders_es.log.relation import quoted, text
from orders_es.read_models import is_shipped, needed_by
from orders_es.read_models.questions import QUESTIONS
from orders_es.replay.moment_macros import CLOCK, MOMENT, moment_macros
from orders_es.replay.permissions import not_allowed
from orders_es.replay.relations import ANY_TYPE, MACRO_ARGUMENTS, guarded, macro, moment, prelude, undefined, view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel

__all__ = ["MEMORY_LIMIT", "define", "scratch_folder", "set_memory_limit", "set_time_zone"]

MEMORY_LIMIT = "1.5GB"
"""What ten million orders' events need, and what a laptop has to spare."""


def define(
    connection: Any,
    log: EventLog,
    models: Sequence[ReadModel],
    types: frozenset[tuple[str, int]],
    *,
    only: Iterable[str] | None = None,
) -> None:
    """Create `moment`, the read models and the table macros over the relation `events` of a connection.

    Args:
        log: The log that is bound there as `events`.
        models: The read models, each after those that it reads.
        types: The event types that the log holds.
        only: What of it to create, by name, with all that it reads: `orders`, `orders_at`, `moment`; all of it if left out.

    Raises:
        BadReadModel: DuckDB refuses a read model, or it lacks a column that its comment names.
    """
    # To make a view or a macro takes DuckDB as long as to answer a small question, so no more is made than is asked for.
    wanted = None if only is None else set(only)
    if wanted is None or any(name in {CLOCK, MOMENT} or name.endswith("_at") for name in wanted):
        for made in moment_macros():
            connection.execute(made)
        connection.execute(macro("events_at", None, ""))
    if wanted is None or "moment" in wanted or any(model.reads_moment for model in models if model.name in wanted):
        connection.execute(f"CREATE OR REPLACE VIEW moment AS {moment('events')}")
    for model in models:
        as_view = wanted is None or model.name in wanted
        as_macro = wanted is None or f"{model.name}_at" in wanted
        if not as_view and not as_macro:
            continue
        needed = needed_by(model, models)
        failing = next(filter(None, (undefined(m, log.registry, types) for m in (model, *needed))), None)
        if failing is not None:
            if as_view:
                connection.execute(f"CREATE OR REPLACE VIEW {quoted(model.name)} AS {failing}")
            if as_macro:
                name = quoted(model.name + "_at")
                connection.execute(f"CREATE OR REPLACE MACRO {name}({MACRO_ARGUMENTS}) AS TABLE {failing}")
        elif all(name in log.registry or name == ANY_TYPE for m in (model, *needed) for name in m.types):
            _define(connection, log, model, needed, types, as_view=as_view, as_macro=as_macro)
        # A program that does not know the model's types, on a log that holds none of them, has no use for the model.
    _define_questions(connection, log, models, wanted)


def _define_questions(connection: Any, log: EventLog, models: Sequence[ReadModel], wanted: set[str] | None) -> None:
    """Create the macros of questions, but those whose read models are not there because the program knows no orders."""
    known = {model.name: model for model in models}
    if "time_estimated" not in log.registry.columns:  # which all order events have, and questions look at
        return
    for question in QUESTIONS.values():
        if wanted is None or question.macro in wanted:
            read = {m.name: m for name in question.reads for m in (known[name], *needed_by(known[name], models))}
            if all(name in log.registry or name == ANY_TYPE for m in read.values() for name in m.types):
                connection.execute(question.definition(kind.name for kind in log.registry))


def _define(
    connection: Any,
    log: EventLog,
    model: ReadModel,
    needed: Sequence[ReadModel],
    types: frozenset[tuple[str, int]],
    *,
    as_view: bool,
    as_macro: bool,
) -> None:
    import duckdb

    events = guarded("events", model, log.registry, types)
    asked = [(m, guarded("as_asked", m, log.registry, types)) for m in needed]
    # An internal one stands in the view itself, with the columns that are looked at there: every plan has to bind all of them.
    within = [(m, guarded("events", m, log.registry, types)) for m in needed if m.internal and m.name in model.reads]
    try:
        if as_view:
            connection.execute(view(model, events, within))
        # The package's own keep what they promise by its tests; to ask DuckDB takes as long as to make them.
        unproven = as_view and model.path and not is_shipped(model)
        columns = connection.execute(f"DESCRIBE {quoted(model.name)}").fetchall() if unproven else []
        if as_macro:
            connection.execute(macro(f"{model.name}_at", model, guarded("as_asked", model, log.registry, types), asked))
    except duckdb.Error as error:
        refused = not_allowed(error, model.sql)
        raise _refused(
            model, prelude(events, within, readers=(model.sql,)), str(error) if refused is None else str(refused)
        ) from error
    for tag, names in (("Key", model.key), ("Stream", (model.stream,) if model.stream else ())):
        for name in names:
            if columns and name not in {column[0] for column in columns}:
                raise BadReadModel(
                    model.path,
                    f"`-- {tag}:` names the column {name!r}, and it has none of that name; "
                    f"it has {', '.join(column[0] for column in columns)}",
                    _line_of(f"-- {tag}:", model.sql),
                )


def _refused(model: ReadModel, before: str, message: str) -> OrdersEsError:
    """DuckDB's refusal of a read model, with the line of the model's own file."""
    found = re.search(r"^LINE (\d+):", message, re.MULTILINE)
    line = None if found is None else int(found[1]) - before.count("\n")
    if not model.path:
        return QueryError(message, model.sql)
    words = " ".join(message[: found.start() if found else None].split())
    return BadReadModel(model.path, f"DuckDB refuses it: {words}", line if line and line > 0 else None)


def _line_of(beginning: str, sql: str) -> int | None:
    lines = sql.splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(beginning)), None)


def set_time_zone(connection: Any, tz: str | tzinfo | None) -> None:
    """Set the time zone in which days begin and end, on all cursors of a connection.

    Args:
        tz: The time zone; UTC if None.

    Raises:
        InvalidSetting: There is no such time zone, or it has no name.
    """
    import duckdb

    try:
        connection.execute(f"SET GLOBAL TimeZone = {text('UTC' if tz is None else str(tz))}")
    except duckdb.Error as error:
        raise InvalidSetting("tz", str(tz), "there is no such time zone; give a name such as Europe/London") from error


def scratch_folder() -> Path:
    """A folder of the system's temporary one that nobody else has. It is not made yet."""
    return Path(tempfile.gettempdir()) / f"orders_es-{os.getpid()}-{secrets.token_hex(4)}"


def set_memory_limit(connection: Any, limit: str) -> None:
    """Set how much memory a connection's queries may use before they go on in files of the system's temporary folder.

    Args:
        limit: Such as `"1.5GB"`.

    Raises:
        InvalidSetting: It is no amount of memory.
    """
    import duckdb

    if not isinstance(limit, str):
        raise WrongType(f"memory_limit={limit!r} is {type(limit).__name__}; give an amount such as '4GB'")
    folder = scratch_folder()
    try:
        connection.execute(f"SET memory_limit = {text(limit)}")
    except duckdb.Error as error:
        raise InvalidSetting("memory_limit", limit, "give an amount such as 4GB") from error
    # Made at the first spill and removed with the connection; DuckDB's own choice is beside whatever program runs.
    connection.execute(f"SET temp_directory = {text(str(folder))}")
