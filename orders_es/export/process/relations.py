"""Orders as objects and events that refer to them: what the forms of OCEL have in common, as temporary tables.

`process_events`, `process_links`, `process_objects`, `process_values` and `process_object_links` are made on a cursor that
shows one moment. All of it is SQL over the read models, so that a figure here is the figure everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.log.envelope import ENVELOPE
from orders_es.log.relation import quoted, text
from orders_es.read_models import load_read_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orders_es.log import EventType

__all__ = ["EPOCH", "OBJECT_TYPES", "READS", "Attribute", "attributes_of", "event_query", "make_relations"]

EPOCH = "1970-01-01T00:00:00Z"
"""The time of a value that an object has all its life. Source: OCEL 2.0 specification, section 7 (https://arxiv.org/abs/2403.01975)."""

READS = ("FROM events", "FROM order_effects", "FROM order_history", "FROM order_items", "FROM orders")
"""What these tables are made of, for a session to make ready."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an event or object type.

    Args:
        name: As the file has it.
        kind: In OCEL's words: `string`, `time`, `integer`, `float` or `boolean`.
        sql: SQL for its value, as text, in the relation it is read from.
    """

    name: str
    kind: str
    sql: str


_KINDS = {
    "string": "string",
    "int64": "integer",
    "bool": "boolean",
    "decimal": "float",
    "float64": "float",
    "timestamp": "time",
    "date": "string",
    "json": "string",
}


def _time(sql: str) -> str:
    return f"strftime({sql} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"


_ENVELOPE = (
    Attribute("order_id", "string", "stream_id"),
    Attribute("version", "integer", "version::VARCHAR"),
    Attribute("position", "integer", '"position"::VARCHAR'),
    Attribute("recorded_at", "time", _time("recorded_at")),
    Attribute("entered_at", "time", _time("entered_at")),
    Attribute("actor", "string", "actor"),
    Attribute("correlation_id", "string", "correlation_id"),
    Attribute("causation_id", "string", "causation_id"),
)

_STATIC: dict[str, tuple[Attribute, ...]] = {
    "order": (
        Attribute("currency", "string", "currency"),
        Attribute("country", "string", "country"),
        Attribute("channel", "string", "channel"),
    ),
    "item": (
        Attribute("item_id", "string", "item_id"),
        Attribute("description", "string", "description"),
        Attribute("price", "float", "price::VARCHAR"),
    ),
    "customer": (),
    "payment": (
        Attribute("amount", "float", "amount::VARCHAR"),
        Attribute("currency", "string", "currency"),
        Attribute("method", "string", "method"),
        Attribute("reference", "string", "reference"),
    ),
    "refund": (
        Attribute("amount", "float", "amount::VARCHAR"),
        Attribute("currency", "string", "currency"),
        Attribute("method", "string", "method"),
        Attribute("reference", "string", "reference"),
    ),
    "shipment": (
        Attribute("carrier", "string", "carrier"),
        Attribute("tracking", "string", "tracking"),
    ),
}
_CHANGING: dict[str, tuple[Attribute, ...]] = {
    "order": (
        Attribute("status", "string", "status"),
        Attribute("payment_status", "string", "payment_status"),
        Attribute("total", "float", "total::VARCHAR"),
        Attribute("paid", "float", "paid::VARCHAR"),
        Attribute("refunded", "float", "refunded::VARCHAR"),
        Attribute("balance", "float", "balance::VARCHAR"),
    ),
    "item": (Attribute("quantity", "integer", "quantity::VARCHAR"),),
}

OBJECT_TYPES: dict[str, tuple[Attribute, ...]] = {
    name: (*attributes, *_CHANGING.get(name, ())) for name, attributes in _STATIC.items()
}
"""The object types and their attributes."""


def attributes_of(event_type: EventType) -> tuple[Attribute, ...]:
    """The attributes of an event type: the envelope's, and a field's each.

    Args:
        event_type: One that is registered.

    Example:
        >>> from orders_es.log.open import order_registry
        >>> [(a.name, a.kind) for a in attributes_of(order_registry()["ShippingCharged"])][-3:]
        [('amount', 'float'), ('method', 'string'), ('time_estimated', 'boolean')]
    """
    fields = []
    for field in event_type.fields:
        column = quoted(field.name)
        sql = {
            "timestamp": _time(column),
            "string": column,
            "json": f"json_extract_string(payload, {text('$.' + quoted(field.name))})",
        }.get(field.kind, f"{column}::VARCHAR")
        fields.append(Attribute(field.name, _KINDS[field.kind], sql))
    return (*_ENVELOPE, *fields)


def event_query(event_type: EventType) -> str:
    """SQL for the events of a type as OCEL has them: position, id, type, time, and a list of names and values.

    Args:
        event_type: One that is registered.
    """
    return (
        f'SELECT "position", event_id::VARCHAR AS id, type, {_time("occurred_at")} AS time, '
        f"{_pairs(attributes_of(event_type))} AS attributes FROM process_events WHERE type = {text(event_type.name)}"
    )


def _pairs(attributes: Iterable[Attribute]) -> str:
    pairs = ", ".join(f"{{'name': {text(a.name)}, 'value': {a.sql}}}" for a in attributes)
    return f"list_filter([{pairs}], lambda pair: pair.value IS NOT NULL)"


def make_relations(cursor: Any, event_types: Sequence[EventType]) -> tuple[list[EventType], dict[str, int]]:
    """The types that orders have events of; and those left out, because their events are in no order's stream, each with how many.

    Args:
        cursor: What `Session.using` gave; the tables are made on it.
        event_types: The registered ones.
    """
    known = ", ".join(text(each.name) for each in event_types)
    own = "SELECT DISTINCT type FROM events WHERE stream_id IN (SELECT order_id FROM orders)"
    own_types = {name for (name,) in cursor.execute(own).fetchall()}
    own_types |= {name for model in load_read_models(None) if model.name == "orders" for name in model.types}
    # Fields of other domains are left out: one may be called as a column or a variable that is made here.
    fields = {
        field.name for each in event_types if each.name in own_types for field in each.fields if field.kind != "json"
    }
    columns = ", ".join(map(quoted, dict.fromkeys([*ENVELOPE, *sorted(fields)])))
    for statement in _TABLES:
        cursor.execute(statement.replace("/* known */", known).replace("/* columns */", columns))
    for name, attributes in _CHANGING.items():
        for attribute in attributes:
            cursor.execute(_changes(name, attribute))
    held = {name for (name,) in cursor.execute("SELECT DISTINCT type FROM process_events").fetchall()}
    left = cursor.execute(
        'SELECT type, count(*) FROM events e WHERE NOT EXISTS (FROM process_events p WHERE p."position" = e."position") '
        "GROUP BY type ORDER BY type"
    ).fetchall()
    return [each for each in event_types if each.name in held], dict(left)


def _changes(name: str, attribute: Attribute) -> str:
    """SQL that adds what an attribute was from when on, a row a change."""
    source = {
        "order": f"SELECT {_ORDER} AS id, valid_from AS time, {attribute.sql} AS value FROM order_history",
        "item": f"SELECT id, time, {attribute.sql} AS value FROM process_quantities",
    }[name]
    return (
        f"INSERT INTO process_values SELECT id, {text(attribute.name)}, {_time('time')}, value FROM ("
        f"SELECT *, lag(value) OVER (PARTITION BY id ORDER BY time) AS before FROM ({source})"
        ") WHERE value IS DISTINCT FROM before AND value IS NOT NULL"
    )


# Ids are told apart over all types, and an order's id may hold a colon of its own.
_PART = r"replace(replace(stream_id, '%', '%25'), ':', '%3A')"
_ORDER = "'order:' || order_id"
_ITEM = f"'item:' || {_PART} || ':' || item_id"

_TABLES = (
    # What an event is for its order, `order_effects` says: which column it fills, or how far it brings the order.
    """CREATE TEMP TABLE process_events AS
    SELECT *, last_value(customer_id IGNORE NULLS) OVER (PARTITION BY stream_id ORDER BY version) AS known_customer,
        first_value(currency IGNORE NULLS) OVER (PARTITION BY stream_id ORDER BY version) AS known_currency
    FROM (SELECT /* columns */ FROM events) JOIN (
        SELECT "position", step IN (2, 4, 5, 6) AS of_all_items, step = 4 AS is_shipment, step = 5 AS is_delivery,
            paid IS NOT NULL AS is_payment, refunded IS NOT NULL AS is_refund
        FROM order_effects
    ) USING ("position")
    WHERE stream_id IN (SELECT order_id FROM orders) AND type IN (/* known */)""",
    f"""CREATE TEMP TABLE process_items AS
    SELECT order_id, item_id, {_ITEM.replace("stream_id", "order_id")} AS id, description, price, first_version
    FROM order_items WHERE item_id <> ''""",
    f"""CREATE TEMP TABLE process_quantities AS
    SELECT id, time, sum(pieces) OVER (PARTITION BY id ORDER BY time)::BIGINT AS quantity FROM (
        SELECT {_ITEM} AS id, occurred_at AS time, sum(coalesce(item_count, 0)) AS pieces
        FROM order_effects WHERE of_item AND item_id <> '' GROUP BY 1, 2)""",
    # The order in which an event names its objects is the order in which a reader meets them.
    f"""CREATE TEMP TABLE process_links AS
    SELECT "position", 0 AS place, 'order:' || stream_id AS id, 'order' AS qualifier FROM process_events
    UNION ALL
    SELECT "position", 1, 'customer:' || known_customer, 'customer' FROM process_events WHERE known_customer IS NOT NULL
    UNION ALL
    SELECT "position", 2, {_ITEM}, 'item' FROM process_events WHERE item_id IS NOT NULL AND item_id <> ''
    UNION ALL
    SELECT e."position", 3, i.id, 'contains' FROM process_events e JOIN process_items i
        ON i.order_id = e.stream_id AND i.first_version < e.version
    WHERE e.of_all_items
    UNION ALL
    SELECT "position", 4, 'payment:' || event_id, 'payment' FROM process_events WHERE is_payment
    UNION ALL
    SELECT "position", 4, 'refund:' || event_id, 'refund' FROM process_events WHERE is_refund
    UNION ALL
    SELECT "position", 4, 'shipment:' || event_id, 'shipment' FROM process_events WHERE is_shipment
    UNION ALL
    SELECT d."position", 5, 'shipment:' || s.event_id, 'delivers' FROM process_events d JOIN process_events s
        ON s.stream_id = d.stream_id AND s.is_shipment AND s.version < d.version
    WHERE d.is_delivery""",
    """CREATE TEMP TABLE process_objects AS
    SELECT 0 AS place, 'order:' || order_id AS id, 'order' AS type FROM orders
    UNION ALL
    SELECT 1, id, 'item' FROM process_items
    UNION ALL
    SELECT DISTINCT 2, 'customer:' || customer, 'customer' FROM (
        SELECT known_customer AS customer FROM process_events UNION ALL SELECT customer_id FROM orders
    ) WHERE customer IS NOT NULL
    UNION ALL
    SELECT 3, 'payment:' || event_id, 'payment' FROM process_events WHERE is_payment
    UNION ALL
    SELECT 4, 'refund:' || event_id, 'refund' FROM process_events WHERE is_refund
    UNION ALL
    SELECT 5, 'shipment:' || event_id, 'shipment' FROM process_events WHERE is_shipment""",
    f"""CREATE TEMP TABLE process_values AS
    SELECT id, pair.name AS name, {text(EPOCH)} AS time, pair.value AS value FROM (
        SELECT {_ORDER} AS id, unnest({_pairs(_STATIC["order"])}) AS pair FROM orders
        UNION ALL
        SELECT id, unnest({_pairs(_STATIC["item"])}) FROM process_items
        UNION ALL
        SELECT 'payment:' || event_id, unnest({_pairs(_STATIC["payment"])})
        FROM (SELECT * REPLACE (known_currency AS currency) FROM process_events) WHERE is_payment
        UNION ALL
        SELECT 'refund:' || event_id, unnest({_pairs(_STATIC["refund"])})
        FROM (SELECT * REPLACE (known_currency AS currency) FROM process_events) WHERE is_refund
        UNION ALL
        SELECT 'shipment:' || event_id, unnest({_pairs(_STATIC["shipment"])}) FROM process_events WHERE is_shipment
    )""",
    f"""CREATE TEMP TABLE process_object_links AS
    SELECT {_ORDER} AS source, 'customer:' || customer_id AS target, 'placed by' AS qualifier, 0 AS place
    FROM orders WHERE customer_id IS NOT NULL
    UNION ALL
    SELECT {_ORDER}, id, 'contains', 1 FROM process_items
    UNION ALL
    SELECT 'order:' || stream_id, 'payment:' || event_id, 'paid by', 2 FROM process_events WHERE is_payment
    UNION ALL
    SELECT 'order:' || stream_id, 'refund:' || event_id, 'refunded by', 3 FROM process_events WHERE is_refund
    UNION ALL
    SELECT 'order:' || stream_id, 'shipment:' || event_id, 'shipped by', 4 FROM process_events WHERE is_shipment""",
)
