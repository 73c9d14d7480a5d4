"""What JSON leaves open in a line, and a reader would settle silently; for `orders_es.sources.jsonl`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.log.limits import FIRST_MOMENT, LAST_MOMENT

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["EPOCHS", "TimeReader", "check_range", "finer_than_kept", "repeated_key"]

EPOCHS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}

_BLANK_BEFORE_COLON = re.compile(rb'"\s+:')
_FINE = re.compile(rb"[.,][0-9]{6}[0-9]*[1-9]")
_FINE_TIME = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")
_ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ].*)?", re.IGNORECASE | re.DOTALL)
_COUNTS = 'is a number; say what it counts with time_format = "epoch-s", "epoch-ms" or "epoch-us"'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def repeated_key(text: bytes) -> str | None:
    """A name that an object of this JSON text has twice, at any depth; None if there is none.

    Args:
        text: JSON that can be read.

    Example:
        >>> repeated_key(b'{"a": 1, "b": {"c": 1, "c": 2}}')
        'c'
    """
    # As many colons behind quotes as names came out: then none was dropped. Otherwise one is counted for a text that has
    # such a colon within, and the slow way tells.
    if _BLANK_BEFORE_COLON.search(text) is None and text.count(b'":') == _names(_decoded(text)):
        return None
    repeated: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                repeated.append(name)
            seen.add(name)

    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return repeated[0] if repeated else None


def _decoded(text: bytes) -> Any:
    """What JSON says, numbers too long for a float as their digits: whether they fit is for whoever knows the field."""
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return json.loads(text, parse_int=str, parse_float=str)


def _names(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_names(part) for part in value.values() if isinstance(part, dict | list))
    if isinstance(value, list):
        return sum(_names(part) for part in value if isinstance(part, dict | list))
    return 0


def finer_than_kept(text: bytes, names: tuple[str, ...]) -> str | None:
    """The first of these fields of a line whose time has digits below the microsecond; None if there is none.

    Args:
        text: JSON that can be read, an object.
        names: Fields that hold times.
    """
    if _FINE.search(text) is None:
        return None
    line = _decoded(text)
    return next((name for name in names if _FINE_TIME.search(str(line.get(name, "")))), None)


def check_range(micros: int) -> int:
    """The time itself, in microseconds since 1970 UTC.

    Raises:
        ValueError: A log does not hold it.
    """
    if not FIRST_MOMENT <= micros <= LAST_MOMENT:
        raise ValueError("lies outside of what a log holds, 0001-01-02 to 9999-12-30 in UTC")
    return micros


class TimeReader:
    """Reads times of other systems' lines: ISO 8601, or as a mapping says.

    Args:
        zone: The zone of times that name none.
        written: A `strptime` format, or one of `EPOCHS`; ISO 8601 if None.
        repeated_hour: Whether a local time that the clock showed twice is the `earlier` or the `later`.

    Example:
        >>> TimeReader(UTC, "epoch-ms", None).micros(1291191960000)
        1291191960000000
    """

    def __init__(self, zone: tzinfo, written: str | None, repeated_hour: str | None) -> None:
        self._zone, self._written, self._repeated_hour = zone, written, repeated_hour

    def micros(self, value: Any) -> int:
        """Microseconds since 1970 UTC.

        Raises:
            ValueError: It is no time, or there are two of it.
        """
        if self._written in EPOCHS:
            return check_range(self._since_epoch(value, EPOCHS[self._written]))
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            raise ValueError(_COUNTS)  # noqa: TRY004 - the line is wrong, not the call
        if not isinstance(value, str) or not value.strip():
            raise ValueError("is not a date and time")
        moment = self._read(value.strip())
        try:
            return check_range((moment - _EPOCH) // _MICROSECOND)
        except OverflowError:
            return check_range(LAST_MOMENT + 1)

    def instant(self, value: Any) -> datetime:
        """The same as a datetime. Raises as `micros` does."""
        return _EPOCH + self.micros(value) * _MICROSECOND

    def _since_epoch(self, value: Any, factor: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise ValueError("is not a number")  # noqa: TRY004 - the line is wrong, not the call
        if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value, re.ASCII):
            raise ValueError("is not a number")
        exact = Decimal(value) * factor
        if exact != exact.to_integral_value():
            raise ValueError("has digits below the microsecond, which cannot be kept")
        return int(exact)

    def _read(self, text: str) -> datetime:
        if _FINE_TIME.search(text):
            raise ValueError("has digits below the microsecond, which cannot be kept")
        try:
            if self._written is not None:
                moment = datetime.strptime(text, self._written)  # noqa: DTZ007 - the zone follows
            elif _ISO.fullmatch(text) and not text.isdecimal():
                moment = datetime.fromisoformat(text)
            else:
                raise ValueError
        except ValueError:
            how = f"written as {self._written}" if self._written else "a date and time as ISO 8601 has it"
            hint = "" if self._written else '; say how it is written with time_format = "%d/%m/%Y %H:%M"'
            raise ValueError(f"is not {how}{hint}") from None
        return moment if moment.tzinfo is not None else self._placed(moment)

    def _placed(self, moment: datetime) -> datetime:
        try:
            first, second = (moment.replace(tzinfo=self._zone, fold=which).astimezone(UTC) for which in (0, 1))
            back = first.astimezone(self._zone).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("lies outside of what a log holds, 0001-01-02 to 9999-12-30 in UTC") from None
        if back != moment:
            raise ValueError(f"was never: the clocks of {self._zone} skipped it")
        if first != second and self._repeated_hour is None:
            raise ValueError(
                f"was twice, because the clocks of {self._zone} were put back; write its offset, or say which one is meant "
                'with repeated_hour = "earlier" or "later"'
            )
        return second if self._repeated_hour == "later" else first
