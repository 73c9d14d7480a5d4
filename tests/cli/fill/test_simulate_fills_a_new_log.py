import pytest

ARGS = ("simulate", "--orders", 12, "--days", 1)


@pytest.mark.long
def test_the_same_seed_gives_the_same_root_and_another_one_another(run, tmp_path):
    roots = [
        run(*ARGS, "--seed", seed, "--log", tmp_path / name, "--json").json["root"]
        for name, seed in [("a", 7), ("b", 7), ("c", 8)]
    ]
    assert roots[0] == roots[1] != roots[2]


def test_it_says_what_it_did(run, tmp_path):
    answer = run(*ARGS, "--log", tmp_path / "a", "--json").json
    info = run("info", "--log", tmp_path / "a", "--json").json
    assert answer["orders"] == info["streams"] == 12
    assert answer["events"] == info["events"]
    assert answer["root"] == info["head"]["root"]
    text = run(*ARGS, "--log", tmp_path / "b").out
    assert "12 orders" in text
    assert f"next: orders-es info --log {tmp_path / 'b'}" in text


def test_it_refuses_a_log_that_has_events(run, shop):
    err = run(*ARGS, "--log", shop, code=1).err
    assert err.startswith("orders-es: ")
    assert "new log" in err
    assert run("info", "--log", shop, "--json").json["events"] == 10


@pytest.mark.parametrize(
    "args", [("--orders", "0"), ("--orders", "many"), ("--start", "soon"), ("--days", "0"), ("--start", "2999-01-01")]
)
def test_settings_out_of_range_are_wrong_calls(run, tmp_path, args):
    answer = run("simulate", *args, "--log", tmp_path / "a", code=2)
    assert "Traceback" not in answer.err
    assert answer.out == ""
