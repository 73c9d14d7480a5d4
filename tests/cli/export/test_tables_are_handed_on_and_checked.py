"""`export model`, `export sql` and `export check` on the shop of the command line's tests."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest


@pytest.mark.long
@pytest.mark.parametrize("form", ["parquet", "csv", "xlsx"])
def test_a_model_is_written_at_a_moment_and_checks_out(run, shop, tmp_path, form):
    out = tmp_path / f"june.{form}"
    said = run("export", "model", "orders", out, "--at", "2026-06-03", "--log", shop).out
    assert said.startswith(f"{out}")
    assert "1 row, at the end of 2026-06-03, known at 2026-06-05 12:00 UTC, log up to position 10, root " in said
    run("export", "model", "orders", tmp_path / "now.csv", "--log", shop)
    checked = run("export", "check", out, "--log", shop).out
    assert f"{out} holds orders as of position 10 of shop" in checked


@pytest.mark.long
def test_json_has_the_provenance(run, shop, tmp_path):
    out = tmp_path / "totals.csv"
    query = "SELECT order_id, total FROM orders ORDER BY 1"
    done = run("export", "sql", query, out, "--known-at", "2026-06-04T12:00Z", "--log", shop, "--json").json
    assert done["rows"] == 2
    assert done["files"] == [str(out), f"{out}.json"]
    assert done["provenance"]["query"] == query
    assert done["provenance"]["asked_known_at"] == "2026-06-04T12:00:00Z"
    assert list(csv.reader(out.read_text(encoding="utf-8").splitlines())) == [
        ["order_id", "total"],
        ["A-1", "35.1000"],
        ["A-2", "0.0000"],
    ]
    checked = run("export", "check", out, "--log", shop, "--json").json
    assert checked["ok"] is True
    assert [finding["about"] for finding in checked["findings"]] == ["totals", "log", "rows"]


@pytest.mark.long
def test_a_changed_file_is_bad_news(run, shop, tmp_path):
    out = tmp_path / "totals.parquet"
    run("export", "sql", "SELECT order_id, item_count FROM orders", out, "--log", shop)
    table = pq.read_table(out)
    more = table.set_column(1, "item_count", [[count.as_py() + 1 for count in table.column(1)]])
    pq.write_table(more.replace_schema_metadata(table.schema.metadata), out)
    answer = run("export", "check", out, "--log", shop, code=1)
    assert "BAD   the file has 2 rows" in answer.out
    assert f"{out} is NOT query as of position 10" in answer.out


def test_a_file_that_is_there_is_not_replaced_unasked(run, shop, tmp_path):
    out = tmp_path / "orders.csv"
    out.write_text("mine")
    assert "give --replace" in run("export", "model", "orders", out, "--log", shop, code=2).err
    assert out.read_text() == "mine"
    run("export", "model", "orders", out, "--replace", "--log", shop)
    assert out.read_text() != "mine"


def test_plain_leaves_formulas_alone(run, shop, tmp_path):
    for name, flags, text in (("safe.csv", (), "'=1"), ("plain.csv", ("--plain",), "=1")):
        run("export", "sql", "SELECT '=1' AS a", tmp_path / name, *flags, "--log", shop)
        assert (tmp_path / name).read_text() == f"a\n{text}\n"


def test_days_are_those_of_the_zone(run, shop, tmp_path):
    query = "SELECT min(created_at)::DATE AS day FROM orders"
    run("export", "sql", query, tmp_path / "a.csv", "--tz", "Pacific/Kiritimati", "--log", shop)
    assert (tmp_path / "a.csv").read_text() == "day\n2026-06-02\n"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (("model", "ordres", "a.csv"), "there is no read model 'ordres'; there are events, "),
        (("model", "SELECT 1", "a.csv"), "for a query there is export sql"),
        (("model", "orders", "a.txt"), "name it .parquet, .csv or .xlsx"),
        (("sql", "SELECT nothing FROM orders", "a.csv"), "nothing"),
    ],
)
def test_a_wrong_call_is_said_in_one_line(run, shop, tmp_path, monkeypatch, call, why):
    monkeypatch.chdir(tmp_path)
    assert why in run("export", *call, "--log", shop, code=2).err
    assert not list(Path.cwd().glob("a.*"))


def test_a_file_that_is_no_export_is_bad_news(run, shop, tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert "'a.csv.json' should be beside it" in run("export", "check", tmp_path / "a.csv", "--log", shop, code=1).err
