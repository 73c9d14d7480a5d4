"""What a query names, as DuckDB's own parser understands it: so that a session defines what it needs, and nothing else."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from orders_es.replay.moment_macros import CLOCK, MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MACROS", "columns_in", "lists_all", "relations_in"]

_LOOKS_AROUND = ("duckdb_", "pg_", "pragma_", "sqlite_")
_RUNS_TEXT = frozenset({"query", "query_table"})
MACROS = frozenset({CLOCK, MOMENT})
"""The functions that sessions define."""
_ALL_COLUMNS = re.compile(r"\bNATURAL\b|\bCOLUMNS\s*\(|\bPOSITIONAL\b", re.IGNORECASE)
_RELATIONS = frozenset({"BASE_TABLE", "SUBQUERY", "TABLE_FUNCTION", "JOIN"})
_CATALOGS = frozenset({"information_schema", "pg_catalog"})


def relations_in(cursor: Any, query: str) -> frozenset[str] | None:
    """Tables, views and table macros that a query names, in small letters; None where that cannot be said.

    It can be said of SELECTs only, and of none that looks into the catalog or runs SQL out of a text. A query that is no SQL
    names nothing.

    Args:
        cursor: Any DuckDB connection or cursor.

    Example:
        >>> import duckdb
        >>> con = duckdb.connect()
        >>> sorted(relations_in(con, "SELECT 'sales' FROM orders JOIN order_items_at(now()) USING (order_id)"))
        ['order_items_at', 'orders']
        >>> relations_in(con, "FROM duckdb_tables()") is None, relations_in(con, "SELECT ,")
        (True, frozenset())
    """
    return _relations(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()[0])


@lru_cache(maxsize=256)
def _relations(serialized: str) -> frozenset[str] | None:
    tree = json.loads(serialized)
    if tree["error"]:
        return frozenset() if tree["error_type"] == "parser" else None
    names = set()
    for schema, name in _named(tree["statements"], frozenset()):
        if not name or schema in _CATALOGS or name.startswith(_LOOKS_AROUND) or name in _RUNS_TEXT:
            return None
        names.add(name)
    return frozenset(names)


def _named(node: Any, own: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Schema and name of all that stands for a relation below a node, but for what `WITH` defines there.

    The name is empty where something is described, which may be anything.
    """
    if isinstance(node, list):
        for part in node:
            yield from _named(part, own)
    elif isinstance(node, dict):
        for entry in node.get("cte_map", {}).get("map", []):
            name = entry["key"].lower()
            recursive = entry["value"]["query_node"]["type"] == "RECURSIVE_CTE_NODE"
            yield from _named(entry["value"], own | {name} if recursive else own)
            own |= {name}
        relation = _relation(node)
        if relation is not None and (relation[0] or relation[1] not in own):
            yield relation
        for name, part in node.items():
            if name != "cte_map":
                yield from _named(part, own)


def _relation(node: dict[str, Any]) -> tuple[str, str] | None:
    kind = node.get("type")
    if kind == "SHOW_REF":
        return "", ""
    if kind == "BASE_TABLE":
        return node["schema_name"].lower(), node["table_name"].lower()
    if kind == "TABLE_FUNCTION":
        return "", node["function"]["function_name"].lower()
    if node.get("class") == "FUNCTION" and node["function_name"] in MACROS:
        return "", node["function_name"]
    return None


def lists_all(cursor: Any, query: str) -> bool:
    """Whether a query is no more than columns of one relation, so that its answer has as many rows.

    Args:
        cursor: Any DuckDB connection or cursor.

    Example:
        >>> import duckdb
        >>> con = duckdb.connect()
        >>> lists_all(con, "SELECT order_id, total FROM orders ORDER BY total"), lists_all(con, "FROM orders_at('2024-01-01')")
        (True, True)
        >>> lists_all(con, "SELECT count(*) FROM orders"), lists_all(con, "FROM orders LIMIT 3"), lists_all(con, "SELECT ,")
        (False, False, False)
    """
    tree = json.loads(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0])
    if tree.get("error") or len(tree["statements"]) != 1:
        return False
    node = tree["statements"][0]["node"]
    return (
        node["type"] == "SELECT_NODE"
        and node["from_table"]["type"] in {"BASE_TABLE", "TABLE_FUNCTION"}
        and not (
            node["where_clause"] or node["group_expressions"] or node["having"] or node["qualify"] or node["sample"]
        )
        and all(item["class"] in {"STAR", "COLUMN_REF"} for item in node["select_list"])
        and all(modifier["type"] == "ORDER_MODIFIER" for modifier in node["modifiers"])
    )


def columns_in(cursor: Any, query: str) -> frozenset[str] | None:
    """The names of columns in a query, in small letters; None where it may look at columns that it does not name.

    Args:
        cursor: Any DuckDB connection or cursor.

    Example:
        >>> import duckdb
        >>> con = duckdb.connect()
        >>> sorted(columns_in(con, "SELECT status, sum(o.total) FROM orders AS o GROUP BY status"))
        ['o', 'status', 'total']
        >>> columns_in(con, "SELECT * FROM orders") is None
        True
    """
    tree = json.loads(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()[0])
    if tree.get("error") or _ALL_COLUMNS.search(query):
        return None
    words: set[str] = set()
    whole: set[str] = set()
    relations: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if node.get("class") == "STAR" or node.get("type") in {"PIVOT", "SHOW_REF"}:
                return None
            names = [name.lower() for name in node.get("column_names") or ()]
            words |= {*names, *(name.lower() for name in node.get("using_columns") or ())}
            whole |= set(names) if len(names) == 1 else set()
            if node.get("type") in _RELATIONS:
                relations |= {str(node[key]).lower() for key in ("alias", "table_name") if node.get(key)}
            waiting += node.values()
    # A column that is called as a relation may be the whole row of it.
    return None if whole & relations else frozenset(words)
