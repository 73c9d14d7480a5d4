"""Payloads that are just as this package writes them, told from others by one regular expression.

Almost all are; so the few that somebody else wrote can be looked at with care, and the many cost next to nothing. A payload
that matches has no key twice, and every reader gets the same values out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.log.shredding import CLOCK, DAY

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.log.event_type import EventType
    from orders_es.log.registry import EventRegistry

__all__ = ["canonical_pattern", "misfits", "others"]

_VALUES = {
    "string": r'"(?:[^"\\\x00-\x1f\x7f]|\\["\\bfnrt])*"',
    "int64": "-?(?:0|[1-9][0-9]{0,8})",
    "bool": "(?:true|false)",
    "decimal": r'"-?[0-9]{1,14}\.[0-9]{4}"',
    "timestamp": f'"{DAY}T{CLOCK}Z"',
    "date": f'"{DAY}"',
    "float64": r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?",
}
"""What stands for each kind of value; rarer forms may be as good, but are looked at."""


def canonical_pattern(registry: EventRegistry) -> str:
    """A pattern (RE2) that matches the payloads of registered types as `EventRegistry.encode` writes them."""
    patterns = {p for event_type in registry if (p := _pattern(event_type)) is not None}
    return f"^(?:{'|'.join(sorted(patterns) or ['{}'])})$"


def _pattern(event_type: EventType) -> str | None:
    """The fields in their order, each of which may be left out; a comma before each but the first."""
    fields = [(f'"{f.name}":{_VALUES[f.kind]}', f.required) for f in event_type.fields if f.kind in _VALUES]
    if len(fields) < len(event_type.fields):
        return None
    rest = ""  # what may follow once something stands before it
    alternatives = []
    for one, required in reversed(fields):
        alternatives.append(f"{one}{rest}")
        rest = f",{one}{rest}" if required else f"(?:,{one})?{rest}"
        if required:
            alternatives = alternatives[-1:]
    if not any(required for _, required in fields):
        alternatives.append("")
    return rf"\{{(?:{'|'.join(alternatives)})\}}"


def others(registry: EventRegistry, payloads: Any) -> npt.NDArray[np.int64]:
    """The rows of those payloads that are not as `EventRegistry.encode` writes them.

    Args:
        payloads: An Arrow array of JSON texts.
    """
    return _unmatched(payloads, registry.canonical)


def misfits(event_type: EventType, payloads: Any) -> npt.NDArray[np.int64]:
    """The rows of those payloads that are not as a certain type's are written: only they may not fit it.

    Args:
        payloads: An Arrow array of JSON texts.
    """
    pattern = _pattern(event_type)
    return np.arange(len(payloads)) if pattern is None else _unmatched(payloads, f"^{pattern}$")


def _unmatched(payloads: Any, pattern: str) -> npt.NDArray[np.int64]:
    matched = pc.match_substring_regex(payloads, pattern)
    if isinstance(matched, pa.ChunkedArray):
        matched = matched.combine_chunks()
    return np.flatnonzero(~matched.to_numpy(zero_copy_only=False)).astype(np.int64)
