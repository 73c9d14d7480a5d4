"""SQL as DuckDB's own parser takes it apart: for whatever looks into a query instead of running it. No data is touched."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["inside", "parsed", "parser"]


@lru_cache(maxsize=1)
def parser() -> Any:
    """A connection to nothing, whose parser is asked; to make one takes longer than all that is asked of it."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def parsed(cursor: Any, sql: str) -> Any:
    """The tree of one SELECT; None where the text is none, or several.

    Args:
        cursor: Any DuckDB connection or cursor.

    Example:
        >>> parsed(parser(), "SELECT 1")["statements"][0]["node"]["type"], parsed(parser(), "SELECT ,")
        ('SELECT_NODE', None)
    """
    tree = json.loads(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()[0])
    return None if tree.get("error") or len(tree["statements"]) != 1 else tree


def inside(tree: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a tree, its root as well, each before those below it and in the order in which they stand.

    Example:
        >>> [node.get("name") for node in inside([{"name": 1, "left": {"name": 2}}, {"name": 3}])]
        [1, 2, 3]
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += reversed(node.values())
        elif isinstance(node, list | tuple):
            waiting += reversed(node)
