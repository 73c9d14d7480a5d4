"""`orders-es report` on the shop of the command line's tests."""

import pytest

pytest.importorskip("matplotlib")


def test_it_names_the_page_and_the_log_that_gave_it(run, shop, tmp_path):
    said = run("report", "--at", "2026-06-03", "--out", tmp_path / "june", "--log", shop).out
    assert f"{tmp_path / 'june' / 'index.html'}: 14 tables, log up to position 10, root " in said
    assert "2026-06-03T23:59:59.999999Z" in (tmp_path / "june" / "index.html").read_text(encoding="utf-8")
    assert "holds orders" in run("export", "check", tmp_path / "june" / "orders.parquet", "--log", shop).out


def test_json_names_every_table(run, shop, tmp_path):
    done = run("report", "--out", tmp_path / "all", "--format", "csv", "--log", shop, "--json").json
    rows = {table["name"]: table["rows"] for table in done["tables"]}
    assert rows["orders"] == 2
    assert done["provenance"]["position"] == 10


def test_a_read_model_of_ones_own_is_in_it(run, shop, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "big_orders.sql").write_text(
        "-- Big orders: one row per order of more than 10.\n-- Key: order_id.\nSELECT order_id, total FROM orders WHERE total > 10"
    )
    run("report", "--out", tmp_path / "out", "--read-models", tmp_path / "models", "--log", shop)
    assert "Big orders" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_report_that_is_there_is_not_replaced_unasked(run, shop, tmp_path):
    run("report", "--out", tmp_path / "out", "--log", shop)
    said = run("report", "--out", tmp_path / "out", "--log", shop, code=2).err
    assert "holds a report already; give --replace" in said
    run("report", "--out", tmp_path / "out", "--replace", "--log", shop)
