"""What a time typed on the command line means, for everybody who has to know which instant was asked about.

Three spellings, and no guessing:

=============================  ==========================================================================
``2026-06-03T15:00+02:00``     an instant; `Z` or an offset says so
``2026-06-03 15:00``           read in the zone of `--tz`; seconds and up to six decimals may follow
``2026-06-03``                 the END of that day in that zone: its last microsecond
=============================  ==========================================================================

The clock changes twice a year in many zones. A local time that was skipped is an error that says so. A local time
that came twice means the **later** of the two: as-of bounds are inclusive, so the later one holds everything that had
happened when the clock showed it, which is also why a bare date means the end of its day. Write an offset to mean the
earlier one.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

__all__ = ["TimeError", "format_instant", "parse_instant", "parse_zone"]

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_TIME = re.compile(
    r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_MICROSECOND = timedelta(microseconds=1)


class TimeError(ValueError):
    """The text names no instant; the message says why and what to write instead."""


def parse_zone(name: str) -> tzinfo:
    """The time zone of that name; `UTC` needs no zone database.

    Args:
        name: An IANA name, such as `Europe/Berlin`, or `UTC`.

    Raises:
        TimeError: There is no zone of that name.

    Example:
        >>> parse_zone("UTC")
        datetime.timezone.utc
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones  # noqa: PLC0415 - only where one is named

    known = available_timezones()
    try:
        # On a file system that ignores case a misspelt name would be found and then shown misspelt.
        if name in known:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeError(f"the time zone {name!r} cannot be read: {error}") from error
    if not known:
        raise TimeError(
            f"no time zone {name!r}: this machine has no time zone database; `pip install tzdata` brings one"
        )
    folded = {zone.casefold(): zone for zone in sorted(known)}
    close = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    hint = f"did you mean {', '.join(close)}?" if close else "write a name such as Europe/Berlin, or UTC"
    raise TimeError(f"no time zone {name!r}; {hint}")


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """The instant, in UTC, that a text means to somebody in that zone.

    Args:
        text: One of the three spellings above.
        zone: Where a time without an offset, and the end of a bare date, is read.

    Raises:
        TimeError: The text is no time, or a local time that never was.

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
        raise TimeError(f"{text!r} lies outside the years 1 to 9999 once it is in UTC") from error
    except TimeError:
        raise
    except ValueError as error:
        raise TimeError(f"{text!r} is no time: {error}") from error
    raise TimeError(
        f"{text!r} is no time; write 2026-06-03 (the end of that day), '2026-06-03 15:00' (in --tz) "
        "or 2026-06-03T15:00:00Z"
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
    local = instant.astimezone(zone)
    return local.isoformat().removesuffix("+00:00") + "Z" if zone is UTC else local.isoformat()


def _instant(wall: str, offset: str | None, zone: tzinfo) -> datetime:
    _, _, decimals = wall.partition(".")
    if len(decimals) > len("123456"):
        raise TimeError(f"{wall!r} has {len(decimals)} decimals; times are kept to microseconds, which is six")
    local = datetime.fromisoformat(wall)
    if offset is not None:
        return local.replace(tzinfo=_offset(offset)).astimezone(UTC)
    instant = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        start = _first_instant_after_gap(local, zone).astimezone(zone)
        before = (start.astimezone(UTC) - _MICROSECOND).astimezone(zone)
        raise TimeError(
            f"there was no {local} in {zone}: the clock went from {before:%H:%M:%S} straight to "
            f"{start:%H:%M:%S} on {start:%Y-%m-%d}; write a time before or after, or one with an offset"
        )
    return instant


def _offset(text: str) -> timezone:
    if text in {"Z", "z"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - the clock's own numbers
        raise TimeError(f"{text!r} is no offset from UTC; write one such as +02:00, or Z")
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
    raise TimeError(f"there was no {day} in {zone}: the calendar skipped it; write the day before or after")


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
