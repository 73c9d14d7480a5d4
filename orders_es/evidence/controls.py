"""Control totals: how many rows, and the exact sum of every numeric column, as bookkeepers have always added them up.

Source: the record counts, control totals and hash totals of batch controls; a hash total adds up what has no meaning as a sum,
such as numbers of versions. They find what was edited, dropped or entered twice. They do not find two rows that swapped their
names: that takes the log, or a signature over the file.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Controls", "Sum", "Totals", "sum_exactly", "table_controls"]

_STEP = 20_000
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|)INT(EGER)?")
_NARROW = re.compile(r"DECIMAL\((\d+),\d+\)")
_SUMS_FIT = 28
"""Digits of a decimal of which DuckDB adds up as many as a file can have, in 38 digits."""
_WIDE = re.compile(r"DECIMAL\(\d+,\d+\)|U?HUGEINT|BIGNUM")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_EXACT = Context(prec=200)
_DIGITS = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_MOST = 40
"""Powers of ten beyond which a number in somebody's JSON is no figure; 200 digits then hold every sum exactly."""


class Sum(NamedTuple):
    """The control total of one column.

    Args:
        column: The column, or field.
        values: How many values it has; what is empty is none.
        total: Their exact sum in digits; of binary floating-point numbers, the exact sum rounded once to such a number.
    """

    column: str
    values: int
    total: str


class Controls(NamedTuple):
    """What a file is held to by itself.

    Args:
        rows: How many rows, lines or events it has.
        sums: The control totals, in the order of the columns.
    """

    rows: int
    sums: tuple[Sum, ...]

    def differences(self, found: Controls) -> Iterator[str]:
        """What is found otherwise than here, in words.

        Args:
            found: What a file has today.

        Example:
            >>> list(Controls(2, (Sum("total", 2, "5"),)).differences(Controls(2, (Sum("total", 2, "6"),))))
            ['total adds up to 6, and was 5']
        """
        if found.rows != self.rows:
            yield f"it has {found.rows:,} rows, and had {self.rows:,}"
        today = {each.column: each for each in found.sums}
        for before in self.sums:
            now = today.get(before.column)
            if now is None:
                yield f"{before.column} is not there"
            elif now.values != before.values:
                yield f"{before.column} has {now.values:,} numbers, and had {before.values:,}"
            elif now.total != before.total:
                yield f"{before.column} adds up to {now.total}, and was {before.total}"


class Totals:
    """Control totals of named numbers that come one by one, as a file of events has them. What is no plain number is left out.

    Example:
        >>> totals = Totals()
        >>> for name, value in [("amount", "12.50"), ("amount", 3), ("note", "x"), ("amount", None)]:
        ...     totals.add(name, value)
        >>> totals.sums
        (Sum(column='amount', values=2, total='15.5'),)
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, Decimal]] = {}

    def add(self, name: str, value: Any) -> None:
        """Take in one value.

        Args:
            value: A number, or a text; whether it is one decides what is in it.
        """
        if value.__class__ is str:
            if not _DIGITS.fullmatch(value):
                return
            value = Decimal(value)
        elif value.__class__ is float:
            value = Decimal(repr(value))
        elif value.__class__ not in (int, Decimal):
            return
        exact = Decimal(value)
        if not exact.is_finite() or not -_MOST < exact.adjusted() < _MOST:
            return
        count, total = self._found.get(name, (0, Decimal(0)))
        self._found[name] = (count + 1, _EXACT.add(total, exact))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The totals so far, by name."""
        return tuple(
            Sum(name, count, f"{total.normalize(_EXACT):f}") for name, (count, total) in sorted(self._found.items())
        )


def table_controls(cursor: Any, relation: str, columns: Sequence[tuple[str, str, str]]) -> Controls:
    """The control totals of a relation.

    Args:
        cursor: A DuckDB cursor that has it.
        relation: SQL for it, that gives the same rows each time.
        columns: Of each column its name, its DuckDB type, and SQL for its values.

    Example:
        >>> import duckdb
        >>> con = duckdb.connect()
        >>> table_controls(con, "(SELECT 0.1 AS a, 'x' AS b UNION ALL SELECT 0.2, 'y')", [("a", "DECIMAL(2,1)", "a"), ("b", "VARCHAR", "b")])
        Controls(rows=2, sums=(Sum(column='a', values=2, total='0.3'),))
    """
    quick = [(name, kind, sql) for name, kind, sql in columns if _adds_up_in_sql(kind)]
    asked = "".join(f", count({sql}), coalesce(sum({sql}), 0)::VARCHAR" for _, _, sql in quick)
    [(rows, *found)] = cursor.execute(f"SELECT count(*){asked} FROM {relation}").fetchall()
    sums = {name: Sum(name, found[2 * i], found[2 * i + 1]) for i, (name, _, _) in enumerate(quick)}
    for name, kind, sql in columns:
        if kind in _BINARY or (_WIDE.fullmatch(kind) and name not in sums):
            values = _values(cursor, f"SELECT {sql} FROM {relation} WHERE {sql} IS NOT NULL")
            sums[name] = _binary(name, values) if kind in _BINARY else sum_exactly(name, values)
    return Controls(rows, tuple(sums[name] for name, _, _ in columns if name in sums))


def _adds_up_in_sql(kind: str) -> bool:
    narrow = _NARROW.fullmatch(kind)
    return _WHOLE.fullmatch(kind) is not None or (narrow is not None and int(narrow[1]) <= _SUMS_FIT)


def _values(cursor: Any, query: str) -> Iterator[Any]:
    answer = cursor.execute(query)
    while rows := answer.fetchmany(_STEP):
        for (value,) in rows:
            yield value


def sum_exactly(name: str, values: Iterable[Any]) -> Sum:
    """The control total of whole numbers and decimals, however many digits they have.

    Args:
        name: What they are called.
        values: Integers, decimals, or digits in a text.

    Example:
        >>> sum_exactly("amount", ["0.10", 2, Decimal("1e30")]).total
        '1000000000000000000000000000002.10'
    """
    count, total = 0, Decimal(0)
    for value in values:
        count += 1
        total = _EXACT.add(total, Decimal(value))
    return Sum(name, count, f"{total:f}")


def _binary(name: str, values: Iterable[float]) -> Sum:
    count = 0

    def counted() -> Iterator[float]:
        nonlocal count
        for value in values:
            count += 1
            yield value

    try:
        total = math.fsum(counted())
    except (OverflowError, ValueError):  # infinities of both signs, or a sum beyond the largest number
        count += sum(1 for _ in values)
        total = math.nan
    return Sum(name, count, repr(total))
