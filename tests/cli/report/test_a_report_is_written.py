"""`orders-es report` on the shop of the command line's tests."""

import pytest

pytest.importorskip("matplotlib")


@pytest.mark.long
def test_it_names_the_page_and_the_log_that_gave_it(run, shop, tmp_path):
    said = run("report", "--at", "2026-06-03", "--out", tmp_path / "june", "--log", shop).out
    assert f"{tmp_path / 'june' / 'index.html'}: 14 tables, log up to position 10, root " in said
    assert "2026-06-03T23:59:59.999999Z" in (tmp_path / "june" / "index.html").read_text(encoding="utf-8")
    assert "holds orders" in run("export", "check", tmp_path / "june" / "orders.parquet", "--log", shop).out


def test_what_is_there_is_replaced_only_if_asked_and_json_names_every_table_ones_own_too(run, shop, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "big_orders.sql").write_text(
        "-- Big orders: one row per order of more than 10.\n-- Key: order_id.\nSELECT order_id, total FROM orders WHERE total > 10"
    )
    (tmp_path / "out").mkdir()
    page = tmp_path / "out" / "index.html"
    page.write_text("the report of May")
    asked = (
        "report",
        "--out",
        tmp_path / "out",
        "--read-models",
        tmp_path / "models",
        "--format",
        "csv",
        "--log",
        shop,
    )
    assert "holds a report already; give --replace" in run(*asked, code=2).err
    assert page.read_text() == "the report of May"

    done = run(*asked, "--replace", "--json").json
    rows = {table["name"]: table["rows"] for table in done["tables"]}
    assert (rows["orders"], rows["big_orders"]) == (2, 1)
    assert done["provenance"]["position"] == 10
    assert "Big orders" in page.read_text(encoding="utf-8")
