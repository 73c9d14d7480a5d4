"""Small files, each an example of a kind: what is in them is imported as it is meant, or refused in one line."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.sources.online_retail import import_online_retail
from orders_es.sources.tables.options import TableOptions

INPUTS = Path(__file__).parent / "inputs"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ROW = "536366,85123A,OTHER,6,2010-12-01 08:26,2.55,17850,UK\n"


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


@pytest.fixture
def quarantine(tmp_path):
    return {"on_error": "quarantine", "quarantine": tmp_path / "bad.csv"}


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("euro.csv", 3, "Quantity '1.000' has two readings"),
        ("quarantine_partial.csv", 2, "Quantity 'x' is not a whole number"),
        ("sciids.csv", 1, "InvoiceNo '5.36E+05' has lost digits"),
        ("xx_ids16.xlsx", 1, "InvoiceNo '1.23456789012345e+18' has lost digits"),
        ("utf8_badbyte.csv", 2, "Description 'BAD \ufffd BYTE' has the byte 0xff"),
        ("backslash.csv", None, "opens on line 2"),
        ("title_rows.csv", None, "--header-row 3"),
        ("x_bool_err.xlsx", 1, "row 2 of the sheet 'Sheet'"),
        ("olddates.csv", 1, "lies outside of what a log holds"),
        ("big_quantity.csv", 1, "more than the 999,999,999 pieces"),
    ],
)
def test_it_is_refused_with_its_place(log, name, row, words):
    with pytest.raises(BadSource) as raised:
        import_online_retail(log, INPUTS / name)
    assert raised.value.row == row
    assert words in str(raised.value)
    assert log.head().position == 0


@pytest.mark.parametrize("options", [{}, {"on_error": "quarantine"}])
def test_one_date_with_the_day_first_proves_the_others(log, options):
    assert import_online_retail(log, INPUTS / "slash_dayfirst_mixed.csv", **options).quarantined == 0
    moments = [log.load(stream)[0].occurred_at for stream in ("536365", "536366")]
    assert moments == [datetime(2010, 12, day, 8, 26, tzinfo=UTC) for day in (1, 13)]


def test_a_column_with_two_readings_stops_in_quarantine_too(log, quarantine):
    with pytest.raises(BadSource, match=r"--decimal point or --decimal comma"):
        import_online_retail(log, INPUTS / "euro.csv", **quarantine)


def test_what_decimals_stand_behind_decides(log):
    import_online_retail(log, INPUTS / "euro.csv", reading=TableOptions(decimal="comma"))
    items = [event.data for event in log.load("536365")[1:-1]]
    assert [(item.quantity, str(item.price)) for item in items] == [
        (6, "2.5500"),
        (1, "1234.5000"),
        (1000, "1234.0000"),
    ]


def test_one_bad_byte_costs_one_order(log, quarantine):
    import_online_retail(log, INPUTS / "utf8_badbyte.csv", **quarantine)
    assert log.load("536365")[1].data.description == "CAFÉ ☕ – naïve"
    assert log.stream_ids() == ["536365"]
    (row,) = csv.DictReader(quarantine["quarantine"].read_text(encoding="utf-8").splitlines())
    assert row["InvoiceNo"] == "536366"


def test_an_order_is_never_half_there_and_the_corrected_file_completes_it(log, quarantine):
    done = import_online_retail(log, INPUTS / "quarantine_partial.csv", **quarantine)
    assert (done.events, done.quarantined) == (0, 3)
    text = quarantine["quarantine"].read_text().replace("'=1+1,zz", "RED,2").replace(",x,", ",1,")
    quarantine["quarantine"].write_text(text)
    assert import_online_retail(log, quarantine["quarantine"]).streams == 2
    assert log.load("536370")[2].data.item_id == "=cmd|' /C calc'!A0"


def test_the_line_that_tells_excel_the_separator_is_understood(log):
    assert import_online_retail(log, INPUTS / "sep_line.csv").events == 3


def test_the_row_of_the_header_can_be_said(log):
    assert import_online_retail(log, INPUTS / "title_rows.csv", reading=TableOptions(header_row=3)).events == 3


def test_a_workbook_gives_the_numbers_that_it_shows(log):
    import_online_retail(log, INPUTS / "x_floaty.xlsx")
    assert [str(log.load(stream)[1].data.price) for stream in ("536365", "536366")] == ["0.3000", "19.9900"]


@pytest.mark.parametrize("rows", [3, 4000])
def test_a_quote_that_is_never_closed_is_named_with_its_line(log, tmp_path, rows):
    path = tmp_path / "open.csv"
    path.write_text(HEADER + ROW * 2 + ROW.replace("OTHER", '"LANTERN') + ROW * rows)
    with pytest.raises(BadSource, match="the quote that opens on line 4 is never closed"):
        import_online_retail(log, path)


@pytest.mark.parametrize("between", [0, 1, 3000])
def test_a_quote_that_a_later_one_closes_is_named_with_its_line(log, tmp_path, between):
    path = tmp_path / "open.csv"
    path.write_text(HEADER + ROW.replace("OTHER", '"LANTERN') + ROW * between + ROW.replace("OTHER", '"X"') + ROW)
    with pytest.raises(BadSource, match=r"the quote that opens on line 2 is wrong: at its next quote on line"):
        import_online_retail(log, path)
