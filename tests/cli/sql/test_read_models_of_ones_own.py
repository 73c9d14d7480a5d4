"""A .sql file in a folder is a table in the query, with the same powers and no Python; a wrong one is told where it is wrong."""

import csv

import pytest

BIG = "-- Spenders: one row per customer.\n-- Key: customer_id.\nSELECT customer_id, sum(paid) AS paid\nFROM {}\nGROUP BY ALL\n"


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "spenders.sql").write_text(BIG.format("orders"))
    return folder


@pytest.mark.long
def test_it_answers_at_any_moment_and_by_its_macro(run, shop, own):
    def paid(table, *asked):
        query = f"SELECT sum(paid) AS paid FROM {table}"
        return run("sql", query, *asked, "--read-models", own, "--log", shop, "--json").json["rows"][0]["paid"]

    before, after = paid("spenders", "--at", "2026-05-01"), paid("spenders", "--at", "2026-06-02")
    assert before is None
    assert after == paid("orders", "--at", "2026-06-02") != "0.0000"
    assert after == paid("spenders_at(TIMESTAMPTZ '2026-06-02 23:59:59.999999Z')")


@pytest.mark.long
def test_it_may_call_the_macros_of_others(run, shop, own):
    (own / "second.sql").write_text(
        "-- Second: one row per order of that day.\n-- Key: order_id.\nSELECT order_id, status FROM orders_at('2026-06-02')"
    )
    asked = ("sql", "SELECT order_id, status FROM second", "--csv", "--read-models", own, "--log", shop)
    assert run(*asked).out == "order_id,status\nA-1,paid\n"


def test_days_begin_in_the_time_zone_asked_for(run, shop):
    query = "SELECT min(occurred_at::TIMESTAMP) AS first FROM events"
    firsts = [run("sql", query, "--tz", zone, "--log", shop, "--csv").out.split()[-1] for zone in ("UTC", "Asia/Tokyo")]
    assert firsts == ["10:00:00", "19:00:00"]


@pytest.mark.long
def test_it_is_exported_as_those_that_come_along(run, shop, own, tmp_path):
    out = tmp_path / "spenders.csv"
    run("export", "model", "spenders", out, "--read-models", own, "--log", shop)
    with out.open(newline="") as file:
        assert next(csv.reader(file)) == ["customer_id", "paid"]
    assert "ok" in run("export", "check", out, "--read-models", own, "--log", shop).out


@pytest.mark.parametrize(
    ("text", "line"),
    [(BIG.format("ordrs"), "line 4"), (BIG.format("orders").replace("GROUP", "GROUPED"), "line 5")],
    ids=["a table that is not there", "no SQL"],
)
def test_a_wrong_one_is_reported_with_file_and_line(run, shop, own, tmp_path, text, line):
    (own / "wrong.sql").write_text(text)
    for call in (("sql", "FROM wrong"), ("export", "model", "wrong", tmp_path / "x.csv")):
        err = run(*call, "--read-models", own, "--log", shop, code=2).err
        assert "wrong.sql" in err
        assert line in err
        assert "Traceback" not in err
