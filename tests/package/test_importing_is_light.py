"""Nothing happens on import: the heavy libraries are loaded by the calls that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["duckdb", "matplotlib", "numpy", "openpyxl", "pandas", "polars", "pyarrow", "pytest"]


@pytest.mark.parametrize("name", ["orders_es", "orders_es.cli", "orders_es.testing", "orders_es.sources"])
def test_importing_is_light(name):
    program = f"import sys, {name}; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_writing_and_loading_events_loads_no_pandas(tmp_path):
    program = """
import sys
from orders_es import NO_STREAM, load_order, open_log
from orders_es.orders import OrderCreated
with open_log(sys.argv[1], create=True) as log:
    log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert load_order(log, "A-1").status == "created"
    log.compact()
with open_log(sys.argv[1]) as log:
    assert load_order(log, "A-1").status == "created"
print([m for m in ("pandas", "matplotlib", "polars") if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", program, tmp_path / "log"], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
