def test_diff_between_two_moments(run, shop):
    answer = run("diff", "--from", "2026-06-02", "--to", "2026-06-04", "--log", shop, "--json").json
    assert [(row["order_id"], row["change"]) for row in answer["changes"]] == [("A-1", "changed"), ("A-2", "created")]
    assert answer["changes"][0]["status_before"] == "paid"
    assert answer["changes"][0]["status_after"] == "shipped"
    out = run("diff", "--from", "2026-06-02", "--to", "2026-06-04", "--log", shop).out
    assert "2 orders changed" in out
    assert "paid -> shipped" in out


def test_diff_on_the_clock_of_what_was_known(run, shop):
    day = ("--from", "2026-06-04", "--to", "2026-06-04", "--known-from", "2026-06-04")
    [change] = run("diff", *day, "--log", shop, "--json").json["changes"]
    assert (change["order_id"], change["total_difference"]) == ("A-1", "-2.5000")
    assert "discounts" in change["changed"]


def test_diff_of_one_order(run, shop):
    day = ("--from", "2026-06-02", "--log", shop)
    assert "1 order changed" in run("diff", *day, "--order", "A-2").out
    assert "A-1" in run("diff", *day, "--order", "A-3", code=1).err, "and ids that look like it"


def test_explain_is_a_waterfall(run, shop):
    answer = run("explain", "A-1", "--log", shop, "--json").json
    assert [step["change"] for step in answer["steps"]] == ["29.7000", "0.5050", "4.8950", "-2.5000"]
    assert answer["total"] == answer["steps"][-1]["total"] == "32.6000"
    assert "-2.50" in run("explain", "A-1", "--log", shop).out
    assert run("explain", "A-1", "--at", "2026-06-01", "--log", shop, "--json").json["total"] == "35.1000"


def test_an_unknown_order_is_answered_with_ids_like_it(run, shop):
    assert "A-1" in run("explain", "A-11", "--log", shop, code=1).err
