"""`--quiet` and `--log-format`: lines on standard error with time and level; the answer on standard output stays as it is."""

import json
import re

import pytest

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture
def missing(tmp_path):
    """Arguments of a command that fails: there is no such log."""
    return ("project", "run", "--log", tmp_path / "nowhere", "--models", tmp_path / "models.duckdb")


def test_an_error_is_one_object_with_time_level_and_exit_code(run, missing):
    [line] = run(*missing, "--log-format", "json", code=2).err.splitlines()
    said = json.loads(line)
    assert re.fullmatch(STAMP, said["time"])
    assert (said["level"], said["type"], said["exit_code"]) == ("error", "NotALog", 2)
    assert said["command"] == "orders-es"
    assert said["message"].startswith("no log at")


@pytest.mark.parametrize(
    "command",
    [
        ("import", "table", "x.csv", "--map", "x.toml"),
        ("import", "jsonl", "x.jsonl"),
        ("import", "dumps", "x-*.csv", "--key", "id"),
        ("import", "ocel", "x.json"),
        ("export", "model", "orders", "out.parquet"),
        ("export", "jsonl"),
        ("export", "ocel", "out.json"),
        ("export", "xes", "out.xes"),
        ("sql", "FROM orders"),
        ("diff", "--from", "2026-06-01"),
        ("publish-tiles", "tiles"),
        ("vacuum",),
        ("reshred",),
        ("snapshots", "take"),
        ("slide", "A-1", "page.html"),
    ],
    ids=" ".join,
)
def test_every_command_that_may_run_long_says_its_errors_so(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    err = run(*command, "--log", tmp_path / "nowhere", "--quiet", "--log-format", "json", code=2).err
    assert json.loads(err.splitlines()[-1])["level"] == "error"


def test_as_text_time_and_level_stand_before_it(run, missing):
    assert re.match(rf"{STAMP} ERROR   no log at", run(*missing, "--log-format", "text", code=2).err)


def test_what_is_wrong_is_said_to_the_quiet_too_and_without_a_form_as_ever(run, missing):
    assert run(*missing, "--quiet", code=2).err.startswith("orders-es: no log at")
    assert run(*missing, code=2).err.startswith("orders-es: no log at")


def test_with_json_answers_an_error_keeps_its_shape(run, missing):
    assert json.loads(run(*missing, "--json", "--log-format", "json", code=2).err)["error"]["type"] == "NotALog"


@pytest.mark.parametrize(("given", "lines"), [((), 1), (("--quiet",), 0), (("--log-format", "json"), 1)])
def test_a_start_is_information_and_the_quiet_do_not_get_it(given, lines, capsys):
    import click

    from orders_es.cli.log_lines import is_quiet, log_lines, teller

    @click.command()
    @log_lines
    def command():
        teller()("following", projection="orders")
        click.echo(f"bars: {not is_quiet()}")

    command.main(list(given), standalone_mode=False)
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == lines
    assert out == f"bars: {not given}\n"
    if "json" in given:
        assert json.loads(err)["projection"] == "orders"
