"""An event as a process-mining file has it, whatever its form; for `orders_es.sources.process`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Traced"]


@dataclass(slots=True)
class Traced:
    """An event of such a file.

    Args:
        number: Its place among the file's events, from 1.
        id: Its id; None where the file has none.
        type: Its type, which process mining calls an activity.
        time: When it happened, as the file writes it.
        streams: What it belongs to: one case, or the objects of the type that was asked for.
        values: Its attributes, text for what is text in the file.
        beside: What else the file says that belongs to it: the objects it touches, or the attributes of its case.
    """

    number: int
    id: str | None
    type: str
    time: str
    streams: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
