"""docs/import-history.md: its command gives what it shows, its Python what it says, and it names every shape; `import --list` too."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.cli.import_history import _SHAPES
from orders_es.sources.catalog import IMPORTERS
from orders_es.sources.history import SHAPES
from orders_es.sources.rows.gaps import KINDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "import-history.md").read_text(encoding="utf-8")
OF_SHAPES = dict(re.findall(r"^\| `([a-z-]+)` \| \[[^]]+\]\((history-[a-z-]+\.md)\)", PAGE, re.MULTILINE))


@pytest.mark.long
def test_from_a_history_table_to_the_table_as_it_stood(run_page):
    Path("historicalorder.csv").write_text(re.search(r"```csv\n(.*?)```", PAGE, re.DOTALL)[1], encoding="utf-8")
    command, _, shown = re.search(r"```console\n\$ orders-es (.*?)```", PAGE, re.DOTALL)[1].partition("\n")
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert done.output.strip() == shown.strip()
    names = run_page("docs/import-history.md")
    log, rows_at = names["log"], names["rows_at"]
    assert rows_at(log, "orders", at="2026-06-01").column("status").to_pylist() == ["open", "open"]
    assert rows_at(log, "orders", at="2026-06-03").column("id").to_pylist() == ["1001"]


def test_every_shape_and_every_gap_is_on_a_page():
    assert tuple(SHAPES) == _SHAPES
    assert set(OF_SHAPES) == set(SHAPES)
    for name in SHAPES:
        assert f"| `{name}` |" in PAGE
    pages = PAGE + (DOCS / "import-dumps.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if kind not in pages] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_of_a_shape_shows_what_its_command_gives(shape, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / OF_SHAPES[shape]).read_text(encoding="utf-8")
    for name, content in re.findall(r"^`([^`]+)`:\n\n```(?:csv|json)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        Path(name).write_text(content, encoding="utf-8")
    command, _, shown = re.search(r"```console\n\$ orders-es (.*?)```", page, re.DOTALL)[1].partition("\n")
    done = CliRunner().invoke(main, shlex.split(command))
    assert (done.exit_code, done.output.strip()) == (0, shown.strip())
    assert f"`--shape {shape}`" in page


def test_the_list_of_importers_names_each_command_and_a_page_that_is_there():
    said = CliRunner().invoke(main, ["import", "--list"])
    assert said.exit_code == 0
    group = main.get_command(None, "import")
    assert isinstance(group, click.Group)
    commands = group.list_commands(None)
    assert {importer.command for importer in IMPORTERS} == set(commands)
    for importer in IMPORTERS:
        assert f"orders-es import {importer.command}\n" in said.output
        assert (DOCS.parent / importer.page).is_file()
