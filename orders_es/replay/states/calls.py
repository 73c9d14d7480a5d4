"""The moments that a query gives to macros such as `orders_at`, where it gives them as constants: so that states can answer them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.read_models.syntax_tree import inside
from orders_es.replay.moment_macros import MOMENT

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ARGUMENTS", "Call", "calls_of"]

ARGUMENTS = ("at", "known_at", "recorded_by")
_CONSTANT = frozenset({"CONSTANT", "CAST", "TYPE"})
_MOST = 4
"""So many different moments are answered from states; each is planned with each call of the macro."""


class Call(NamedTuple):
    """What one or several calls of a macro give to it.

    Args:
        given: SQL for each argument, in the order of `ARGUMENTS`; `NULL` where it was left out.
        moments: The moments that these are.
    """

    given: tuple[str, ...]
    moments: tuple[datetime | None, ...]


def calls_of(cursor: Any, query: str, macro: str) -> list[Call]:
    """The different calls of a macro in a query; none where one of them gives more than constants, or they cannot be told apart.

    Args:
        cursor: A connection that has the macros for moments, in the zone of the session.
        macro: Its name.
    """
    import duckdb

    tree = json.loads(cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()[0])
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for node in inside(tree):
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"].lower() == macro.lower():
            given = _given(cursor, node["function"])
            if given is None:
                return []
            found[given] = ()
    kinds: list[set[str]] = [set() for _ in ARGUMENTS]
    calls = []
    for given in found:
        asked = ", ".join(f"typeof({each}), {MOMENT}({each})" for each in given)
        try:
            row = cursor.execute(f"SELECT {asked}").fetchone()
        except duckdb.Error:  # no moment; whoever asks is told so by the macro itself
            return []
        calls.append(Call(given, row[1::2]))
        for kind, known in zip(row[::2], kinds, strict=True):
            known.add(kind)
    apart = all(len(known - {'"NULL"'}) <= 1 for known in kinds)
    return calls if len(calls) == 1 or (apart and len(calls) <= _MOST) else []


def _given(cursor: Any, function: dict[str, Any]) -> tuple[str, ...] | None:
    given = dict.fromkeys(ARGUMENTS, "NULL")
    for place, argument in enumerate(function["arguments"]):
        name = (argument["name"] or ARGUMENTS[min(place, len(ARGUMENTS) - 1)]).lower()
        expression = argument["expression"]
        plain = all(node.get("class") in {None, *_CONSTANT} for node in inside(expression))
        if name not in given or given[name] != "NULL" or not plain:
            return None
        select = json.loads(_one(cursor))
        select["statements"][0]["node"]["select_list"] = [{**expression, "alias": ""}]
        (made,) = cursor.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(select)]).fetchone()
        given[name] = f"({made.removeprefix('SELECT ')})"
    return tuple(given.values())


def _one(cursor: Any) -> str:
    found: str = cursor.execute("SELECT json_serialize_sql('SELECT 1')").fetchone()[0]
    return found
