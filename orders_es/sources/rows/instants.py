"""One text as an instant, for sources that come row by row; whole columns are read by `orders_es.sources.tables.times`."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from orders_es.errors import BadSource
from orders_es.log.limits import FIRST_MOMENT, LAST_MOMENT
from orders_es.sources.tables.zones import before_change, in_zone

if TYPE_CHECKING:
    from orders_es.sources.tables.options import TableOptions

__all__ = ["Instants", "instant_of"]

_EPOCHS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}
_HERE = datetime(1970, 1, 1)  # noqa: DTZ001 - read off any clock
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?=[.,]|$|[ Zz+-]))?)(?:[.,]([0-9]+))?)?"
    r"(?: ?(Z|z|UTC)| ?([+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?))?"
)
"""Python reads more than this as ISO 8601, such as weeks and `1500` as an hour, and cuts off what lies below the microsecond."""


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
    return _read(text, column, options)[0]


class Instants:
    """Texts as instants, of one source, in which the times of a column name their zone all or none.

    Example:
        >>> from orders_es.sources.tables.options import TableOptions
        >>> instants = Instants(TableOptions())
        >>> instants("2026-06-03 09:15", "paid_at").isoformat()
        '2026-06-03T09:15:00+00:00'
    """

    def __init__(self, options: TableOptions) -> None:
        self._options = options
        self._seen: dict[tuple[str, bool], str] = {}

    def __call__(self, text: str | None, column: str) -> datetime:
        """As `instant_of`.

        Raises:
            ValueError: As `instant_of` raises it.
        """
        moment, zoned = _read(text, column, self._options)
        self._seen.setdefault((column, zoned), text or "")
        return moment

    def check(self, source: str) -> None:
        """Nothing, if no column held times with a zone and times without one, or somebody said what the latter are.

        Raises:
            BadSource: One did.
        """
        if self._options.tz is not None:
            return
        for (column, zoned), text in self._seen.items():
            if not zoned and (column, True) in self._seen:
                raise BadSource(
                    source,
                    None,
                    f"{column} {text!r} names no zone, while {self._seen[column, True]!r} does; say where the others were read off "
                    "the clock with tz= (--tz). Nothing was appended",
                )


def _read(text: str | None, column: str, options: TableOptions) -> tuple[datetime, bool]:
    if text is None or not text.strip():
        raise ValueError(f"{column} is empty, and says when")
    return _instant(
        text.strip(), column, options.date_format, options.zone, options.repeated_hour, options.skipped_hour
    )


@functools.lru_cache(maxsize=65_536)
def _instant(
    text: str, column: str, written: str | None, zone: Any, repeated: Any, skipped: Any
) -> tuple[datetime, bool]:
    try:
        if written in _EPOCHS:
            return _within(_EPOCH + timedelta(microseconds=int(text) * _EPOCHS[written]), text, column), True
        moment = _iso(text, column) if written is None else datetime.strptime(text, written)  # noqa: DTZ007
    except _Finer as error:
        raise ValueError(str(error)) from None
    except (ValueError, OverflowError):
        raise ValueError(
            f"{column} {text!r} is no time{'' if written is None else f' written as {written}'}; 2026-06-03 09:15:00+00 is, and "
            "date_format= (--date-format) says how others are written"
        ) from None
    if moment.tzinfo is not None:
        local = (moment.replace(tzinfo=None) - _HERE - (moment.utcoffset() or timedelta())) // _MICROSECOND
        return _at(local, text, column), True
    micros, wrong, twice = in_zone(np.array([(moment - _HERE) // _MICROSECOND]), zone, repeated)
    if wrong[0]:
        if skipped == "before":
            return _at(before_change((moment - _HERE) // _MICROSECOND, zone), text, column), False
        raise ValueError(
            f"{column} {text!r} was never: the clocks of {zone} skipped it; where the clock that wrote it had not been put forward "
            "yet, say skipped_hour= (--skipped-hour before)"
        )
    if twice[0] and repeated is None:
        raise ValueError(
            f"{column} {text!r} was twice, because the clocks of {zone} were put back; say which one is meant with "
            "repeated_hour= (--repeated-hour earlier or later)"
        )
    return _at(int(micros[0]), text, column), False


class _Finer(ValueError):
    """A time has digits that cannot be kept."""


def _iso(text: str, column: str) -> datetime:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, clock, fraction, utc, offset = found.groups()
    if (fraction or "")[6:].strip("0"):
        raise _Finer(f"{column} {text!r} has digits below the microsecond, which cannot be kept")
    seconds = ":00" if clock and clock.count(":") == 1 else ""
    below = f".{fraction[:6]:0<6}" if fraction else ""
    return datetime.fromisoformat(f"{day} {clock or '00:00:00'}{seconds}{below}{'+00:00' if utc else offset or ''}")


def _at(micros: int, text: str, column: str) -> datetime:
    if not FIRST_MOMENT <= micros <= LAST_MOMENT:
        raise ValueError(f"{column} {text!r} lies outside of what a log holds, 0001-01-02 to 9999-12-30 in UTC")
    return _EPOCH + timedelta(microseconds=micros)


def _within(moment: datetime, text: str, column: str) -> datetime:
    return _at((moment - _EPOCH) // _MICROSECOND, text, column)
