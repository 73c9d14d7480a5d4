"""The shop behind a simulation: its catalogue, its customers, its calendar, and the tables all draws go through.

Everything here is computed once for a simulation and depends only on its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from orders_es.errors import InvalidSetting, NaiveTime
from orders_es.sources.simulator.draws import Draws, delay_table, exp, ln, spread, thresholds
from orders_es.sources.simulator.settings import Delay, SimulatorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.sources.simulator.draws import Floats, Ints, Words

__all__ = ["BLOCK_ORDERS", "Arrivals", "Shop", "open_shop"]

BLOCK_ORDERS = 16_384
"""Orders generated at a time, which bounds memory."""

HOUR_MS = 3_600_000
_MAX_ORDERS = 10**9
_MAX_DAYS = 36_500

_KINDS = (
    "mug", "bowl", "plate", "candle", "cushion", "blanket", "lamp", "clock", "basket", "vase", "apron", "teapot",
    "jug", "tray", "frame", "hook", "lantern", "notebook", "pencil", "case", "wallet", "scarf", "hat", "umbrella",
    "bag", "bottle", "flask", "brush", "soap", "towel", "doormat", "planter", "kite", "puzzle", "garland", "stool",
    "shelf", "mirror", "coaster", "tin",
)  # fmt: skip
_MATERIALS = (
    "enamel", "linen", "oak", "felt", "glass", "cotton", "brass", "stoneware", "bamboo", "wool", "copper", "cork",
    "paper", "leather", "slate", "wicker",
)  # fmt: skip
_COLOURS = (
    "white", "black", "sea-green", "mustard", "terracotta", "navy", "rose", "sage", "ivory", "charcoal", "sky-blue",
    "plum", "sand", "ruby", "moss", "silver", "amber", "teal", "coral", "lilac",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop and the period that is simulated. Made by `open_shop`."""

    settings: SimulatorSettings
    orders: int
    start_ms: int
    days: int
    draws: Draws
    digits: int
    hours: Floats
    popularity: Words
    prices: Ints
    delays: dict[str, Ints]
    choices: dict[str, Words]

    @property
    def end_ms(self) -> int:
        """The end of the period, in milliseconds since 1970."""
        return self.start_ms + self.days * 24 * HOUR_MS

    def product_numbers(self) -> Ints:
        """The number in the catalogue of the product of each rank: popular ones are strewn all over it."""
        count = self.settings.products
        step = max(1, int(count * 0.618))
        while gcd(step, count) != 1:
            step += 1
        return (np.arange(count, dtype=np.int64) * step + count // 3) % count + 1

    def product_names(self) -> list[str]:
        """The description of the product of each rank."""
        combinations = len(_KINDS) * len(_COLOURS) * len(_MATERIALS)
        names = []
        for number in self.product_numbers().tolist():
            round_, place = divmod(number, combinations)
            # 7,919 is prime to the number of combinations, so neighbours in the catalogue are unlike and none is alike.
            rest, kind = divmod(place * 7_919 % combinations, len(_KINDS))
            material, colour = divmod(rest, len(_COLOURS))
            name = f"{_MATERIALS[material]} {_KINDS[kind]}, {_COLOURS[colour]}".capitalize()
            names.append(name if not round_ else f"{name} no. {round_ + 1}")
        return names


def open_shop(settings: SimulatorSettings, *, orders: int, seed: int, start: datetime, days: int) -> Shop:
    """The shop of a simulation.

    Args:
        orders: How many orders are created in the period.
        seed: Another seed gives another shop life.
        start: When the period begins.
        days: How long it is.

    Raises:
        InvalidSetting: An argument is out of range.
        NaiveTime: `start` has no time zone.
    """
    _check("orders", orders, 1, _MAX_ORDERS)
    _check("days", days, 1, _MAX_DAYS)
    _check("seed", seed, -(1 << 63), (1 << 63) - 1)
    start_ms = to_ms(start)
    canonical = repr((seed, orders, start_ms, days, *((f.name, getattr(settings, f.name)) for f in fields(settings))))
    draws = Draws(sha256(canonical.encode()).digest())
    lowest, middle, highest = settings.product_prices
    product = np.arange(settings.products, dtype=np.int64)
    ranks = np.arange(settings.products, dtype=np.float64)
    quantiles = np.rint(spread(lowest, middle, highest, 1_024)).astype(np.int64)
    raw = quantiles[draws.below("price", product, 1_025)]
    # Shops like prices that end in 9 or 5: round up to the next one where the price is large enough to have one.
    ending = np.array([99, 49, 95, 90, 99], dtype=np.int64)[draws.below("price ending", product, 5)]
    prices = np.where(raw >= 100, raw // 100 * 100 + ending, raw)  # noqa: PLR2004 - one whole unit of the currency
    return Shop(
        settings=settings,
        orders=orders,
        start_ms=start_ms,
        days=days,
        draws=draws,
        digits=max(6, len(str(orders))),
        hours=_hours(settings, start, days),
        popularity=thresholds(exp(ln(ranks + 6.0) * -float(settings.popularity_exponent))),
        prices=prices,
        delays={f.name: delay_table(d) for f in fields(settings) if isinstance(d := getattr(settings, f.name), Delay)},
        choices={
            name: thresholds(weight for _, weight in getattr(settings, name))
            for name in (
                "countries",
                "channels",
                "lines_per_order",
                "line_quantities",
                "discount_percents",
                "shipping_methods",
                "payment_methods",
                "carriers",
            )
        },
    )


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NaiveTime("start", moment)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _check(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidSetting(name, value, f"give a whole number from {low} to {high}")


def _hours(settings: SimulatorSettings, start: datetime, days: int) -> Floats:
    """How much is sold up to the end of each hour of the period: cumulated weights, beginning with 0.

    The weights are rounded to whole numbers before they are added up, so that the sums are exact.
    """
    first = start.astimezone(UTC)
    day_factors = exp(
        np.arange(days + 1, dtype=np.float64) / 365.0 * ln(np.array([1.0 + settings.yearly_growth], dtype=np.float64))
    )
    weights = np.empty(days * 24, dtype=np.float64)
    for day in range(days + 1):
        moment = first + timedelta(days=day)
        today = day_factors[day] * settings.weekday_weights[moment.weekday()] * settings.month_weights[moment.month - 1]
        # The period may begin at any hour: a calendar day's hours then lie in two of its days.
        low, high = max(0, day * 24 - first.hour), min(days * 24, (day + 1) * 24 - first.hour)
        for cell in range(low, high):
            weights[cell] = today * settings.hour_weights[(cell + first.hour) % 24]
    scaled = np.maximum(np.rint(weights * (2.0**30 / weights.max())), 1.0).astype(np.int64)
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(scaled))).astype(np.float64)


class Arrivals:
    """When each order is created and who creates it, in blocks of consecutive orders.

    Orders arrive as a Poisson process whose rate follows the calendar, given that `orders` of them arrive in the
    period: exponential gaps, scaled to the period, and bent by the cumulated weights of its hours. A first pass over
    the gaps finds their sum and the number of new customers, so that every block can be made on its own.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._gaps_before = [0]
        self._new_before = [0]
        for first in range(0, shop.orders, BLOCK_ORDERS):
            order = self._block(first)
            self._gaps_before.append(self._gaps_before[-1] + int(shop.draws.exponential("gap", order).sum()))
            self._new_before.append(self._new_before[-1] + int(np.count_nonzero(~self._is_repeat(order))))
        # The last gap ends at the end of the period, behind the last order.
        self._total = self._gaps_before[-1] + int(shop.draws.exponential("gap", np.array([shop.orders])).sum())

    def blocks(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Order numbers (from 0), creation times in milliseconds since 1970 (ascending), and customers' numbers."""
        shop = self._shop
        for number, first in enumerate(range(0, shop.orders, BLOCK_ORDERS)):
            order = self._block(first)
            gaps = self._gaps_before[number] + np.cumsum(shop.draws.exponential("gap", order))
            place = gaps.astype(np.float64) / float(self._total) * shop.hours[-1]
            hour = np.minimum(np.searchsorted(shop.hours, place, side="right"), len(shop.hours) - 1) - 1
            part = (place - shop.hours[hour]) / (shop.hours[hour + 1] - shop.hours[hour])
            offset = np.minimum((part * HOUR_MS).astype(np.int64), HOUR_MS - 1)
            yield order, shop.start_ms + hour * HOUR_MS + offset, self._customers(number, order)

    def _block(self, first: int) -> Ints:
        return np.arange(first, min(first + BLOCK_ORDERS, self._shop.orders), dtype=np.int64)

    def _is_repeat(self, order: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return self._shop.draws.share("repeat", order, self._shop.settings.repeat_share)

    def _customers(self, number: int, order: Ints) -> Ints:
        """The customer of each order: the next new number, or one of those before it.

        A repeat order draws any known customer and then clears some of the number's last bits. Numbers divisible by
        high powers of two are thus met ever more often: the regulars. It needs no memory of who ordered what.
        """
        draws, settings = self._shop.draws, self._shop.settings
        repeat = self._is_repeat(order)
        known = settings.opening_customers + self._new_before[number] + np.cumsum(~repeat) - ~repeat
        customer = draws.below("customer", order, known)
        # 2^-z/(...) as shares: how many orders clear at least z bits is loyalty to the power of z.
        ladder = np.cumprod(np.full(20, float(settings.loyalty)))
        tail = (draws.words("loyalty", order) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        bits = np.searchsorted(-ladder, -tail, side="left").astype(np.int64)
        regular = (customer >> bits) << bits
        # Customer 0 would take all that clears too much.
        customer = np.where(regular > 0, regular, customer)
        result: Ints = np.where(repeat, customer, known)
        return result
