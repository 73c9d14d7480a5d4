"""docs/import-table.md: its commands give what it shows, from the proposal to an answer about the past; its Python runs."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.sources.order_tables.mapping_file import load_table_mapping

PAGE = (Path(__file__).parents[2] / "docs" / "import-table.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.long
def test_from_the_proposal_to_an_answer_about_the_past(run_page):
    Path("orders.csv").write_text(blocks("csv")[0], encoding="utf-8")
    for block in blocks("console"):
        for call in block.split("$ orders-es ")[1:]:
            command, _, shown = call.partition("\n")
            command, _, target = command.partition(" > ")
            done = CliRunner().invoke(main, shlex.split(command))
            assert done.exit_code == 0, done.output
            if target:
                Path(target).write_text(blocks("toml")[0], encoding="utf-8")
                assert 'id = "Order No"' in done.output
            if shown:
                assert done.output.strip() == shown.strip()
    names = run_page("docs/import-table.md")
    assert names["import_table"]("shop", "orders.csv", "shop.toml").duplicates == 10


def test_its_mappings_are_mappings():
    for block in blocks("toml"):
        assert load_table_mapping(tomllib.loads(block)).rows in block
