"""What one cell may mean, the others of its column say; where they do not, the import stops and names the option."""

from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import BadSource
from orders_es.sources.online_retail import import_online_retail
from orders_es.sources.tables.options import TableOptions

DECEMBER = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
JANUARY = datetime(2010, 1, 12, 8, 26, tzinfo=UTC)


@pytest.fixture
def first_of(log, write, line):
    """Import lines, one for each of these cells of one column, and give back the first event of the first one's invoice."""

    def first_of(column, cells, *, name="lines.csv", **options):
        rows = [line(str(i), **{column: cell}) for i, cell in enumerate(cells, 1)]
        import_online_retail(log, write(rows, name), **options)
        return log.load("1")[1]

    return first_of


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("cells", "moment"),
    [
        (["01/12/2010 08:26", "13/12/2010 08:26"], DECEMBER),
        (["01/12/2010 08:26", *["02/12/2010 08:26"] * 5000, "31/12/2010 08:26"], DECEMBER),
        (["01/12/2010 08:26", "12/13/2010 08:26"], JANUARY),
        (["01.12.2010 08:26", "24.12.2010 08:26"], DECEMBER),
        (["1-12-2010 8:26", "24-12-2010 8:26"], DECEMBER),
        (["01/12/10 08:26", "12/13/10 08:26"], JANUARY),
        (["2010/12/01 08:26", "2010/12/02 08:26"], DECEMBER),
        (["01/12/2010 08:26 AM", "13/12/2010 08:26 PM"], DECEMBER),
    ],
)
def test_one_date_proves_the_others(first_of, cells, moment):
    assert first_of("time", cells).occurred_at == moment


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["01/12/2010 08:26", "02/12/2010 08:26"], "two readings, day/month/year and month/day/year"),
        (["01.12.2010 08:26"], "--day-first or --month-first"),
        (["01/12/10 08:26", "02/12/10 08:26"], "three readings"),
        (["13/12/10 08:26", "30/12/10 08:26"], "--date-format"),
        (["13/12/2010 08:26", "12/13/2010 08:26"], "with the day first ('13/12/2010 08:26') and with the month first"),
        (["2010-12-01 08:26", "13/12/2010 08:26"], "are written like"),
        (["13.12.2010 08:26", "13/12/2010 08:26"], "are written like"),
        (["1291191960", "1291191961"], "--date-format epoch-s"),
        (["40513.35", "40513.36"], "a spreadsheet's days"),
        (["2010-12-01 08:26Z", "2010-12-01 08:26"], "names no zone"),
    ],
)
@pytest.mark.parametrize("on_error", ["stop", "quarantine"])
def test_dates_with_two_readings_stop_the_import(log, first_of, cells, words, on_error):
    with pytest.raises(BadSource) as raised:
        first_of("time", cells, on_error=on_error)
    assert words in str(raised.value)
    assert log.head().position == 0


@pytest.mark.parametrize(
    ("options", "cells", "moment"),
    [
        ({"day_first": True}, ["01/12/2010 08:26"], DECEMBER),
        ({"day_first": False}, ["01/12/2010 08:26"], JANUARY),
        ({"day_first": True}, ["01/12/10 08:26", "2010-12-01"], DECEMBER),
        ({"date_format": "%d-%b-%y %H:%M"}, ["01-Dec-10 08:26"], DECEMBER),
        ({"date_format": "epoch-s"}, ["1291191960"], DECEMBER),
        ({"date_format": "epoch-ms"}, ["1291191960000"], DECEMBER),
        ({"tz": "Europe/Berlin"}, ["2010-12-01 09:26", "2010-12-01 08:26Z"], DECEMBER),
    ],
)
def test_an_option_decides(first_of, options, cells, moment):
    assert first_of("time", cells, reading=TableOptions(**options)).occurred_at == moment


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("0000-01-01 00:00", "lies outside of what a log holds"),
        ("2010-12-01 23:59:59.9999999", "digits below the microsecond"),
        ("2010-12-01 24:00", "is not a date and time"),
        ("٢٠١٠-12-01", "is not a date and time"),
    ],
)
def test_a_time_that_cannot_be_kept_is_named(first_of, cell, words):
    with pytest.raises(BadSource, match=words):
        first_of("time", ["2010-12-01 08:26", cell])


def test_digits_that_say_nothing_do_not_count(first_of):
    assert first_of("time", ["2010-12-01 08:26:00.0000000"]).occurred_at == DECEMBER


def test_a_time_that_the_clock_showed_twice_needs_a_word(first_of):
    with pytest.raises(BadSource, match=r"'2010-10-31 01:30' was twice.*--repeated-hour"):
        first_of("time", ["2010-10-31 01:30"], tz="Europe/London")
    options = TableOptions(tz="Europe/London", repeated_hour="later")
    assert first_of("time", ["2010-10-31 01:30"], reading=options).occurred_at.hour == 1


def test_a_time_that_never_was_is_a_bad_row(first_of):
    with pytest.raises(BadSource, match="row 1: InvoiceDate '2010-03-28 01:30' was never"):
        first_of("time", ["2010-03-28 01:30"], tz="Europe/London")


def test_unless_the_clock_that_wrote_it_had_not_been_put_forward(first_of):
    options = TableOptions(tz="Europe/London", skipped_hour="before")
    moment = first_of("time", ["2010-03-28 01:30"], reading=options).occurred_at
    assert moment.isoformat() == "2010-03-28T01:30:00+00:00"


def test_dates_that_a_spreadsheet_left_as_text_beside_real_ones_stop_the_import(log, tmp_path, line):
    book = openpyxl.Workbook()
    book.active.append(
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    )
    for invoice, time in (("1", datetime(2010, 1, 12, 8, 26)), ("2", "13/12/2010 08:26")):  # noqa: DTZ001 - a cell
        book.active.append([float(c) if isinstance(c, Decimal) else c for c in line(invoice, time=time)])
    book.save(tmp_path / "mixed.xlsx")
    with pytest.raises(BadSource, match="are dates and others text: a spreadsheet that could not read"):
        import_online_retail(log, tmp_path / "mixed.xlsx")


def test_nanoseconds_of_parquet_are_refused_where_they_say_something(log, write, line):
    path = write([line()], "lines.parquet")
    times = pa.array([1291191960_000_000_001], pa.int64()).cast(pa.timestamp("ns"))
    pq.write_table(pq.read_table(path).set_column(4, "InvoiceDate", times), path)
    with pytest.raises(BadSource, match=r"row 1: InvoiceDate .* has digits below the microsecond"):
        import_online_retail(log, path)


@pytest.mark.parametrize(
    ("cells", "price"),
    [
        (["1.234", "2.55"], "1.2340"),
        (["1.234", "2,55"], "1234.0000"),
        (["1,234", "2.55"], "1234.0000"),
        (["1,234", "2,55"], "1.2340"),
        (["1.234,50"], "1234.5000"),
        (["1,234.50"], "1234.5000"),
        (["1.234.567"], "1234567.0000"),
        (["0.001", "1.000"], "0.0010"),
        (["1 234,50"], "1234.5000"),
        (["1\u202f234,50"], "1234.5000"),
        (["1'234.50"], "1234.5000"),
        (["12"], "12.0000"),
    ],
)
def test_one_number_proves_the_others(first_of, cells, price):
    assert first_of("price", cells).data.price == Decimal(price)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1.234"], "has two readings, 1.234 and 1234"),
        (["1,234", "12"], "--decimal point or --decimal comma"),
        (["1.23", "4,56"], "behind a point ('1.23') and behind a comma ('4,56')"),
    ],
)
@pytest.mark.parametrize("on_error", ["stop", "quarantine"])
def test_numbers_with_two_readings_stop_the_import(first_of, cells, words, on_error):
    with pytest.raises(BadSource) as raised:
        first_of("price", cells, on_error=on_error)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("5.36E+05", "shortened"),
        ("(5.00)", "with a - before it"),
        ("−5", "not the - of the keyboard"),
        ("5%", "a percentage"),
        ("£5", "leave the currency out"),
        ("5 €", "leave the currency out"),
        ("٣", "digits are not 0 to 9"),
        ("TRUE", "is not a number"),
        ("#N/A", "is an error of the spreadsheet"),
        ("1,23,456.0", "is not a number"),
        ("5-", "is not a number"),
    ],
)
def test_what_is_no_plain_number_is_named(first_of, cell, words):
    with pytest.raises(BadSource) as raised:
        first_of("price", ["2.55", cell])
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["17850", "17850.0"], "are ids with .0 behind them others"),
        (["007", "7"], "did a program cut the leading zeros off"),
        (["1.7E+04"], "has lost digits"),
        (["1234567890123450000", "1234567890123460000"], "zeros behind the fifteenth"),
        (["1-Dec"], "looks like a date"),
        (["2010-12-01 00:00:00"], "looks like a date"),
        (["A\u200b1"], "U+200B"),
        (["A\u00a01"], "U+00A0"),
        (["１７８５０"], "digits other than 0 to 9"),
        (["e\u0301"], "accents that stand beside"),
        (["#VALUE!"], "is an error of the spreadsheet"),
    ],
)
@pytest.mark.parametrize("column", ["code", "customer"])
def test_ids_that_are_not_what_they_were_are_refused(first_of, column, cells, words):
    with pytest.raises(BadSource) as raised:
        first_of(column, cells)
    assert words in str(raised.value)


@pytest.mark.parametrize("cell", ["A1\u200b", "\ufeffA1", "\u00a0A1 ", "\u200eA1\u00ad", "A1"])
def test_blanks_that_nobody_sees_are_no_part_of_an_id(first_of, cell):
    assert first_of("code", [cell]).data.item_id == "A1"


@pytest.mark.parametrize(
    ("cells", "code"), [(["17850.0", "17851.0"], "17850"), (["1.0", "1.5"], "1.0"), (["1.0", "A"], "1")]
)
def test_a_column_of_floats_is_one_of_whole_numbers(first_of, cells, code):
    assert first_of("code", cells).data.item_id == code


def test_one_long_id_with_other_digits_proves_those_with_zeros(first_of):
    assert first_of("code", ["1234567890123450000", "1234567890123456789"]).data.item_id == "1234567890123450000"


def test_a_column_can_be_taken_as_it_is_written(first_of):
    reading = TableOptions(verbatim=("StockCode",))
    assert first_of("code", ["007", "7", "7.0", "1-Dec"], reading=reading).data.item_id == "007"


def test_zeros_that_a_spreadsheet_cut_off_some_codes_are_found(log, write, line):
    with pytest.raises(BadSource, match="'007' and '12'"):
        import_online_retail(log, write([line("1", code="007"), line("2", code=12)], "lines.xlsx"))


@pytest.mark.parametrize("code", [datetime(2010, 12, 1), True, 1.5, 1234567890123456789])  # noqa: DTZ001 - a cell
def test_a_code_that_a_spreadsheet_made_something_else_of_is_refused(log, write, line, code):
    with pytest.raises(BadSource, match=r"row 1: StockCode"):
        import_online_retail(log, write([line(code=code)], "lines.xlsx"))


def test_numbers_of_a_workbook_are_what_it_shows(log, write, line):
    import_online_retail(log, write([line(price=0.1 + 0.2)], "lines.xlsx"))
    assert log.load("536365")[1].data.price == Decimal("0.3")
