"""Helpers for tests of your own: of a domain's rules and upcasters, and of anything that claims to be a log or an outlet.

`given`, `check_pure` and `check_schemas` need nothing, `check_sql` Hypothesis. `LogContract` and `OutletContract` need pytest, so they are loaded when they are asked for.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from orders_es.testing.specification import Outcome, Specification, given
from orders_es.testing.upcasting import check_pure, check_schemas, check_sql

if TYPE_CHECKING:
    from orders_es.testing.log_contract import LogContract
    from orders_es.testing.outlet_contract import OutletContract

__all__ = [
    "LogContract",
    "Outcome",
    "OutletContract",
    "Specification",
    "check_pure",
    "check_schemas",
    "check_sql",
    "given",
]

_CONTRACTS = {"LogContract": f"{__name__}.log_contract", "OutletContract": f"{__name__}.outlet_contract"}


def __getattr__(name: str) -> Any:
    module = _CONTRACTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    if module not in sys.modules:
        pytest.register_assert_rewrite(module)
    return getattr(importlib.import_module(module), name)
