from datetime import datetime, time

import openpyxl
import pytest

from orders_es.errors import BadSource
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.tables.source import BOOLEAN, CLOCK, DATE, ERROR, NUMBER, TEXT

COLUMNS = {"id": ("Id",), "text": ("Text",)}
HEAD = ["Id", "Text"]


@pytest.fixture
def read(tmp_path):
    """Read a workbook of these sheets; the names of hidden ones begin with a dash."""

    def read(content, **options):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in content.items():
            sheet = book.create_sheet(name.removeprefix("-"))
            sheet.sheet_state = "hidden" if name.startswith("-") else "visible"
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "t.xlsx")
        return read_source(tmp_path / "t.xlsx", COLUMNS, options=TableOptions(**options))

    return read


def test_every_cell_says_what_it_is(read):
    cells = ["007", 7, 7.5, 0.1 + 0.2, datetime(2010, 12, 1), True, "#N/A", time(8, 26)]  # noqa: DTZ001 - a cell
    table = read({"a": [HEAD, *([cell, "x"] for cell in cells)]})
    assert table.column("id").to_pylist() == [
        "007",
        "7",
        "7.5",
        "0.3",
        "2010-12-01 00:00:00",
        "TRUE",
        "#N/A",
        "08:26:00",
    ]
    assert table.kinds["Id"].tolist() == [TEXT, NUMBER, NUMBER, NUMBER, DATE, BOOLEAN, ERROR, CLOCK]


def test_empty_rows_do_not_count_and_places_are_those_of_the_sheet(read):
    table = read({"a": [HEAD, [1, "x"], [None, " "], [2, "y"], [None, None]], "b": [HEAD, [3, "z"]]})
    assert table.numbers.tolist() == [1, 3, 4]
    assert [table.place(row) for row in (1, 2)] == ["row 4 of the sheet 'a'", "row 2 of the sheet 'b'"]


def test_hidden_rows_stop_until_somebody_says_whether_they_count(tmp_path):
    book = openpyxl.Workbook()
    for row in (HEAD, [1, "x"], [2, "y"], [None, None], [3, "z"]):
        book.active.append(row)
    for number in (1, 3, 4):  # the header, and a row without anything, are none of the rows
        book.active.row_dimensions[number].hidden = True
    book.save(tmp_path / "t.xlsx")

    def ids(**options):
        return read_source(tmp_path / "t.xlsx", COLUMNS, options=TableOptions(**options)).column("id").to_pylist()

    with pytest.raises(
        BadSource, match=r"rows of the sheet 'Sheet' are hidden, .* such as row 3; say with hidden_rows="
    ):
        ids()
    assert ids(hidden_rows="read") == ["1", "2", "3"]
    assert ids(hidden_rows="skipped") == ["1", "3"]


def test_a_hidden_sheet_with_the_columns_stops_until_somebody_says_which_count(read):
    sheets = {"shown": [HEAD, [1, "x"]], "-draft": [HEAD, [2, "y"]], "-notes": [["free text"]]}
    with pytest.raises(BadSource, match="the sheet 'draft' is hidden and has the columns too"):
        read(sheets)
    assert read(sheets, sheets=("shown",)).column("id").to_pylist() == ["1"]


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(read):
    with pytest.raises(BadSource, match="no sheet 'b'; there are 'a'"):
        read({"a": [HEAD, [1, "x"]]}, sheets=("b",))


def test_titles_above_the_names_are_said_to_be_such(read):
    sheets = {"a": [["Report"], [], HEAD, [1, "x"]]}
    with pytest.raises(BadSource, match=r"stand in row 3, below 'Report'.*--header-row 3"):
        read(sheets)
    table = read(sheets, header_row=3)
    assert (table.numbers.tolist(), table.place(0)) == ([1], "row 4 of the sheet 'a'")


def test_a_formula_that_nothing_has_computed_is_refused(read):
    with pytest.raises(BadSource, match=r"the cell B2 of the sheet 'a' .* is a formula without a value"):
        read({"a": [HEAD, [1, "=1+1"]]})


def test_a_gzip_called_a_workbook_is_said_to_be_such(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(BadSource, match="packed with gzip"):
        read_source(tmp_path / "t.xlsx", COLUMNS)
