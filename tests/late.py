"""Libraries that take long to load, for tests that may not need them: each worker collects all tests, and runs a part of them."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest


class _Late:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        return getattr(import_module(self._name), name)


def late(name: str) -> Any:
    """The module, loaded when something of it is asked for; where there is none, the tests of the file are left out, or fail."""
    return _Late(name) if find_spec(name) else pytest.importorskip(name)
