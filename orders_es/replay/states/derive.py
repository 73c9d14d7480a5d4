"""What a read model's own text says of partial results: the SQL that makes them of some events, and the one that combines them.

Sums, counts, minima, maxima, and firsts and lasts by version do not care in which parts the events come. Where a SELECT groups by
`stream_id` and asks for nothing else of a relation of one row per event, it is taken apart here: into a SELECT that is run over each
span of the log once, and one over what came of it. Anything else is not recognised, and read from events as ever.
"""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Derived", "Part", "derived_from"]

PER_EVENT = frozenset({"order_effects", "events"})
"""The relations of one row per event, each made of its event alone."""

_ITSELF = frozenset({"sum", "min", "max", "bit_or", "bit_and", "bool_or", "bool_and"})
_COUNTS = frozenset({"count", "count_star"})
_BY_VERSION = {"arg_min": "min", "arg_max": "max"}
_AFTERWARDS = frozenset({"concat_ws", "greatest", "least", "abs", "round"})
_OF_ONE_EVENT = frozenset(
    {"COLUMN_REF", "CASE", "CONSTANT", "OPERATOR", "COMPARISON", "CONJUNCTION", "FUNCTION", "BETWEEN"}
)
_OF_STATES = _OF_ONE_EVENT | {"CAST"}
_PLACES = ("query_location", "query_location_length")
_VERSION = ["version"]


class Part(NamedTuple):
    """One SELECT of a read model, taken apart.

    Args:
        keys: The columns that it groups by.
        columns: The columns of partial results, in order, without the keys.
        sql: The SELECT that makes them, over a relation of one row per event.
        of: That relation.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    sql: str
    of: str


class Derived(NamedTuple):
    """A read model over partial results.

    Args:
        parts: Its SELECTs that were taken apart.
        sql: Its text over the relations `orders_es_part_0` and so on, which hold the partial results of each.
    """

    parts: tuple[Part, ...]
    sql: str


class _NotOne(Exception):
    """The text is of another shape than what can be taken apart."""


@lru_cache(maxsize=256)
def derived_from(sql: str) -> Derived | None:
    """A read model's text over partial results; None where it cannot be had.

    Args:
        sql: One SELECT.

    Example:
        >>> found = derived_from("SELECT stream_id, count(*) AS events FROM events GROUP BY stream_id")
        >>> found.parts[0].sql
        'SELECT stream_id, count_star() AS p0 FROM events GROUP BY stream_id'
        >>> found.sql
        'SELECT stream_id, CAST(sum(p0) AS BIGINT) AS events FROM orders_es_part_0 GROUP BY stream_id'
        >>> derived_from("SELECT count(*) AS events FROM events") is None
        True
    """
    import duckdb

    with duckdb.connect() as connection:
        tree = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()[0])  # type: ignore[index]
        if tree.get("error") or len(tree["statements"]) != 1:
            return None
        parts: list[Part] = []
        try:
            for node in list(_inside(tree)):
                if node.get("type") == "SELECT_NODE" and _relation(node.get("from_table")) in PER_EVENT:
                    parts.append(_taken_apart(connection, node, len(parts)))
            named = {_relation(node) for node in _inside(tree)} - {None}
            if not parts or named - {f"orders_es_part_{i}" for i in range(len(parts))}:
                return None
        except _NotOne:
            return None
        return Derived(tuple(parts), _text(connection, tree))


def _inside(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _inside(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _inside(value)


def _relation(node: Any) -> str | None:
    """The name of the relation that a node stands for; `?` for what is none of a plain name."""
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "BASE_TABLE":
        plain = not (node["schema_name"] or node["catalog_name"] or node["sample"] or node["at_clause"])
        return str(node["table_name"]).lower() if plain else "?"
    return "?" if kind in ("TABLE_FUNCTION", "SHOW_REF", "EXPRESSION_LIST", "PIVOT", "COLUMN_DATA") else None


def _require(truth: object) -> None:
    if not truth:
        raise _NotOne


def _text(connection: Any, tree: Any) -> str:
    found: str = connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone()[0]
    return found


def _select(connection: Any, sql: str) -> Any:
    return json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()[0])


def _expression(connection: Any, sql: str) -> Any:
    return _select(connection, f"SELECT {sql}")["statements"][0]["node"]["select_list"][0]


def _column(node: Any) -> str | None:
    """The column that an expression is, if it is one of a plain name."""
    names: list[str] = node.get("column_names", []) if node.get("class") == "COLUMN_REF" else []
    return names[0] if len(names) == 1 else None


def _taken_apart(connection: Any, node: dict[str, Any], number: int) -> Part:
    """A SELECT's part; the node itself then is the SELECT over what comes of it."""
    of = _relation(node["from_table"])
    assert of is not None
    keys = [_column(expression) for expression in node["group_expressions"]]
    _require("stream_id" in keys and None not in keys and node["group_sets"] == [list(range(len(keys)))])
    _require(node["aggregate_handling"] == "STANDARD_HANDLING" and not node["from_table"]["column_name_alias"])
    _require(
        not any(node[name] for name in ("modifiers", "having", "sample", "qualify")) and not node["cte_map"]["map"]
    )
    if node["where_clause"] is not None:
        _of_one_event(node["where_clause"])
    found = _Aggregates(connection, {str(key) for key in keys})
    combined = []
    for expression in node["select_list"]:
        _require(expression["alias"] or expression["class"] == "COLUMN_REF")  # else its name would be another
        combined.append(found.rewritten(expression))
    _require(found.made)
    listed = ", ".join([*(f'"{key}"' for key in keys), *(f"1 AS p{i}" for i in range(len(found.made)))])
    select = _select(connection, f'SELECT {listed} FROM "{of}" GROUP BY ALL')
    partial = select["statements"][0]["node"]
    for i, made in enumerate(found.made):
        partial["select_list"][len(keys) + i] = {**made, "alias": f"p{i}"}
    for name in ("from_table", "where_clause", "group_expressions", "group_sets", "aggregate_handling"):
        partial[name] = copy.deepcopy(node[name])
    relation = _select(connection, f"SELECT 1 FROM orders_es_part_{number}")["statements"][0]["node"]["from_table"]
    relation["alias"] = node["from_table"]["alias"]
    node["select_list"], node["from_table"], node["where_clause"] = combined, relation, None
    columns = tuple(f"p{i}" for i in range(len(found.made)))
    return Part(tuple(str(key) for key in keys), columns, _text(connection, select), of)


def _of_one_event(expression: Any) -> None:
    """Make sure that an expression says the same of an event whenever and wherever it is asked.

    No casts: a day begins when the session says. No functions but operators: `random()` is one, and so is `now()`.
    """
    for node in _inside(expression):
        kind = node.get("class")
        _require(kind is None or kind in _OF_ONE_EVENT)
        _require(kind != "FUNCTION" or node["is_operator"])


class _Aggregates:
    """The aggregates of one SELECT: what makes their partial results, each once.

    Args:
        keys: The columns that it groups by.
    """

    def __init__(self, connection: Any, keys: set[str]) -> None:
        self._connection = connection
        self._keys = keys
        self._known: dict[str, int] = {}
        self.made: list[Any] = []

    def rewritten(self, node: Any) -> Any:
        """An expression of the SELECT, over partial results."""
        if isinstance(node, list):
            return [self.rewritten(each) for each in node]
        if not isinstance(node, dict):
            return node
        kind = node.get("class")
        if kind == "FUNCTION" and node["function_name"] in (_ITSELF | _COUNTS | set(_BY_VERSION)):
            return {**self._aggregate(node), "alias": node["alias"]}
        if kind == "FUNCTION":  # any other might be an aggregate, too
            _require(node["is_operator"] or node["function_name"] in _AFTERWARDS)
        if kind == "COLUMN_REF":
            _require(_column(node) in self._keys)
        _require(kind is None or kind in (*_OF_STATES, "TYPE"))
        return {name: self.rewritten(value) for name, value in node.items()}

    def _aggregate(self, node: Any) -> Any:
        name, arguments = node["function_name"], [argument["expression"] for argument in node["arguments"]]
        _require(not node["distinct"] and not node["order_bys"]["orders"] and not node["schema"])
        for expression in (*arguments, *([node["filter"]] if node["filter"] else [])):
            _of_one_event(expression)
        if name in _COUNTS:
            return self._template(f"CAST(sum(p{self._place(node)}) AS BIGINT)")
        if name in _ITSELF:
            _require(len(arguments) == 1)
            return self._template(f"{name}(p{self._place(node)})")
        _require(len(arguments) == 2 and arguments[1].get("column_names") == _VERSION)  # noqa: PLR2004 - a value and its version
        when = self._template(f"{_BY_VERSION[name]}(CASE WHEN orders_es_x IS NOT NULL THEN version END)")
        self._fill(when, arguments[0])
        when["filter"] = copy.deepcopy(node["filter"])
        return self._template(f"{name}(p{self._place(node)}, p{self._place(when)})")

    def _template(self, sql: str) -> Any:
        return _expression(self._connection, sql)

    def _fill(self, tree: Any, value: Any) -> None:
        for node in list(_inside(tree)):
            for name, child in node.items():
                if isinstance(child, dict) and _column(child) == "orders_es_x":
                    node[name] = copy.deepcopy(value)
                elif isinstance(child, list):
                    node[name] = [
                        copy.deepcopy(value) if isinstance(c, dict) and _column(c) == "orders_es_x" else c
                        for c in child
                    ]

    def _place(self, node: Any) -> int:
        """Where the partial result of an aggregate stands; the same one where it is asked for twice."""
        node = copy.deepcopy({**node, "alias": ""})
        said = json.dumps(node, sort_keys=True, default=str)
        for each in _inside(node):
            for name in _PLACES:
                each.pop(name, None)
        key = json.dumps(node, sort_keys=True)
        if key not in self._known:
            self._known[key] = len(self.made)
            self.made.append(json.loads(said))
        return self._known[key]
