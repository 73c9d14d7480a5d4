"""One text as an instant, for sources that come row by row; whole columns are read by `orders_es.sources.tables.times`."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from orders_es.sources.tables.zones import in_zone

if TYPE_CHECKING:
    from orders_es.sources.tables.options import TableOptions

__all__ = ["instant_of"]

_EPOCHS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}
_HERE = datetime(1970, 1, 1)  # noqa: DTZ001 - read off any clock
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_of(text: str | None, column: str, options: TableOptions) -> datetime:
    """A text as an instant: ISO 8601, or as the options say.

    Args:
        column: Where it stands, for the error.
        options: How times are written, and the zone of those that name none.

    Raises:
        ValueError: It is none, or has two readings.

    Example:
        >>> from orders_es.sources.tables.options import TableOptions
        >>> instant_of("2026-06-03 09:15", "paid_at", TableOptions(tz="Europe/Berlin")).isoformat()
        '2026-06-03T07:15:00+00:00'
    """
    if text is None or not text.strip():
        raise ValueError(f"{column} is empty, and says when")
    return _instant(text.strip(), column, options.date_format, options.zone, options.repeated_hour)


@functools.lru_cache(maxsize=65_536)
def _instant(text: str, column: str, written: str | None, zone: Any, repeated: Any) -> datetime:
    try:
        if written in _EPOCHS:
            return _EPOCH + timedelta(microseconds=int(text) * _EPOCHS[written])
        moment = datetime.fromisoformat(text) if written is None else datetime.strptime(text, written)  # noqa: DTZ007
    except (ValueError, OverflowError):
        raise ValueError(
            f"{column} {text!r} is no time{'' if written is None else f' written as {written}'}; 2026-06-03 09:15:00+00 is, and "
            "date_format= (--date-format) says how others are written"
        ) from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    micros, wrong, twice = in_zone(np.array([(moment - _HERE) // timedelta(microseconds=1)]), zone, repeated)
    if wrong[0]:
        raise ValueError(f"{column} {text!r} was never: the clocks of {zone} skipped it")
    if twice[0] and repeated is None:
        raise ValueError(
            f"{column} {text!r} was twice, because the clocks of {zone} were put back; say which one is meant with "
            "repeated_hour= (--repeated-hour earlier or later)"
        )
    return _EPOCH + timedelta(microseconds=int(micros[0]))
