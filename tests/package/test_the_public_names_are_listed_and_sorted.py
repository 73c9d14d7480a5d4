"""`__all__` of every public package: complete, sorted, and importable."""

from __future__ import annotations

import importlib
import types

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "orders_es",
        "orders_es.audit",
        "orders_es.errors",
        "orders_es.export",
        "orders_es.log",
        "orders_es.orders",
        "orders_es.replay",
        "orders_es.service",
        "orders_es.testing",
    ],
)
def test_the_public_names_are_listed_and_sorted(name):
    module = importlib.import_module(name)
    listed = module.__all__
    assert list(listed) == sorted(listed, key=lambda word: (not word.isupper(), not word[0].isupper(), word))
    for word in listed:
        assert getattr(module, word) is not None
    if name in ("orders_es", "orders_es.log"):
        public = {
            word
            for word, value in vars(module).items()
            if not word.startswith("_") and not isinstance(value, types.ModuleType) and word != "annotations"
        }
        assert public == set(listed)
