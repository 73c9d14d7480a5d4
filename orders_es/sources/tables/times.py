"""Columns of times as instants, read as the whole column proves; for whoever writes an importer.

`13/12/2010` proves what `01/12/2010` means, wherever in the column it stands. Where nothing proves it, somebody has to say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.log.limits import FIRST_MOMENT, LAST_MOMENT
from orders_es.sources.tables.cells import Cells, cells_of, matches, shown, trimmed
from orders_es.sources.tables.date_orders import INSTANTS, NOT_A_TIME, numeric_dates
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, NUMBER
from orders_es.sources.tables.values import Parsed
from orders_es.sources.tables.zones import before_change, in_zone

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["read_times"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?"
_EPOCHS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}
_SERIALS = {"excel": datetime(1899, 12, 30), "excel-1904": datetime(1904, 1, 1)}  # noqa: DTZ001 - a sheet has no zone
"""Days of a spreadsheet, counted from its epoch. Excel's first one holds a 29 February 1900 that never was, so days up to it are refused."""
_FIRST_SERIAL = 61
_KINDS = {
    BOOLEAN: "is true or false, and no time",
    CLOCK: "is a time of day without a date",
    ERROR: "is an error of the spreadsheet, not a value",
}


def read_times(source: SourceTable, column: str, options: TableOptions) -> Parsed:
    """A column of times as instants in UTC, null where its cell is empty.

    Args:
        column: What the importer calls the column.
        options: Which comes first, day or month; how times are written; the zone of those that name none.

    Raises:
        BadSource: The column has two readings.
    """
    values = source.column(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _typed(source, column, values, options)
    cells = cells_of(source, column)
    texts = trimmed(cells.texts)
    reasons: dict[int, str] = {
        code: _KINDS[int(cells.kinds[code])] for code in np.flatnonzero(np.isin(cells.kinds, list(_KINDS))).tolist()
    }
    local, zoned = _wall_times(source, cells, texts, options, reasons)
    return _as_instants(source, cells, local, zoned, reasons, options)


def _wall_times(
    source: SourceTable, cells: Cells, texts: Any, options: TableOptions, reasons: dict[int, str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 on the clock that each cell was read off, and whether the cell names that clock."""
    here = np.zeros(len(texts), dtype=np.bool_)
    if options.date_format in _EPOCHS:
        return _epochs(texts, _EPOCHS[options.date_format], reasons), ~here
    if options.date_format in _SERIALS:
        return _serials(texts, cells, options.date_format, reasons), here
    if options.date_format is not None:
        return _as_said(texts, cells, options.date_format, reasons)
    if matches(texts, _ISO).all() and not np.isin(cells.kinds, (NUMBER, *_KINDS)).any():
        try:
            return texts.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False), here
        except pa.ArrowException:
            pass  # a thirteenth month; the other way names it
    used = np.unique(cells.codes[cells.codes >= 0])
    numeric = matches(texts, r"[0-9]+(\.[0-9]+)?")
    if len(used) and numeric[used].all():
        row = cells.first_row(numeric)
        raise _stop(
            source,
            row,
            f"{cells.name} holds numbers ({shown(cells.first_cell(numeric))}), which may be seconds, milliseconds or a "
            "spreadsheet's days; say which with date_format= (--date-format epoch-s, epoch-ms, epoch-us, excel or excel-1904), or save "
            "them as dates",
        )
    return numeric_dates(source, cells, texts, options, reasons)


def _epochs(texts: Any, factor: int, reasons: dict[int, str]) -> npt.NDArray[np.int64]:
    good = matches(texts, r"-?[0-9]{1,13}" if factor > 1 else r"-?[0-9]{1,18}")
    for code in np.flatnonzero(~good).tolist():
        reasons.setdefault(code, NOT_A_TIME)
    numbers = pc.if_else(_array(good), texts, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.where(
        np.abs(numbers) > LAST_MOMENT // factor,
        LAST_MOMENT + 1,
        np.clip(numbers, -LAST_MOMENT // factor, LAST_MOMENT // factor) * factor,
    )


def _serials(texts: Any, cells: Cells, epoch: str, reasons: dict[int, str]) -> npt.NDArray[np.int64]:
    """Numbers of a spreadsheet's days as wall times, to the millisecond, which is as exact as the fraction of a day is kept."""
    local = np.zeros(len(texts), dtype=np.int64)
    first = _SERIALS[epoch]
    for code, (text, kind) in enumerate(zip(texts.to_pylist(), cells.kinds.tolist(), strict=True)):
        if not text or code in reasons:
            continue
        try:
            if kind == DATE:
                moment = datetime.fromisoformat(text)
            else:
                days = Decimal(text)
                if epoch == "excel" and days < _FIRST_SERIAL:
                    reasons[code] = "is a day before March 1900, which spreadsheets count in two ways"
                    continue
                moment = first + timedelta(milliseconds=int((days * 86_400_000).to_integral_value()))
        except (ValueError, ArithmeticError):
            reasons[code] = "is no number of a spreadsheet's days"
            continue
        local[code] = (moment - datetime(1970, 1, 1)) // datetime.resolution  # noqa: DTZ001 - both are off one clock
    return local


def _as_said(
    texts: Any, cells: Cells, written: str, reasons: dict[int, str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    local = np.zeros(len(texts), dtype=np.int64)
    zoned = np.zeros(len(texts), dtype=np.bool_)
    for code, (text, kind) in enumerate(zip(texts.to_pylist(), cells.kinds.tolist(), strict=True)):
        if not text or code in reasons:
            continue
        try:
            moment = datetime.fromisoformat(text) if kind == DATE else datetime.strptime(text, written)  # noqa: DTZ007
        except ValueError:
            reasons[code] = f"is not written as {written}"
            continue
        zoned[code] = moment.tzinfo is not None
        naive = moment.replace(tzinfo=None) - (moment.utcoffset() or moment - moment)
        local[code] = (naive - datetime(1970, 1, 1)) // (datetime.resolution)  # noqa: DTZ001 - both are off one clock
    return local, zoned


def _as_instants(
    source: SourceTable,
    cells: Cells,
    local: npt.NDArray[np.int64],
    zoned: npt.NDArray[np.bool_],
    reasons: dict[int, str],
    options: TableOptions,
) -> Parsed:
    used = np.zeros(len(local), dtype=np.bool_)
    used[cells.codes[cells.codes >= 0]] = True
    used[list(reasons)] = False
    if options.tz is None and (used & zoned).any() and (used & ~zoned).any():
        here = used & ~zoned
        raise _stop(
            source,
            cells.first_row(here),
            f"{cells.name} {shown(cells.first_cell(here))} names no zone, while {shown(cells.first_cell(used & zoned))} does; "
            "say where the others were read off the clock with tz= (--tz)",
        )
    micros, wrong, twice = in_zone(local, options.zone, options.repeated_hour)
    micros = np.where(zoned, local, micros)
    for code in np.flatnonzero(used & ~zoned & wrong).tolist():
        if options.skipped_hour == "before":
            micros[code] = before_change(int(local[code]), options.zone)
            continue
        reasons[code] = (
            f"was never: the clocks of {options.zone} skipped it; where the clock that wrote it had not been put forward yet, say "
            "skipped_hour= (--skipped-hour before)"
        )
    twice &= used & ~zoned
    if twice.any() and options.repeated_hour is None:
        raise _stop(
            source,
            cells.first_row(twice),
            f"{cells.name} {shown(cells.first_cell(twice))} was twice, because the clocks of {options.zone} were put back; say "
            "which one is meant with repeated_hour= (--repeated-hour earlier or later)",
        )
    for code in np.flatnonzero(used & ((micros < FIRST_MOMENT) | (micros > LAST_MOMENT))).tolist():
        reasons.setdefault(code, "lies outside of what a log holds, 0001-01-02 to 9999-12-30 in UTC")
    keep = used.copy()
    keep[list(reasons)] = False
    values = _array(np.where(keep, micros, 0), mask=~keep).cast(INSTANTS)
    return Parsed(cells.spread(values), cells.failures(reasons))


def _typed(source: SourceTable, column: str, values: Any, options: TableOptions) -> Parsed:
    name = source.columns[column]
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    reasons: dict[int, str] = {}
    if pa.types.is_timestamp(values.type) and values.type.unit == "ns":
        fine = pc.fill_null(pc.not_equal(pc.nanosecond(values), 0), fill_value=False)
        for row in np.flatnonzero(fine.to_numpy(zero_copy_only=False)).tolist():
            reasons[row] = (
                f"{name} {values[row].cast(pa.string()).as_py()!r} has digits below the microsecond, which cannot be kept"
            )
    try:
        micros = values.cast(pa.timestamp("us", zone), safe=not reasons)
    except pa.ArrowException:
        raise BadSource(
            str(source.path), None, f"column {name!r} has times beyond the years that can be kept"
        ) from None
    encoded = micros.cast(pa.int64()).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    local = encoded.dictionary.to_numpy(zero_copy_only=False)
    texts = encoded.dictionary.cast(pa.timestamp("us")).cast(pa.string())
    cells = Cells(name, texts, np.full(len(local), DATE, dtype=np.int8), codes)
    zoned = np.full(len(local), zone is not None)
    parsed = _as_instants(source, cells, local, zoned, {}, options)
    return Parsed(parsed.values, parsed.failures | reasons)


def _stop(source: SourceTable, row: int, what: str) -> BadSource:
    return BadSource(*source.where(row), f"{what}. Nothing was appended")
