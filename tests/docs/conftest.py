"""What tests of pages share: a page's Python, run from its first block to its last, as a reader would run it."""

import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Runs every Python block of a page in one module and in an empty folder, and gives the module's names.

    The page's `session` and `log` are closed afterwards.
    """
    monkeypatch.chdir(tmp_path)
    ran = []

    def run_page(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        module = types.ModuleType(re.sub(r"\W", "_", name))  # dataclasses look at the module they are defined in
        monkeypatch.setitem(sys.modules, module.__name__, module)
        ran.append(vars(module))
        blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        assert blocks
        for block in blocks:
            above = "\n" * text.count("\n", 0, block.start(1))  # an error names the page's own line
            exec(compile(above + block[1], name, "exec", dont_inherit=True), vars(module))
        return vars(module)

    yield run_page
    for names in ran:
        for name in ("session", "log"):
            if name in names:
                names[name].close()
