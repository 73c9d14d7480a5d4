import sys

import pytest

from orders_es.errors import BadSource
from orders_es.sources.online_retail import import_online_retail


@pytest.fixture
def refused(log, tmp_path):
    """Why a file is refused; nothing is appended."""

    def refused(name, content=None):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(BadSource) as raised:
            import_online_retail(log, path)
        assert raised.value.path == str(path)
        assert raised.value.row is None
        assert str(path) in str(raised.value)
        assert log.head().position == 0
        return raised.value.reason

    return refused


def test_a_file_that_is_not_there(refused):
    assert "there is no such file" in refused("lines.csv")


def test_a_folder(refused, tmp_path):
    (tmp_path / "lines.csv").mkdir()
    assert "it is a folder" in refused("lines.csv")


@pytest.mark.parametrize("name", ["lines.txt", "lines", "lines.json"])
def test_another_kind_of_file(refused, name):
    assert "give a .csv, .tsv, .xlsx, .parquet or .jsonl file" in refused(name, b"x")


def test_an_old_workbook(refused):
    assert "save it as .xlsx or .csv" in refused("lines.xls", b"x")


def test_no_bytes(refused, kind):
    assert "it is empty" in refused("lines" + kind, b"")


@pytest.mark.parametrize("name", ["lines.xlsx", "lines.parquet"])
def test_bytes_of_another_kind(refused, name):
    assert "it is not a readable" in refused(name, b"InvoiceNo,StockCode\n1,2\n")


def test_binary_data_called_csv(refused):
    assert "it is not a text file" in refused("lines.csv", b"PK\x03\x04\x00\x00")


def test_a_workbook_cut_short(refused, write, line):
    whole = write([line()] * 1000, "whole.xlsx").read_bytes()
    assert "readable .xlsx workbook" in refused("lines.xlsx", whole[: len(whole) // 2])


def test_a_header_without_rows(log, write, kind, header):
    with pytest.raises(BadSource, match="no rows"):
        import_online_retail(log, write([], "lines" + kind, header))


def test_missing_columns_are_named_with_what_is_there(log, write, line, kind):
    path = write([line()[:5]], "lines" + kind, ["InvoiceNo", "StockCode", "Description", "Quantity", "When"])
    with pytest.raises(BadSource) as raised:
        import_online_retail(log, path)
    assert "lacks the columns InvoiceDate, UnitPrice or Price, CustomerID, Country; it has 'InvoiceNo'," in str(
        raised.value
    )


def test_two_columns_for_one_thing(refused):
    text = b"Invoice,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,Price,CustomerID,Country\n1,1,a,b,1,2010-12-01,1,1,x\n"
    assert "both 'Invoice' and 'InvoiceNo'" in refused("lines.csv", text)


def test_a_workbook_without_the_reader_for_it(log, write, line, monkeypatch):
    path = write([line()], "lines.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BadSource, match=r"pip install 'orders_es\[excel\]'"):
        import_online_retail(log, path)
