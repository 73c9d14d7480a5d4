import csv
import os
from decimal import Decimal

import pytest

from orders_es.errors import BadSource
from orders_es.sources.online_retail import import_online_retail


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def rows(line):
    return [
        line(),
        line(description="£ 5,00 OFF", price="free"),
        line("536366", quantity=None, code=None),
        line("536366"),
    ]


def test_they_are_written_with_all_columns_and_reasons_and_the_rest_is_imported(log, write, rows, tmp_path):
    target = tmp_path / "bad.csv"
    result = import_online_retail(log, write(rows), on_error="quarantine", quarantine=target)
    assert (result.rows, result.quarantined, result.quarantine_path) == (4, 2, target)
    assert (result.streams, result.events) == (2, 6)
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
    assert f"2 bad rows set aside in {target}" in str(result)


def test_every_kind_of_file_has_them_written(log, write, line, kind, tmp_path):
    target = tmp_path / "bad.csv"
    rows = [line(), line(price=Decimal("2.55555"))]
    import_online_retail(log, write(rows, "lines" + kind), on_error="quarantine", quarantine=target)
    assert read(target)[1][-3:] == ["2.55555", "17850", "United Kingdom"]


def test_no_file_is_written_if_no_row_is_bad(log, write, line, tmp_path):
    result = import_online_retail(log, write([line()]), on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (result.quarantined, result.quarantine_path) == (0, None)
    assert not (tmp_path / "bad.csv").exists()


def test_the_file_is_named_after_the_source_and_stands_in_the_current_folder(log, write, rows, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = import_online_retail(log, write(rows, "year.csv"), on_error="quarantine")
    assert result.quarantine_path.resolve() == (tmp_path / "here" / "year.quarantine.csv").resolve()
    assert len(read(result.quarantine_path)) == 3


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
    assert (again.events, again.duplicates, again.quarantined) == (0, first.events, 2)


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
    assert (result.rows, result.quarantined, result.events) == (4, 3, 3)
    assert [row[0] for row in read(target)[1:]] == ["1", "2", "4"]
    assert read(target)[2][2:] == ["536365", "85123A", "HEART", "", "", "", "", ""]
    assert read(target)[3][1] == "9 fields where the header has 8: 'a,b,c,d,e,f,g,h,i'"


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
