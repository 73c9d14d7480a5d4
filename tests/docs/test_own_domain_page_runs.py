"""Every Python block of docs/own-domain.md, one after the other, and what it says that they print."""

import re
import sys
import types
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "own-domain.md").read_text(encoding="utf-8")


def test_the_page_runs_and_prints_what_it_says(capsys, monkeypatch):
    module = types.ModuleType("own_domain_page")  # dataclasses look at the module they are defined in
    monkeypatch.setitem(sys.modules, module.__name__, module)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, "own-domain.md", "exec"), vars(module))
    module.log.close()
    told = re.findall(r"^print\(.*#\s+(\S.*)$", "".join(blocks), re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == told
    assert len(told) == 2
