"""Excel workbooks, written row by row with every digit as given: a sheet of data and a cover sheet. For `export`.

The file format is ECMA-376. What is written here is its plainest form: inline text, so that nothing is held in memory, and
no formula anywhere, so that text can never become one.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from orders_es.errors import CannotExport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["EPOCH_DAYS", "write_workbook"]

EPOCH_DAYS = 25_569
"""The day number that Excel gives to 1 January 1970."""
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_LONGEST_TEXT = 32_767
_DIGITS = 15
"""Significant digits that Excel keeps of a number. It turns the others into zeros, without a word."""
_DAY = 86_400_000
_FIRST_DAY = 61
"""1 March 1900. Excel believes in a 29 February before it, so earlier days have no safe number."""
_STYLES = {"time": 1, "date": 2, "money": 3, "head": 4}
_NOT_XML = "\\x00-\\x08\\x0b-\\x1f\\ufffe\\uffff"
# An underscore that would be read as the beginning of such a spelling, one that comes about by the next character as well.
_CONTROL = re.compile(rf"_(?=x[0-9A-Fa-f]{{4}}[_{_NOT_XML}])|[{_NOT_XML}]")
_RESERVED = frozenset({"about", "history"})
"""Names of sheets in small letters: the cover's, and one that Excel keeps for itself."""
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def write_workbook(
    path: str,
    names: Sequence[str],
    forms: Sequence[str],
    batches: Iterable[Sequence[Sequence[Any]]],
    cover: Iterable[tuple[str, str]],
    title: str,
) -> int:
    """How many rows a new workbook has, after writing it.

    Args:
        names: The columns' names.
        forms: What each column holds: `text`; `number` or `money` (given as digits) or `double`; `bool`; `time` or `date` (given as
            milliseconds since 1970 by the clock on the wall).
        batches: The rows, as lists of columns.
        cover: What the cover sheet says, asked for once the data are written.
        title: The data sheet's name.

    Raises:
        CannotExport: Excel cannot hold it: too many rows or columns, too long a text, or a number with too many digits.
    """
    if len(names) > _MOST_COLUMNS:
        raise CannotExport(path, f"Excel holds {_MOST_COLUMNS:,} columns, and there are {len(names):,}")
    title = re.sub(r"[\[\]:*?/\\']", "_", title)[:31]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as file:
        with file.open(_entry("xl/worksheets/sheet2.xml"), "w", force_zip64=True) as sheet:
            sheet.write(_sheet_head(frozen=True).encode())
            letters = [_letters(i) for i in range(len(names))]
            sheet.write(
                _row(1, [_text(path, f"{a}1", name, head=True) for a, name in zip(letters, names, strict=True)])
            )
            rows = 1
            for columns in batches:
                lines = []
                for values in zip(*columns, strict=True):
                    rows += 1
                    if rows > _MOST_ROWS:
                        raise CannotExport(
                            path,
                            f"Excel holds {_MOST_ROWS:,} rows, and there are more; write .parquet or .csv, or narrow it "
                            "down with a query",
                        )
                    cells = [
                        _cell(path, f"{a}{rows}", form, value)
                        for a, form, value in zip(letters, forms, values, strict=True)
                        if value is not None
                    ]
                    lines.append(_row(rows, cells))
                sheet.write(b"".join(lines))
            sheet.write(b"</sheetData></worksheet>")
        with file.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            sheet.write(_sheet_head(frozen=False).encode())
            for number, (what, value) in enumerate(cover, start=1):
                cells = [_text(path, f"A{number}", what, head=True), _text(path, f"B{number}", value)]
                sheet.write(_row(number, cells))
            sheet.write(b"</sheetData></worksheet>")
        for name, content in _around(title).items():
            file.writestr(_entry(name), _HEAD + content)
    return rows - 1


def _cell(path: str, place: str, form: str, value: Any) -> str:
    if form in ("number", "money", "double"):
        digits = str(value)
        if not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", digits):  # inf and nan, which Excel does not know
            return _text(path, place, digits)
        if form != "double" and len(digits) > _DIGITS and _significant(digits) > _DIGITS:
            raise CannotExport(
                path,
                f"cell {place} would hold {digits}, and Excel keeps {_DIGITS} digits of a number and makes the others 0; "
                "write .parquet or .csv, or cast the column to VARCHAR in a query",
            )
        style = f' s="{_STYLES[form]}"' if form in _STYLES else ""
        return f'<c r="{place}"{style}><v>{digits}</v></c>'
    if form in ("time", "date"):
        days = value / _DAY + EPOCH_DAYS
        if days < _FIRST_DAY:
            raise CannotExport(
                path,
                f"cell {place} would hold a time before March 1900, which Excel does not know; write .parquet or .csv, or "
                "cast the column to VARCHAR in a query",
            )
        return f'<c r="{place}" s="{_STYLES[form]}"><v>{days!r}</v></c>'
    if form == "bool":
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    return _text(path, place, str(value))


def _significant(digits: str) -> int:
    return len(digits.lstrip("-").replace(".", "", 1).strip("0"))


def _text(path: str, place: str, value: str, *, head: bool = False) -> str:
    if len(value) > _LONGEST_TEXT // 2 and len(value.encode("utf-16-le")) // 2 > _LONGEST_TEXT:
        raise CannotExport(
            path,
            f"cell {place} would hold {len(value):,} characters, and Excel holds {_LONGEST_TEXT:,}; write .parquet or .csv",
        )
    # Characters that XML cannot have are written as the format has them, and so is text that looks like that spelling.
    plain = _CONTROL.sub(lambda m: f"_x{ord(m[0]):04X}_", value)
    style = f' s="{_STYLES["head"]}"' if head else ""
    return f'<c r="{place}" t="inlineStr"{style}><is><t xml:space="preserve">{escape(plain)}</t></is></c>'


def _row(number: int, cells: Sequence[str]) -> bytes:
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _letters(index: int) -> str:
    """The name of a column, from 0: A to Z, AA and so on."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _entry(name: str) -> zipfile.ZipInfo:
    """A part of the file without a time of its own: the same data give the same bytes."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _sheet_head(*, frozen: bool) -> str:
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if frozen else ""
    widths = "" if frozen else '<cols><col min="1" max="1" width="28"/><col min="2" max="2" width="90"/></cols>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'{_HEAD}<worksheet xmlns="{_MAIN}">{view}{widths}<sheetData>'


def _around(title: str) -> dict[str, str]:
    """The parts that hold the sheets together."""
    formats = ("yyyy\\-mm\\-dd\\ hh:mm:ss", "yyyy\\-mm\\-dd", "#,##0.00##")
    listed = "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{code}"/>' for i, code in enumerate(formats))
    kinds = "".join(
        f'<xf numFmtId="{164 + i}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for i in range(3)
    )
    plain = '<xf numFmtId="0" fontId="0" fillId="0" borderId="0"'
    sheets = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{i}" r:id="rId{i}"/>'
        for i, name in ((1, "About"), (2, f"{title[:29]}_" if title.casefold() in _RESERVED else title))
    )
    worksheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for i in (1, 2)
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{worksheets}'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><bookViews><workbookView activeTab="0"/>'
        f"</bookViews><sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{i}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
            for i, kind, target in (
                (1, "worksheet", "worksheets/sheet1.xml"),
                (2, "worksheet", "worksheets/sheet2.xml"),
                (3, "styles", "styles.xml"),
            )
        )
        + "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="3">{listed}</numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        f'<cellStyleXfs count="1">{plain}/></cellStyleXfs><cellXfs count="5">{plain} xfId="0"/>{kinds}'
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
    }
