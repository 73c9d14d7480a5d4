def test_as_it_stands_now(run, shop):
    answer = run("show", "A-1", "--log", shop, "--json").json
    assert answer["as_of"] == {"at": None, "known_at": None, "recorded_by": None, "version": None}
    order = answer["order"]
    assert order["order_id"] == "A-1"
    assert (order["status"], order["version"], order["currency"], order["customer_id"]) == ("shipped", 8, "EUR", "C-7")
    assert (order["gross"], order["shipping"], order["discounts"]) == ("30.2050", "4.8950", "2.5000")
    assert (order["total"], order["paid"], order["balance"]) == ("32.6000", "35.1000", "-2.5000")
    assert order["item_count"] == 4
    assert order["created_at"] == "2026-06-01T10:00:00Z"
    assert order["delivered_at"] is None
    assert [line["item_id"] for line in order["lines"]] == ["R1", "F2"]
    assert order["lines"][0]["amount"] == "29.7000"


def test_what_had_happened_by_then_includes_what_was_recorded_later(run, shop):
    order = run("show", "A-1", "--at", "2026-06-02", "--log", shop, "--json").json["order"]
    assert (order["status"], order["total"]) == ("paid", "32.6000")


def test_what_was_known_then_does_not(run, shop):
    asked = ("show", "A-1", "--at", "2026-06-02", "--known-at", "2026-06-02", "--log", shop, "--json")
    order = run(*asked).json["order"]
    assert (order["status"], order["total"]) == ("paid", "35.1000")


def test_bounds_are_inclusive_to_the_microsecond(run, shop):
    on_time = run("show", "A-1", "--at", "2026-06-03T08:00Z", "--log", shop, "--json").json["order"]
    just_before = run("show", "A-1", "--at", "2026-06-03T07:59:59.999999Z", "--log", shop, "--json").json["order"]
    assert (on_time["status"], just_before["status"]) == ("shipped", "paid")


def test_up_to_a_version(run, shop):
    answer = run("show", "A-1", "--version", 4, "--log", shop, "--json").json
    assert answer["as_of"]["version"] == 4
    assert (answer["order"]["status"], answer["order"]["version"]) == ("created", 4)


def test_every_answer_repeats_the_instant_that_was_asked_about(run, shop):
    asked = (
        "show",
        "A-1",
        "--at",
        "2026-06-03",
        "--known-at",
        "2026-06-05 14:00",
        "--tz",
        "Europe/Berlin",
        "--log",
        shop,
    )
    assert run(*asked, "--json").json["as_of"] == {
        "at": "2026-06-03T21:59:59.999999Z",
        "known_at": "2026-06-05T12:00:00Z",
        "recorded_by": None,
        "version": None,
    }
    text = run(*asked).out
    assert "at the end of 2026-06-03 (Europe/Berlin), as known at 2026-06-05 14:00+02:00" in text


def test_people_see_lines_money_and_moments(run, shop):
    text = run("show", "A-1", "--log", shop).out
    for words in ("order A-1: shipped", "as it stands now", "customer C-7, DE", "Rosé £", "0.505", "32.60", "-2.50"):
        assert words in text
    assert "shipped      2026-06-03 08:00 UTC" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_guest_order_that_was_cancelled(run, shop):
    text = run("show", "A-2", "--log", shop).out
    assert "order A-2: cancelled" in text
    assert "guest" in text
    assert "changed mind" in text
