"""What DuckDB answers as an Arrow table, in types that every library reads alike."""

from __future__ import annotations

import re
import warnings
from typing import Any

from orders_es.replay.lossless_types import lossless, lossless_relation
from orders_es.replay.names_in_query import lists_all

__all__ = ["ONLY_READS", "normal", "table_of"]

ONLY_READS = re.compile(r"\s*(SELECT|FROM|WITH)\b[^;]*\Z", re.IGNORECASE)
"""A query that is one SELECT and leaves nothing behind on its cursor."""
_BATCH = 1_000_000
_MANY = 2_000_000
"""Of a log of so many events, a list of all that there is of something is long: to make Arrow of it while it is computed saves a quarter
of all, and more than planning it once more takes."""
_DAY, _MONTHS_A_YEAR = 86_400_000_000, 12
_LONGEST = 2**63 - 1


def table_of(cursor: Any, query: str, parameters: Any, events: int = 0) -> Any:
    """The answer to a query as an Arrow table, as `normal` has it; one without columns for a statement that gives no rows.

    Args:
        events: How many events the log has.
    """
    import pyarrow as pa

    if ONLY_READS.match(query) and not (events >= _MANY and lists_all(cursor, query)):
        # A relation would be planned twice, which for one order out of many is most of the work. DuckDB warns of a copy of
        # the rows, but by batches it takes neither time nor memory that can be measured.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return normal(_executed(cursor, query, parameters).to_arrow_reader(_BATCH).read_all())
    relation = lossless_relation(cursor, query, "arrow", parameters)
    return pa.table({}) if relation is None else normal(relation.to_arrow_table())


def _executed(cursor: Any, query: str, parameters: Any) -> Any:
    """The cursor, its answer in types that Arrow holds."""
    asked = cursor.execute(query, parameters)
    if lossless(query, ((name, kind) for name, kind, *_ in asked.description), "arrow") is query:
        return asked
    asked.abort()
    return lossless_relation(cursor, query, "arrow", parameters)


def normal(table: Any) -> Any:
    """The table with instants in UTC, and intervals as lengths of time.

    An interval that names months is no length of time, for months are not of one: a column with such is ISO 8601's text,
    such as `P1M2DT3H`.
    """
    import pyarrow as pa

    # An instant is an instant; and DuckDB calls UTC by another name, which some libraries take for another zone.
    fields = [
        f.with_type(pa.timestamp(f.type.unit, "UTC")) if pa.types.is_timestamp(f.type) and f.type.tz is not None else f
        for f in table.schema
    ]
    table = table.cast(pa.schema(fields))
    for place, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):
            values = table.column(place).to_pylist()
            lengths = [None if value is None else _micros(value) for value in values]
            if any(value is not None and length is None for value, length in zip(values, lengths, strict=True)):
                column = pa.array([None if value is None else _iso(value) for value in values], pa.string())
            else:
                column = pa.array(lengths, pa.duration("us"))
            table = table.set_column(place, pa.field(field.name, column.type), column)
    return table


def _micros(interval: Any) -> int | None:
    """Microseconds in an interval; None where it names months, or is longer than Arrow can say."""
    length = interval.days * _DAY + interval.nanoseconds // 1000
    return None if interval.months or abs(length) > _LONGEST else length


def _iso(interval: Any) -> str:
    """An interval as ISO 8601 writes it, each part with its own sign.

    Example:
        >>> from pyarrow import MonthDayNano
        >>> _iso(MonthDayNano([14, -2, 5_400_500_000_000])), _iso(MonthDayNano([0, 0, 0]))
        ('P1Y2M-2DT1H30M0.5S', 'PT0S')
    """
    sign = -1 if interval.months < 0 else 1
    years, months = divmod(abs(interval.months), _MONTHS_A_YEAR)
    days = [(sign * years, "Y"), (sign * months, "M"), (interval.days, "D")]
    micros = interval.nanoseconds // 1000
    minus, micros = ("-" if micros < 0 else ""), abs(micros)
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1_000_000}.{rest % 1_000_000:06d}".rstrip("0").rstrip(".")
    clock = [f"{minus}{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value]
    clock += [f"{minus}{seconds}S"] if rest else []
    date = "".join(f"{value}{unit}" for value, unit in days if value)
    return f"P{date}T{''.join(clock)}" if clock else f"P{date}" if date else "PT0S"
