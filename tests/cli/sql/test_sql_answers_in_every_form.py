import csv
import io

import pyarrow.parquet as pq
import pytest

QUERY = "SELECT order_id, status, total, created_at FROM orders ORDER BY order_id"


def test_as_a_table_with_the_instant_it_is_of(run, shop):
    out = run("sql", QUERY, "--at", "2026-06-02 12:00", "--log", shop).out
    assert "A-1       paid    32.60  2026-06-01 10:00:00" in out
    assert "(1 row, at 2026-06-02 12:00 UTC, times in UTC)" in out


def test_as_json(run, shop):
    answer = run("sql", QUERY, "--known-at", "2026-06-04", "--log", shop, "--json").json
    assert answer["columns"] == ["order_id", "status", "total", "created_at"]
    assert answer["rows"] == [
        {"order_id": "A-1", "status": "shipped", "total": "35.1000", "created_at": "2026-06-01T10:00:00Z"},
        {"order_id": "A-2", "status": "cancelled", "total": "0.0000", "created_at": "2026-06-04T09:00:00Z"},
    ]
    assert answer["as_of"] == {"at": None, "known_at": "2026-06-04T23:59:59.999999Z", "recorded_by": None}


def test_as_csv(run, shop):
    rows = list(csv.reader(io.StringIO(run("sql", QUERY, "--log", shop, "--csv").out)))
    assert rows[0] == ["order_id", "status", "total", "created_at"]
    assert rows[1] == ["A-1", "shipped", "32.6000", "2026-06-01T10:00:00Z"]
    assert len(rows) == 3


def test_as_a_parquet_file(run, shop, tmp_path):
    out = tmp_path / "answer's.parquet"
    assert "2 rows in" in run("sql", QUERY + ";", "--parquet", out, "--log", shop).out
    assert pq.read_table(out).column("order_id").to_pylist() == ["A-1", "A-2"]


def test_a_macro_within_the_query(run, shop):
    query = "SELECT count(*) AS n FROM orders_at(TIMESTAMPTZ '2026-06-03 00:00:00Z')"
    assert run("sql", query, "--log", shop, "--json").json["rows"] == [{"n": 1}]


def test_an_empty_log_has_empty_tables(run, empty_log):
    assert run("sql", QUERY, "--log", empty_log, "--json").json["rows"] == []


def test_a_query_that_duckdb_refuses_is_a_wrong_call_in_its_words(run, shop):
    answer = run("sql", "SELECT frm orders", "--log", shop, code=2)
    assert "frm" in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("forms", [("--csv", "--json"), ("--csv", "--parquet", "x"), ("--json", "--parquet", "x")])
def test_one_answer_has_one_form(run, shop, forms):
    assert "give one of them" in run("sql", QUERY, *forms, "--log", shop, code=2).err


def test_long_answers_are_cut_for_people_only(run, shop):
    out = run("sql", "SELECT range AS n FROM range(250)", "--log", shop).out
    assert "150 more not shown" in out
    assert len(run("sql", "SELECT range AS n FROM range(250)", "--log", shop, "--json").json["rows"]) == 250
