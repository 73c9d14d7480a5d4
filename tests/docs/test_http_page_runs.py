"""Every Python block of docs/http.md; and each route and kind of problem is on the page."""

from pathlib import Path

from orders_es.http.app import ROUTES
from orders_es.http.bodies import COMMANDS
from orders_es.http.problems import PROBLEMS

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_page_runs(run_page, capsys):
    names = run_page("docs/http.md")
    assert names["log"].head().position == 3
    assert capsys.readouterr().out == "5.0000 \"2\"\n['placed']\n"


def test_it_says_all_that_can_be_asked_and_go_wrong():
    for word in (*(way.path for way in ROUTES), *COMMANDS, *PROBLEMS):
        assert f"{word}`" in PAGE or f"`{word}" in PAGE or f"{word}?" in PAGE or f" {word}" in PAGE, word
