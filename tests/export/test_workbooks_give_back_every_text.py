"""What goes into a workbook's cell comes out of it: for Excel's own spelling of signs, and for what only looks like it."""

import re
import zipfile

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from orders_es.errors import CannotExport
from orders_es.export.workbook import write_workbook

TEXTS = [
    "_x005F_x0041_",
    "_x0041_",
    "_x0041\x01",
    "__x0041_",
    "_x005f_",
    "a\rb",
    "\x00",
    "\x1b[31m",
    "\ufffe",
    "=1+1",
    "007",
    "5E5",
    " a ",
]
pieces = st.lists(
    st.sampled_from(["_", "x", "0041", "005F", "_x0041_", "\x01", "\r", "a", "<&>", "=", "é"]), max_size=8
).map("".join)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return str(tmp_path_factory.mktemp("book") / "a.xlsx")


def written(book, text):
    write_workbook(book, ["a"], ["text"], [[[text]]], [], "Data")
    with zipfile.ZipFile(book) as file:
        return file.read("xl/worksheets/sheet2.xml").decode()


@given(pieces)
@example("_x005F_x0041_")
@example("_x0041\x01")
def test_every_text_comes_out_as_it_went_in(book, text):
    # As Excel reads: each spelling once, from left to right.
    spelt = re.search(r'r="A2".*?<t xml:space="preserve">(.*?)</t>', written(book, text), re.DOTALL)[1]
    for sign, meant in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        spelt = spelt.replace(sign, meant)
    assert re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), spelt) == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_reader_of_workbooks_finds_text_and_never_a_formula(book, text):
    assert "<f>" not in written(book, text)
    cell = openpyxl.load_workbook(book).worksheets[1]["A2"]
    assert unescape(cell.value) == text
    assert isinstance(cell.value, str)


def test_a_text_that_excel_counts_as_too_long_is_refused(book):
    written(book, "☕" * 32_767)
    with pytest.raises(CannotExport, match="Excel holds 32,767"):
        written(book, "😀" * 16_384)


@pytest.mark.parametrize("title", ["About", "about", "History", "x" * 40, "a/b", "history"])
def test_sheets_have_names_that_excel_accepts(book, title):
    write_workbook(book, ["a"], ["text"], [[["b"]]], [], title)
    names = openpyxl.load_workbook(book).sheetnames
    assert len({name.casefold() for name in names}) == 2
    assert all(len(name) <= 31 and name.casefold() != "history" for name in names)
