"""Every Python block of docs/outlets.md, one after the other, on a small shop."""

import re
from pathlib import Path

from orders_es.log import open_log
from orders_es.orders import CreateOrder
from orders_es.service import handle

PAGE = (Path(__file__).parents[2] / "docs" / "outlets.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open_log("my-log", create=True) as log:
        handle(log, "A-1", CreateOrder(currency="GBP"))
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "outlets.md", "exec"), names)
    names["log"].close()
    assert capsys.readouterr().out == "1\n"
    assert "TestMyOutlet" in names
