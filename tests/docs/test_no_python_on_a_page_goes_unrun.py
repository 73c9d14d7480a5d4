"""Every page that shows Python is run by a test of these."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_page_with_python_is_run():
    shown = {
        path.relative_to(ROOT).as_posix()
        for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"))
        if re.search(r"^ *```(py|python|pycon)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert len(shown) > 10
    assert shown == set(re.findall(r'run_page\("(.+?)"\)', tests))
