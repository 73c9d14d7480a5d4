"""Every form, read by somebody else's library, has the rows of the session, to the last digit."""

import csv
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pyarrow.parquet as pq
import pytest
from openpyxl.utils.escape import unescape

from orders_es.errors import CannotExport, CannotWriteFile, NaiveTime, QueryError
from orders_es.export import export, workbook
from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.orders import ItemAdded, OrderCreated
from orders_es.replay import connect
from tests.export.conftest import DANGEROUS, FORMS, HARMLESS, june

SOURCES = ["orders", "order_items", "order_history", "events", "SELECT order_id, total FROM orders ORDER BY total DESC"]


def in_order(session, source, **moment):
    query = source if " " in source else f"FROM {source} ORDER BY ALL"
    return session.sql(query, **moment)


@pytest.mark.long_but_first
@pytest.mark.parametrize("moment", [{}, {"at": june(5)}, {"at": june(5), "known_at": june(5)}], ids=str)
@pytest.mark.parametrize("source", ["orders", "events"])
def test_parquet_is_the_table(session, tmp_path, source, moment):
    done = export(session, source, tmp_path / "out.parquet", **moment)
    there, expected = pq.read_table(done.path), in_order(session, source, **moment).to_arrow()
    assert there.schema.names == expected.schema.names
    for name in {"total", "price", "occurred_at", "created_at"} & set(there.schema.names):
        assert there.schema.field(name).type == expected.schema.field(name).type
    shown = [{k: str(v) if isinstance(v, UUID) else v for k, v in row.items()} for row in there.to_pylist()]
    assert shown == [{k: str(v) if isinstance(v, UUID) else v for k, v in row.items()} for row in expected.to_pylist()]
    assert done.rows == len(expected) > 0


def as_csv_text(value):
    if value is None:
        return ""
    if hasattr(value, "astimezone"):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.long_but_first
@pytest.mark.parametrize("source", SOURCES)
def test_csv_has_every_digit_and_times_in_utc(session, tmp_path, source):
    done = export(session, source, tmp_path / "out.csv", at=june(9), guard=False)
    with Path(done.path).open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    expected = in_order(session, source, at=june(9))
    assert head == expected.columns
    assert rows == [[as_csv_text(value) for value in row] for row in expected.rows()]


def test_csv_tells_an_absent_text_from_an_empty_one(session, tmp_path):
    done = export(session, "SELECT NULL::VARCHAR AS a, '' AS b", tmp_path / "out.csv")
    with Path(done.path).open(encoding="utf-8") as file:
        assert file.read() == 'a,b\n,""\n'


@pytest.mark.long_but_first
@pytest.mark.parametrize("source", SOURCES)
def test_a_workbook_has_numbers_and_times_as_such(session, tmp_path, source):
    done = export(session, source, tmp_path / "out.xlsx", at=june(9))
    sheet: Any = openpyxl.load_workbook(done.path).worksheets[1].iter_rows(values_only=True)
    head, *rows = sheet
    expected = in_order(session, source, at=june(9))
    assert list(head) == expected.columns
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected.rows(), strict=True):
        for cell, value in zip(row, wanted, strict=True):
            if isinstance(value, Decimal):
                assert Decimal(repr(cell)) == value
            elif hasattr(value, "astimezone"):
                assert abs(cell - value.replace(tzinfo=None)) <= timedelta(milliseconds=0.5)
            elif isinstance(value, str):
                assert unescape(cell or "") == value
            else:
                assert cell == (str(value) if isinstance(value, UUID) else value)


def test_every_digit_that_fifteen_places_hold_is_in_the_workbook(session, tmp_path):
    digits = ["99999999999.9999", "0.0001", "-0.3000", "9.9500", "12345678901.2345", "100000000000000.0000", "0.0000"]
    values = ", ".join(f"('{d}'::DECIMAL(28,4))" for d in digits)
    done = export(session, f"SELECT col0 AS amount FROM (VALUES {values})", tmp_path / "out.xlsx")
    cells = [row[0] for row in openpyxl.load_workbook(done.path).worksheets[1].iter_rows(min_row=2, values_only=True)]
    assert [f"{Decimal(repr(cell)):.4f}" for cell in cells] == digits


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_same_question_gives_the_same_bytes(session, tmp_path, form):
    first, second = (export(session, "orders", tmp_path / f"{name}.{form}") for name in ("a", "b"))
    assert Path(first.path).read_bytes() == Path(second.path).read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_log_gives_a_head_and_no_rows(tmp_path, form):
    with open_log(tmp_path / "empty", create=True) as log, connect(log) as session:
        done = export(session, "orders", tmp_path / f"out.{form}")
        assert done.rows == 0
        assert done.provenance.at is done.provenance.known_at is done.provenance.recorded_at is None
        assert dict(done.provenance.columns)["total"] == "DECIMAL(38,4)"


def undone(text):
    """The guard undone as docs/exports.md says."""
    bare = text.lstrip("'")
    return text[1:] if text.startswith("'") and bare and bare[0] in "\t\r\n=+-@＝＋－＠" else text


def test_text_that_would_be_a_formula_is_guarded_in_csv_and_can_be_had_back(session, tmp_path):
    done = export(session, "SELECT description FROM order_items ORDER BY order_id", tmp_path / "out.csv")
    with Path(done.path).open(newline="", encoding="utf-8") as file:
        texts = [row[0] for row in csv.reader(file)][1:]
    assert not any(text.startswith(tuple("=+-@\t\r＝")) for text in texts)
    assert texts == [f"'{text}" for text in DANGEROUS] + HARMLESS
    assert [undone(text) for text in texts] == DANGEROUS + HARMLESS


def test_a_head_that_would_be_a_formula_is_guarded_too(session, tmp_path):
    done = export(session, 'SELECT 1 AS "=1+1"', tmp_path / "out.csv")
    with Path(done.path).open(encoding="utf-8") as file:
        assert file.read() == "'=1+1\n1\n"


def test_numbers_below_zero_are_no_formulas(session, tmp_path):
    done = export(session, "SELECT -1.50 AS amount", tmp_path / "out.csv")
    with Path(done.path).open(encoding="utf-8") as file:
        assert file.read() == "amount\n-1.50\n"


def test_no_cell_of_a_workbook_is_a_formula(session, tmp_path):
    done = export(session, "SELECT * FROM order_items", tmp_path / "out.xlsx")
    kinds = {cell.data_type for sheet in openpyxl.load_workbook(done.path) for row in sheet for cell in row}
    assert "f" not in kinds


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT 123456789012345.6789::DECIMAL(28,4) AS amount", "keeps 15 digits"),
        ("SELECT 1234567890123456789 AS number", "keeps 15 digits"),
        ("SELECT repeat('x', 40000) AS story", "32,767"),
        ("SELECT TIMESTAMPTZ '1899-01-01 00:00:00Z' AS moment", "March 1900"),
    ],
)
def test_what_excel_would_spoil_is_refused_and_nothing_is_left(session, tmp_path, query, why):
    with pytest.raises(CannotExport, match=why) as caught:
        export(session, query, tmp_path / "out.xlsx")
    assert caught.value.path == str(tmp_path / "out.xlsx")
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_more_rows_than_excel_holds_are_refused_and_nothing_is_left(session, tmp_path, monkeypatch):
    assert workbook._MOST_ROWS == 2**20
    monkeypatch.setattr(workbook, "_MOST_ROWS", 50)
    assert export(session, "FROM range(49)", tmp_path / "fits.xlsx").rows == 49
    with pytest.raises(CannotExport, match="Excel holds 50 rows, and there are more"):
        export(session, "FROM range(50)", tmp_path / "out.xlsx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fits.xlsx", "log"]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_that_fails_leaves_the_old_file_and_nothing_else(session, tmp_path, form):
    target = tmp_path / f"out.{form}"
    target.write_text("the old one")
    with pytest.raises(QueryError, match="no such thing"):
        export(session, "SELECT CASE WHEN i > 50000 THEN error('no such thing') END FROM range(60000) AS t(i)", target)
    assert target.read_text() == "the old one"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", target.name]


def test_a_wrong_call_is_named(session, tmp_path):
    with pytest.raises(CannotExport, match=r"name it \.parquet, \.csv or \.xlsx"):
        export(session, "orders", tmp_path / "out.txt")
    with pytest.raises(CannotExport, match="no read model 'ordres'; there are events, activity"):
        export(session, "ordres", tmp_path / "out.csv")
    with pytest.raises(NaiveTime):
        export(session, "orders", tmp_path / "out.csv", at=june(1).replace(tzinfo=None))
    with pytest.raises(CannotWriteFile, match="No such file or directory"):
        export(session, "orders", tmp_path / "nowhere" / "out.csv")


@pytest.mark.long
def test_money_of_many_orders_adds_up_in_each_form(tmp_path):
    with open_log(":memory:") as log:
        for number in range(100):
            item = ItemAdded(item_id="x", quantity=number % 7 + 1, price=Decimal(number) / 10_000)
            log.append(f"o{number}", [OrderCreated(currency="GBP"), item], expected=NO_STREAM if number else ANY)
        with connect(log) as session:
            [(total,)] = session.sql("SELECT sum(total) FROM orders").rows()
            files = {form: export(session, "orders", tmp_path / f"out.{form}").path for form in FORMS}
    assert sum(pq.read_table(files["parquet"]).column("total").to_pylist()) == total
    with Path(files["csv"]).open(newline="", encoding="utf-8") as file:
        assert sum(Decimal(row["total"]) for row in csv.DictReader(file)) == total
    head, *rows = openpyxl.load_workbook(files["xlsx"]).worksheets[1].iter_rows(values_only=True)
    assert sum(Decimal(repr(row[head.index("total")])) for row in rows) == total
