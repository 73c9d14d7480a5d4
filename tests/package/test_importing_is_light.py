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
