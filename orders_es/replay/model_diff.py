"""What differs in a read model between two moments, and the events that made the difference. Read-only."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.log.relation import quoted, text
from orders_es.orders import AsOf
from orders_es.orders.moments import resolve
from orders_es.read_models import needed_by
from orders_es.replay.moments import as_of
from orders_es.replay.relations import limits

if TYPE_CHECKING:
    from orders_es.orders.moments import Moment
    from orders_es.read_models import ReadModel
    from orders_es.replay.session import Session

__all__ = ["BOOKKEEPING", "diff_query", "side"]

BOOKKEEPING = frozenset(
    {
        "version",
        "position",
        "event_count",
        "first_occurred_at",
        "last_occurred_at",
        "first_recorded_at",
        "last_recorded_at",
    }
)
"""Columns that say how far a row has been read, and nothing of business: they change with every event."""
_DAYS = {"day": "::DATE", "week": "::DATE", "month": "::DATE", "hour": ""}
_OF_ORDERS = ("customer_id", "currency", "country", "channel", "status", "payment_status", "city", "state")
_STEPS = ("placed_at", "cancelled_at")
_LISTS = {"customer_id": "customers", "currency": "currencies"}
"""What the lists of their values are called, where that is not `<column>_values`."""
_OF_EVENTS = '"position", stream_id, type, actor, occurred_at, entered_at, recorded_at'
"""What is said of each cause; and of an event no more is taken along, for a field may be called as a column that is made here."""
_SHOWN = 3


def side(session: Session, argument: str, moment: Moment | AsOf | None) -> AsOf:
    """One of the two moments, checked.

    Raises:
        InvalidSetting: It limits versions or positions, which a read model over many streams cannot be asked at.
    """
    if not isinstance(moment, AsOf):
        return AsOf(at=resolve(argument, moment, session.tz))
    if moment.version is not None or moment.position is not None:
        raise InvalidSetting(argument, str(moment), "give a moment on one clock or both: AsOf(at=…, known_at=…)")
    return as_of(at=moment.at, known_at=moment.known_at, recorded_by=moment.recorded_by, tz=session.tz)


def diff_query(
    session: Session, name: str, before: AsOf, after: AsOf, *, bookkeeping: bool
) -> tuple[str, tuple[str, ...]]:
    """The query of `Session.diff`, and what has to be said beside its answer.

    Raises:
        InvalidSetting: There is no such read model, or nothing tells its rows apart.
    """
    model = _model(session, name)
    columns = session.sql(f"SELECT * FROM {quoted(model.name)} LIMIT 0").columns
    shown = [c for c in columns if c not in model.key and (bookkeeping or c not in BOOKKEEPING)]
    links = _links(model)
    differ = ", ".join(
        f"CASE WHEN before.{quoted(c)} IS DISTINCT FROM after.{quoted(c)} THEN {text(c)} END" for c in shown
    )
    pairs = "".join(
        f", before.{quoted(c)} AS {quoted(c + '_before')}, after.{quoted(c)} AS {quoted(c + '_after')}" for c in shown
    )
    keys = ", ".join(f"coalesce(after.{quoted(k)}, before.{quoted(k)}) AS {quoted(k)}" for k in model.key)
    same = " AND ".join(f"after.{quoted(k)} IS NOT DISTINCT FROM before.{quoted(k)}" for k in model.key)
    listed = ", ".join(f"changes.{quoted(k)}" for k in model.key)
    belongs = " AND ".join(f"list_contains(cause.{quoted('of_' + k)}, changes.{quoted(k)})" for k in links)
    facts = f"{_OF_EVENTS}, amount_currency AS currency"
    packed = ", ".join(
        f"{part.rpartition(' AS ')[2]} := cause.{part.partition(' AS ')[0]}" for part in facts.split(", ")
    )
    query = f"""
        WITH touched AS MATERIALIZED (
            SELECT * FROM events WHERE ({limits(before)}) IS DISTINCT FROM ({limits(after)})
        ),
        before AS MATERIALIZED (SELECT *, true AS orders_es_there FROM ({_at(session, model, before)})),
        after AS MATERIALIZED (SELECT *, true AS orders_es_there FROM ({_at(session, model, after)})),
        changes AS MATERIALIZED (
            SELECT
                {keys},
                CASE
                    WHEN before.orders_es_there IS NULL THEN 'created'
                    WHEN after.orders_es_there IS NULL THEN 'gone'
                    ELSE 'changed'
                END AS change,
                list_filter([{differ}], lambda name: name IS NOT NULL) AS changed
                {pairs}
            FROM before FULL JOIN after ON {same}
        ),
        {_orders(session, before, after)}
        causes AS MATERIALIZED (
            SELECT {_OF_EVENTS}, lives.currencies[1] AS amount_currency
            {"".join(f", {_values(model, k)} AS {quoted('of_' + k)}" for k in links)}
            FROM touched LEFT JOIN lives USING (stream_id)
        ),
        found AS (
            SELECT
                {listed},
                list(struct_pack({packed}) ORDER BY cause."position") AS causes,
                list_sort(list(DISTINCT cause.actor) FILTER (cause.actor IS NOT NULL)) AS actors,
                list_sort(list(DISTINCT cause.type)) AS types
            FROM changes JOIN causes AS cause ON {belongs or "false"}
            WHERE changes.change <> 'changed' OR len(changes.changed) > 0
            GROUP BY ALL
        )
        SELECT
            {listed},
            changes.change,
            changes.changed,
            CASE WHEN found.causes IS NULL THEN '' ELSE concat(
                len(found.causes), CASE len(found.causes) WHEN 1 THEN ' event' ELSE ' events' END,
                CASE WHEN len(found.actors) > 0
                    THEN ' by ' || array_to_string(found.actors[:{_SHOWN}], ', ') || CASE WHEN len(found.actors) > {_SHOWN} THEN ' …' ELSE '' END
                    ELSE '' END,
                ': ', array_to_string(found.types[:{_SHOWN}], ', '), CASE WHEN len(found.types) > {_SHOWN} THEN ' …' ELSE '' END
            ) END AS caused_by,
            changes.* EXCLUDE ({", ".join(quoted(k) for k in model.key)}, change, changed),
            coalesce(found.causes, []) AS causes
        FROM changes LEFT JOIN found
            ON {" AND ".join(f"found.{quoted(k)} IS NOT DISTINCT FROM changes.{quoted(k)}" for k in model.key)}
        WHERE changes.change <> 'changed' OR len(changes.changed) > 0
        ORDER BY {", ".join(str(place + 1) for place in range(len(model.key)))}
    """
    notes = []
    if not links:
        notes.append(
            f"nothing in the key of {model.name} ({', '.join(model.key)}) leads to events, so no causes are named"
        )
    return query, tuple(notes)


def _model(session: Session, name: str) -> ReadModel:
    known = {model.name: model for model in session.models}
    if name not in known:
        alike = get_close_matches(str(name), known, n=1)
        meant = f"; did you mean {alike[0]!r}?" if alike else ""
        raise InvalidSetting("name", name, f"there is no such read model{meant} There are {', '.join(sorted(known))}")
    if not known[name].key:
        raise InvalidSetting("name", name, "nothing says what tells its rows apart; add a line `-- Key:` to its file")
    return known[name]


def _at(session: Session, model: ReadModel, asked: AsOf) -> str:
    """SQL for the read model at a moment; of the streams that changed, where its rows are made stream by stream."""
    moves = model.reads_moment or any(m.reads_moment for m in needed_by(model, session.models))
    if model.stream is not None and not moves:
        own = "stream_id IN (SELECT stream_id FROM touched)"
        return session.state(model.name, f"(SELECT * FROM events WHERE {limits(asked)} AND {own})")
    given = [
        f"{clock} := TIMESTAMPTZ '{value.isoformat()}'"
        for clock, value in (("at", asked.at), ("known_at", asked.known_at), ("recorded_by", asked.recorded_by))
        if value is not None
    ]
    return f"SELECT * FROM {quoted(model.name + '_at')}({', '.join(given)})"


def _links(model: ReadModel) -> list[str]:
    """The columns of its key by which an event is known to belong to a row."""
    own = {model.stream, "order_id", "stream_id", "item_id", "type", "actor", "version", *_OF_ORDERS, *_DAYS}
    return [name for name in model.key if name in own]


def _orders(session: Session, before: AsOf, after: AsOf) -> str:
    """SQL for `lives`: what the orders that changed were before and after, by which their events belong to rows; none where the program knows no orders."""
    if any(
        name not in session.log.registry for model in session.models if model.name == "orders" for name in model.types
    ):
        nothing = [*(_LISTS.get(name, name + "_values") for name in _OF_ORDERS), *(f"{name}_values" for name in _STEPS)]
        kinds = ["TIMESTAMPTZ[]" if name.removesuffix("_values") in _STEPS else "VARCHAR[]" for name in nothing]
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in zip(nothing, kinds, strict=True))
        return f"lives AS (SELECT NULL::VARCHAR AS stream_id, {columns} WHERE false),"
    states = " UNION ALL BY NAME ".join(
        f"SELECT order_id, {', '.join((*_OF_ORDERS, *_STEPS))} FROM ("
        + session.state(
            "orders", f"(SELECT * FROM events WHERE {limits(asked)} AND stream_id IN (SELECT stream_id FROM touched))"
        )
        + ")"
        for asked in (after, before)
    )
    lists = ", ".join(
        f"list({name}) FILTER ({name} IS NOT NULL) AS {_LISTS.get(name, name + '_values')}" for name in _OF_ORDERS
    )
    steps = ", ".join(f"list({name}) FILTER ({name} IS NOT NULL) AS {name}_values" for name in _STEPS)
    return f"lives AS MATERIALIZED (SELECT order_id AS stream_id, {lists}, {steps} FROM ({states}) GROUP BY order_id),"


def _values(model: ReadModel, name: str) -> str:
    """SQL for the values of a key's column to whose rows an event may belong."""
    if name in {model.stream, "order_id", "stream_id"}:
        return "[touched.stream_id]"
    if name in {"type", "actor", "version"}:
        return f"[touched.{name}]"
    if name == "item_id":
        return "[coalesce(touched.item_id, '')]"
    if name in _DAYS:
        cut = f"date_trunc('{name}', orders_es_moment){_DAYS[name]}"
        return (
            "list_transform(list_concat([touched.occurred_at], coalesce(lives.placed_at_values, []), "
            f"coalesce(lives.cancelled_at_values, [])), lambda orders_es_moment: {cut})"
        )
    return f"coalesce(lives.{_LISTS.get(name, name + '_values')}, [])" + (" || ['XXX']" if name == "currency" else "")
