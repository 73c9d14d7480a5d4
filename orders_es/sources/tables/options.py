"""What a person may say about a table that the table does not say itself; for everybody who imports one."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from orders_es.errors import InvalidSetting

__all__ = ["DecimalSign", "EarlierOrLater", "TableOptions", "zone_of"]

DecimalSign: TypeAlias = Literal["point", "comma"]
EarlierOrLater: TypeAlias = Literal["earlier", "later"]

_EPOCHS = ("epoch-s", "epoch-ms", "epoch-us", "excel", "excel-1904")


_CHOICES = {
    "hidden_rows": ("read", "skipped"),
    "decimal": ("point", "comma"),
    "repeated_hour": ("earlier", "later"),
    "skipped_hour": ("before",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How to read what has two readings. Whatever is left out is found out from the whole column, or asked for.

    Args:
        encoding: The encoding of a CSV file, such as `utf-8`, `cp1252` or `utf-16-le`.
        delimiter: What stands between the fields of a CSV file: one character, or `tab`.
        header_row: The line (of a CSV file) or row (of a sheet) that holds the column names; 1 is the first.
        sheets: The names of the sheets of a workbook to read.
        hidden_rows: Whether rows that a filter or somebody has hidden in a sheet are `read` or `skipped`; None refuses a sheet that has some.
        day_first: Whether `01/12/2010` is the first of December (true) or the twelfth of January (false).
        date_format: How times are written, as `strptime` has it (`%d-%b-%Y %H:%M`), or `epoch-s`, `epoch-ms` or
            `epoch-us` for numbers since 1970, or `excel` or `excel-1904` for a spreadsheet's days (by whether it counts from 1900 or 1904).
        decimal: Whether the decimals of numbers stand behind a `point` or a `comma`; the other one groups thousands.
        tz: The zone of times that name none, an IANA name or a `tzinfo`; UTC where nothing is said.
        repeated_hour: Which one a local time is that the clock showed twice, in the night when summer time ends.
        skipped_hour: What to do about a local time that the clock skipped: None refuses it, `before` reads it with the offset
            before the change.
        verbatim: Names of columns whose ids are taken exactly as they are written.

    Raises:
        InvalidSetting: One makes no sense.

    Example:
        >>> TableOptions(day_first=True, decimal="comma").decimal
        'comma'
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    sheets: tuple[str, ...] = ()
    hidden_rows: Literal["read", "skipped"] | None = None
    day_first: bool | None = None
    date_format: str | None = None
    decimal: DecimalSign | None = None
    tz: str | tzinfo | None = None
    repeated_hour: EarlierOrLater | None = None
    skipped_hour: Literal["before"] | None = None
    verbatim: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                raise InvalidSetting("encoding", self.encoding, "give one such as utf-8, cp1252 or utf-16-le") from None
        if self.delimiter is not None and (
            self.separator is None or len(self.separator) != 1 or self.separator in '"\r\n'
        ):
            raise InvalidSetting("delimiter", self.delimiter, "give one character, such as ';', or 'tab'")
        if self.header_row is not None and self.header_row < 1:
            raise InvalidSetting("header_row", self.header_row, "the first row is 1")
        for name, words in _CHOICES.items():
            said = getattr(self, name)
            if said is not None and said not in words:
                raise InvalidSetting(name, said, f"give {' or '.join(map(repr, words))}, or leave it out")
        if self.date_format is not None and self.date_format not in _EPOCHS and "%" not in self.date_format:
            raise InvalidSetting(
                "date_format", self.date_format, f"give one such as '%d.%m.%Y', or {', '.join(_EPOCHS)}"
            )
        if self.date_format is not None and self.day_first is not None:
            raise InvalidSetting("date_format", self.date_format, "it says which comes first; leave day_first out")
        zone_of(self.tz)

    @property
    def separator(self) -> str | None:
        """The delimiter as a character."""
        return "\t" if self.delimiter is not None and self.delimiter.lower() in ("tab", "\\t") else self.delimiter

    @property
    def zone(self) -> tzinfo:
        """The zone of times that name none."""
        return zone_of(self.tz)


def zone_of(tz: str | tzinfo | None) -> tzinfo:
    """The zone that an option names; UTC for None.

    Raises:
        InvalidSetting: There is no such zone.

    Example:
        >>> zone_of("utc")
        datetime.timezone.utc
    """
    if tz is None:
        return UTC
    if isinstance(tz, tzinfo):
        return tz
    if tz.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(tz)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidSetting(
            "tz", tz, "it is not a time zone; give an IANA name such as UTC or Europe/London"
        ) from error
