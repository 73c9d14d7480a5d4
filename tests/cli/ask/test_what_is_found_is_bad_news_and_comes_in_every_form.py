import csv
import io

import pyarrow.parquet as pq


def test_found_is_1_and_nothing_found_0_and_one_line_says_which(run, shop):
    # The shop's discount of 2 June was recorded on the 5th.
    found = run("ask", "late", "--longer-than", "2d", "--log", shop, code=1)
    lines = found.out.splitlines()
    assert lines[0] == "1 found: events entered more than 2 days after they happened"
    assert "DiscountApplied" in lines[2]
    nothing = run("ask", "late", "--longer-than", "7d", "--log", shop)
    assert nothing.out == "nothing found: events entered more than 7 days after they happened\n"
    assert run("ask", "late", "--longer-than", "2d", "--known-at", "2026-06-04", "--log", shop).out.startswith(
        "nothing"
    )


def test_to_look_something_up_is_no_bad_news_and_what_is_not_there_is_said(run, shop):
    assert run("ask", "actor", "web", "--log", shop).out.splitlines()[0].endswith(" found: events by web")
    assert "did you mean web?" in run("ask", "actor", "wep", "--log", shop, code=2).err
    assert "events of A-1, by cause" in run("ask", "order", "A-1", "--log", shop).out
    assert "no order 'a-1'; did you mean A-1" in run("ask", "order", "a-1", "--log", shop, code=1).err


def test_json_csv_and_parquet_hold_the_same_rows(run, shop, tmp_path):
    asked = ("ask", "rule", "discounts = 0", "--log", shop)
    told = run(*asked, "--json", code=1).json
    assert list(told) == ["question", "as_of", "found", "notes", "columns", "rows"]
    assert (told["found"], told["rows"][0]["order_id"], told["rows"][0]["rule"]) == (1, "A-1", "broken")
    (row,) = csv.DictReader(io.StringIO(run(*asked, "--csv", code=1).out))
    assert (row["order_id"], row["discounts"]) == ("A-1", told["rows"][0]["discounts"])
    run(*asked, "--parquet", tmp_path / "rows.parquet", code=1)
    assert pq.read_table(tmp_path / "rows.parquet")["order_id"].to_pylist() == ["A-1"]


def test_a_wrong_call_is_2_and_says_what_would_be_right(run, shop):
    for words, said in (
        (("late", "--plain"), "add --csv"),
        (("late", "--csv", "--json"), "give one of them"),
        (("late", "--longer-than", "long"), "is no length of time"),
        (("rule", "total"), "true or false"),
        (("rule", "nonsense"), "nonsense"),
        (("below", "much"), "give an amount"),
        (("below", "1e30"), "at most fourteen digits"),
        (("late", "--as-closed", "\udcff"), "nothing was closed"),
        (("rule", "\udcff"), "not text in UTF-8"),
        (("after-close", "\udcff"), "not text in UTF-8"),
        (("one-hand", "--step", "OrderPlaced"), "two steps or more"),
        (("after-close", "2026-06"), "2026-06"),
        (("late", "--longer-than", "1s", "--parquet", shop / "rows.parquet"), "rows.parquet"),
    ):
        assert said in run("ask", *words, "--log", shop, code=2).err


def test_a_close_names_the_moment_and_what_came_in_since_is_found(run, shop):
    run("close", "early", "--at", "2026-06-03", "--known-at", "2026-06-04", "--log", shop)
    assert run("ask", "late", "--longer-than", "2d", "--as-closed", "early", "--log", shop).out.startswith("nothing")
    assert "DiscountApplied" in run("ask", "after-close", "early", "--log", shop, code=1).out
