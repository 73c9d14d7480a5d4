"""The notebook for marimo runs from its first cell to its last, and shows what the log that it is given holds."""

from pathlib import Path
from runpy import run_path

import pytest

from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated, OrderPlaced

pytest.importorskip("marimo", reason="marimo is not installed")


def test_it_shows_the_log_that_it_is_given(tmp_path, monkeypatch):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced()], expected=NO_STREAM)
    monkeypatch.setenv("ORDERS_ES_LOG", str(tmp_path / "log"))
    app = run_path(str(Path(__file__).parents[2] / "examples" / "two_clocks_marimo.py"))["app"]
    outputs, names = app.run()
    assert [(row.status, row.orders) for row in names["by_status"]] == [("placed", 1)]
    assert "as known on" in str(outputs[3].text)
    names["session"].close()
