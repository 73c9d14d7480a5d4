"""Which relations a SELECT mentions, as DuckDB's own parser understands it. No data is touched."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["Mentions", "NotOneSelect"]

_PARAMETERS = frozenset({"at", "known_at"})


class NotOneSelect(ValueError):
    """The text is not one SELECT that can be a read model. The arguments are why, and the line that it is about, or None."""


class Mentions:
    """Asks DuckDB's parser; keeps a connection for as many questions as there are.

    Example:
        >>> sorted(Mentions().of("WITH a AS (FROM events) SELECT count(*) AS orders FROM a JOIN order_items USING (id)"))
        ['events', 'order_items']
    """

    def __init__(self) -> None:
        import duckdb

        self._connection = duckdb.connect()

    def of(self, sql: str) -> frozenset[str]:
        """Names of the tables and views that a SELECT reads, those that it defines itself left out.

        Raises:
            NotOneSelect: It is something else, or cannot be parsed, or has a column that a macro's argument would replace.
        """
        rows = self._connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
        tree = json.loads(rows[0][0])
        if tree["error"]:
            line = sql.encode()[: int(tree["position"])].count(b"\n") + 1 if "position" in tree else None
            raise NotOneSelect(f"it has to be one SELECT: {tree['error_message']}", line)
        if len(tree["statements"]) != 1:
            raise NotOneSelect(f"it has to be one SELECT: there are {len(tree['statements'])} statements", None)
        taken = _column_named(tree["statements"][0]["node"], _PARAMETERS)
        if taken is not None:
            name, place = taken
            raise NotOneSelect(
                f"a column named only {name!r} is taken for the argument of the macro …_at(at, known_at); write "
                f'moment."{name}", or with its own table\'s name before it',
                None if place is None else sql.encode()[:place].count(b"\n") + 1,
            )
        return frozenset(_tables(tree["statements"][0]["node"], frozenset()))


def _column_named(node: Any, names: frozenset[str]) -> tuple[str, int | None] | None:
    """A column below a node that stands without a table's name and has one of these names, and where it stands."""
    if isinstance(node, list):
        return next(filter(None, (_column_named(part, names) for part in node)), None)
    if not isinstance(node, dict):
        return None
    if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
        name = node["column_names"][0].lower()
        if name in names:
            return name, node.get("query_location")
    return next(filter(None, (_column_named(part, names) for part in node.values())), None)


def _tables(node: Any, own: frozenset[str]) -> set[str]:
    """Tables below a node of the parser's tree, without those that `WITH` has defined at that place."""
    found: set[str] = set()
    if isinstance(node, list):
        for part in node:
            found |= _tables(part, own)
    elif isinstance(node, dict):
        for entry in node.get("cte_map", {}).get("map", []):
            name = entry["key"].lower()
            recursive = entry["value"]["query_node"]["type"] == "RECURSIVE_CTE_NODE"
            found |= _tables(entry["value"], own | {name} if recursive else own)
            own |= {name}
        if node.get("type") == "BASE_TABLE" and not node["schema_name"] and node["table_name"].lower() not in own:
            found.add(node["table_name"].lower())
        for name, part in node.items():
            if name != "cte_map":
                found |= _tables(part, own)
    return found
