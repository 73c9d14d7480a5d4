from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.sources.online_retail import import_online_retail
from orders_es.sources.tables.options import TableOptions


def what_happened(log):
    names = ["stream_id", "version", "type", "occurred_at", "payload"]
    return [row for batch in log.read(columns=names) for row in batch.to_pylist()]


@pytest.fixture
def rows(line):
    return [
        line(),
        line(description="SET OF 3, ASSORTED", price=Decimal("0.001"), customer=None),
        line(description="  £ SIGN  ", code=71053),
        line(536366, customer=13047, description=None),
        line("C536379", quantity=-1, time=datetime(2010, 12, 1, 9, 41, 30)),  # noqa: DTZ001
        line("A563185", price=Decimal("-11062.06"), quantity=1, country=None),
    ]


def test_kinds_and_editions_give_the_same_events(tmp_path, write, rows, kind, header):
    with open_log(tmp_path / "plain", create=True) as plain, open_log(tmp_path / "other", create=True) as other:
        import_online_retail(plain, write(rows, "plain.csv"))
        result = import_online_retail(other, write(rows, "other" + kind, header))
        assert (result.rows, result.events) == (6, 14)
        assert what_happened(other) == what_happened(plain)


def test_descriptions_keep_the_blanks_of_the_file(events_of, rows, kind):
    events = events_of(rows, name="lines" + kind)
    assert [e.data.description for e in events[1:4]] == ["HEART HOLDER", "SET OF 3, ASSORTED", "  £ SIGN  "]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_pound_sign_survives_every_encoding(log, tmp_path, line, as_csv, encoding):
    path = tmp_path / "lines.csv"
    path.write_bytes(as_csv([line(description="£ “QUOTED”, BOX")]).encode(encoding))
    import_online_retail(log, path)
    assert log.load("536365")[1].data.description == "£ “QUOTED”, BOX"


def test_bytes_that_windows_has_no_letter_for_are_asked_about(log, tmp_path, line, as_csv):
    path = tmp_path / "lines.csv"
    path.write_bytes(as_csv([line(description="£\x81")]).encode("latin-1"))
    with pytest.raises(BadSource, match=r"line 2 has a byte \(0x81 .* say which encoding it is"):
        import_online_retail(log, path)
    import_online_retail(log, path, reading=TableOptions(encoding="latin-1"))
    assert log.load("536365")[1].data.description == "£\x81"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_another_separator_is_recognised(log, tmp_path, line, as_csv, delimiter):
    path = tmp_path / "lines.csv"
    path.write_text(as_csv([line()]).replace(",", delimiter))
    assert import_online_retail(log, path).events == 3


def test_quoted_line_breaks_and_quotes_are_part_of_the_description(events_of, line):
    assert events_of([line(description='5" RULER\nRED')])[1].data.description == '5" RULER\nRED'


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("12/13/2010 8:26", (2010, 12, 13, 8, 26)),
        ("12/13/2010 08:26:59", (2010, 12, 13, 8, 26, 59)),
        ("12/13/10 8:26", (2010, 12, 13, 8, 26)),
        ("12/13/2010 8:26 AM", (2010, 12, 13, 8, 26)),
        ("12/13/2010 12:26 am", (2010, 12, 13, 0, 26)),
        ("13/12/2010 12:26 pm", (2010, 12, 13, 12, 26)),
        ("12/19/2011 8:26 PM", (2011, 12, 19, 20, 26)),
        ("2010-12-01 08:26", (2010, 12, 1, 8, 26)),
        ("2010-12-01T08:26:00", (2010, 12, 1, 8, 26)),
        ("2010-12-01 08:26:00.000", (2010, 12, 1, 8, 26)),
        ("2010-12-01T08:26:00Z", (2010, 12, 1, 8, 26)),
        ("2010-12-01T08:26:00+02:00", (2010, 12, 1, 6, 26)),
    ],
)
def test_times_are_read_as_people_write_them(events_of, line, written, moment):
    assert events_of([line(time=written)])[1].occurred_at == datetime(*moment, tzinfo=UTC)  # type: ignore[misc] # no tuple is that long


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("cell", "customer"),
    [(17850, "17850"), (17850.0, "17850"), ("17850", "17850"), (" 17850 ", "17850"), ("nan", None), ("", None)],
)
def test_a_customer_is_the_number_however_it_is_spelt(events_of, line, kind, cell, customer):
    assert events_of([line(customer=cell)], name="lines" + kind)[0].data.customer_id == customer


def test_invoice_numbers_of_a_workbook_may_be_numbers(events_of, line):
    events = events_of([line(536365), line(536365.0), line("536365 ")], name="lines.xlsx")
    assert len(events) == 5


def test_floating_columns_of_parquet_are_read_as_the_decimals_they_show(log, write, line):
    path = write([line()], "lines.parquet")
    table = pq.read_table(path)
    for name, cells in {"UnitPrice": [2.55], "Quantity": [6.0], "CustomerID": [17850.0]}.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(cells))
    pq.write_table(table, path)
    import_online_retail(log, path)
    created, added, _ = (event.data for event in log.load("536365"))
    assert (created.customer_id, added.quantity, added.price) == ("17850", 6, Decimal("2.55"))


@pytest.mark.parametrize(
    "kind_of_time", [pa.timestamp("ns"), pa.timestamp("ms"), pa.timestamp("us", tz="Europe/London")]
)
def test_timestamps_of_parquet_come_in_every_unit_and_zone(log, write, line, kind_of_time):
    path = write([line()], "lines.parquet")
    table = pq.read_table(path)
    moment = pa.array([datetime(2010, 12, 1, 8, 26)], pa.timestamp("us")).cast(kind_of_time)  # noqa: DTZ001
    pq.write_table(table.set_column(4, "InvoiceDate", moment), path)
    import_online_retail(log, path)
    assert log.load("536365")[1].occurred_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def test_row_no_gives_the_order_of_the_rows(log, write, line):
    path = write([line(code="second"), line(code="third"), line(code="first")], "lines.parquet")
    pq.write_table(pq.read_table(path).append_column("row_no", pa.array([11, 12, 10])), path)
    import_online_retail(log, path)
    assert [e.data.item_id for e in log.load("536365")[1:-1]] == ["first", "second", "third"]


@pytest.mark.parametrize("numbers", [[1, 1], [1, None], ["a", "b"]])
def test_row_no_must_say_which_row_comes_first(log, write, line, numbers):
    path = write([line(), line()], "lines.parquet")
    pq.write_table(pq.read_table(path).append_column("row_no", pa.array(numbers)), path)
    with pytest.raises(BadSource, match="row_no"):
        import_online_retail(log, path)


def test_further_columns_and_another_order_of_columns_do_not_matter(log, tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text(
        "Note,Country,customer id,PRICE,Invoice Date,quantity,Description,stock_code,invoice\n"
        "x,Malta,1,2.5,2010-12-01 08:26,6,HOLDER,85123A,536365\n"
    )
    import_online_retail(log, path)
    assert log.load("536365")[0].data.country == "Malta"


def test_all_sheets_of_a_workbook_are_read_and_others_passed_over(log, workbook, line):
    path = workbook({"Year 2009-2010": [line("1")], "Year 2010-2011": [line("2"), line("3")]})
    result = import_online_retail(log, path)
    assert (result.rows, result.streams, result.repeated) == (3, 3, 0)


def test_an_invoice_that_two_sheets_hold_alike_counts_once(log, workbook, line):
    both = [line("2", code="X"), line("2", code="Y"), line("2", code="X")]
    result = import_online_retail(log, workbook({"a": [line("1"), *both], "b": [*both, line("3")]}))
    assert (result.rows, result.repeated, result.streams) == (8, 3, 3)
    assert [e.data.item_id for e in log.load("2")[1:-1]] == ["X", "Y", "X"]
    assert "3 rows left out" in str(result)


def test_an_invoice_that_two_sheets_hold_differently_stops_the_import(log, workbook, line):
    path = workbook({"a": [line("2", quantity=6)], "b": [line("1"), line("2", quantity=7)]})
    with pytest.raises(BadSource, match="'a' and 'b' hold different lines of invoice '2'") as raised:
        import_online_retail(log, path)
    assert raised.value.row == 3
    assert log.head().position == 0
