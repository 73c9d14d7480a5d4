"""Dates in digits, and what a whole column says about the order of day, month and year; for `…tables.times`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.cells import matches, shown
from orders_es.sources.tables.source import DATE

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.tables.cells import Cells
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["INSTANTS", "NOT_A_TIME", "numeric_dates"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

INSTANTS = pa.timestamp("us", tz="UTC")
NOT_A_TIME = "is not a date and time (2010-12-01 08:26 and 12/13/2010 8:26 are)"
_PATTERN = (
    r"^(?P<a>[0-9]{1,4})(?P<s>[-/.])(?P<b>[0-9]{1,2})(?P<t>[-/.])(?P<c>[0-9]{1,4})"
    r"(?P<clock>[T ] *(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<sec>[0-9]{2})(?:[.,](?P<f>[0-9]+))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?P<z> ?(?:Z|z|UTC|GMT|(?P<sign>[+-])(?P<zh>[0-9]{2}):?(?P<zm>[0-9]{2})?))?)?$"
)
_ORDERS = {"day": ("c", "b", "a"), "month": ("c", "a", "b"), "year": ("a", "b", "c")}
"""Year, month and day, by what comes first."""
_DAY, _MINUTE, _SECOND = 86_400_000_000, 60_000_000, 1_000_000
_PIVOT = 69
"""Two digits of a year are 1969 to 2068, as POSIX has it."""


def numeric_dates(
    source: SourceTable, cells: Cells, texts: Any, options: TableOptions, reasons: dict[int, str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 on the clock that each cell was read off, or on UTC's if the cell names its offset.

    And for each cell whether it does.

    Args:
        source: The file, for the errors.
        cells: The column.
        texts: Its cells without blanks at both ends.
        options: Whether the day or the month comes first, if somebody said so.
        reasons: Where to note what is wrong with a cell.

    Raises:
        BadSource: There are two readings of the column.
    """
    part = pc.extract_regex(texts, _PATTERN)
    found = part.is_valid().to_numpy(zero_copy_only=False)
    parts = {name: _integers(pc.struct_field(part, name)) for name in ("a", "b", "c", "h", "m", "sec", "zh", "zm")}
    first, second = (pc.struct_field(part, name) for name in ("s", "t"))
    found &= pc.fill_null(pc.equal(first, second), fill_value=False).to_numpy(zero_copy_only=False)
    widths = {
        name: pc.fill_null(pc.utf8_length(pc.struct_field(part, name)), 0).to_numpy(zero_copy_only=False)
        for name in "ac"
    }
    year_first = found & (widths["a"] == 4) & (widths["c"] <= 2)  # noqa: PLR2004 - digits
    year_last = found & (widths["a"] <= 2) & (widths["c"] == 4)  # noqa: PLR2004
    short = found & (widths["a"] <= 2) & (widths["c"] == 2)  # noqa: PLR2004
    found = year_first | year_last | short
    used = np.zeros(len(found), dtype=np.bool_)
    used[cells.codes[cells.codes >= 0]] = True
    for code in np.flatnonzero(used & ~found).tolist():
        reasons.setdefault(code, NOT_A_TIME)
    used[list(reasons)] = False
    separator = pc.fill_null(first, "").to_numpy(zero_copy_only=False)
    families = {
        (form, sign): which & used & (separator == sign)
        for form, which in (("year last", year_last), ("two digits", short))
        for sign in "/.-"
    }
    families = {family: which for family, which in families.items() if which.any()}
    _refuse_mixture(source, cells, options, (year_first & used), families)
    days = np.full(len(found), np.iinfo(np.int64).min, dtype=np.int64)
    days[year_first] = _days(parts, "year")[year_first]
    for (form, _), which in families.items():
        order = _order_of(source, cells, options, parts, which, short=form == "two digits")
        days[which] = _days(parts, order, short=form == "two digits")[which]
        wrong = which & (days == np.iinfo(np.int64).min)
        for code in np.flatnonzero(wrong).tolist():
            reasons[code] = f"is not a date: it is read as {_spelt(order)}"
    clock = _clock(part, parts)
    impossible = used & ((clock < 0) | (days == np.iinfo(np.int64).min))
    for code in np.flatnonzero(impossible).tolist():
        reasons.setdefault(code, NOT_A_TIME)
    micros, fine = _fractions(pc.struct_field(part, "f"))
    for code in np.flatnonzero(used & fine).tolist():
        reasons.setdefault(code, "has digits below the microsecond, which cannot be kept")
    zoned = pc.fill_null(pc.not_equal(pc.struct_field(part, "z"), ""), fill_value=False).to_numpy(zero_copy_only=False)
    offset = (parts["zh"] * 60 + parts["zm"]) * _MINUTE
    minus = pc.fill_null(pc.equal(pc.struct_field(part, "sign"), "-"), fill_value=False).to_numpy(zero_copy_only=False)
    for code in np.flatnonzero(used & zoned & ((parts["zh"] > 23) | (parts["zm"] > 59))).tolist():  # noqa: PLR2004 - a clock's
        reasons.setdefault(code, NOT_A_TIME)
    good = used.copy()
    good[list(reasons)] = False
    local = np.where(good, days, 0) * _DAY + clock + micros - np.where(minus, -offset, offset) * zoned
    return np.where(good, local, 0), zoned


def _integers(texts: Any) -> npt.NDArray[np.int64]:
    filled = pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), "0", texts)
    numbers: npt.NDArray[np.int64] = filled.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _days(parts: dict[str, npt.NDArray[np.int64]], order: str, *, short: bool = False) -> npt.NDArray[np.int64]:
    """Days since 1970; the least number there is where there is no such date."""
    year, month, day = (parts[name] for name in _ORDERS[order])
    if short:
        year = year + np.where(year < _PIVOT, 2000, 1900)
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)  # noqa: PLR2004
    months = ((np.where(good, year, 1970) - 1970) * 12 + np.where(good, month, 1) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (np.where(good, day, 1) - 1)
    good &= days.astype("datetime64[M]") == months
    return np.where(good, days.astype(np.int64), np.iinfo(np.int64).min)


def _clock(part: Any, parts: dict[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Microseconds since midnight; -1 where a clock never shows that."""
    hour, minute, second = parts["h"], parts["m"], parts["sec"]
    half = pc.fill_null(pc.utf8_lower(pc.struct_field(part, "half")), "").to_numpy(zero_copy_only=False)
    twelve = (half == "a") | (half == "p")
    good = (minute <= 59) & (second <= 59) & np.where(twelve, (hour >= 1) & (hour <= 12), hour <= 23)  # noqa: PLR2004
    hour = np.where(twelve, hour % 12 + np.where(half == "p", 12, 0), hour)
    return np.where(good, hour * 60 * _MINUTE + minute * _MINUTE + second * _SECOND, -1)


def _fractions(texts: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    texts = pc.fill_null(texts, "")
    fine = matches(pc.utf8_slice_codeunits(texts, 6, 64), "[0-9]*[1-9][0-9]*")
    return _integers(pc.utf8_rpad(pc.utf8_slice_codeunits(texts, 0, 6), 6, "0")), fine


def _refuse_mixture(
    source: SourceTable,
    cells: Cells,
    options: TableOptions,
    year_first: npt.NDArray[np.bool_],
    families: dict[tuple[str, str], npt.NDArray[np.bool_]],
) -> None:
    """Stop where dates are written in two ways: a spreadsheet may have read some of them and left the others."""
    kinds = [year_first, *families.values()] if year_first.any() else list(families.values())
    if len(kinds) < 2 or options.day_first is not None:  # noqa: PLR2004 - one is no mixture
        return
    row = max(cells.first_row(kind) for kind in kinds)
    one, other = (cells.first_cell(kind) for kind in sorted(kinds, key=cells.first_row)[:2])
    dates = (cells.kinds == DATE) & year_first
    why = (
        f"are dates and others text: a spreadsheet that could not read {shown(cells.first_cell(next(iter(families.values()))))} "
        "may have read the others with day and month exchanged"
        if dates.any()
        else f"are written like {shown(one)} and others like {shown(other)}"
    )
    raise _stop(
        source,
        row,
        f"some cells of {cells.name} {why}. Write all alike; or, if it is all in order, say what comes first in the others with "
        "day_first= (--day-first or --month-first)",
    )


def _order_of(
    source: SourceTable,
    cells: Cells,
    options: TableOptions,
    parts: dict[str, npt.NDArray[np.int64]],
    which: npt.NDArray[np.bool_],
    *,
    short: bool,
) -> str:
    if options.day_first is not None:
        return "day" if options.day_first else "month"
    orders = ("day", "month", "year") if short else ("day", "month")
    never = np.iinfo(np.int64).min
    fits = {order: _days(parts, order, short=short) != never for order in orders}
    # A cell that is no date in any order proves nothing about the others.
    some = which & np.logical_or.reduce(list(fits.values()))
    left = [order for order in orders if fits[order][some].all()]
    if len(left) == 1 or not some.any():
        return left[0]
    if left:
        cell = cells.first_cell(some)
        raise _stop(
            source,
            cells.first_row(some),
            f"{cells.name} {shown(cell)} has {'two' if len(left) == 2 else 'three'} readings, "  # noqa: PLR2004
            f"{' and '.join(map(_spelt, left))}, and no other date of the column says which; say so with day_first= "
            f"(--day-first or --month-first){', or with date_format= (--date-format)' if short else ''}",
        )
    day, month = some & ~fits["month"], some & ~fits["day"]
    raise _stop(
        source,
        cells.first_row(month if month.any() else day),
        f"{cells.name} has dates with the day first ({shown(cells.first_cell(day))}) and with the month first "
        f"({shown(cells.first_cell(month))}); correct those that are wrong, or say which is right with day_first= (--day-first "
        "or --month-first)",
    )


def _spelt(order: str) -> str:
    return {"day": "day/month/year", "month": "month/day/year", "year": "year/month/day"}[order]


def _stop(source: SourceTable, row: int, what: str) -> BadSource:
    return BadSource(*source.where(row), f"{what}. Nothing was appended")
