"""A file that is read a piece at a time gives what it gives as a whole: rows, numbers, lines, damage, digest, errors."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.errors import BadSource
from orders_es.sources.order_tables import import_table
from orders_es.sources.tables import csv_pieces, files
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.options import TableOptions

WANTED = {"no": ("No",), "qty": ("Qty",)}
texts = st.text(alphabet='ab é"\n,;', max_size=6)
rows = st.lists(
    st.tuples(st.sampled_from(["A", "B", ""]), texts, st.sampled_from(["1", "2", ""])), min_size=3, max_size=30
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(csv_pieces, "PIECE", 40)


def both(path, **options):
    """What a file gives in pieces and as a whole; or the errors."""
    found: list[Any] = []
    for pieces in (True, False):
        try:
            table = read_source(path, WANTED, options=TableOptions(**options), pieces=pieces)
        except BadSource as error:
            found.append(str(error))
            continue
        numbers, lines = table.numbers.tolist(), None if table.lines is None else table.lines.tolist()
        found.append((table.table.to_pylist(), numbers, lines, table.damaged, table.digest))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_stands_in_its_fields(tmp_path_factory, rows, end, bom):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows([("No", "Note", "Qty"), *rows])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode())
    whole = both(path)
    assert whole[0] == whole[1]


@pytest.mark.parametrize(
    "tail",
    [
        "C,too few\n",
        'C,"never closed,1\n',
        'C,5" pipe,1\n',
        ",,\n\n",
        "D,,\n",
        ",note of nobody,\n",
        "C,\u20ac,1",
        "C,old mac,1\rD,x,2\n",
    ],
)
def test_whatever_is_wrong_with_it(tmp_path, tail):
    path = tmp_path / "t.csv"
    good = "".join(f"A{i},a note,{i}\n" for i in range(20))
    for text in ("No,Note,Qty\n" + good + tail, "No,Note,Qty\n" + tail + good, 'No,"No\nte",Qty\n' + good + tail):
        path.write_text(text, encoding="utf-8", newline="")
        whole = both(path)
        assert whole[0] == whole[1]


def test_another_encoding_is_read_as_a_whole(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(("No,Note,Qty\n" + "A,\u00a3,1\n" * 30).encode("cp1252"))
    whole = both(path)
    assert whole[0] == whole[1]
    assert whole[0][0][0]["Note"] == "\u00a3"


def test_only_the_columns_that_are_asked_for_are_held(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("No,Note,Qty\n" + "A,long,1\n" * 20 + ",something,\n,,\n")
    table = read_source(path, WANTED, pieces=True, only_wanted=True)
    assert (table.table.column_names, table.names) == (["No", "Qty"], ["No", "Note", "Qty"])
    assert table.table.num_rows == 21
    assert table.whole([20]).to_pylist() == [{"No": "", "Note": "something", "Qty": ""}]


def test_a_quarantine_file_has_all_columns_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("lines.csv")
    rows = "".join(f"A-{i},2026-06-03,x,{'one' if i == 7 else 1},1.00,note {i}\n" for i in range(30))
    path.write_text("No,Day,SKU,Qty,Price,Note\n" + rows)
    mapping = {
        "rows": "line",
        "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
        "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
    }
    done = import_table("log", path, mapping, on_error="quarantine")
    assert (done.streams, done.quarantined) == (29, 1)
    assert Path("lines.quarantine.csv").read_text().splitlines()[1].endswith("A-7,2026-06-03,x,one,1.00,note 7")
    assert import_table("log", path, mapping, on_error="quarantine").events == 0


def test_of_a_large_parquet_file_too(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    table = pa.table({"No": list("abcdefgh"), "Note": ["x"] * 8, "Qty": range(8)})
    pq.write_table(table, path, row_group_size=3)
    whole = read_source(path, WANTED, pieces=True, only_wanted=True)
    monkeypatch.setattr(files, "LARGE_PARQUET", 10)
    large = read_source(path, WANTED, pieces=True, only_wanted=True)
    assert (large.table.column_names, large.names, large.digest) == (["No", "Qty"], ["No", "Note", "Qty"], whole.digest)
    assert large.table == whole.table.select(["No", "Qty"])
    assert large.whole([1, 3, 7]) == whole.whole([1, 3, 7])
    pq.write_table(table.drop_columns(["Qty"]), path)
    with pytest.raises(BadSource, match="lacks the column Qty"):
        read_source(path, WANTED, pieces=True, only_wanted=True)
