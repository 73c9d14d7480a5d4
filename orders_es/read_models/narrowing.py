"""An internal read model with no more columns than whoever reads it names: DuckDB takes its time over each one, asked for or not."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from orders_es.read_models.syntax_tree import inside, parsed, parser

__all__ = ["narrowed_for"]

_NAMED_BY = ("column_names", "using_columns")


@lru_cache(maxsize=256)
def narrowed_for(readers: tuple[str, ...], name: str, sql: str) -> str:
    """The SELECT of a read model, without the columns that none of its readers can name.

    It stays as it is where a reader may look at columns that it does not name (`*`, `NATURAL`, the row as a whole), and
    where leaving one out might change the others: under `DISTINCT`, `GROUP BY` and `ORDER BY`.

    Args:
        readers: The SELECTs that read it.
        name: How they call it.
        sql: Its SELECT.

    Example:
        >>> effects = "SELECT stream_id, version, quantity * price AS gross, amount AS paid FROM events"
        >>> narrowed_for(("SELECT stream_id, sum(gross) FROM effects GROUP BY stream_id",), "effects", effects)
        'SELECT stream_id, (quantity * price) AS gross FROM events'
        >>> narrowed_for(("SELECT * FROM effects",), "effects", effects) == effects
        True
    """
    with parser().cursor() as cursor:
        tree = parsed(cursor, sql)
        node = {} if tree is None else tree["statements"][0]["node"]
        if not _may_lose_columns(node):
            return sql
        wanted: set[str] = set()
        for reader in readers:
            read = parsed(cursor, reader)
            if read is None or _looks_at_all(read, name):
                return sql
            wanted |= _names(read)
        wanted |= _names({part: value for part, value in node.items() if part != "select_list"})
        listed = [(_output(item), item) for item in node["select_list"]]
        known = -1
        while known != len(wanted):  # a column may be made of others that stand beside it
            known = len(wanted)
            wanted |= {named for output, item in listed if output in wanted for named in _names(item)}
        node["select_list"] = [item for output, item in listed if output in wanted] or node["select_list"][:1]
        text: str = cursor.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone()[0]
        return text


def _may_lose_columns(node: dict[str, Any]) -> bool:
    return (
        node.get("type") == "SELECT_NODE"
        and not (node["group_expressions"] or node["modifiers"] or node["having"] or node["qualify"])
        and not node["cte_map"]["map"]
        and node["aggregate_handling"] == "STANDARD_HANDLING"
        and all(_output(item) for item in node["select_list"])
        and not any(_is_aggregate(inner) for inner in inside(node["select_list"]))
    )


def _is_aggregate(node: dict[str, Any]) -> bool:
    """Whether a node may make one row of many, which dropping the last such column would undo."""
    return node.get("class") in {"WINDOW", "SUBQUERY"} or (
        node.get("class") == "FUNCTION" and not node["is_operator"] and node["function_name"] != "nullif"
    )


def _looks_at_all(tree: Any, name: str) -> bool:
    for node in inside(tree):
        if node.get("type") == "SELECT_NODE" and name in _beside(node["from_table"]):
            if any(inner.get("class") in {"STAR", "POSITIONAL_REFERENCE"} for inner in inside(node)):
                return True
            called = _called(node["from_table"])
            if any(
                [part.lower() for part in inner.get("column_names") or ()] in ([each] for each in called)
                for inner in inside(node)
            ):
                return True
        if node.get("type") in {"PIVOT", "SHOW_REF"} or node.get("ref_type") in {"NATURAL", "POSITIONAL"}:
            return True
        if node.get("column_name_alias"):
            return True
    return False


def _beside(table: Any) -> set[str]:
    """The relations of a FROM, without those inside of subqueries."""
    if not isinstance(table, dict):
        return set()
    if table.get("type") == "BASE_TABLE":
        return {table["table_name"].lower()}
    return _beside(table["left"]) | _beside(table["right"]) if table.get("type") == "JOIN" else set()


def _called(table: dict[str, Any]) -> set[str]:
    """What the relations of a FROM are called, by which a query may name a whole row."""
    if table.get("type") == "JOIN":
        return _called(table["left"]) | _called(table["right"])
    return {str(table[key]).lower() for key in ("alias", "table_name") if table.get(key)}


def _output(item: dict[str, Any]) -> str | None:
    if item["class"] == "STAR":
        return None
    alias = item["alias"] or (item["column_names"][-1] if item["class"] == "COLUMN_REF" else "")
    return str(alias).lower() or None


def _names(tree: Any) -> set[str]:
    return {name.lower() for node in inside(tree) for key in _NAMED_BY for name in node.get(key) or ()}
