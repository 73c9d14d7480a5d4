"""Every Python block of docs/own-domain.md, one after the other, and what it says that they print."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "own-domain.md").read_text(encoding="utf-8")


def test_the_page_runs_and_prints_what_it_says(run_page, capsys):
    run_page("docs/own-domain.md")
    told = re.findall(r"^print\(.*#\s+(\S.*)$", PAGE, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == told
    assert len(told) == 2
