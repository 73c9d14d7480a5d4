"""What tables of orders are like in real life, each with the order that it has to become, or the refusal."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from orders_es.errors import BadSource
from orders_es.sources.order_tables import preview_table
from orders_es.sources.tables.options import TableOptions

MAPPING: dict[str, Any] = {
    "rows": "line",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
    "line": {"item_id": "SKU", "description": "What", "quantity": "Qty", "price": "Price"},
}
HEADER = ("No", "Day", "SKU", "What", "Qty", "Price")
ROW = ("A-1", "2026-06-03 09:15", "007", "Caf\u00e9", "2", "1234.50")


def text(*rows, delimiter=","):
    return "\n".join(delimiter.join(row) for row in (HEADER, *rows)) + "\n"


def changed(**cells):
    return tuple(cells.get(name, cell) for name, cell in zip(HEADER, ROW, strict=True))


def first(path, **options):
    return preview_table(path, MAPPING, reading=TableOptions(**options)).first[0]


def said(order):
    return order.order_id, order.created_at.isoformat(), order.lines[0].item_id, order.lines[0].description, order.total


EXPECTED = ("A-1", "2026-06-03T09:15:00+00:00", "007", "Caf\u00e9", Decimal(2469))


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(text(ROW).encode(), id="comma"),
        pytest.param(text(ROW, delimiter=";").encode(), id="semicolon"),
        pytest.param(text(ROW, delimiter="\t").encode(), id="tab"),
        pytest.param(text(ROW, delimiter="|").encode(), id="bar"),
        pytest.param(b"\xef\xbb\xbf" + text(ROW).encode(), id="byte-order mark"),
        pytest.param(text(ROW).encode("cp1252"), id="windows-1252"),
        pytest.param(text(ROW).encode("utf-16"), id="utf-16"),
        pytest.param(text(ROW).replace("\n", "\r\n").encode(), id="carriage returns"),
        pytest.param(("sep=;\n" + text(ROW, delimiter=";")).encode(), id="sep="),
        pytest.param(
            text(changed(Price="1.234,50"), delimiter=";").encode(), id="decimal comma, thousands with points"
        ),
        pytest.param(text(changed(Price='"1,234.50"')).encode(), id="thousands with commas"),
        pytest.param(text(changed(Price="1 234,50"), delimiter=";").encode(), id="thousands with blanks"),
        pytest.param(
            text(changed(Day="03.06.2026 09:15"), changed(No="B-2", Day="13.06.2026 09:15")).encode(),
            id="day first, told by a later row",
        ),
        pytest.param(
            text(changed(Day="06/03/2026 09:15"), changed(No="B-2", Day="06/13/2026 09:15")).encode(),
            id="month first, told by a later row",
        ),
        pytest.param(text(changed(Day="2026-06-03T11:15:00+02:00")).encode(), id="a zone"),
        pytest.param(text(("  A-1 ", *ROW[1:])).encode(), id="blanks around an id"),
        pytest.param(text(ROW).replace("SKU", "s k u").encode(), id="another spelling of a column"),
    ],
)
def test_however_it_was_saved_it_is_the_same_order(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    order = first(path)
    assert said(order)[:4] == EXPECTED[:4]
    assert order.lines[0].amount == EXPECTED[4]


@pytest.mark.parametrize(
    ("word", "encoding"),
    [("Caf\u00e9", "cp850"), ("Caf\u00e9", "mac_roman"), ("\u6025\u9808", "shift_jis"), ("Gr\u00fc\u00df", "cp437")],
)
def test_a_text_that_windows_did_not_write_is_asked_about_and_then_read_as_said(tmp_path, word, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(text(changed(What=word)).encode(encoding))
    with pytest.raises(BadSource, match=r"line 2 has a byte .* say which encoding"):
        first(path)
    assert first(path, encoding=encoding).lines[0].description == word


def test_what_windows_did_write_is_read(tmp_path):
    path = tmp_path / "t.csv"
    word = "\u20ac 5 \u2013 \u201eTopf\u201c, d\u2019\u00e9t\u00e9 \u0160koda \u017eena \u2026"
    path.write_bytes(text(changed(What=f'"{word}"')).encode("cp1252"))
    assert first(path).lines[0].description == word


def test_a_number_that_a_spreadsheet_shows_with_zeros_before_it_is_the_id_that_it_shows(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(("A-1", "2026-06-03 09:15", 7, "Cup", 2, 4.5))
    sheet.cell(2, 3).number_format = "000"
    book.save(tmp_path / "t.xlsx")
    assert first(tmp_path / "t.xlsx").lines[0].item_id == "007"


def test_line_breaks_delimiters_and_quotes_stand_in_quoted_fields(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text(changed(What='"a ""pot"",\nwith a lid"')))
    assert first(path).lines[0].description == 'a "pot",\nwith a lid'


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([changed(Day="01/02/2026")], "two readings"),
        ([changed(Price='"1,234"')], "two readings"),
        ([changed(Day="2026-06-03T09:15Z"), ROW], "names no zone, while"),
        ([changed(Day="2026-06-03"), changed(Day="13.06.2026")], "Day"),
        ([changed(No="7"), changed(No="007")], "leading zeros"),
        ([changed(No="17850"), changed(No="17850.0")], r"ids with \.0"),
        ([changed(SKU="5.36E+05")], "lost digits"),
        ([changed(Price="4.50 EUR")], "is not a number"),
        ([changed(Price="0.00001")], "more than 4 decimals"),
        ([changed(Qty="1.5")], "not a whole number"),
        ([changed(No="")], "No is empty"),
        ([changed(No="A\u200b1")], "nobody sees"),
    ],
)
def test_what_has_two_readings_or_none_is_refused(tmp_path, rows, says):
    path = tmp_path / "t.csv"
    path.write_text(text(*rows), encoding="utf-8")
    with pytest.raises(BadSource, match=says):
        first(path)


def test_float_ids_and_leading_zeros_are_what_they_were():
    frame = {"No": [17850.0], "Day": ["2026-06-03"], "SKU": ["007"], "What": [None], "Qty": [2.0], "Price": [0.1]}
    order = preview_table(pa.table(frame), MAPPING).first[0]
    assert (order.order_id, order.lines[0].item_id, order.total) == ("17850", "007", Decimal("0.2"))


def test_an_hour_that_was_twice_or_never_is_asked_about_and_then_read_as_said(tmp_path):
    twice, never = tmp_path / "twice.csv", tmp_path / "never.csv"
    twice.write_text(text(changed(Day="2026-10-25 02:30")))
    never.write_text(text(changed(Day="2026-03-29 02:30")))
    with pytest.raises(BadSource, match="was twice"):
        first(twice, tz="Europe/Berlin")
    with pytest.raises(BadSource, match="was never"):
        first(never, tz="Europe/Berlin")
    assert first(twice, tz="Europe/Berlin", repeated_hour="earlier").created_at.hour == 0
    assert first(twice, tz="Europe/Berlin", repeated_hour="later").created_at.hour == 1
    assert first(never, tz="Europe/Berlin", skipped_hour="before").created_at.hour == 1


def test_columns_of_arrow_and_polars_that_hold_their_values_otherwise_are_read():
    rows = [ROW, changed(No="A-2")]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(HEADER)}
    quantity = pa.RunEndEncodedArray.from_arrays([2], [2])
    sku = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.uint8()), pa.array(["007"], pa.string_view()))
    assert said(first(pa.table({**columns, "Qty": quantity, "SKU": sku}))) == EXPECTED


def test_a_frame_with_two_columns_of_one_name_is_refused_in_words():
    frame = pd.DataFrame([[*ROW, "1"]], columns=[*HEADER, "Price"])
    with pytest.raises(BadSource, match="more than one column 'Price'"):
        first(frame)


def test_an_id_in_apostrophes_is_asked_about(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text(ROW, changed(No="'A-1'")))
    with pytest.raises(BadSource, match=r"row 2: No has 'A-1': are the apostrophes part of it"):
        first(path)
    assert preview_table(path, MAPPING, reading=TableOptions(verbatim=("No",))).orders == 2


@pytest.mark.parametrize("word", ["Total", "GRAND TOTAL", "Gesamtsumme:", "Total g\u00e9n\u00e9ral"])
def test_a_row_of_totals_is_no_order(tmp_path, word):
    path = tmp_path / "t.csv"
    path.write_text(text(ROW, changed(No="A-2"), changed(No=word)), encoding="utf-8")
    with pytest.raises(
        BadSource, match=r"row 3: No is '.*' in the last row, which looks like a row of totals\. Remove it, or say"
    ):
        first(path)
    assert preview_table(path, MAPPING, reading=TableOptions(verbatim=("No",))).orders == 3
    path.write_text(text(ROW, changed(No=word), changed(No="A-2")), encoding="utf-8")
    assert preview_table(path, MAPPING).orders == 3  # an order may be called so, where it is not the last


def test_a_workbook_has_serial_dates_and_numbers_as_text_and_no_formula_that_nobody_computed(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(("A-1", datetime(2026, 6, 3, 9, 15), "007", "Caf\u00e9", 2, 1234.5))  # noqa: DTZ001 - a cell
    sheet.append(("A-1", datetime(2026, 6, 3, 9, 15), "011", "Jar", "3", "0.10"))  # noqa: DTZ001 - a cell
    book.save(tmp_path / "t.xlsx")
    order = first(tmp_path / "t.xlsx")
    assert (*said(order)[:4], order.total) == (*EXPECTED[:4], Decimal("2469.30"))
    sheet["F2"] = "=1+1"
    book.save(tmp_path / "formula.xlsx")
    with pytest.raises(BadSource, match=r"cell F2 .* is a formula without a value"):
        first(tmp_path / "formula.xlsx")  # no spreadsheet has computed it yet


def test_days_of_a_spreadsheet_are_asked_about_and_then_read_as_said(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(("A-1", 46176.385416666664, "007", "Caf\u00e9", 2, 1234.5))
    sheet.append(("A-1", datetime(2026, 6, 3, 9, 15), "011", "Jar", 1, 1))  # noqa: DTZ001 - a cell
    book.save(tmp_path / "t.xlsx")
    path = tmp_path / "t.csv"
    path.write_text(text(changed(Day="46176.385416666664")))
    with pytest.raises(BadSource, match=r"a spreadsheet's days; say which with date_format= .*excel"):
        first(path)
    for given in (path, tmp_path / "t.xlsx"):
        assert first(given, date_format="excel").created_at.isoformat() == EXPECTED[1]
    path.write_text(text(changed(Day="44714.385416666664")))
    assert first(path, date_format="excel-1904").created_at.isoformat() == EXPECTED[1]
    path.write_text(text(changed(Day="60")))
    with pytest.raises(BadSource, match="before March 1900"):
        first(path, date_format="excel")
