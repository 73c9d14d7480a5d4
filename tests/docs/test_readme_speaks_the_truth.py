import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orders_es.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_its_python_runs_and_prints_what_it_says(run_page, capsys):
    (program,) = blocks("python")
    run_page("README.md")
    said, came = re.search(r"# (<Order .*)…>", program)[1], capsys.readouterr().out
    assert came.startswith(said)
    assert "rose" in came


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^\$? ?(orders-es .*)$", README, flags=re.MULTILINE))))
def test_its_commands_exist_with_these_options(command):
    words = command.split()[1:]
    depth = 2 if isinstance(main.get_command(click.Context(main), words[0]), click.Group) else 1
    text = CliRunner().invoke(main, [*words[:depth], "--help"]).output
    for word in words:
        if word.startswith("--"):
            assert word in text


@pytest.mark.long
def test_the_tour_it_shows_is_the_one_that_runs():
    shown = next(block for block in blocks("") if "three moments" in block or "One order" in block)
    printed = CliRunner().invoke(main, ["demo"]).output
    for line in shown.splitlines():
        if line.strip() != "…":
            assert line in printed


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((?!https?:)([^)]+)\)", README))))
def test_its_links_lead_somewhere(path):
    assert (ROOT / path).exists()
