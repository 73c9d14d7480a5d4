"""What a read model's own text says of partial results: the SQL that makes them of some events, and the one that combines them.

Sums, counts, minima, maxima, and firsts and lasts by version do not care in which parts the events come. Where a SELECT groups by
`stream_id` and asks for nothing else of a relation of one row per event, it is taken apart here: into a SELECT that is run over each
span of the log once, and two over what came of it: one that groups, and one for streams whose events all lie in one span, which need no
grouping. Anything else is not recognised, and read from events as ever.
"""

from __future__ import annotations

import copy
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.read_models.syntax_tree import inside, parser

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["LAST", "Derived", "Part", "derived_from", "narrowed"]

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
_PARTIAL = re.compile(r"p\d+", re.IGNORECASE)
LAST = "orders_es_last"
"""The column of partial results that holds the last position of what they are made of."""


class Part(NamedTuple):
    """One SELECT of a read model, taken apart.

    Args:
        keys: The columns that it groups by.
        columns: The columns of partial results, without the keys; each with the expression that makes one of several.
        sql: The SELECT that makes them, over a relation of one row per event.
        combining: The SELECT over partial results that gives what its own gives over events.
        alone: The same where each group has one partial result; row by row.
    """

    keys: tuple[str, ...]
    columns: dict[str, str]
    sql: str
    combining: str
    alone: str


class Derived(NamedTuple):
    """A read model over partial results.

    Args:
        parts: Its SELECTs that were taken apart. `combining` reads the relation `orders_es_part_0` (`_1` and so on), and `alone`
            `orders_es_alone_0`.
        sql: Its text over the relations `orders_es_whole_0` and so on, which hold what each of these SELECTs gives.
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
        'SELECT stream_id, count_star() AS p0, max("position") AS orders_es_last FROM events GROUP BY stream_id'
        >>> found.parts[0].combining
        'SELECT stream_id, CAST(sum(p0) AS BIGINT) AS events FROM orders_es_part_0 GROUP BY stream_id'
        >>> found.parts[0].alone
        'SELECT stream_id, p0 AS events FROM orders_es_alone_0'
        >>> found.sql
        'SELECT * FROM orders_es_whole_0'
        >>> derived_from("SELECT count(*) AS events FROM events") is None
        True
    """
    with parser().cursor() as connection:
        tree = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()[0])
        if tree.get("error") or len(tree["statements"]) != 1:
            return None
        parts: list[Part] = []
        try:
            for node in list(inside(tree)):
                if node.get("type") == "SELECT_NODE" and _relation(node.get("from_table")) in PER_EVENT:
                    parts.append(_taken_apart(connection, node, len(parts)))
            named = {_relation(node) for node in inside(tree)} - {None}
            if not parts or named - {f"orders_es_whole_{i}" for i in range(len(parts))}:
                return None
        except _NotOne:
            return None
        return Derived(tuple(parts), _text(connection, tree))


@lru_cache(maxsize=256)
def narrowed(sql: str, columns: frozenset[str]) -> Derived | None:
    """What `derived_from` gives, with fewer columns, for a question that names no others: DuckDB takes its time over each.

    Args:
        sql: One SELECT.
        columns: The columns that have to be there, in small letters; whatever these are made of is kept too.

    Example:
        >>> query = "SELECT stream_id, count(*) AS events, max(version) AS version FROM events GROUP BY stream_id"
        >>> narrowed(query, frozenset({"version"})).parts[0].combining
        'SELECT stream_id, max(p1) AS "version" FROM orders_es_part_0 GROUP BY stream_id'
    """
    texts = derived_from(sql)
    if texts is None:
        return None
    with parser().cursor() as connection:
        whole = _select(connection, texts.sql)
        combining = [_select(connection, part.combining) for part in texts.parts]
        nodes = [node for node in inside(whole) if "node_kind" in node or str(node.get("type", "")).endswith("_NODE")]
        plain = all(
            node["type"] == "SELECT_NODE"
            and not (node["group_expressions"] or node["modifiers"] or node["having"] or node["qualify"])
            and not node["cte_map"]["map"]
            and node["aggregate_handling"] == "STANDARD_HANDLING"
            for node in nodes
        )
        if not plain:
            return texts
        nodes += [tree["statements"][0]["node"] for tree in combining]
        items = [(_output(item), _names(item)) for node in nodes for item in node["select_list"]]
        wanted = set(columns)
        for node in nodes:
            wanted |= _names({name: value for name, value in node.items() if name not in ("select_list", "from_table")})
            wanted |= _names(node["from_table"]) if node["from_table"]["type"] == "JOIN" else set()
        before = -1
        while before != len(wanted):
            before = len(wanted)
            wanted |= {name for output, names in items if output in wanted for name in names}

        def fewer(sql: str) -> str:
            tree = _select(connection, sql)
            for node in inside(tree):
                if node.get("type") == "SELECT_NODE":
                    _keep(node, wanted)
            return _text(connection, tree)

        parts = []
        for part in texts.parts:
            combined = fewer(part.combining)
            used = _names(_select(connection, combined))
            partial = _select(connection, part.sql)
            _keep(partial["statements"][0]["node"], used | {key.lower() for key in part.keys})
            parts.append(
                part._replace(
                    columns={name: how for name, how in part.columns.items() if name in used},
                    sql=_text(connection, partial),
                    combining=combined,
                    alone=fewer(part.alone),
                )
            )
        return Derived(tuple(parts), fewer(texts.sql))


def _keep(node: dict[str, Any], names: Collection[str]) -> None:
    """Leave out of a SELECT what has none of these names; it keeps one expression at least."""
    listed = node["select_list"]
    node["select_list"] = [item for item in listed if _output(item) in (None, *names)] or listed[:1]


def _output(item: dict[str, Any]) -> str | None:
    """The name that an expression of a SELECT has for whoever reads it, in small letters; None if it is no single one."""
    if item["class"] == "STAR":
        return None
    return str(item["alias"] or item["column_names"][-1]).lower() if item["alias"] or "column_names" in item else None


def _names(tree: Any) -> set[str]:
    return {
        name.lower()
        for node in inside(tree)
        for name in (*(node.get("column_names") or ()), *(node.get("using_columns") or ()))
    }


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
    _require(not any(_PARTIAL.fullmatch(str(key)) or str(key).lower() == LAST for key in keys))
    _require(node["aggregate_handling"] == "STANDARD_HANDLING" and not node["from_table"]["column_name_alias"])
    _require(
        not any(node[name] for name in ("modifiers", "having", "sample", "qualify")) and not node["cte_map"]["map"]
    )
    if node["where_clause"] is not None:
        _of_one_event(node["where_clause"])
    found = _Aggregates(connection, {str(key) for key in keys})
    for expression in node["select_list"]:
        _require(expression["alias"] or expression["class"] == "COLUMN_REF")  # else its name would be another
    combining = [found.rewritten(expression, alone=False) for expression in node["select_list"]]
    alone = [found.rewritten(expression, alone=True) for expression in node["select_list"]]
    _require(found.made)
    numbered = (f"1 AS p{i}" for i in range(len(found.made)))
    listed = ", ".join([*(f'"{key}"' for key in keys), *numbered, f'max("position") AS {LAST}'])
    select = _select(connection, f'SELECT {listed} FROM "{of}" GROUP BY ALL')
    partial = select["statements"][0]["node"]
    for i, made in enumerate(found.made):
        partial["select_list"][len(keys) + i] = {**made, "alias": f"p{i}"}
    for name in ("from_table", "where_clause", "group_expressions", "group_sets", "aggregate_handling"):
        partial[name] = copy.deepcopy(node[name])
    part = Part(
        tuple(str(key) for key in keys),
        {f"p{i}": expression for i, expression in enumerate(found.merging)} | {LAST: f"max({LAST})"},
        _text(connection, select),
        _over(connection, node, combining, f"orders_es_part_{number}"),
        _over(connection, node, alone, f"orders_es_alone_{number}", grouped=False),
    )
    whole = _select(connection, f"SELECT * FROM orders_es_whole_{number}")["statements"][0]["node"]
    node.clear()
    node.update(whole)
    return part


def _over(connection: Any, node: dict[str, Any], listed: list[Any], relation: str, *, grouped: bool = True) -> str:
    """The SELECT of a node with other expressions, over another relation, all of which counts."""
    select = _select(connection, f"SELECT 1 FROM {relation}")
    made = select["statements"][0]["node"]
    made["select_list"] = listed
    made["from_table"]["alias"] = node["from_table"]["alias"]
    if grouped:
        for name in ("group_expressions", "group_sets", "aggregate_handling"):
            made[name] = copy.deepcopy(node[name])
    return _text(connection, select)


def _of_one_event(expression: Any) -> None:
    """Make sure that an expression says the same of an event whenever and wherever it is asked.

    No casts: a day begins when the session says. No functions but operators: `random()` is one, and so is `now()`.
    """
    for node in inside(expression):
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
        self.merging: list[str] = []

    def rewritten(self, node: Any, *, alone: bool) -> Any:
        """An expression of the SELECT, over partial results; over one of each group, if it is alone."""
        if isinstance(node, list):
            return [self.rewritten(each, alone=alone) for each in node]
        if not isinstance(node, dict):
            return node
        kind = node.get("class")
        if kind == "FUNCTION" and node["function_name"] in (_ITSELF | _COUNTS | set(_BY_VERSION)):
            place = self._aggregate(node)
            return {**self._template(f"p{place}" if alone else self.merging[place]), "alias": node["alias"]}
        if kind == "FUNCTION":  # any other might be an aggregate, too
            _require(node["is_operator"] or node["function_name"] in _AFTERWARDS)
        if kind == "COLUMN_REF":
            _require(_column(node) in self._keys)
        _require(kind is None or kind in (*_OF_STATES, "TYPE"))
        return {name: self.rewritten(value, alone=alone) for name, value in node.items()}

    def _aggregate(self, node: Any) -> int:
        """Where its partial result stands, with what makes one of several."""
        name, arguments = node["function_name"], [argument["expression"] for argument in node["arguments"]]
        _require(not node["distinct"] and not node["order_bys"]["orders"] and not node["schema"])
        for expression in (*arguments, *([node["filter"]] if node["filter"] else [])):
            _of_one_event(expression)
        if name in _COUNTS:
            return self._place(node, "CAST(sum({0}) AS BIGINT)")
        if name in _ITSELF:
            _require(len(arguments) == 1)
            return self._place(node, f"{name}({{0}})")
        _require(len(arguments) == 2 and arguments[1].get("column_names") == _VERSION)  # noqa: PLR2004 - a value and its version
        extreme = _BY_VERSION[name]
        when = self._template(f"{extreme}(CASE WHEN orders_es_x IS NOT NULL THEN version END)")
        self._fill(when, arguments[0])
        when["filter"] = copy.deepcopy(node["filter"])
        versions = self._place(when, f"{extreme}({{0}})")
        return self._place(node, f"{name}({{0}}, p{versions})")

    def _template(self, sql: str) -> Any:
        return _expression(self._connection, sql)

    def _fill(self, tree: Any, value: Any) -> None:
        for node in list(inside(tree)):
            for name, child in node.items():
                if isinstance(child, dict) and _column(child) == "orders_es_x":
                    node[name] = copy.deepcopy(value)
                elif isinstance(child, list):
                    node[name] = [
                        copy.deepcopy(value) if isinstance(c, dict) and _column(c) == "orders_es_x" else c
                        for c in child
                    ]

    def _place(self, node: Any, merging: str) -> int:
        """Where the partial result of an aggregate stands; the same one where it is asked for twice.

        Args:
            merging: What makes one partial result of several, where `{0}` stands for them.
        """
        node = copy.deepcopy({**node, "alias": ""})
        said = json.dumps(node, sort_keys=True, default=str)
        for each in inside(node):
            for name in _PLACES:
                each.pop(name, None)
        key = json.dumps(node, sort_keys=True)
        if key not in self._known:
            self._known[key] = len(self.made)
            self.made.append(json.loads(said))
            self.merging.append(merging.format(f"p{self._known[key]}"))
        return self._known[key]
