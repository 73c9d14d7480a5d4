import pytest


@pytest.fixture
def june(run, shop):
    """Closed at the end of 4 June, before the discount of the 2nd came in, on the 5th."""
    run("close", "2026-06-04", "--at", "2026-06-04", "--known-at", "2026-06-04", "--by", "Zoë", "--log", shop)
    return "2026-06-04"


def test_as_closed_is_the_moment_on_both_clocks(run, shop, june):
    was = run("show", "A-1", "--as-closed", june, "--log", shop, "--json").json
    there = run("show", "A-1", "--at", june, "--known-at", june, "--log", shop, "--json").json
    assert was.pop("as_of") == {**there.pop("as_of"), "recorded_by": "2026-06-05T12:00:00Z"}, (
        "and no claim made later counts"
    )
    assert was == there
    assert was["order"]["total"] == "35.1000"
    assert run("show", "A-1", "--at", june, "--log", shop, "--json").json["order"]["total"] == "32.6000"
    rows = run("sql", "SELECT sum(total) AS total FROM orders", "--as-closed", june, "--log", shop, "--json").json[
        "rows"
    ]
    assert rows[0]["total"] == "35.1000"


def test_the_order_of_the_options_does_not_matter(run, shop, june):
    first = run("--help").out
    assert "close" in first
    for call in (("--as-closed", june, "--log", shop), ("--log", shop, "--as-closed", june)):
        assert run("show", "A-1", *call, "--json").json["order"]["total"] == "35.1000"
    assert run("show", "A-1", "--as-closed", june, env={"ORDERS_ES_LOG": str(shop)}).out


@pytest.mark.long
def test_check_exits_with_1_when_more_moved_than_is_tolerated(run, shop, june):
    answer = run("close", "check", june, "--log", shop, code=1)
    assert "A-1" in answer.out
    assert "DiscountApplied" in answer.out
    assert "recorded by web: 1" in answer.out
    assert run("close", "check", june, "--tolerance", "10%", "--log", shop).out
    said = run("close", "check", june, "--log", shop, "--json", code=1).json
    assert (said["ok"], said["currencies"][0]["difference"]) == (False, "-2.5000")


def test_what_was_closed_is_listed(run, shop, june):
    assert "closed by Zoë" in run("close", "list", "--log", shop).out
    assert run("close", "list", "--log", shop, "--json").json["closes"][0]["name"] == june


def test_mistakes_are_one_line(run, shop, june):
    for call in (
        ("close", "2026-06", "--log", shop),
        ("close", june, "--at", june, "--log", shop),
        ("close", "check", "2026-07", "--log", shop),
        ("close", "check", june, "--tolerance", "some", "--log", shop),
        ("show", "A-1", "--as-closed", "2026-07", "--log", shop),
        ("show", "A-1", "--as-closed", june, "--at", june, "--log", shop),
        ("sql", "SELECT 1", "--as-closed", june, "--known-at", june, "--log", shop),
    ):
        answer = run(*call, code=2)
        assert answer.err.count("\n") == 1, answer.err
        assert not answer.out
