"""Files, several files, standard input, JSON lines, databases: whatever holds the same rows gives the same orders."""

import contextlib
import getpass
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import orders_es
from orders_es.cli import main
from orders_es.errors import BadSource
from orders_es.replay import load_order
from orders_es.sources.order_tables import import_table, preview_table, propose_mapping
from orders_es.sources.tables.databases import answer

NAMES = ("No", "Day", "SKU", "Qty", "Price")
ROWS = [
    ("A-1", "2026-06-03 09:00", "cup", 3, "0.10"),
    ("A-1", "2026-06-03 09:00", "pot", 1, "12"),
    ("B-2", "2026-06-05 09:00", "pot", 2, "9007199254740.9931"),
]
MAPPING: dict[str, Any] = {
    "rows": "line",
    "order": {"id": "No", "currency": {"value": "EUR"}, "occurred": "Day", "placed": True},
    "line": {"item_id": "SKU", "quantity": "Qty", "price": "Price"},
}
EXPECTED = {"A-1": Decimal("12.30"), "B-2": Decimal("18014398509481.9862")}


def csv(rows, path):
    path.write_text("\n".join(",".join(map(str, row)) for row in (NAMES, *rows)) + "\n")
    return path


def totals(source, **asked):
    return {order.order_id: order.total for order in preview_table(source, MAPPING, **asked).first}


def fill(connection, mark):
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE lines (No TEXT, Day TEXT, SKU TEXT, Qty INTEGER, Price TEXT)")
    cursor.executemany(f"INSERT INTO lines VALUES ({', '.join([mark] * 5)})", ROWS)
    connection.commit()


def test_json_lines_keep_every_digit_and_may_nest(tmp_path):
    path = tmp_path / "lines.jsonl"
    lines = [
        json.dumps({"No": no, "Day": day, "SKU": sku, "Qty": qty, "Price": "@"}).replace('"@"', price)
        for no, day, sku, qty, price in ROWS
    ]
    path.write_text("\n\n".join(lines), encoding="utf-8-sig")
    assert totals(path) == EXPECTED
    path.write_text('{"o": {"No": "A-1"}, "Day": "2026-06-03", "SKU": "x", "Qty": 1, "Price": 1, "more": [1]}')
    nested = MAPPING | {"order": MAPPING["order"] | {"id": "o.No"}}
    assert preview_table(path, nested).first[0].order_id == "A-1"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"No": "A-1", "No": "A-2"}', "the key 'No' stands twice"),
        ('{"No": "A-1"', "not one JSON object"),
        ("[1]", "a list where an object"),
        ('{"No": NaN}', "NaN is no number"),
        ('{"No": true, "Day": "2026-06-03", "SKU": "x", "Qty": 1, "Price": 1}', "true or false, and no id"),
        ('{"No": "C", "Day": "2026-06-03", "SKU": "x", "Qty": 1, "Price": 1e2}', "'1e2' is not a number"),
        ('{"No": "C", "Day": "2026-06-03", "SKU": "x", "Qty": true, "Price": 1}', "and no number"),
    ],
)
def test_a_line_of_json_that_is_no_row_is_named(tmp_path, line, says):
    path = tmp_path / "lines.jsonl"
    good = '{"No": "A-1", "Day": "2026-06-03", "SKU": "x", "Qty": 1, "Price": 1}\n'
    path.write_text(good + line + "\n")
    with pytest.raises(BadSource, match=r"row 2.*line 2 of the file") as caught:
        preview_table(path, MAPPING)
    assert says in str(caught.value)


def test_several_files_are_one_table_whatever_kind_each_is(tmp_path, log):
    csv(ROWS[:1], tmp_path / "lines-1.csv")
    pq.write_table(
        pa.table(dict(zip(NAMES, map(list, zip(*ROWS[1:], strict=True)), strict=True))), tmp_path / "l.parquet"
    )
    both = [str(tmp_path / "lines-*.csv"), tmp_path / "l.parquet"]
    assert totals(both) == EXPECTED
    done = import_table(log, both, MAPPING)
    assert (done.rows, done.streams) == (3, 2)
    assert import_table(log, both, MAPPING).events == 0


def test_next_months_file_comes_after_this_months_alone_or_together(tmp_path, log):
    june = csv(ROWS[:2], tmp_path / "orders-06.csv")
    july = csv(ROWS[2:], tmp_path / "orders-07.csv")
    assert import_table(log, june, MAPPING).streams == 1
    assert import_table(log, tmp_path / "orders-*.csv", MAPPING).streams == 1
    assert import_table(log, july, MAPPING).events == 0
    assert load_order(log, "B-2").total == EXPECTED["B-2"]


def test_a_bad_row_is_named_in_the_file_that_it_stands_in(tmp_path):
    csv(ROWS, tmp_path / "a.csv")
    csv([("C", "2026-06-05", "pot", "two", "1"), ("B-2", "2026-06-05", "pot", 1, "1")], tmp_path / "b.csv")
    with pytest.raises(BadSource, match=r"b\.csv, row 1: Qty 'two' is not a whole number.*line 2"):
        preview_table(tmp_path / "*.csv", MAPPING)
    csv([("C", "01/02/2026", "pot", 1, "1")], tmp_path / "b.csv")
    with pytest.raises(BadSource, match=r"[ab]\.csv, row"):
        preview_table(tmp_path / "*.csv", MAPPING)
    csv([("B-2", "2026-06-05", "pot", 1, "1")], tmp_path / "b.csv")
    by_order = MAPPING | {"rows": "order"}
    with pytest.raises(BadSource, match=r"a\.csv, row 2: the order stands in row 1 of a.csv"):
        preview_table(tmp_path / "*.csv", by_order)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["x-*.csv"], "no file is called like that"),
        (["a.csv", "./a.csv"], "given twice"),
        (["a.csv", "same.csv"], "holds the same as"),
        ([], "no source was given"),
    ],
)
def test_what_would_be_imported_twice_or_not_at_all_is_refused(tmp_path, names, says):
    csv(ROWS, tmp_path / "a.csv")
    csv(ROWS, tmp_path / "same.csv")
    with pytest.raises(BadSource, match=says):
        preview_table([str(tmp_path / name) for name in names], MAPPING)


def test_standard_input_is_what_its_first_bytes_are(tmp_path):
    path = tmp_path / "m.toml"
    text = csv(ROWS, tmp_path / "a.csv").read_text()
    path.write_text(propose_mapping(tmp_path / "a.csv").replace("???", "EUR"))
    for given in (text, "\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS)):
        call = ["import", "table", "-", "--map", str(path), "--dry-run", "--json"]
        done = CliRunner().invoke(main, call, input=given)
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["orders"] == 2
    proposed = CliRunner().invoke(main, ["import", "table", "-", "--propose"], input=text.replace(",", ";"))
    assert 'delimiter = ";"' in proposed.output


def test_a_lazy_frame_is_a_frame():
    frame = pl.DataFrame({name: [row[i] for row in ROWS] for i, name in enumerate(NAMES)})
    assert totals(frame.lazy()) == totals(frame) == EXPECTED


def test_a_sqlite_file_is_read_by_table_or_by_query(tmp_path):
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        fill(connection, "?")
    assert totals(path, table="lines") == EXPECTED
    assert totals(path, query="SELECT * FROM lines WHERE No = 'A-1' ORDER BY rowid") == {"A-1": EXPECTED["A-1"]}
    refused: list[tuple[dict[str, Any], str]] = [
        ({}, "needs query="),
        ({"table": "nothing"}, "no such table"),
        ({"query": "DELETE FROM lines"}, "readonly|answers with no rows"),
        ({"table": "lines", "query": "SELECT 1"}, "both given"),
    ]
    for asked, says in refused:
        with pytest.raises(BadSource, match=says):
            preview_table(path, MAPPING, **asked)
    with pytest.raises(BadSource, match="go with a database"):
        preview_table(csv(ROWS, tmp_path / "a.csv"), MAPPING, table="lines")


def test_a_duckdb_file_is_read_like_a_sqlite_file(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE lines (No TEXT, Day TEXT, SKU TEXT, Qty INTEGER, Price TEXT)")
        connection.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", ROWS)
    assert totals(path, table="lines") == totals(path, query="SELECT * FROM lines ORDER BY ALL") == EXPECTED
    with pytest.raises(BadSource, match="cannot be read as a table"):
        preview_table(path, MAPPING, table="nothing")


def test_a_table_of_a_database_is_the_same_source_however_its_rows_lie(tmp_path, log):
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        fill(connection, "?")
        import_table(log, connection, MAPPING, table="lines")
        connection.execute("CREATE TABLE again AS SELECT * FROM lines ORDER BY rowid DESC")
        assert import_table(log, connection, MAPPING, table="again").events == 0


def test_sqlalchemy_engines_connections_and_urls_are_asked_alike(tmp_path):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        fill(connection, "?")
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        select = sqlalchemy.select(sqlalchemy.text("* FROM lines ORDER BY rowid"))
        assert totals(connection, query=select) == EXPECTED
    assert (
        totals(engine, table="lines") == totals(f"sqlite:///{path}", query="SELECT * FROM lines ORDER BY 1") == EXPECTED
    )
    engine.dispose()
    with pytest.raises(BadSource, match=r"nothing://….*URL"):
        preview_table("nothing://secret@host/x", MAPPING, table="lines")


def test_the_command_takes_several_files_and_databases(tmp_path):
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        fill(connection, "?")
    mapping = tmp_path / "m.toml"
    proposed = CliRunner().invoke(main, ["import", "table", str(path), "--table", "lines", "--propose"])
    mapping.write_text(proposed.output.replace("???", "EUR"))
    call = ["import", "table", str(path), "--table", "lines", "--map", str(mapping), "--log", str(tmp_path / "log")]
    assert "2 orders appended" in CliRunner().invoke(main, call).output
    csv(ROWS[:2], tmp_path / "a.csv")
    csv(ROWS[2:], tmp_path / "b.csv")
    call = ["import", "table", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--map", str(mapping), "--dry-run"]
    assert "in 2 orders" in CliRunner().invoke(main, call).output


def test_it_is_public():
    assert orders_es.import_table is import_table


@pytest.fixture
def postgresql():
    """The URL of a PostgreSQL of our own, on a socket in a temporary folder."""
    initdb = shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed")
    binaries = Path(initdb).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = "postgres" if getpass.getuser() == "root" else None
    if user:
        shutil.chown(folder, user)

    def call(*arguments):
        environment = os.environ | {"LC_ALL": "C"}
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment, user=user)

    call(binaries / "initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-N", "-E", "UTF8")
    control = [binaries / "pg_ctl", "-D", folder / "data", "-w"]
    call(*control, "-l", folder / "log", "-o", f"-c listen_addresses= -c fsync=off -k {folder}", "start")
    try:
        yield f"postgresql://shop@/postgres?host={folder}"
    finally:
        call(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.long
def test_a_table_of_postgresql_comes_by_url_by_driver_and_by_key(postgresql, log):
    psycopg = pytest.importorskip("psycopg")
    pytest.importorskip("sqlalchemy")
    with contextlib.closing(psycopg.connect(postgresql)) as connection:
        connection.execute(
            "CREATE TABLE lines (id int PRIMARY KEY, no text, day timestamptz, sku text, qty int, price numeric)"
        )
        for i, row in enumerate(ROWS):
            connection.execute("INSERT INTO lines VALUES (%s, %s, %s, %s, %s, %s)", (9 - i, *row))
        connection.commit()
        asked = "SELECT * FROM lines ORDER BY id DESC"
        assert totals(connection, query=asked) == totals(postgresql, query=asked) == EXPECTED
    import_table(log, postgresql, MAPPING, table="public.lines")
    assert [line.item_id for line in load_order(log, "A-1").lines] == ["pot", "cup"]


def test_values_that_came_parsed_are_refused_because_their_digits_are_gone():
    with pytest.raises(BadSource, match=r"ask for its text, as in record::text"):
        answer(duckdb.connect(), "SELECT {'total': 21.00} AS record", None)
