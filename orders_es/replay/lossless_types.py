"""A query in types that Arrow and Parquet hold without loss. DuckDB writes some of its own as what says less.

Seen with DuckDB 2.0.1: Parquet gets a sum of whole numbers (HUGEINT) as a float, and an interval without its microseconds;
Arrow gets the largest UHUGEINT as -1, a time of day without its zone, and bits, BIGNUM and VARIANT as DuckDB's own bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["lossless", "lossless_relation"]

Form = Literal["arrow", "parquet"]

_TEXT = "VARCHAR"
_WHOLE = "DECIMAL(38,0)"
_IN_ARROW = {
    "bignum": _TEXT,
    "bit": _TEXT,
    "time with time zone": _TEXT,
    "uhugeint": _TEXT,
    "variant": "JSON",
}
_IN: dict[Form, dict[str, str]] = {
    "arrow": _IN_ARROW,
    "parquet": _IN_ARROW | {"hugeint": _WHOLE, "interval": _TEXT, "union": _TEXT},
}


def lossless(query: str, columns: Iterable[tuple[str, Any]], form: Form) -> str:
    """The query, with each column cast whose type the form cannot say; the same text where there is none.

    Whole numbers past 64 bits become `DECIMAL(38,0)` in Parquet, where a number of 39 digits is an error in DuckDB's words;
    VARIANT becomes JSON; everything else becomes the text that DuckDB shows. Inside lists, structs and maps as well.

    Args:
        query: One SELECT.
        columns: Its columns' names, and DuckDB's types of them.
        form: What the answer is going to be.

    Example:
        >>> import duckdb
        >>> asked = duckdb.sql("SELECT 1 AS a, sum(range) AS b FROM range(3)")
        >>> print(lossless("FROM t", zip(asked.columns, asked.types), "parquet"))
        SELECT c0 AS "a", CAST(c1 AS DECIMAL(38,0)) AS "b" FROM (
        FROM t
        ) AS t(c0, c1)
    """
    named = list(columns)
    becoming = [_becoming(kind, _IN[form]) for _, kind in named]
    if not any(becoming):
        return query
    # By place: two columns may have one name.
    places = [f"c{i}" for i in range(len(named))]
    selected = ", ".join(
        f"{f'CAST({place} AS {kind})' if kind else place} AS {quoted(name)}"
        for place, (name, _), kind in zip(places, named, becoming, strict=True)
    )
    return f"SELECT {selected} FROM (\n{query}\n) AS t({', '.join(places)})"


def lossless_relation(connection: Any, query: str, form: Form, parameters: Any = None) -> Any:
    """What `connection.sql` gives for the query, in types that the form holds; None for a statement without rows."""
    relation = connection.sql(query, params=parameters)
    if relation is None:
        return None
    named = zip(relation.columns, relation.types, strict=True)
    exact = lossless(query, named, form)
    return relation if exact is query else connection.sql(exact, params=parameters)


def _becoming(kind: Any, becomes: dict[str, str]) -> str | None:
    """What a type has to be cast to, as SQL names it; None if it may stay."""
    if kind.id in becomes:
        return becomes[kind.id]
    if kind.id == "tuple":  # DuckDB names its parts in its text only
        return _TEXT if any(name.upper() in str(kind) for name in becomes) else None
    if kind.id not in _NESTED:
        return None
    parts = [
        (name, part, _becoming(part, becomes)) for name, part in kind.children if name != "size" or kind.id == "struct"
    ]
    if not any(new for _, _, new in parts):
        return None
    return _NESTED[kind.id](kind, [(name, new or str(part)) for name, part, new in parts])


_NESTED: dict[str, Callable[[Any, list[tuple[str, str]]], str]] = {
    "list": lambda _, parts: f"{parts[0][1]}[]",
    "array": lambda kind, parts: f"{parts[0][1]}[{dict(kind.children)['size']}]",
    "map": lambda _, parts: f"MAP({', '.join(part for _, part in parts)})",
    "struct": lambda _, parts: f"STRUCT({', '.join(f'{quoted(name)} {part}' for name, part in parts)})",
}
