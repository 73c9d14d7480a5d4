"""What a moment means, in every interface: the one place that reads what was asked for, and says it again.

A text has three spellings, and there is no guessing:

=============================  ==========================================================================
``2026-06-03T15:00+02:00``     an instant; `Z` or an offset says so (`+0200` and `+02` do as well)
``2026-06-03 15:00``           read in the asker's zone (`--tz`, a session's `tz`, else UTC); seconds and six decimals may follow
``2026-06-03``                 the END of that day in that zone: the whole day, to its last microsecond
=============================  ==========================================================================

The clock changes twice a year in many zones. A local time that was skipped is an error that says so. A local time
that came twice means the **later** of the two: as-of bounds are inclusive, so the later one holds everything that had
happened when the clock showed it, which is also why a bare date means the end of its day. Write an offset to mean the
earlier one.

In Python a `date`, and a `numpy.datetime64` of days, is a bare date as well. A `datetime`, a `pandas.Timestamp` or a finer
`datetime64` is a moment, even at midnight, and has to say its zone. `orders_es.replay.moment_macros` has the same in SQL.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, TypeAlias

from orders_es.errors import InvalidTime, NaiveTime, WrongType

__all__ = [
    "Moment",
    "format_instant",
    "parse_instant",
    "parse_zone",
    "resolve",
    "resolve_since",
    "spoken",
    "written",
    "zone_of",
]

Moment: TypeAlias = datetime | date | str
"""What names a moment: a datetime with a time zone, or a date or a text, which are read in the asker's zone."""

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME = re.compile(
    r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)
_LAST_MICROSECOND = 999_999
_MICROSECOND = timedelta(microseconds=1)


def parse_zone(name: str) -> tzinfo:
    """The time zone of that name; `UTC` needs no zone database.

    Args:
        name: An IANA name, such as `Europe/Berlin`, or `UTC`.

    Raises:
        InvalidTime: There is no zone of that name.

    Example:
        >>> parse_zone("UTC")
        datetime.timezone.utc
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    known = available_timezones()
    try:
        # On a file system that ignores case a misspelt name would be found and then shown misspelt.
        if name in known:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidTime(name, f"the time zone {name!r} cannot be read: {error}") from error
    if not known:
        raise InvalidTime(
            name, f"no time zone {name!r}: this machine has no time zone database; `pip install tzdata` brings one"
        )
    folded = {zone.casefold(): zone for zone in sorted(known)}
    close = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    hint = f"did you mean {', '.join(close)}?" if close else "write a name such as Europe/Berlin, or UTC"
    raise InvalidTime(name, f"no time zone {name!r}; {hint}")


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """The instant, in UTC, that a text means to somebody in that zone.

    Args:
        text: One of the three spellings above.
        zone: Where a time without an offset, and the end of a bare date, is read.

    Raises:
        InvalidTime: The text is no time, or a local time that never was.

    Example:
        >>> from zoneinfo import ZoneInfo
        >>> parse_instant("2026-06-03 15:00", ZoneInfo("Europe/Berlin")).isoformat()
        '2026-06-03T13:00:00+00:00'
        >>> parse_instant("2026-06-03", UTC).isoformat()
        '2026-06-03T23:59:59.999999+00:00'
    """
    text = text.strip()
    try:
        if found := _DATE.fullmatch(text):
            return _end_of_day(date(*map(int, found.groups())), zone)
        if found := _TIME.fullmatch(text):
            return _instant(found["wall"], found["offset"], zone)
    except OverflowError as error:
        raise InvalidTime(text, f"{text!r} lies outside the years 1 to 9999 once it is in UTC") from error
    except InvalidTime:
        raise
    except ValueError as error:
        raise InvalidTime(text, f"{text!r} is no time: {error}") from error
    raise InvalidTime(
        text,
        f"{text!r} is no time; write 2026-06-03 (the end of that day), '2026-06-03 15:00' (in the zone of `tz`) "
        "or 2026-06-03T15:00:00Z",
    )


def format_instant(instant: datetime, zone: tzinfo = UTC) -> str:
    """An instant in ISO 8601, to the digits it has: with `Z` in UTC, with its offset elsewhere.

    Args:
        instant: A time with a zone.
        zone: The zone to show it in.

    Example:
        >>> format_instant(datetime(2026, 6, 3, 15, 0, tzinfo=UTC))
        '2026-06-03T15:00:00Z'
    """
    try:
        local = instant.astimezone(zone)
    except OverflowError:  # at an end of the calendar, in a zone that is past it
        return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    return local.isoformat().removesuffix("+00:00") + "Z" if zone is UTC else local.isoformat()


def resolve_since(argument: str, value: object, tz: str | tzinfo | None = None) -> datetime | None:
    """As `resolve`, for a lower bound: from a bare date on means from its beginning, so that the whole day is in it.

    Example:
        >>> resolve_since("since", "2011-06-30").isoformat()
        '2011-06-30T00:00:00+00:00'
    """
    said = str(value).strip() if isinstance(value, str) else None
    if said is not None and (found := _DATE.fullmatch(said)):
        try:
            value = date(*map(int, found.groups()))
        except ValueError as error:
            raise InvalidTime(said, f"{said!r} is no time: {error}") from error
    if type(value).__module__ == "numpy":
        value = _from_numpy(argument, value)
    if not isinstance(value, date) or isinstance(value, datetime):
        return resolve(argument, value, tz)
    before = resolve(argument, value - timedelta(days=1), tz)
    return None if before is None else before + _MICROSECOND


def resolve(argument: str, value: object, tz: str | tzinfo | None = None) -> datetime | None:
    """The instant, in UTC, that a value means as the limit of a question; None stays None, which is no limit.

    Args:
        argument: The argument's name, for the error.
        value: A `datetime` with a time zone; a `date` or a bare date as text, which is the whole of that day; or another
            text that `parse_instant` reads. pandas' and numpy's counterparts are read alike.
        tz: The zone of what has none of its own; UTC if left out.

    Raises:
        NaiveTime: It is a datetime without a time zone.
        InvalidTime: It is a text, or a zone, that cannot be read.
        TypeError: It is none of these.

    Example:
        >>> resolve("at", "2011-06-30").isoformat()
        '2011-06-30T23:59:59.999999+00:00'
        >>> resolve("at", date(2011, 6, 30), "Europe/London").isoformat()
        '2011-06-30T22:59:59.999999+00:00'
    """
    if value is None or isinstance(value, datetime):
        return None if value is None else _as_instant(argument, value)
    if type(value).__module__ == "numpy":
        value = _from_numpy(argument, value)
    if isinstance(value, datetime):
        return _as_instant(argument, value)
    if isinstance(value, date):
        zone = zone_of(tz)
        try:
            return _end_of_day(value, zone)
        except OverflowError as error:
            raise InvalidTime(str(value), f"{argument}={value} lies outside the years 1 to 9999 in UTC") from error
    if isinstance(value, str):
        return parse_instant(value, zone_of(tz))
    raise WrongType(
        f"{argument}={value!r} is {type(value).__name__}; give a datetime with a time zone, a date, or a text such as "
        "'2026-06-03' or '2026-06-03 15:00'"
    )


def zone_of(tz: str | tzinfo | None) -> tzinfo:
    """A time zone, from its name where it comes as one; UTC if left out.

    Raises:
        InvalidTime: There is no zone of that name.
    """
    if tz is None:
        return UTC
    return parse_zone(tz) if isinstance(tz, str) else tz


def spoken(moment: datetime, tz: str | tzinfo | None = None, *, to_second: bool = False) -> str:
    """A moment as people write it in their zone: a whole day as its end, digits only as far as there are any.

    Args:
        moment: A time with a zone.
        tz: The zone to say it in; UTC if left out.
        to_second: Leave out what is less than a second.

    Example:
        >>> spoken(datetime(2026, 6, 3, 23, 59, 59, 999_999, tzinfo=UTC))
        'the end of 2026-06-03'
        >>> spoken(datetime(2026, 6, 3, 15, tzinfo=UTC)), spoken(datetime(2026, 6, 3, 15, tzinfo=UTC), "Europe/Berlin")
        ('2026-06-03 15:00 UTC', '2026-06-03 17:00+02:00')
        >>> spoken(datetime(2026, 6, 3, 21, 59, 59, 999_999, tzinfo=UTC), "Europe/Berlin")
        'the end of 2026-06-03 (Europe/Berlin)'
    """
    zone = zone_of(tz)
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # the first or last hours of all time, which this zone has no date for
        zone, local = UTC, moment.astimezone(UTC)
    in_utc = zone is UTC or str(zone) == "UTC"
    try:
        if _end_of_day(local.date(), zone) == moment:
            return f"the end of {local:%Y-%m-%d}" if in_utc else f"the end of {local:%Y-%m-%d} ({zone})"
    except (OverflowError, InvalidTime):
        pass
    if to_second:
        local = local.replace(microsecond=0)
    digits = "seconds" if local.second and not local.microsecond else "microseconds" if local.microsecond else "minutes"
    if digits == "microseconds" and not local.microsecond % 1000:
        digits = "milliseconds"
    said = local.isoformat(sep=" ", timespec=digits)
    return said.removesuffix("+00:00") + " UTC" if in_utc else said


def written(moment: datetime, tz: str | tzinfo | None = None) -> str:
    """A moment as it stands in a table, to the second, or to the digits that it has: without its zone in UTC, with its offset elsewhere.

    The last microsecond of a day is the end of that day.

    Args:
        moment: A time with a zone.
        tz: The zone to write it in; UTC if left out.

    Example:
        >>> written(datetime(2026, 6, 3, 15, tzinfo=UTC)), written(datetime(2026, 6, 3, 15, tzinfo=UTC), "Europe/Berlin")
        ('2026-06-03 15:00:00', '2026-06-03 17:00:00+02:00')
        >>> written(datetime(2026, 6, 3, 23, 59, 59, 999_999, tzinfo=UTC))
        'end of 2026-06-03'
    """
    zone = zone_of(tz)
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # the first or last hours of all time, which this zone has no date for
        zone, local = UTC, moment.astimezone(UTC)
    try:
        if local.microsecond == _LAST_MICROSECOND and _end_of_day(local.date(), zone) == moment:
            return f"end of {local:%Y-%m-%d}"
    except (OverflowError, InvalidTime):
        pass
    offset = "" if zone is UTC or str(zone) == "UTC" else local.isoformat(timespec="minutes")[16:]
    bare = local.replace(tzinfo=None).isoformat(sep=" ")
    return f"{bare.rstrip('0') if local.microsecond else bare}{offset}"


def _as_instant(argument: str, value: datetime) -> datetime:
    if value != value:  # noqa: PLR0124 - pandas' NaT is a datetime that is no time
        raise InvalidTime(
            str(value), f"{argument}={value} is no time; leave the argument out, or give None, for no limit"
        )
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTime(argument, value)
    whole: Any = value
    if hasattr(whole, "to_pydatetime"):  # pandas' counts nanoseconds; the events, microseconds
        whole = whole.to_pydatetime(warn=False)
    try:
        instant: datetime = whole.astimezone(UTC)
    except OverflowError as error:
        raise InvalidTime(
            str(value), f"{argument}={value} lies outside the years 1 to 9999 once it is in UTC"
        ) from error
    return instant


def _from_numpy(argument: str, value: Any) -> object:
    """A date or a naive datetime, for `datetime64`; numpy is loaded by whoever has such a value."""
    import numpy as np

    if isinstance(value, np.str_):
        return str(value)
    if not isinstance(value, np.datetime64):
        return value
    unit = np.datetime_data(value.dtype)[0]
    if np.isnat(value) or unit in ("Y", "M", "W", "generic"):
        raise InvalidTime(
            str(value), f"{argument}={value!r} names no day and no instant; write {argument}='2026-06-03'"
        )
    if unit == "D":
        return value.astype("datetime64[D]").astype(object)
    return value.astype("datetime64[us]").astype(object)


def _instant(wall: str, offset: str | None, zone: tzinfo) -> datetime:
    _, _, decimals = wall.partition(".")
    if len(decimals) > len("123456"):
        raise InvalidTime(wall, f"{wall!r} has {len(decimals)} decimals; times are kept to microseconds, which is six")
    local = datetime.fromisoformat(wall)
    if offset is not None:
        return local.replace(tzinfo=_offset(offset)).astimezone(UTC)
    instant = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        start = _first_instant_after_gap(local, zone).astimezone(zone)
        before = (start.astimezone(UTC) - _MICROSECOND).astimezone(zone)
        raise InvalidTime(
            wall,
            f"there was no {local} in {zone}: the clock went from {before:%H:%M:%S} straight to "
            f"{start:%H:%M:%S} on {start:%Y-%m-%d}; write a time before or after, or one with an offset",
        )
    return instant


def _offset(text: str) -> timezone:
    if text in {"Z", "z"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - the clock's own numbers
        raise InvalidTime(text, f"{text!r} is no offset from UTC; write one such as +02:00, or Z")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if text[0] == "-" else size)


def _end_of_day(day: date, zone: tzinfo) -> datetime:
    """The last microsecond whose local date is that day; zones have skipped midnights, and whole days."""
    local = datetime(day.year, day.month, day.day, 23, 59, 59, 999_999)  # noqa: DTZ001 - the zone follows
    instant = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    last = _first_instant_after_gap(local, zone) - _MICROSECOND
    if last.astimezone(zone).date() == day:
        return last
    raise InvalidTime(str(day), f"there was no {day} in {zone}: the calendar skipped it; write the day before or after")


def _first_instant_after_gap(skipped: datetime, zone: tzinfo) -> datetime:
    """The instant at which the clock jumped over `skipped`.

    The two readings of a skipped time lie on either side of the jump (PEP 495), and the offset changes once between.
    """
    early = skipped.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = skipped.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > _MICROSECOND:
        # timedelta // int floors to whole microseconds, so this always comes closer.
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late
