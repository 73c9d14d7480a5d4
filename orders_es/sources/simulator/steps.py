"""Simulated steps as columns of numbers, before they become a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.sources.simulator.draws import Ints
    from orders_es.sources.simulator.kinds import Kind

__all__ = ["StepList", "Steps", "in_order"]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in the lives of orders, one place of every array a step.

    Args:
        recorded_at: When each is recorded, in milliseconds since 1970.
        occurred_at: When it happened, the same.
        order: The order's number, from 0.
        kind: The number of a `Kind`.
        line: Which of several steps of this kind in this order: the line of the basket, the attempt at paying.
        amount: Money in hundredths of the minor unit; for a created order or an assignment, the customer's number.
        quantity: Pieces, or the difference in pieces.
        item: The product's rank, or -1.
        text: The numbers of two words: the second in the high half.
    """

    recorded_at: Ints
    occurred_at: Ints
    order: Ints
    kind: npt.NDArray[np.int8]
    line: npt.NDArray[np.int32]
    amount: Ints
    quantity: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    text: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.recorded_at)

    def take(self, places: Ints) -> Steps:
        """The steps at these places, in this order."""
        return Steps(*(getattr(self, name).take(places) for name in _NAMES))

    def part(self, first: int, last: int) -> Steps:
        """The steps from one place up to another, in memory of their own."""
        return Steps(*(getattr(self, name)[first:last].copy() for name in _NAMES))

    @staticmethod
    def joined(parts: Sequence[Steps]) -> Steps:
        """All steps of all parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        return Steps(*(np.concatenate([getattr(part, name) for part in parts]) for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Steps))
_TYPES = {"kind": np.int8, "line": np.int32, "quantity": np.int32, "item": np.int32, "text": np.int32}


class StepList:
    """Collects the steps of a block of orders, kind by kind.

    Args:
        order: The orders' numbers.
    """

    def __init__(self, order: Ints) -> None:
        self._order = order
        self._parts: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in _NAMES}

    def add(
        self,
        kind: Kind,
        rows: Ints,
        occurred_at: Ints,
        *,
        recorded_at: Ints | None = None,
        amount: Ints | int = 0,
        quantity: Ints | int = 0,
        item: Ints | int = -1,
        text: Ints | int = 0,
        line: Ints | int = 0,
    ) -> None:
        """Add one step to each of these orders.

        Args:
            kind: The kind of step.
            rows: The orders' places in the block.
            occurred_at: When it happened.
            recorded_at: When it is recorded, where that is not when it happened.
            amount: See `Steps`.
            quantity: See `Steps`.
            item: See `Steps`.
            text: See `Steps`.
            line: See `Steps`.
        """
        values: dict[str, Ints | int] = {
            "recorded_at": occurred_at if recorded_at is None else recorded_at,
            "occurred_at": occurred_at,
            "order": self._order[rows],
            "kind": int(kind),
            "line": line,
            "amount": amount,
            "quantity": quantity,
            "item": item,
            "text": text,
        }
        for name, value in values.items():
            kept = _TYPES.get(name, np.int64)
            array = np.full(len(rows), value, kept) if isinstance(value, int) else value.astype(kept, copy=False)
            self._parts[name].append(array)

    def steps(self) -> Steps:
        """All of them, kind after kind."""
        return Steps(*(np.concatenate(self._parts[name]) for name in _NAMES))  # type: ignore[arg-type]


def in_order(recorded_at: Ints) -> Ints:
    """The places of the steps in the order of their recording; of the same moment, the earlier place first."""
    bits = max(1, len(recorded_at)).bit_length()
    key = (
        (recorded_at - recorded_at.min(initial=np.iinfo(np.int64).max)) << bits
        if len(recorded_at)
        else recorded_at.copy()
    )
    key |= np.arange(len(recorded_at), dtype=np.int64)
    key.sort()
    key &= (1 << bits) - 1
    return key
