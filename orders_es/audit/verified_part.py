"""Which part of a log is read when not all of it is: nothing but what files say of themselves, a range, or a sample."""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.errors.calls import check_count

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Part", "part_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """Positions, the files or commits of which are read whole; of all others only what they say of themselves.

    Args:
        positions: Single ones, sorted; a range is its own.
        text: What it is, in words.
    """

    positions: Sequence[int]
    text: str

    def wanted(self, first: int, last: int) -> bool:
        """Whether a stretch has one of them."""
        at = bisect_left(self.positions, first)
        return at < len(self.positions) and self.positions[at] <= last


def part_of(
    end: int, *, quick: bool = False, positions: tuple[int, int] | None = None, sample: int | None = None
) -> Part | None:
    """The part that was asked for of a log up to a position; None for all of it.

    Raises:
        InvalidSetting: Two of them were asked for, or there are no such positions.

    Example:
        >>> part_of(100, positions=(3, 5)).wanted(5, 9), part_of(100, quick=True).wanted(1, 100), part_of(100)
        (True, False, None)
    """
    if bool(quick) + (positions is not None) + (sample is not None) > 1:
        raise InvalidSetting("quick", quick, "ask for one of the three: quick, positions, or a sample")
    if quick:
        return Part((), "structure and footers only: no event was read")
    if positions is not None:
        try:
            first, last = positions
        except (TypeError, ValueError):
            raise InvalidSetting("positions", positions, "give two: the first and the last one") from None
        check_count("positions[0]", first)
        check_count("positions[1]", last)
        if not 1 <= first <= last:
            raise InvalidSetting("positions", positions, "give the first and the last one, from 1 on")
        if first > end:
            raise InvalidSetting("positions", positions, f"the log ends at position {end:,}")
        held = range(first, min(last, end) + 1)
        return Part(held, f"only what lies with the positions {first:,} to {held[-1]:,} was read")
    if sample is not None:
        check_count("sample", sample)
        chosen = sorted(random.SystemRandom().sample(range(1, end + 1), min(sample, end)))
        return Part(chosen, f"only what lies with {len(chosen):,} events was read, which chance has chosen")
    return None
