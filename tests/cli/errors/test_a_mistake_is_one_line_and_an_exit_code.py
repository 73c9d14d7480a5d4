import shutil

import pytest

READING = [("info",), ("show", "A-1"), ("history", "A-1"), ("compact",), ("vacuum",)]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_log_named_says_how_to_name_one(run, command):
    assert "Give --log DIR, or set ORDERS_ES_LOG" in run(*command, code=2).err


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_such_folder(run, tmp_path, command):
    err = run(*command, "--log", tmp_path / "none", code=2).err
    assert err.startswith(f"orders-es: no log at '{tmp_path / 'none'}'")
    assert "open_log" not in err
    assert "orders-es simulate" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_folder_that_is_no_log(run, tmp_path, command):
    (tmp_path / "holiday.jpg").write_bytes(b"beach")
    err = run(*command, "--log", tmp_path, code=2).err
    assert err.startswith("orders-es: no log at")
    assert err.count("\n") == 1


def test_a_file_that_is_no_log(run, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"beach")
    err = run("info", "--log", tmp_path / "holiday.jpg", code=2).err
    assert err.startswith("orders-es: no log at")


def test_a_damaged_log_is_bad_news(run, shop):
    first = min((shop / "commits").iterdir())
    first.chmod(0o644)
    first.write_bytes(first.read_bytes()[:-20])
    err = run("show", "A-1", "--log", shop, code=1).err
    assert err.startswith("orders-es: ")
    assert first.name in err
    assert err.count("\n") == 1


def test_a_missing_file_is_bad_news(run, shop):
    sorted((shop / "commits").iterdir())[1].unlink()
    err = run("info", "--log", shop, code=1).err
    assert err.startswith("orders-es: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--at", "yesterday"), "'yesterday' is no time; write 2026-06-03"),
        (("--known-at", "2026-02-30"), "day is out of range"),
        (("--at", "2026-03-29 02:30", "--tz", "Europe/Berlin"), "there was no 2026-03-29 02:30:00 in Europe/Berlin"),
        (("--tz", "Europe/Berlln"), "did you mean Europe/Berlin"),
        (("--colour",), "No such option"),
    ],
)
def test_wrong_arguments_are_wrong_calls(run, shop, args, words):
    answer = run("show", "A-1", "--log", shop, *args, code=2)
    assert words in " ".join(answer.err.split())
    assert "Traceback" not in answer.err


def test_the_zone_may_come_after_the_time(run, shop):
    answer = run("show", "A-1", "--at", "2026-06-03", "--tz", "Europe/Berlin", "--log", shop, "--json").json
    assert answer["as_of"]["at"] == "2026-06-03T21:59:59.999999Z"


def test_an_id_that_is_no_text_is_a_wrong_call(run, shop):
    assert "not text" in run("show", "A-\udcff", "--log", shop, code=2).err


def test_the_environment_names_the_log(run, shop):
    assert run("info", "--json", env={"ORDERS_ES_LOG": str(shop)}).json["events"] == 10


def test_the_option_beats_the_environment(run, shop, empty_log):
    assert run("info", "--json", "--log", shop, env={"ORDERS_ES_LOG": str(empty_log)}).json["events"] == 10


def test_a_relative_path_with_blanks_is_fine(run, shop, tmp_path, monkeypatch):
    shutil.copytree(shop, tmp_path / "my log")
    monkeypatch.chdir(tmp_path)
    assert run("info", "--json", "--log", "my log").json["log"] == "my log"
