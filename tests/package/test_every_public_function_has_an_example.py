"""Every public function has an example that is run, or shown where it cannot be."""

import importlib
import inspect
from pathlib import Path

import orders_es

ROOT = Path(orders_es.__file__).parent
PACKAGES = sorted(".".join(path.parent.relative_to(ROOT.parent).parts) for path in ROOT.rglob("__init__.py"))


def test_every_public_function_shows_how_it_is_called():
    without = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        functions = (getattr(module, name) for name in getattr(module, "__all__", ()))
        for function in filter(inspect.isfunction, functions):
            text = inspect.getdoc(function) or ""
            if ">>> " not in text and "Example::" not in text:
                without.add(f"{function.__module__}.{function.__name__}")
    assert without == set(), "give it an example"
