import duckdb
import pytest


@pytest.mark.long
def test_tables_and_macros_are_there_for_the_plain_client(run, shop, tmp_path):
    file = tmp_path / "orders.duckdb"
    assert run("catalog", file, "--log", shop, "--json").json["position"] == 10
    with duckdb.connect(str(file), read_only=True) as client:
        client.execute("SET TimeZone = 'UTC'")
        assert client.sql("SELECT order_id, total FROM orders ORDER BY 1").fetchall()[0][0] == "A-1"
        then = client.sql("SELECT status FROM orders_at(TIMESTAMPTZ '2026-06-02 12:00:00Z')").fetchall()
        assert then == [("paid",)]
        assert client.sql("SELECT count(*) FROM order_items_at(NULL, known_at := NULL)").fetchall() == [(2,)]
        assert client.sql('SELECT "position" FROM log_head').fetchall() == [(10,)]
    assert list(tmp_path.glob(".catalog*")) == []


@pytest.mark.long
def test_a_file_that_is_there_is_replaced_only_when_told(run, shop, tmp_path):
    file = tmp_path / "orders.duckdb"
    file.write_text("precious")
    assert "--replace" in run("catalog", file, "--log", shop, code=2).err
    assert file.read_text() == "precious"
    run("catalog", file, "--replace", "--log", shop)
    assert duckdb.connect(str(file)).sql("SELECT count(*) FROM orders").fetchall() == [(2,)]


def test_a_place_that_cannot_be_written_is_named(run, shop, tmp_path):
    assert "nowhere" in run("catalog", tmp_path / "nowhere" / "x.duckdb", "--log", shop, code=1).err
