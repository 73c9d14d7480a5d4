"""What has to be said beside an answer, lest it be misread: money of two currencies added up or compared, or a moment before everything."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from orders_es.orders.moments import spoken
from orders_es.read_models import load_read_models
from orders_es.replay.relations import KNOWN_AT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from orders_es.log import EventLog, Head
    from orders_es.orders import AsOf

__all__ = ["PASSED_OVER", "Currencies", "FirstEvent", "mixes_money", "no_payments", "nothing_then", "passed_over"]

_ADDING = frozenset(
    [
        "sum",
        "avg",
        "mean",
        "fsum",
        "favg",
        "kahan_sum",
        "sumkahan",
        "geomean",
        "geometric_mean",
        "product",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
        "list_sum",
        "list_avg",
        "list_product",
        "array_sum",
    ]
)
_COMPARING = frozenset(
    [
        "max",
        "min",
        "arg_max",
        "arg_min",
        "max_by",
        "min_by",
        "median",
        "mad",
        "quantile",
        "quantile_cont",
        "quantile_disc",
        "approx_quantile",
        "reservoir_quantile",
        "list_max",
        "list_min",
        "list_median",
    ]
)
_PICKING = frozenset({"arg_max", "arg_min", "max_by", "min_by"})
_MAY_MIX = re.compile(rf"\b({'|'.join(sorted(_ADDING | _COMPARING))})\s*\(", re.IGNORECASE)
_FROM_JSON = frozenset({"->", "->>", "json_extract", "json_extract_string", "json_value", "json_extract_path"})
_ONE_CURRENCY = frozenset({"currency", "order_id", "stream_id"})
"""What has one currency: rows that agree in one of these can be added up."""
_MONEY = frozenset(
    [
        "total",
        "gross",
        "discounts",
        "shipping",
        "returns",
        "adjustments",
        "paid",
        "refunded",
        "balance",
        "price",
        "amount",
        "net",
        "revenue",
        "payments",
        "refunds",
        "monetary",
        "average_order",
        "owed",
        "owed_back",
    ]
)
_MONEY_ENDS = re.compile(
    r"(gross|discounts|returns|net|payments|refunds)_(first|now|change)|(reached|waiting|cancelled)_total|days_\w+"
)


PASSED_OVER = "events that this program does not know were passed over"
"""What such a note begins with."""


def passed_over(log: EventLog) -> str | None:
    """What to say where a log's registry passes over events that it does not know; None where it does not, or there are none.

    Args:
        log: The log that is asked.
    """
    if not log.registry.tolerates:
        return None
    pairs = log.registry.passed_over(log.event_types())
    names = ", ".join(f"{name} v{version}" for name, version in pairs)
    return f"{PASSED_OVER} (--tolerate-unknown): {names}" if pairs else None


class Currencies:
    """The currencies that a log's orders name, looked for once and then among later events only."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._until = 0

    def note(self, cursor: Any, query: str, head: Head) -> str | None:
        """What to say of a query that adds up or compares money of several currencies; None if it does not.

        Args:
            cursor: Shows the log, with `events` bound to the moment asked for.
        """
        if not _MAY_MIX.search(query):
            return None
        if len(self._seen) < 2 and head.position > self._until:  # noqa: PLR2004 - two are several
            self._seen |= _currencies(cursor, f'memory.main.events WHERE "position" > {self._until:d}')
            self._until = head.position
        if len(self._seen) < 2:  # noqa: PLR2004 - as above
            return None
        mixing = mixes_money(cursor, query)
        if mixing is None:
            return None
        then = sorted(_currencies(cursor, "events"))
        if len(then) < 2:  # noqa: PLR2004 - as above
            return None
        return (
            f"{mixing} money of {len(then)} currencies ({', '.join(then[:5])}{' …' if len(then) > 5 else ''}); "  # noqa: PLR2004 - five fit
            f"add currency to GROUP BY, or WHERE currency = '{then[0]}'"
        )


class FirstEvent:
    """The log's first event: where that counts, something does, and nobody has to look into the log for it.

    It never changes, so it is read once; and nearly every moment that anybody asks about is after it.
    """

    def __init__(self) -> None:
        self._times: tuple[datetime, datetime, datetime] | None = None

    def counts(self, cursor: Any, asked: AsOf) -> bool:
        """Whether it counts at a moment; False also where the log holds nothing yet.

        Args:
            cursor: Shows the log, whatever `events` is bound to.
        """
        if self._times is None:
            row = cursor.execute(
                f"SELECT epoch_us(occurred_at), epoch_us({KNOWN_AT}), epoch_us(recorded_at) "
                'FROM memory.main.events WHERE "position" = 1'
            ).fetchone()
            if row is None:
                return False
            from orders_es.log.event import from_micros

            self._times = (from_micros(row[0]), from_micros(row[1]), from_micros(row[2]))
        limits = (asked.at, asked.known_at, asked.recorded_by)
        within = all(limit is None or time <= limit for time, limit in zip(self._times, limits, strict=True))
        return within and asked.position != 0


def _currencies(cursor: Any, source: str) -> set[str]:
    """The currencies in a relation; none where an order of it cannot be read, for the answer may be of others."""
    import duckdb

    try:
        return {row[0] for row in cursor.execute(f"SELECT DISTINCT currency FROM {source}").fetchall()} - {None}
    except duckdb.Error:
        return set()


def nothing_then(cursor: Any, asked: AsOf, zone: tzinfo) -> str | None:
    """What to say where nothing was known, or had happened, at the moment asked for; None if something had.

    Args:
        cursor: Shows the log, with `events` bound to that moment.
        zone: The zone to say moments in.
    """
    if (asked.at, asked.known_at, asked.recorded_by) == (None, None, None) or cursor.execute(
        "SELECT 1 FROM events LIMIT 1"
    ).fetchone():
        return None
    occurred, recorded_at = cursor.execute(
        f"SELECT epoch_us(min(occurred_at)), epoch_us(min({KNOWN_AT})) FROM memory.main.events"
    ).fetchone()
    if recorded_at is None:
        return "the log holds no events"
    from orders_es.log.event import from_micros

    first_known, first_occurred = from_micros(recorded_at), from_micros(occurred)
    if asked.known_at is not None and asked.known_at < first_known:
        return (
            f"nothing was known by {spoken(asked.known_at, zone)}: the first event became known "
            f"{spoken(first_known, zone)}. Ask for a later known_at; or for at, which is about when things happened "
            f"(from {spoken(first_occurred, zone)} on)"
        )
    if asked.at is not None and asked.at < first_occurred:
        return (
            f"nothing had happened by {spoken(asked.at, zone)}: the log's first event occurred "
            f"{spoken(first_occurred, zone)}. Ask for a later moment"
        )
    return f"nothing of what had happened was known {asked.spoken(zone)}; ask for a later moment on one of the clocks"


def no_payments(cursor: Any, query: str) -> str | None:
    """What to say of a question about what is owed in a log that records no payments; None of others.

    Args:
        cursor: Shows the log, with `events` bound to the moment asked for.
    """
    if "receivables" not in query.casefold():
        return None
    paid = "paid IS NOT NULL OR refunded IS NOT NULL OR failed_payment IS NOT NULL"
    if _any_effect(cursor, paid) or not _any_effect(cursor, "step = 2"):
        return None
    return "this log records no payments by then, so nobody can tell from it what is owed: receivables has no rows"


def _any_effect(cursor: Any, which: str) -> bool:
    """Whether some event has such an effect. The read model's own text, for it need not be defined here."""
    effects = next(model.sql for model in load_read_models() if model.name == "order_effects")
    return cursor.execute(f"SELECT 1 FROM ({effects}) WHERE {which} LIMIT 1").fetchone() is not None


def mixes_money(cursor: Any, query: str) -> str | None:
    """What the first aggregate that takes money and is not within one currency does, such as `sum(total) adds up`; or None.

    Args:
        cursor: A DuckDB cursor, for its parser.
        query: SQL. What is no SELECT adds up nothing.

    Example:
        >>> import duckdb
        >>> mixes_money(duckdb.connect(), "SELECT status, sum(total) FROM orders GROUP BY status")
        'sum(total) adds up'
        >>> mixes_money(duckdb.connect(), "SELECT currency, sum(total) FROM orders GROUP BY currency")
    """
    tree = json.loads(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()[0])
    if tree["error"]:
        return None
    nodes = list(_inside(tree))  # of a query over many columns there are thousands, so they are walked once
    selects = [node for node in nodes if node.get("type") == "SELECT_NODE"]
    if any(_mentions(node["where_clause"], {"currency"}) for node in selects if node.get("where_clause")):
        return None
    selects = [node for node in selects if not _is_within_one(node)]
    if not selects:
        return None
    money = {name for node in nodes for name in _own_names(node)}
    for select in selects:
        for part in ("select_list", "having", "qualify"):
            for node in _inside(select.get(part), into_queries=False):
                if _mixes(node, _MONEY | money):
                    what = next(name for name in _columns(node) if _is_money(name, money))
                    does = "adds up" if node["function_name"].lower() in _ADDING else "compares"
                    return f"{node['function_name']}({what}) {does}"
    return None


def _own_names(node: Any) -> Iterator[str]:
    """The name that a query gives to something made of money."""
    if node.get("class") and node.get("alias") and any(_is_money(name, ()) for name in _columns(node)):
        yield node["alias"].lower()


def _is_money(name: str, more: Any) -> bool:
    return name in _MONEY or name in more or _MONEY_ENDS.fullmatch(name) is not None


def _mixes(node: Any, money: Any) -> bool:
    """Whether a node of the tree is an aggregate that takes money, and says nothing of one currency itself."""
    name = str(node.get("function_name")).lower()
    if node.get("class") not in {"FUNCTION", "WINDOW"} or name not in _ADDING | _COMPARING:
        return False
    taken = node.get("arguments") or node.get("children") or []
    # arg_max(order_id, total) picks an order by its money, and is not within one order.
    within = {"currency"} if name in _PICKING else _ONE_CURRENCY
    return any(_is_money(column, money) for column in _columns(taken)) and not _mentions(node, within)


def _is_within_one(select: Any) -> bool:
    """Whether each row of a SELECT is of one currency: by its groups, or because it asks for one order."""
    items = select.get("select_list") or []
    named = {item["alias"].lower(): item for item in items if item.get("alias")}
    groups = select.get("group_expressions") or []
    if select.get("aggregate_handling") == "FORCE_AGGREGATES":
        groups = [item for item in items if not any(_is_aggregate(node) for node in _inside(item, into_queries=False))]
    for group in groups:
        whole = group
        if group.get("class") == "CONSTANT":
            place = next((int(v) for v in _numbers(group)), 0)
            whole = items[place - 1] if 0 < place <= len(items) else group
        elif group.get("class") == "COLUMN_REF" and len(group["column_names"]) == 1:
            whole = named.get(group["column_names"][0].lower(), group)
        if _mentions(whole, _ONE_CURRENCY):
            return True
    return any(
        node.get("type") == "COMPARE_EQUAL" and _mentions(node, {"order_id", "stream_id"})
        for node in _inside(select.get("where_clause"))
    )


def _is_aggregate(node: Any) -> bool:
    return node.get("class") == "FUNCTION" and str(node.get("function_name")).lower() in _ADDING | _COMPARING | {
        "count"
    }


def _numbers(node: Any) -> Iterator[str]:
    literal = node.get("literal") or {}
    if literal.get("kind") == "INTEGER":
        yield literal["text"]
    value = node.get("value") or {}
    if isinstance(value.get("value"), int):
        yield str(value["value"])


def _mentions(node: Any, names: Any) -> bool:
    return any(name in names for name in _columns(node))


def _columns(node: Any) -> Iterator[str]:
    """The names of columns below a node, as text in small letters, without their tables; and fields taken out of JSON."""
    for part in _inside(node):
        if part.get("class") == "COLUMN_REF" and part.get("column_names"):
            yield part["column_names"][-1].lower()
        elif part.get("function_name") in _FROM_JSON:
            for below in _inside(part.get("arguments") or part.get("children")):
                if below.get("class") == "CONSTANT" and (field := _text(below)):
                    yield re.split(r"[./]", field.replace('"', ""))[-1].lower()


def _text(constant: Any) -> str | None:
    literal, value = constant.get("literal") or {}, (constant.get("value") or {}).get("value")
    found = literal.get("text") if literal.get("kind") == "STRING" else value
    return found if isinstance(found, str) else None


def _inside(node: Any, *, into_queries: bool = True) -> Iterator[dict[str, Any]]:
    """A node and all below it, each a dict; without those of queries within it, if not wanted."""
    waiting = [node]  # with generators in generators, each node would pass through as many hands as it is deep
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(reversed(part))
        elif isinstance(part, dict) and (into_queries or part.get("type") != "SELECT_NODE"):
            yield part
            waiting.extend(reversed(part.values()))
