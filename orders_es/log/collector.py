"""Work that makes millions of lasting values, without the garbage collector walking them again and again."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_collector"]


@contextmanager
def no_collector() -> Iterator[None]:
    """No garbage collection meanwhile: millions of lasting values and no cycles, which it would walk again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
