"""Random draws and tables that come out the same, to the bit, on every machine.

Two things make a simulation differ from one machine to another: random generators whose streams depend on the
library's version and on how many values are asked for at a time, and functions such as `exp` and `log`, which every
platform's mathematics library rounds in its own way. Here

* a draw is a pure function of (key, purpose, index): the SplitMix64 sequence, which is integer arithmetic modulo 2^64,
  read at a place of our choosing. There is no state, so it does not matter in which order or in what portions draws
  are made;
* `ln` and `exp` are made of +, -, x and / on doubles, which IEEE 754 defines to the last bit, and of exact scaling by
  powers of two. No sum is left to a library that might reorder it: what is added up are integers.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders_es.sources.simulator.settings import Delay

Ints: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

__all__ = ["Draws", "Flags", "Floats", "Ints", "Words", "delay_table", "exp", "ln", "mix", "spread", "thresholds"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_FULL = 1 << 64

_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
_QUANTILES = 4_096


def mix(words: Words) -> Words:
    """SplitMix64's finaliser: a bijection of the 64-bit words that leaves no pattern. `words` is overwritten."""
    words ^= words >> _S30
    words *= _M1
    words ^= words >> _S27
    words *= _M2
    words ^= words >> _S31
    return words


class Draws:
    """Independent random sequences, one for each purpose, each readable at any index.

    Args:
        key: What the draws depend on; another key gives other draws.

    Example:
        >>> draws = Draws(b"seed 7")
        >>> index = np.arange(4, dtype=np.int64)
        >>> bool((draws.below("dice", index, 6) == draws.below("dice", index[::-1], 6)[::-1]).all())
        True
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._purposes: dict[str, np.uint64] = {}

    def word(self, purpose: str) -> np.uint64:
        """The 64-bit word that stands for a purpose."""
        word = self._purposes.get(purpose)
        if word is None:
            digest = sha256(self._key + b"\0" + purpose.encode()).digest()
            word = self._purposes[purpose] = np.uint64(int.from_bytes(digest[:8], "big"))
        return word

    def words(self, purpose: str, index: Ints) -> Words:
        """A uniform 64-bit word for each index."""
        words: Words = index.astype(np.uint64)
        words *= _GOLDEN
        words += self.word(purpose)
        return mix(words)

    def below(self, purpose: str, index: Ints, bound: Ints | int) -> Ints:
        """A uniform whole number from 0 to below `bound` (at most 2^31) for each index."""
        high = self.words(purpose, index) >> np.uint64(33)
        return ((high.astype(np.int64) * bound) >> 31).astype(np.int64)

    def share(self, purpose: str, index: Ints, probability: float) -> Flags:
        """For each index, whether something of this probability happens."""
        if probability >= 1:
            return np.ones(len(index), dtype=np.bool_)
        flags: Flags = self.words(purpose, index) < np.uint64(int(probability * 2.0**64))
        return flags

    def choice(self, purpose: str, index: Ints, table: Words) -> Ints:
        """For each index, one of the places of a table of `thresholds`."""
        return np.searchsorted(table, self.words(purpose, index), side="right").astype(np.int64)

    def delay(self, purpose: str, index: Ints, table: Ints) -> Ints:
        """For each index, a delay in milliseconds drawn from a `delay_table`."""
        words = self.words(purpose, index)
        place = (words >> np.uint64(52)).astype(np.int64)
        part = ((words >> np.uint64(36)) & np.uint64(0xFFFF)).astype(np.int64)
        low = table[place]
        result: Ints = low + (((table[place + 1] - low) * part) >> 16)
        return result

    def exponential(self, purpose: str, index: Ints) -> Ints:
        """For each index, an exponentially distributed whole number with mean 2^20."""
        unit = ((self.words(purpose, index) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        result: Ints = np.rint(ln(unit) * -(2.0**20)).astype(np.int64) + 1
        return result


def ln(x: Floats) -> Floats:
    """The natural logarithm of positive numbers, to about 15 digits and the same on every machine."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    power = exponent.astype(np.float64) - small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    total = np.zeros_like(s)
    for k in range(21, 0, -2):
        total = total * square + 1.0 / k
    result: Floats = 2.0 * s * total + power * _LN2
    return result


def exp(x: Floats) -> Floats:
    """The exponential function, to about 15 digits and the same on every machine."""
    k = np.rint(x / _LN2)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    total = np.ones_like(r)
    for n in range(14, 0, -1):
        total = total * r / n + 1.0
    result: Floats = np.ldexp(total, k.astype(np.int32))
    return result


def thresholds(weights: Iterable[float] | Floats) -> Words:
    """The table for `Draws.choice`: the upper ends of the shares of 2^64, without the last one.

    Args:
        weights: Positive weights; only their proportions count.
    """
    values = np.fromiter(weights, dtype=np.float64)
    scaled = np.maximum(np.rint(values * (2.0**38 / values.max())), 1.0).astype(np.int64)
    ends = np.cumsum(scaled)
    total = int(ends[-1])
    return np.array([int(end) * _FULL // total for end in ends[:-1]], dtype=np.uint64)


def spread(low: float, middle: float, high: float, points: int) -> Floats:
    """The quantiles, at `points` + 1 even places, of the distribution that `Delay` describes."""
    low_ln, middle_ln, high_ln = ln(np.array([low, middle, high], dtype=np.float64))
    places = np.arange(points + 1, dtype=np.float64) / points
    below = low_ln + (middle_ln - low_ln) * (places * 2.0)
    above = middle_ln + (high_ln - middle_ln) * (places * 2.0 - 1.0)
    return exp(np.where(places < 0.5, below, above))  # noqa: PLR2004 - the median's place


def delay_table(delay: Delay) -> Ints:
    """The table for `Draws.delay`: quantiles in whole milliseconds."""
    points = [part.total_seconds() * 1_000.0 for part in (delay.shortest, delay.typical, delay.longest)]
    return np.rint(spread(points[0], points[1], points[2], _QUANTILES)).astype(np.int64)
