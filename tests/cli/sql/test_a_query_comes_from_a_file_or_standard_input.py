"""`sql -f`: a query of many lines, from a file or a pipe; `--limit` and `--memory-limit`; and errors as JSON."""

import json
from pathlib import Path

from click.testing import CliRunner

from orders_es.cli import main


def test_a_file(run, shop, tmp_path):
    (tmp_path / "q.sql").write_bytes(b"\xef\xbb\xbf-- how many\nSELECT count(*) AS n\nFROM orders; \n")
    assert run("sql", "-f", tmp_path / "q.sql", "--json", "--log", shop).json["rows"][0]["n"] > 0


def test_standard_input(shop):
    answer = CliRunner().invoke(main, ["sql", "-f", "-", "--csv", "--log", str(shop)], input="SELECT 7 AS n")
    assert answer.stdout.split() == ["n", "7"]


def test_one_query_and_no_more(run, shop, tmp_path):
    (tmp_path / "q.sql").write_text("SELECT 1")
    assert "give one query" in run("sql", "--log", shop, code=2).err
    assert "give one query" in run("sql", "SELECT 1", "-f", tmp_path / "q.sql", "--log", shop, code=2).err


def test_a_limit_is_part_of_the_query(run, shop):
    endless = "SELECT i FROM range(1000000000000) t(i) -- would never end"
    assert run("sql", endless, "--limit", 2, "--json", "--log", shop).json["rows"] == [{"i": 0}, {"i": 1}]


def test_too_little_memory_is_a_sentence(run, shop):
    query = "SELECT list(i) FROM range(50000000) t(i)"
    said = run("sql", query, "--memory-limit", "20MB", "--log", shop, code=2).err
    assert said.startswith("orders-es: ")
    assert len(said.splitlines()) == 1


def test_under_json_an_error_is_json(run, shop):
    for call, code, kind in (
        (["show", "nobody"], 1, "OrderNotFound"),
        (["sql", "SELEC"], 2, "QueryError"),
        (["show", "A", "--at", "never"], 2, "UsageError"),
    ):
        told = json.loads(run(*call, "--json", "--log", shop, code=code).err)["error"]
        assert (told["type"], told["exit_code"]) == (kind, code)
        assert told["message"]


def test_completion_is_put_where_the_shell_looks(run, tmp_path):
    for shell, variable in (("bash", "XDG_DATA_HOME"), ("zsh", "XDG_DATA_HOME"), ("fish", "XDG_CONFIG_HOME")):
        told = run("completion", shell, "--install", "--json", env={variable: str(tmp_path / shell)}).json
        assert "_ORDERS_ES_COMPLETE" in Path(told["installed"]).read_text()
        assert told["installed"].startswith(str(tmp_path / shell))
