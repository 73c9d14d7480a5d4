"""One question at many moments, in one pass over the log: for series, month ends and animations.

What an order is at a moment depends on its own events alone, and most orders change between few of the moments asked about. So
the house's read models that are made stream by stream are computed once as they stand at the last moment and, for the few streams
that changed in between, once more for each time that they did. Each moment then reads the rows that hold at it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidSetting, QueryError
from orders_es.log.relation import quoted
from orders_es.read_models import load_read_models, needed_by
from orders_es.replay.moments import as_of
from orders_es.replay.names_in_query import columns_in, relations_in
from orders_es.replay.relations import LIMITS, limits, moment
from orders_es.replay.tables import ONLY_READS, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from orders_es.orders import AsOf
    from orders_es.read_models import ReadModel

__all__ = ["bind", "is_many", "moments_of", "shared", "tables_at"]

_EVENTS, _MOMENTS = "memory.main.events", "orders_es_epochs"
_PLACE = "orders_es_place_in_time"
"""A column beside those of events: no field can be called so by accident, as `since` would be."""


def is_many(given: Any) -> bool:
    """Whether several moments were given: a list, a pandas index, whatever can be iterated and is no text."""
    return hasattr(given, "__iter__") and not isinstance(given, str)


def moments_of(at: Any, known_at: Any, position: int | None, tz: tzinfo, *, recorded_by: Any = None) -> list[AsOf]:
    """The moments asked about, in the order given; where both clocks have several, the first belongs to the first.

    Raises:
        InvalidSetting: There are none, or not as many on one clock as on the other.

    Example:
        >>> from datetime import UTC
        >>> [str(asked) for asked in moments_of(["2011-05-31", "2011-06-30"], None, None, UTC)]
        ['at the end of 2011-05-31', 'at the end of 2011-06-30']
    """
    given = {name: list(value) for name, value in (("at", at), ("known_at", known_at)) if is_many(value)}
    for name, values in given.items():
        if not values:
            raise InvalidSetting(name, values, "give at least one moment")
        if any(value is None for value in values):
            raise InvalidSetting(name, values, "None is no moment; leave it out")
    lengths = {len(values) for values in given.values()}
    if len(lengths) > 1:
        raise InvalidSetting(
            "known_at",
            given["known_at"],
            f"there are {len(given['known_at'])} of them and {len(given['at'])} of at; give pairs",
        )
    ats = given.get("at") or [at] * lengths.copy().pop()
    knowns = given.get("known_at") or [known_at] * len(ats)
    return [
        as_of(at=a, known_at=k, recorded_by=recorded_by, position=position, tz=tz)
        for a, k in zip(ats, knowns, strict=True)
    ]


def bind(cursor: Any, asked: AsOf, *, with_moment: bool = True) -> None:
    """Bind everything on a cursor to one moment: a temporary view stands before the one of the same name everywhere.

    Args:
        with_moment: Whether anything asks for the relation `moment`, which takes DuckDB as long as the events themselves.
    """
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM {_EVENTS} WHERE {limits(asked)}")
    given = {}
    for clock, variable in LIMITS:
        value = getattr(asked, clock)
        if value is not None:
            given[clock] = f"TIMESTAMPTZ '{value.isoformat()}'"
            cursor.execute(f"SET VARIABLE {variable} = {given[clock]}")
    if given and with_moment:
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW moment AS {moment('events', **given, said=given)}")


def tables_at(cursor: Any, query: str, parameters: Any, asked: Sequence[AsOf], clocks: Sequence[str]) -> Any:
    """The answers to a query at each moment, one below the other, the moment in the first column or columns.

    Args:
        cursor: A cursor of its own, on which `shared` may have been at work.
        clocks: Those of which several moments were asked about.

    Raises:
        QueryError: The query is no single SELECT, or has a column of that name itself.
    """
    import pyarrow as pa

    if not ONLY_READS.match(query):
        raise QueryError("at several moments only one SELECT can be asked; begin it with SELECT, FROM or WITH", query)
    parts = []
    for place, each in enumerate(asked):
        bind(cursor, each)
        cursor.execute(f"SET VARIABLE orders_es_place = {_rank(asked, place)}")
        table = table_of(cursor, query, parameters)
        for clock in reversed(clocks):
            if clock in table.column_names:
                raise QueryError(
                    f"the answer has a column {clock} of its own; at several moments {clock} is the moment's, "
                    f"so give yours another name: {clock} AS …",
                    query,
                )
            column = pa.array([getattr(each, clock)] * table.num_rows, pa.timestamp("us", "UTC"))
            table = table.add_column(0, clock, column)
        parts.append(table)
    return pa.concat_tables(parts, promote_options="permissive")


def _in_time(asked: Sequence[AsOf]) -> list[AsOf] | None:
    """The different moments, each counting all that the one before counts; None where they have no such order."""
    ordered = sorted(set(asked), key=lambda a: tuple((m is None, m and m.timestamp()) for m in (a.at, a.known_at)))

    def later(first: Any, second: Any) -> bool:
        return second is None or (first is not None and first <= second)

    pairs = itertools.pairwise(ordered)
    return ordered if all(later(a.at, b.at) and later(a.known_at, b.known_at) for a, b in pairs) else None


def _rank(asked: Sequence[AsOf], place: int) -> int:
    ordered = _in_time(asked)
    return 0 if ordered is None else ordered.index(asked[place])


def shared(
    cursor: Any, query: str, asked: Sequence[AsOf], models: Sequence[ReadModel], state: Callable[[str, str], str]
) -> None:
    """Compute once what the moments have in common: stand-ins for read models on this cursor that follow `tables_at`.

    Nothing is done where it would not help, or cannot be said to be right: the query is then asked at each moment by itself.

    Args:
        state: SQL for a read model over other events, as `Session.state` gives it.
    """
    ordered = _in_time(asked)
    named = relations_in(cursor, query)
    if ordered is None or len(ordered) == 1 or not named or any(name.endswith("_at") for name in named):
        return
    known = {model.name.lower(): model for model in models}
    asked_for = [known[name] for name in named if name in known]
    house = {model.name: model for model in load_read_models(None)}
    chosen, readers, seen = {}, [query], set()
    waiting = list(asked_for)
    while waiting:
        model = waiting.pop()
        if model.name in seen:
            continue
        seen.add(model.name)
        moves = model.reads_moment or any(m.reads_moment for m in needed_by(model, models))
        if model.stream and not moves and house.get(model.name) == model:
            chosen[model.name] = model
        else:
            readers.append(model.sql)
            waiting += [known[name.lower()] for name in model.reads]
    if not chosen:
        return
    _epochs(cursor, ordered)
    for model in chosen.values():
        _stand_in(cursor, model, _columns(cursor, model, readers), state, len(ordered))


def _epochs(cursor: Any, ordered: Sequence[AsOf]) -> None:
    """The moments at which each stream has other events than at the one before, by their place in time."""
    cases = " ".join(f"WHEN {limits(each)} THEN {place}" for place, each in enumerate(ordered))
    since = f"SELECT *, (CASE {cases} END)::INTEGER AS {_PLACE} FROM {_EVENTS} WHERE {limits(ordered[-1])}"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {_MOMENTS} AS
        SELECT stream_id, {_PLACE} AS since, lead({_PLACE}) OVER (PARTITION BY stream_id ORDER BY {_PLACE}) AS until
        FROM (SELECT DISTINCT stream_id, {_PLACE} FROM ({since}))
    """)
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW orders_es_last AS SELECT * FROM {_EVENTS} WHERE {limits(ordered[-1])}")
    cursor.execute(f"""
        CREATE OR REPLACE TEMP VIEW orders_es_before AS
        SELECT counted.* EXCLUDE ({_PLACE}) REPLACE (epoch.since || ':' || counted.stream_id AS stream_id)
        FROM ({since}) AS counted
        JOIN (SELECT * FROM {_MOMENTS} WHERE until IS NOT NULL) AS epoch
            ON epoch.stream_id = counted.stream_id AND counted.{_PLACE} <= epoch.since
    """)


def _stand_in(
    cursor: Any, model: ReadModel, columns: Sequence[str], state: Callable[[str, str], str], end: int
) -> None:
    """A temporary view of a read model's name with the rows that hold at the place in time that a variable says."""
    assert model.stream is not None
    stream, table = quoted(model.stream), quoted(f"orders_es_{model.name}")
    listed = ", ".join(f"made.{quoted(name)}" for name in columns)
    name = f"made.{stream}"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT {listed}, epoch.since AS orders_es_since, {end} AS orders_es_until
        FROM ({state(model.name, "orders_es_last")}) AS made
        JOIN {_MOMENTS} AS epoch ON epoch.stream_id = {name} AND epoch.until IS NULL
        UNION ALL BY NAME
        SELECT {listed.replace(name, f"epoch.stream_id AS {stream}")}, epoch.since AS orders_es_since, epoch.until AS orders_es_until
        FROM ({state(model.name, "orders_es_before")}) AS made
        JOIN {_MOMENTS} AS epoch ON {name} = epoch.since || ':' || epoch.stream_id
    """)
    place = "getvariable('orders_es_place')::INTEGER"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP VIEW {quoted(model.name)} AS
        SELECT * EXCLUDE (orders_es_since, orders_es_until) FROM {table}
        WHERE orders_es_since <= {place} AND {place} < orders_es_until
    """)


def _columns(cursor: Any, model: ReadModel, readers: Iterable[str]) -> list[str]:
    """The columns of a read model that whoever reads it may look at; all of them where that cannot be told."""
    every = [row[0] for row in cursor.execute(f"DESCRIBE {quoted(model.name)}").fetchall()]
    words: set[str] = set()
    for reader in readers:
        found = columns_in(cursor, reader)
        if found is None:
            return every
        words |= found
    return [name for name in every if name.lower() in words or name == model.stream]
