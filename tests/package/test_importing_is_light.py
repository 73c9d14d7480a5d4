"""Nothing happens on import: the heavy libraries are loaded by the calls that need them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
HEAVY = RULES["flake8-tidy-imports"]["banned-module-level-imports"]
PACKAGES = [
    "orders_es",
    *(f"orders_es.{path.parent.name}" for path in sorted((ROOT / "orders_es").glob("*/__init__.py"))),
]


def test_every_package_is_light_to_import():
    program = f"""
import importlib, sys
for name in {PACKAGES!r}:
    importlib.import_module(name)
    loaded = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]
    assert not loaded, f"{{name}} loads {{loaded}}"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


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
