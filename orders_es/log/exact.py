"""What a field's value has to be to be recorded exactly: for the registry, kind by kind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from orders_es.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKS"]

_QUANTUM = Decimal("0.0001")
_LARGEST = Decimal(10) ** 14
_EXACT = Context(prec=40)
"""Amounts are never at the mercy of the precision that the caller's own decimal context happens to have."""
_INT64 = 2**63


def _text(event_type: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(event_type, name, f"{value!r} is {type(value).__name__}, not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidEvent(event_type, name, f"{value!r} cannot be written as UTF-8") from error
    return value


def _integer(event_type: str, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidEvent(event_type, name, f"{value!r} is {type(value).__name__}, not a whole number")
    if not -_INT64 <= value < _INT64:
        raise InvalidEvent(event_type, name, f"{value} does not fit 64 bits")
    return value


def _boolean(event_type: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidEvent(event_type, name, f"{value!r} is {type(value).__name__}, not True or False")
    return value


def _decimal(event_type: str, name: str, value: Any) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise InvalidEvent(
            event_type, name, f"{value!r} is {type(value).__name__}; exact amounts are Decimal: Decimal({str(value)!r})"
        )
    if not value.is_finite() or value.copy_abs() >= _LARGEST:
        raise InvalidEvent(event_type, name, f"{value} does not fit 14 digits before the point")
    quantized = value.quantize(_QUANTUM, context=_EXACT)
    if quantized != value:
        raise InvalidEvent(event_type, name, f"{value} has more than 4 decimals; round it first, as your business does")
    return quantized


def _timestamp(event_type: str, name: str, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidEvent(event_type, name, f"{value!r} is not a datetime with a time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidEvent(event_type, name, f"{value.isoformat()} is outside the years 1 to 9999 in UTC") from None


def _date(event_type: str, name: str, value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidEvent(event_type, name, f"{value!r} is not a date")
    return value


def _float(event_type: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent(event_type, name, f"{value!r} is not a number")
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - that is how NaN shows
        raise InvalidEvent(event_type, name, f"{value} has no JSON form")
    return float(value)


CHECKS: dict[str, Callable[[str, str, Any], Any]] = {
    "string": _text,
    "int64": _integer,
    "bool": _boolean,
    "decimal": _decimal,
    "timestamp": _timestamp,
    "date": _date,
    "float64": _float,
}
"""By the kind of a field: gives the value as it is recorded, or raises `InvalidEvent` with the event type and field named."""
