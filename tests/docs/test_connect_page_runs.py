"""The Python of docs/connect.md, on a private PostgreSQL; and its table of troubles names errors that there are."""

import re
from pathlib import Path

from orders_es import errors

PAGE = (Path(__file__).parents[2] / "docs" / "connect.md").read_text(encoding="utf-8")


def test_the_page_runs(run_page, postgres_place, monkeypatch, capsys):
    monkeypatch.setenv("ORDERS_ES_LOG", postgres_place())
    run_page("docs/connect.md")
    assert capsys.readouterr().out == "placed\n"


def test_errors_are_called_by_their_names():
    rows = [row for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE) if "`" in row]
    named = {name for row in rows for name in re.findall(r"`([A-Z]\w+)`", row)}
    assert len(named) > 5
    assert named <= set(errors.__all__)
