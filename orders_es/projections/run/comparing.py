"""How a rebuilt table differs from the one that serves: rows that only one has, rows that differ, with samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.log.relation import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Difference", "RowDifference", "compare"]

_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One row that is not the same in both tables.

    Args:
        kind: `only_before`, `only_after` or `changed`.
        before: The row as it is, by column; empty if it is not there.
        after: The row as it was rebuilt; of a changed one, in both, the key and what differs.
    """

    kind: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a rebuilt table differs from the one before, both as of one position.

    Args:
        rows_before: How many rows it has.
        rows_after: How many rows the rebuilt one has.
        only_before: Rows that only the one before has.
        only_after: Rows that only the rebuilt one has.
        changed: Rows with the same key and another value; where a table has no key, these count among the two above.
        columns_removed: Columns that only the one before has; they are not compared.
        columns_added: Columns that only the rebuilt one has, or has of another type.
        samples: Some rows of each kind.
    """

    table: str
    rows_before: int
    rows_after: int
    only_before: int = 0
    only_after: int = 0
    changed: int = 0
    columns_removed: tuple[str, ...] = ()
    columns_added: tuple[str, ...] = ()
    samples: tuple[RowDifference, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both have the same columns and rows."""
        return not (self.only_before or self.only_after or self.changed or self.columns_removed or self.columns_added)


def compare(connection: Any, table: str, before: str, after: str, key: Sequence[str]) -> Difference:
    """How one table differs from another. Read-only.

    Args:
        connection: A connection that knows both.
        table: What it is called, for the answer.
        before: SQL for the one before.
        after: SQL for the rebuilt one.
        key: The columns that tell its rows apart; none if nobody knows.
    """
    columns_before, columns_after = _columns(connection, before), _columns(connection, after)
    common = [name for name, kind in columns_after.items() if columns_before.get(name) == kind]
    [(rows_before, rows_after)] = connection.execute(
        f"SELECT (SELECT count(*) FROM {before}), (SELECT count(*) FROM {after})"
    ).fetchall()
    key = [name for name in key if name in common]
    if _digest(connection, before, common) == _digest(connection, after, common):
        counts: dict[str, int] = {}
        samples: list[RowDifference] = []
    elif key and _unique(connection, before, key) and _unique(connection, after, key):
        counts, samples = _by_key(connection, before, after, key, common)
    else:
        counts, samples = _by_rows(connection, before, after, common)
    return Difference(
        table,
        rows_before,
        rows_after,
        **counts,
        columns_removed=tuple(name for name in columns_before if name not in common),
        columns_added=tuple(name for name in columns_after if name not in common),
        samples=tuple(samples),
    )


def _digest(connection: Any, relation: str, common: Sequence[str]) -> tuple[Any, ...]:
    """What is the same for the same rows in any order, and else is not but for one chance in 2⁶⁴.

    A rebuilt table usually is the one before, and joining both to find that out takes ten times as long.
    """
    listed = ", ".join(map(quoted, common)) or "1"
    rows = connection.execute(
        f"SELECT count(*), sum(h::HUGEINT), bit_xor(h) FROM (SELECT hash({listed}) AS h FROM {relation})"
    ).fetchall()
    return tuple(rows[0])


def _columns(connection: Any, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


def _unique(connection: Any, relation: str, key: Sequence[str]) -> bool:
    listed = ", ".join(map(quoted, key))
    rows = connection.execute(f"SELECT 1 FROM {relation} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1").fetchall()
    return not rows


def _by_key(
    connection: Any, before: str, after: str, key: Sequence[str], common: Sequence[str]
) -> tuple[dict[str, int], list[RowDifference]]:
    on = " AND ".join(f"b.{quoted(name)} IS NOT DISTINCT FROM a.{quoted(name)}" for name in key)
    others = [name for name in common if name not in key]
    differs = " OR ".join(f"b.{quoted(name)} IS DISTINCT FROM a.{quoted(name)}" for name in others) or "false"
    joined = (
        f"(SELECT *, true AS orders_es_there FROM {before}) AS b FULL JOIN "
        f"(SELECT *, true AS orders_es_there FROM {after}) AS a ON {on}"
    )
    conditions = {
        "only_before": "a.orders_es_there IS NULL",
        "only_after": "b.orders_es_there IS NULL",
        "changed": f"a.orders_es_there AND b.orders_es_there AND ({differs})",
    }
    counted = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions.values())
    [row] = connection.execute(f"SELECT {counted} FROM {joined}").fetchall()
    counts = dict(zip(conditions, row, strict=True))
    both = ", ".join(f"b.{quoted(name)}, a.{quoted(name)}" for name in common)
    samples = []
    for kind, condition in conditions.items():
        if counts[kind]:
            rows = connection.execute(f"SELECT {both} FROM {joined} WHERE {condition} LIMIT {_SAMPLES}").fetchall()
            samples += [_row(kind, common, key, values) for values in rows]
    return counts, samples


def _row(kind: str, common: Sequence[str], key: Sequence[str], values: tuple[Any, ...]) -> RowDifference:
    before = dict(zip(common, values[::2], strict=True))
    after = dict(zip(common, values[1::2], strict=True))
    if kind == "only_before":
        return RowDifference(kind, before, {})
    if kind == "only_after":
        return RowDifference(kind, {}, after)
    shown = [name for name in common if name in key or before[name] != after[name]]
    return RowDifference(kind, {name: before[name] for name in shown}, {name: after[name] for name in shown})


def _by_rows(
    connection: Any, before: str, after: str, common: Sequence[str]
) -> tuple[dict[str, int], list[RowDifference]]:
    listed = ", ".join(map(quoted, common)) or "1"
    counts: dict[str, int] = {}
    samples = []
    for kind, one, other in (("only_before", before, after), ("only_after", after, before)):
        extra = f"(SELECT {listed} FROM {one} EXCEPT ALL SELECT {listed} FROM {other})"
        [(counts[kind],)] = connection.execute(f"SELECT count(*) FROM {extra}").fetchall()
        if counts[kind]:
            rows = connection.execute(f"FROM {extra} LIMIT {_SAMPLES}").fetchall()
            dicts = [dict(zip(common, row, strict=True)) for row in rows]
            samples += [
                RowDifference(kind, row, {}) if kind == "only_before" else RowDifference(kind, {}, row) for row in dicts
            ]
    return counts, samples
