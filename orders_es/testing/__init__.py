"""Helpers for tests of your own: of a domain's rules, and of anything that claims to be a log.

`given` needs nothing. `LogContract` needs pytest, so it is loaded when it is asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from orders_es.testing.specification import Outcome, Specification, given

if TYPE_CHECKING:
    from orders_es.testing.log_contract import LogContract

__all__ = ["LogContract", "Outcome", "Specification", "given"]


def __getattr__(name: str) -> Any:
    if name != "LogContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest  # noqa: PLC0415 - only whoever tests a log needs it

    if f"{__name__}.log_contract" not in sys.modules:
        pytest.register_assert_rewrite(f"{__name__}.log_contract")
    from orders_es.testing.log_contract import LogContract  # noqa: PLC0415

    return LogContract
