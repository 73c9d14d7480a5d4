import pytest


@pytest.mark.parametrize("command", ["show", "history"])
def test_an_unknown_id_is_answered_with_close_ones(run, shop, command):
    answer = run(command, "A-11", "--log", shop, code=1)
    assert answer.out == ""
    assert answer.err.startswith("orders-es: no order 'A-11'")
    assert "did you mean A-1" in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "history"])
def test_nothing_close_nothing_suggested(run, shop, command):
    assert "did you mean" not in run(command, "zzzzzzzz", "--log", shop, code=1).err


@pytest.mark.parametrize("command", ["show", "history"])
def test_an_empty_log_says_so_and_how_to_fill_it(run, empty_log, command):
    err = run(command, "A-1", "--log", empty_log, code=1).err
    assert "the log is empty" in err
    assert "orders-es simulate" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("option", ["--at", "--known-at"])
def test_an_order_that_was_not_there_yet_says_when_it_began(run, shop, option):
    err = run("show", "A-1", option, "2026-05-31", "--log", shop, code=1).err
    assert "no order 'A-1'" in err
    assert "2026-06-01 10:00 UTC" in err
    assert "did you mean" not in err


@pytest.mark.parametrize("version", ["0", "-1", "x"])
def test_a_version_is_a_number_from_one(run, shop, version):
    run("show", "A-1", "--version", version, "--log", shop, code=2)


def test_a_version_that_is_not_reached_yet_says_where_the_order_is(run, shop):
    err = run("show", "A-1", "--version", 99, "--log", shop, code=1).err
    assert "version 8" in err
