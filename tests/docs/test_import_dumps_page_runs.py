"""docs/import-dumps.md: its commands give what it shows, and its Python what it says beside the calls."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "import-dumps.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_from_two_dumps_to_the_table_as_it_stood(run_page):
    for day, text in enumerate(re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL), 1):
        Path(f"orders-2026-06-{day:02}.csv").write_text(text, encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        command, _, shown = block.removeprefix("$ orders-es ").partition("\n")
        done = CliRunner().invoke(main, shlex.split(command))
        assert done.exit_code == 0, done.output
        assert done.output.strip() == shown.strip()
    names = run_page("docs/import-dumps.md")
    log, rows_at, unknown_at = names["log"], names["rows_at"], names["unknown_at"]
    assert rows_at(log, "orders", at="2026-06-01").column("status").to_pylist() == ["open", "open"]
    asked = unknown_at(log, "orders", at="2026-06-02T15:00Z")
    assert asked.column("row_key").to_pylist() == ["1001", "1002", "1003"]


def test_strict_is_bad_news_and_a_wrong_time_of_day_a_wrong_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("orders-2026-06-01.csv").write_text("id\n1\n2\n", encoding="utf-8")
    Path("orders-2026-06-02.csv").write_text("id\n1\n", encoding="utf-8")
    call = [
        "import",
        "dumps",
        "orders-*.csv",
        "--key",
        "id",
        "--at-from-name",
        "%Y-%m-%d",
        "--strict",
        "--json",
        "--log",
        "shop",
    ]
    assert CliRunner().invoke(main, call).exit_code == 1
    assert CliRunner().invoke(main, call).exit_code == 1, "what was odd about them is told again"
    assert CliRunner().invoke(main, [*call, "--time-of-day", "25:00"]).exit_code == 2
