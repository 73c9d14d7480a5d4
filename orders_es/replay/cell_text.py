"""How the cells of an answer look to people, in terminals, notebooks and reports alike."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders_es.orders.moments import written
from orders_es.orders.money import format_amount

if TYPE_CHECKING:
    from datetime import tzinfo

    import pyarrow as pa

__all__ = ["are_numbers", "cell_of", "has_times", "said_zone", "shown_rows", "values_of"]

_SEPARATED = 10_000
"""From here on, whole numbers have thousands set apart: years and short counts read better without."""
_INFINITE = (2**31 - 1, 2**63 - 1)
"""What DuckDB has for a date, and a time, that is infinite, as a number without sign."""
_CURRENCY = "currency"


def shown_rows(table: pa.Table, zone: tzinfo) -> list[list[str]]:
    """The rows of a table as text for people.

    Thousands are set apart; money has the decimals of its row's currency, where the table has a column of that name, and two
    where it has not; times are as people write them in the zone; a null is nothing.
    """
    names = table.column_names
    place = names.index(_CURRENCY) if _CURRENCY in names else None
    return [
        [cell_of(value, zone, None if place is None else row[place]) for value in row]
        for row in zip(*map(values_of, table.columns), strict=True)
    ]


def are_numbers(table: pa.Table) -> list[bool]:
    """Of each column, whether it holds numbers, which stand to the right."""
    import pyarrow as pa

    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_duration)
    return [any(kind(field.type) for kind in kinds) for field in table.schema]


def has_times(table: pa.Table) -> bool:
    """Whether a column holds instants, which are shown in a zone."""
    import pyarrow as pa

    return any(pa.types.is_timestamp(field.type) and field.type.tz is not None for field in table.schema)


def said_zone(zone: tzinfo | None) -> str:
    """The name of the zone in which times are shown."""
    return "UTC" if zone is None else str(zone)


def cell_of(value: Any, zone: tzinfo, currency: Any) -> str:  # noqa: PLR0911 - one for each kind of value
    """One value as people read it.

    Args:
        zone: In which moments are written.
        currency: Which decimals an amount has; two where that is not known.
    """
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if value.as_tuple().exponent == 0:  # a sum of whole numbers
            return _whole(int(value))
        return format_amount(value, currency if isinstance(currency, str) else None)
    if isinstance(value, int) and not isinstance(value, bool):
        return _whole(value)
    if isinstance(value, float):
        return f"{value:,}" if math.isfinite(value) and abs(value) >= _SEPARATED else str(value)
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return written(value, zone)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return str(value)


def _whole(value: int) -> str:
    return f"{value:,}" if abs(value) >= _SEPARATED else str(value)


def _length(value: timedelta) -> str:
    """A length of time with its sign before all of it, which Python puts before the days alone."""
    return f"-{-value}" if value < timedelta(0) else str(value)


def values_of(column: Any) -> list[Any]:
    """The values of an Arrow column as Python has them; a time or a date that Python has not, as text."""
    import pyarrow as pa

    if pa.types.is_float32(column.type):
        # As text it is the shortest that gives the number back: 0.1, where Python's float would show 0.10000000149011612.
        return [None if said is None else float(said) for said in column.cast("string").to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        return [_value_of(scalar) for scalar in column]
    return values


def _value_of(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        number = abs(scalar.value)
        if number in _INFINITE:
            return "infinity" if scalar.value > 0 else "-infinity"
        return str(scalar.cast("string"))
