import csv
import os
from decimal import Decimal

import pytest

from orders_es.errors import BadSource
from orders_es.sources.online_retail import import_online_retail

COMPANION = "nothing is wrong with this row, but its order has a bad one, and an order is imported whole or not at all"


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def rows(line):
    return [
        line(),
        line(description="£ 5,00 OFF", price="free"),
        line("536366", quantity=None, code=None),
        line("536367"),
    ]
    # Of 536365, one line is good and one is not; of 536366 the only one is bad; 536367 is good.


def test_whole_orders_are_written_with_all_columns_and_reasons_and_the_others_imported(log, write, rows, tmp_path):
    target = tmp_path / "bad.csv"
    result = import_online_retail(log, write(rows), on_error="quarantine", quarantine=target)
    assert (result.rows, result.quarantined, result.quarantine_path) == (4, 3, target)
    assert (result.streams, result.events) == (1, 3)
    assert read(target) == [
        [
            "quarantine_row",
            "quarantine_reason",
            "InvoiceNo",
            "StockCode",
            "Description",
            "Quantity",
            "InvoiceDate",
            "UnitPrice",
            "CustomerID",
            "Country",
        ],
        [
            "1",
            COMPANION,
            "536365",
            "85123A",
            "HEART HOLDER",
            "6",
            "2010-12-01 08:26:00",
            "2.55",
            "17850",
            "United Kingdom",
        ],
        [
            "2",
            "UnitPrice 'free' is not a number",
            "536365",
            "85123A",
            "£ 5,00 OFF",
            "6",
            "2010-12-01 08:26:00",
            "free",
            "17850",
            "United Kingdom",
        ],
        [
            "3",
            "StockCode is empty; Quantity is empty",
            "536366",
            "",
            "HEART HOLDER",
            "",
            "2010-12-01 08:26:00",
            "2.55",
            "17850",
            "United Kingdom",
        ],
    ]
    assert f"3 bad rows set aside in {target}" in str(result)


def test_every_kind_of_file_has_them_written(log, write, line, kind, tmp_path):
    target = tmp_path / "bad.csv"
    rows = [line(), line(price=Decimal("2.55555"))]
    import_online_retail(log, write(rows, "lines" + kind), on_error="quarantine", quarantine=target)
    assert read(target)[2][-3:] == ["2.55555", "17850", "United Kingdom"]


def test_no_file_is_written_if_no_row_is_bad(log, write, line, tmp_path):
    result = import_online_retail(log, write([line()]), on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (result.quarantined, result.quarantine_path) == (0, None)
    assert not (tmp_path / "bad.csv").exists()


def test_the_file_is_named_after_the_source_and_stands_in_the_current_folder(log, write, rows, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = import_online_retail(log, write(rows, "year.csv"), on_error="quarantine")
    assert result.quarantine_path.resolve() == (tmp_path / "here" / "year.quarantine.csv").resolve()
    assert len(read(result.quarantine_path)) == 4


def test_a_file_with_something_else_in_it_is_never_overwritten(log, write, rows, tmp_path):
    target = tmp_path / "bad.csv"
    target.write_text("precious")
    with pytest.raises(BadSource, match="exists already and holds something else"):
        import_online_retail(log, write(rows), on_error="quarantine", quarantine=target)
    assert target.read_text() == "precious"
    assert log.head().position == 0


def test_importing_again_finds_its_own_file_and_adds_nothing(log, write, rows, tmp_path):
    path, target = write(rows), tmp_path / "bad.csv"
    first = import_online_retail(log, path, on_error="quarantine", quarantine=target)
    again = import_online_retail(log, path, on_error="quarantine", quarantine=target)
    assert (again.events, again.duplicates, again.quarantined) == (0, first.events, 3)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_stops_the_import(log, write, rows, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadSource, match="Permission denied"):
        import_online_retail(log, write(rows), on_error="quarantine", quarantine=tmp_path / "locked" / "bad.csv")
    assert log.head().position == 0


def test_a_folder_that_is_not_there_stops_the_import(log, write, rows, tmp_path):
    with pytest.raises(BadSource, match="No such file or directory"):
        import_online_retail(log, write(rows), on_error="quarantine", quarantine=tmp_path / "nowhere" / "bad.csv")
    assert log.head().position == 0


def test_rows_of_the_wrong_length_are_set_aside_in_their_place(log, tmp_path, line, as_csv):
    path, target = tmp_path / "lines.csv", tmp_path / "bad.csv"
    text = as_csv([line(code=None), line()]).splitlines()
    path.write_text("\n".join([*text[:2], "536365,85123A,HEART", *text[2:], "a,b,c,d,e,f,g,h,i"]))
    result = import_online_retail(log, path, on_error="quarantine", quarantine=target)
    assert (result.rows, result.quarantined, result.events) == (4, 4, 0)
    assert [row[0] for row in read(target)[1:]] == ["1", "2", "3", "4"]
    assert read(target)[2][2:] == ["536365", "85123A", "HEART", "", "", "", "", ""]
    assert read(target)[4][1] == "9 fields where the header has 8: 'a,b,c,d,e,f,g,h,i'"


def test_a_file_of_bad_rows_only_adds_nothing_and_says_so(log, write, line, tmp_path):
    path = write([line(code=None)])
    result = import_online_retail(log, path, on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (result.events, result.first_position) == (0, None)
    assert "no row could be imported" in str(result)


def test_a_corrected_quarantine_file_can_be_imported(tmp_path, log, write, line):
    target = tmp_path / "bad.csv"
    import_online_retail(log, write([line(), line("2", price="free")]), on_error="quarantine", quarantine=target)
    target.write_text(target.read_text().replace(",free,", ",2.55,"))
    assert import_online_retail(log, target).events == 3


def test_a_row_whose_order_cannot_be_read_takes_those_beside_it_along(log, write, line, tmp_path):
    rows = [line("1"), line("2"), line(None), line("3"), line("4")]
    result = import_online_retail(log, write(rows), on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (result.quarantined, log.stream_ids()) == (3, ["1", "4"])


def test_formulas_are_made_harmless_and_come_back_as_they_were(tmp_path, log, write, line):
    target = tmp_path / "bad.csv"
    rows = [line("-1", description="=1+1", price="free"), line("-1", description="'=quoted", code="@A", quantity=-2)]
    import_online_retail(log, write(rows), on_error="quarantine", quarantine=target)
    assert [(row[4], row[3], row[5]) for row in read(target)[1:]] == [
        ("'=1+1", "85123A", "6"),
        ("''=quoted", "'@A", "-2"),
    ]
    target.write_text(target.read_text().replace(",free,", ",2.55,"))
    import_online_retail(log, target)
    assert [event.data.description for event in log.load("-1")[1:-1]] == ["=1+1", "'=quoted"]
    assert log.load("-1")[2].data.item_id == "@A"
