"""Files that are damaged, odd or mean: each is read as it shows, or refused in one sentence that says what is wrong with it."""

import datetime as dt

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from orders_es.errors import BadSource
from orders_es.sources.order_tables import preview_table, propose_mapping

MAPPING = {
    "rows": "line",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
}
NAMES = ["No", "Day", "SKU", "Qty", "Price"]
HEAD, ROW = "No,Day,SKU,Qty,Price\n", "A,2026-06-01,cup,1,2.50\n"
JSON = '{"No":"A","Day":"2026-06-01","SKU":"cup","Qty":1,"Price":2.50}\n'
WIDE = ",".join(["No,Day,SKU,Qty,Price", *map(str, range(2_000))]) + "\n" + ROW[:-1] + "," * 2_000 + "\n"
CELLS = ["A", dt.datetime(2026, 6, 1), "cup", 1, 2.5]  # noqa: DTZ001 - cells of a workbook have no zone


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.csv", "", "it is empty"),
        ("x.csv", "\n\n", "it holds no line with anything in it"),
        ("x.csv", "\ufeff", "it holds no line with anything in it"),
        ("x.csv", HEAD, "a header but no rows"),
        ("x.csv", HEAD.replace("\n", ",Price\n") + ROW, "both 'Price' and 'Price' look like the same column"),
        ("x.csv", "No\nA\n", "order.occurred comes from the column 'Day'"),
        ("x.csv", HEAD + ROW.replace("A", "A\0B"), "zero bytes (the first on line 2)"),
        ("x.csv", HEAD + ROW.replace("cup", "x" * 300_000), "is longer than 1,024 bytes"),
        ("x.csv", HEAD + ROW.replace("cup", '"cup'), "the quote that opens on line 2 is never closed"),
        ("x.csv", HEAD + ROW.replace(",1,", ",１,"), "its digits are not 0 to 9"),
        ("x.csv", HEAD + ROW.replace("2.50", "1E2"), "a spreadsheet shortened it"),
        ("x.csv", HEAD + ROW.replace("-01", "-31"), "'2026-06-31' is not a date"),
        ("x.csv.gz", "no gzip", "unpack it first"),
        ("x.xlsx", "no zip", "not a readable .xlsx workbook"),
        ("x.parquet", "PAR1xxxxPAR1", "not a readable Parquet file"),
        ("x.jsonl", '{"No":' + "[" * 5_000 + "]" * 5_000 + "}\n", "line 1: nested too deeply"),
        ("x.jsonl", '{"No":"A","No":"B"}\n', "line 1: the key 'No' stands twice"),
        ("x.jsonl", '{"No":"A","Da', "no line can be read; line 1: not one JSON object"),
        ("x.jsonl", JSON + "[1]\n", "a list where an object stands in each line"),
        ("x.jsonl", JSON.replace('"cup"', "true"), "is true or false, and no id"),
        ("x.csv", WIDE, ""),
        ("x.csv", (HEAD + ROW).replace("\n", "\r"), ""),
        ("x.csv", (HEAD + ROW).replace("\n", ",,\n"), ""),
    ],
)
def test_text(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_text(data, encoding="utf-8", newline="")
    if says:
        with pytest.raises(BadSource) as error:
            preview_table(path, MAPPING)
        assert says in str(error.value)
    else:
        assert preview_table(path, MAPPING).events == 3


def test_columns_of_objects_and_lists_are_refused_where_they_are_named_and_passed_over_where_not(tmp_path):
    path = tmp_path / "x.parquet"
    given = pa.table(
        {**{key: ["A"] for key in NAMES}, "Day": ["2026-06-01"], "Qty": [1], "Price": ["2.5"], "More": [{"a": [1]}]}
    )
    given = given.set_column(2, "SKU", pa.array(["cup"]).dictionary_encode())
    pq.write_table(given, path)
    assert preview_table(path, MAPPING).events == 3
    assert "More holds no single values" in propose_mapping(path)
    pq.write_table(given.set_column(0, "No", pa.array([{"a": "A"}])), path)
    with pytest.raises(BadSource, match=r"'No' holds struct<a: string>, no single values"):
        preview_table(path, MAPPING)


@pytest.mark.parametrize("odd", ["merged", "hidden", "1904"])
def test_workbooks(tmp_path, odd):
    book = openpyxl.Workbook()
    sheet = book.active
    if odd == "1904":
        book.epoch = CALENDAR_MAC_1904
    sheet.append(NAMES)
    sheet.append(CELLS)
    if odd == "merged":
        sheet.append([None, *CELLS[1:]])
        sheet.merge_cells("A2:A3")
    if odd == "hidden":
        other = book.create_sheet("old")
        other.append(NAMES)
        other.append(CELLS)
        other.sheet_state = "hidden"
    book.save(tmp_path / "x.xlsx")
    if odd == "1904":
        assert preview_table(tmp_path / "x.xlsx", MAPPING).first[0].created_at == dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
        return
    said = {"merged": "No is empty. It is row 3", "hidden": "the sheet 'old' is hidden and has the columns too"}[odd]
    with pytest.raises(BadSource) as error:
        preview_table(tmp_path / "x.xlsx", MAPPING)
    assert said in str(error.value)
