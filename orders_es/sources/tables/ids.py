"""Columns of ids, codes and other text, as they were before a spreadsheet had them; for whoever writes an importer.

Two orders are never made one, nor one two, because a program wrote their ids otherwise: what an id no longer says is
refused, and `verbatim` takes a column as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from orders_es.errors import BadSource
from orders_es.sources.tables.cells import BLANKS, cells_of, matches, shown, trimmed
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, NUMBER, TEXT
from orders_es.sources.tables.values import Parsed

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.tables.cells import Cells
    from orders_es.sources.tables.options import TableOptions
    from orders_es.sources.tables.source import SourceTable

__all__ = ["clean_id", "read_ids", "read_texts"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

_LONGEST = 1024
_PLAIN = r"[1-9][0-9]*|[0-9]*[A-Za-z_][A-Za-z0-9_]*"
_FLOAT = re.compile(r"(-?[0-9]+)\.0+")
_SHORTENED = re.compile(r"[+-]?[0-9]+([.,][0-9]*)?[eE][+-][0-9]+|[+-]?[0-9]+[.,][0-9]+[eE][0-9]+")
_TOTAL = (
    "(?i:((grand|sub)[ -]?)?totals?|total g[eé]n[eé]ral|totale|totaal|sums?|somme|suma|soma|summe|(gesamt|zwischen|end)summe|gesamt|"
    "insgesamt|итого|всего|合計|合计|总计|小计)[:.]?"
)
"""What the first cell of a row of totals says, in the languages that spreadsheets are mostly written in."""
_NOTHING = re.compile(r"nan|nat|na|n/a|<na>|null|none|\\n", re.IGNORECASE)
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATED = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?|"
    rf"[0-9]{{1,2}}-({_MONTH})(-[0-9]{{2,4}})?|({_MONTH})-[0-9]{{2,4}}"
)
_UNSEEN = re.compile(f"[{re.escape(BLANKS.replace(' ', ''))}\x00-\x1f\x7f-\x9f]")
_KINDS = {
    DATE: "is a date: a spreadsheet made one of a code; give the column the format text",
    CLOCK: "is a time of day: a spreadsheet made one of a code; give the column the format text",
    BOOLEAN: "is true or false, and no id",
    ERROR: "is an error of the spreadsheet, not a value",
}


def read_ids(source: SourceTable, column: str, options: TableOptions) -> Parsed:
    """A column of names for things, without blanks (seen or unseen) at both ends; null where there is none.

    A whole column of floats (`17850.0`) is one of whole numbers. `nan`, `null` and their kin are no ids.

    Args:
        column: What the importer calls the column.
        options: Whether this column is to be taken as it is written.

    Raises:
        BadSource: The column has two readings.
    """
    cells = cells_of(source, column)
    texts = trimmed(cells.texts)
    verbatim = cells.name in options.verbatim or column in options.verbatim
    odd = ~matches(texts, _PLAIN) | matches(texts, f"(?i:{_NOTHING.pattern})") | (cells.kinds != TEXT)
    if not verbatim:
        _refuse_rounded(source, cells, texts)
        _refuse_quoted(source, cells, texts)
        _refuse_total(source, cells, texts)
    long = pc.greater(pc.binary_length(texts), _LONGEST).to_numpy(zero_copy_only=False)
    if not odd.any() and not long.any():
        return Parsed(cells.spread(texts), {})
    # Most ids that are not plain are fine all the same: only what could be wrong is looked at one by one.
    fine = matches(texts, r"[!-~]([ -~]*[!-~])?") & (cells.kinds == TEXT)
    fine &= ~matches(texts, f"(?i:{_NOTHING.pattern})|{_SHORTENED.pattern}|{_DATED.pattern}")
    values = texts.to_pylist()
    reasons: dict[int, str] = dict.fromkeys(np.flatnonzero(long).tolist(), f"is longer than {_LONGEST:,} bytes")
    for code in np.flatnonzero(odd & ~long & ~fine).tolist():
        if _is_nothing(values[code], verbatim=verbatim):
            values[code] = None
        elif reason := _wrong(values[code], int(cells.kinds[code]), verbatim=verbatim):
            reasons[code] = reason
    if not verbatim and matches(texts, r"-?[0-9]+\.0+").any():
        _without_floats(source, cells, values, reasons)
    if not verbatim and matches(texts, r"0[0-9]+(\.0+)?").any():
        _refuse_lost_zeros(source, cells, values)
    for code in reasons:
        values[code] = None
    return Parsed(cells.spread(pa.array(values, pa.string())), cells.failures(reasons))


def _refuse_rounded(source: SourceTable, cells: Cells, texts: Any) -> None:
    """Stop where all ids of 18 digits and more are zeros behind the fifteenth: a spreadsheet rounds like that."""
    long = matches(texts, "[1-9][0-9]{17,}") & (cells.kinds == TEXT)
    if long.any() and matches(texts, "[1-9][0-9]{14}0+")[long].all():
        raise _two_readings(
            source,
            cells,
            cells.first_row(long),
            f"{cells.name} {shown(cells.first_cell(long))} and all others of 18 digits and more are zeros behind the fifteenth, as "
            "a spreadsheet leaves them: are they the ids as they were?",
        )


def _refuse_quoted(source: SourceTable, cells: Cells, texts: Any) -> None:
    """Stop where an id stands in apostrophes: some programs quote with them, and `'007'` would be another id than `007`."""
    quoted = matches(texts, "'.*'") & (cells.kinds == TEXT)
    if quoted.any():
        raise _two_readings(
            source,
            cells,
            cells.first_row(quoted),
            f"{cells.name} has {cells.first_cell(quoted)}: are the apostrophes part of it, or what a program quoted it with?",
        )


def _refuse_total(source: SourceTable, cells: Cells, texts: Any) -> None:
    """Stop where the last row, and no other, is called a total: spreadsheets end so, and it would be one order more."""
    last = int(cells.codes[-1]) if len(cells.codes) > 1 else -1
    if last >= 0 and matches(texts, _TOTAL)[last] and int((cells.codes == last).sum()) == 1:
        raise BadSource(
            *source.where(len(cells.codes) - 1),
            f"{cells.name} is {shown(texts[last].as_py())} in the last row, which looks like a row of totals. Remove it, or say that it "
            f"is a row like the others with verbatim= (--verbatim {cells.name!r}). Nothing was appended",
        )


def _is_nothing(text: str, *, verbatim: bool) -> bool:
    return not text or (not verbatim and _NOTHING.fullmatch(text) is not None)


def _wrong(text: str, kind: int, *, verbatim: bool) -> str:
    """What is wrong with an id; nothing, if nothing is."""
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == NUMBER:
        if "e" in text.lower():
            return "has lost digits: numbers are kept to 15 of them; give the column the format text"
        return "is a number with decimals, and no id; give the column the format text" if "." in text else ""
    wrong = None if verbatim else _wrong_text(text)
    return f"{wrong}, or say verbatim= (--verbatim)" if wrong else ""


def clean_id(text: str) -> str:
    """An id as another system spells it, without blanks (seen or unseen) at both ends.

    Raises:
        ValueError: It is no id any more, or nobody could type it.

    Example:
        >>> clean_id("A-1\u200b")
        'A-1'
    """
    text = text.strip(BLANKS)
    if _is_nothing(text, verbatim=False):
        raise ValueError("is no id")
    if wrong := _wrong_text(text):
        raise ValueError(wrong)
    return text


def _wrong_text(text: str) -> str | None:
    if _SHORTENED.fullmatch(text):
        return "has lost digits: a spreadsheet shortened it; give the column the format text before saving"
    if _DATED.fullmatch(text):
        return "looks like a date that a spreadsheet made of a code; write the code"
    if unseen := _UNSEEN.search(text):
        return f"has a character within it that nobody sees (U+{ord(unseen[0]):04X}); remove it"
    if any(c.isdecimal() and not c.isascii() for c in text):
        return "has digits other than 0 to 9; write those"
    if not unicodedata.is_normalized("NFC", text):
        return "has accents that stand beside their letters, so it differs from an id that looks the same; write them on the letters"
    return None


def _without_floats(source: SourceTable, cells: Cells, values: list[str | None], reasons: dict[int, str]) -> None:
    """Cut `.0` off, where it is what a column of numbers with holes in it came out of a program as."""
    floats = {code: found[1] for code, text in enumerate(values) if text and (found := _FLOAT.fullmatch(text))}
    if not floats:
        return
    whole = _which(values, lambda text: text.isdecimal()) & (cells.kinds == TEXT)
    if whole.any():
        also = np.zeros(len(values), dtype=np.bool_)
        also[list(floats)] = True
        raise _two_readings(
            source,
            cells,
            cells.first_row(also),
            f"{cells.name} has {shown(cells.first_cell(also))} and {shown(cells.first_cell(whole))}: are ids with .0 behind "
            "them others, or the same that a program wrote as decimals?",
        )
    if any(text and re.fullmatch(r"-?[0-9]+\.[0-9]*[1-9][0-9]*", text) for text in values):
        return  # codes such as 1.0 and 1.5
    for code, text in floats.items():
        values[code] = text
        if len(text) > 15:  # noqa: PLR2004 - digits of a double
            reasons[code] = "has lost digits: numbers are kept to 15 of them; give the column the format text"


def _refuse_lost_zeros(source: SourceTable, cells: Cells, values: list[str | None]) -> None:
    """Stop where `007` and `7` are in one column, or might be."""
    padded = _which(values, lambda text: len(text) > 1 and text[0] == "0" and text.isdecimal() and text.isascii())
    if not padded.any():
        return
    codes = np.flatnonzero(padded).tolist()
    numbers: dict[int, int] = {}
    widest = max(len(values[code] or "") for code in codes)
    for code, text in enumerate(values):
        if not text or not text.isascii() or not text.isdecimal():
            continue
        one = np.zeros(len(values), dtype=np.bool_)
        one[code] = True
        other = numbers.setdefault(int(text), code)
        typed = cells.kinds[code] == NUMBER and len(text) < widest
        if other == code and not typed:
            continue
        first = codes[0] if typed and other == code else other
        raise _two_readings(
            source,
            cells,
            cells.first_row(one),
            f"{cells.name} has {shown(values[first] or '')} and {shown(text)}: did a program cut the leading zeros off, or are "
            "these two?",
        )


def _which(values: list[str | None], test: Any) -> npt.NDArray[np.bool_]:
    return np.array([bool(text) and bool(test(text)) for text in values], dtype=np.bool_)


def _two_readings(source: SourceTable, cells: Cells, row: int, what: str) -> BadSource:
    return BadSource(
        *source.where(row),
        f"{what} Write them alike, or keep each as it is written with verbatim= (--verbatim {cells.name!r}). Nothing was "
        "appended",
    )


def read_texts(source: SourceTable, column: str, *, trim: bool = False) -> Parsed:
    """A column of words as they stand, null where its cell is empty, or says `nan` or what MySQL writes for null.

    Args:
        column: What the importer calls the column.
        trim: Whether to leave out blanks at both ends.
    """
    cells = cells_of(source, column)
    texts = trimmed(cells.texts) if trim else cells.texts
    reasons = {
        code: _KINDS[int(cells.kinds[code])]
        for code in np.flatnonzero(np.isin(cells.kinds, (ERROR, DATE, CLOCK))).tolist()
    }
    nothing = matches(texts, r"|nan|NaN|<NA>|NaT|\\N")
    if nothing.any():
        texts = pc.if_else(pa.array(nothing), None, texts)
    return Parsed(cells.spread(texts), cells.failures(reasons))
