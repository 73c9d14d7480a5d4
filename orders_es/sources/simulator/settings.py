"""The rates of the simulated shop: for everybody who wants another shop than the default one.

Each field of `SimulatorSettings` is a figure that a shop owner could name. Nothing else decides what is generated,
apart from the arguments of `simulate` (how many orders, from when, for how long, which seed).
"""
# ruff: noqa: RUF009 - a Delay as a default is frozen, so it can be shared

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from orders_es.errors import InvalidSetting

__all__ = ["Delay", "SimulatorSettings"]

MAX_LINES = 50_000
# The longest order of the dearest items in the largest quantities still fits DECIMAL(18, 4).
_DEAREST = 10**7
_LONGEST = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Delay:
    """How long something takes: half of the cases fall under `typical`, none outside `shortest` and `longest`.

    Between these three points the logarithm of the delay is spread evenly, which gives the long right tail that
    waiting times have.

    Args:
        shortest: The lower end; more than zero.
        typical: The median.
        longest: The upper end; at most ten years.

    Raises:
        InvalidSetting: They are not in order, not positive, or too long.

    Example:
        >>> Delay(timedelta(hours=4), timedelta(days=1), timedelta(days=6)).typical
        datetime.timedelta(days=1)
    """

    shortest: timedelta
    typical: timedelta
    longest: timedelta

    def __post_init__(self) -> None:
        for name in ("shortest", "typical", "longest"):
            value = getattr(self, name)
            if not isinstance(value, timedelta):
                raise InvalidSetting(name, value, "a delay is given as three timedeltas")
        if self.shortest < timedelta(milliseconds=1):
            raise InvalidSetting("shortest", self.shortest, "a delay is at least a millisecond")
        if not self.shortest <= self.typical <= self.longest:
            raise InvalidSetting("typical", self.typical, "give the delays in order: shortest, typical, longest")
        if self.longest > _LONGEST:
            raise InvalidSetting("longest", self.longest, "a delay is at most 3650 days")


def _delay(shortest: float, typical: float, longest: float) -> Delay:
    """A `Delay` from hours."""
    return Delay(timedelta(hours=shortest), timedelta(hours=typical), timedelta(hours=longest))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Every rate of the simulated shop.

    A *share* is a probability from 0 to 1. *Weights* are positive numbers that need not add up to anything: only their
    proportions count. *Choices* are pairs of a value and its weight. Money is in the currency's minor unit (cents).

    Args:
        currency: The shop's one currency.
        hour_weights: How much is sold in each hour of the day (UTC), 24 weights.
        weekday_weights: How much is sold on each day of the week, from Monday, 7 weights.
        month_weights: How much is sold in each month, from January, 12 weights.
        yearly_growth: By how much the rate of orders grows in a year; 0.35 is 35 % more, -0.1 a tenth less.
        opening_customers: Customers that the shop has before the first day.
        repeat_share: Orders that come from a customer already known; the others each bring a new one.
        loyalty: How unevenly repeat orders fall on customers: 0 gives everyone the same chance, towards 1 a few
            regulars order nearly everything.
        guest_share: Orders without a customer.
        guest_assigned_share: Guest orders that are attributed to a customer afterwards.
        assignment_delay: From placing to that attribution.
        countries: Choices of a customer's country.
        channels: Choices of the channel an order comes in by.
        products: Size of the catalogue.
        popularity_exponent: Zipf's: the product of rank r sells in proportion to 1 / (r + 5) to this power.
        product_prices: The cheapest, the median and the dearest price, in minor units.
        lines_per_order: Choices of how many lines an order has.
        line_quantities: Choices of a line's quantity.
        removed_line_share: Lines (after the first) taken out again before placing.
        changed_line_share: Remaining lines whose quantity is changed before placing.
        long_orders: Standing orders with very many lines, filled over weeks. They make the very long streams.
        long_order_lines: Lines of each of these; at most 50,000.
        long_order_fill: How long such an order is being filled.
        abandoned_share: Orders never placed; the shop cancels them.
        abandonment_delay: From the last change to that cancellation.
        discount_share: Orders with a discount.
        discount_percents: Choices of the discount, in whole percents of the goods' value.
        shipping_methods: Choices of a method, as (name, charge in minor units) with a weight; no charge, no event.
        free_shipping_from: Goods' value from which shipping is free, in minor units.
        payment_methods: Choices of how people pay.
        transfer_share: Orders paid by bank transfer instead, which takes `transfer_delay`.
        payment_delay: From placing to the first attempt at paying.
        transfer_delay: The same for a bank transfer.
        payment_failure_share: Attempts at paying that fail. After the third failure the order is cancelled.
        payment_retry_delay: From a failure to the next attempt, or to the cancellation.
        partial_payment_share: Orders paid in two parts.
        partial_payment_delay: From the first part to the second.
        cancelled_share: Placed orders that the customer cancels before they are shipped.
        cancelled_unpaid_share: Of these, the ones cancelled before they are paid. The others get their money back.
        cancellation_delay: From placing, or paying, to the cancellation.
        shipping_delay: From full payment to the parcel leaving.
        delivery_delay: From leaving to arriving.
        lost_share: Parcels that never arrive.
        carriers: Choices of the carrier.
        returned_share: Delivered orders of which something comes back.
        returned_line_share: Lines (after the first) of such an order that come back, at least in part.
        fully_returned_share: Of the lines that come back, those that come back whole.
        return_delay: From arrival to the return.
        refund_delay: From a return, a cancellation or a credit to the refund.
        goodwill_share: Delivered orders with a credit for goodwill.
        goodwill_delay: From arrival to that credit.
        correction_share: Delivered orders with a back-dated correction: dated to the delivery, recorded long after.
        correction_delay: From the delivery to the recording of the correction.
        correction_upward_share: Corrections that ask for more money; the others give some back.
        late_share: Events after placing that are recorded late.
        late_delay: From such an event to its recording.
        late_basket_share: Orders taken elsewhere, whose events up to placing are all entered later.
        late_basket_delay: From such an order to its entry.
        open_end: Whether recording stops with the last day, so that some orders are still under way as in any shop,
            or every life is told to its end, past the last day.

    Raises:
        InvalidSetting: A value is out of range; the error names the field.

    Example:
        >>> SimulatorSettings(returned_share=0.2).returned_share
        0.2
    """

    currency: str = "EUR"
    hour_weights: tuple[float, ...] = (
        8, 5, 3, 2, 2, 4, 10, 22, 38, 52, 60, 62, 66, 60, 54, 52, 54, 60, 70, 82, 88, 74, 44, 20,
    )  # fmt: skip
    weekday_weights: tuple[float, ...] = (110, 104, 100, 102, 96, 78, 94)
    month_weights: tuple[float, ...] = (94, 84, 92, 92, 94, 90, 86, 84, 96, 104, 136, 148)
    yearly_growth: float = 0.35
    opening_customers: int = 400
    repeat_share: float = 0.55
    loyalty: float = 0.65
    guest_share: float = 0.08
    guest_assigned_share: float = 0.35
    assignment_delay: Delay = _delay(0.5, 60, 1_000)
    countries: tuple[tuple[str, float], ...] = (
        ("DE", 40), ("FR", 18), ("NL", 12), ("AT", 9), ("BE", 7), ("ES", 6), ("IT", 5), ("IE", 3),
    )  # fmt: skip
    channels: tuple[tuple[str, float], ...] = (("web", 62), ("app", 27), ("phone", 6), ("marketplace", 5))
    products: int = 4_000
    popularity_exponent: float = 1.05
    product_prices: tuple[int, int, int] = (90, 1_290, 39_900)
    lines_per_order: tuple[tuple[int, float], ...] = (
        (1, 34), (2, 23), (3, 15), (4, 10), (5, 6), (6, 4), (7, 3), (8, 2), (10, 2), (15, 1),
    )  # fmt: skip
    line_quantities: tuple[tuple[int, float], ...] = ((1, 70), (2, 16), (3, 5), (4, 4), (6, 3), (12, 1.5), (24, 0.5))
    removed_line_share: float = 0.04
    changed_line_share: float = 0.05
    long_orders: int = 2
    long_order_lines: int = 1_500
    long_order_fill: timedelta = timedelta(days=21)
    abandoned_share: float = 0.03
    abandonment_delay: Delay = _delay(12, 30, 96)
    discount_share: float = 0.18
    discount_percents: tuple[tuple[int, float], ...] = ((5, 30), (10, 45), (15, 15), (20, 8), (30, 2))
    shipping_methods: tuple[tuple[tuple[str, int], float], ...] = (
        (("standard", 490), 74), (("express", 1_190), 14), (("pickup", 0), 12),
    )  # fmt: skip
    free_shipping_from: int = 9_000
    payment_methods: tuple[tuple[str, float], ...] = (("card", 58), ("wallet", 32), ("voucher", 10))
    transfer_share: float = 0.12
    payment_delay: Delay = _delay(0.001, 0.01, 0.5)
    transfer_delay: Delay = _delay(8, 40, 240)
    payment_failure_share: float = 0.06
    payment_retry_delay: Delay = _delay(0.03, 0.7, 72)
    partial_payment_share: float = 0.02
    partial_payment_delay: Delay = _delay(1, 26, 150)
    cancelled_share: float = 0.035
    cancelled_unpaid_share: float = 0.3
    cancellation_delay: Delay = _delay(0.05, 3, 60)
    shipping_delay: Delay = _delay(2, 22, 140)
    delivery_delay: Delay = _delay(14, 46, 330)
    lost_share: float = 0.004
    carriers: tuple[tuple[str, float], ...] = (("Northway", 46), ("Kestrel Post", 34), ("Harbour Freight", 20))
    returned_share: float = 0.08
    returned_line_share: float = 0.4
    fully_returned_share: float = 0.7
    return_delay: Delay = _delay(20, 190, 720)
    refund_delay: Delay = _delay(1, 50, 240)
    goodwill_share: float = 0.015
    goodwill_delay: Delay = _delay(2, 96, 720)
    correction_share: float = 0.01
    correction_delay: Delay = _delay(24, 220, 1_080)
    correction_upward_share: float = 0.25
    late_share: float = 0.05
    late_delay: Delay = _delay(0.1, 7, 670)
    late_basket_share: float = 0.012
    late_basket_delay: Delay = _delay(0.25, 6, 72)
    open_end: bool = True

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            check = _CHECKS.get(one.name) or _check_by_name(one.name, one.default)
            reason = check(value) if check is not None else ""
            if reason:
                raise InvalidSetting(one.name, value, reason)
        lowest, middle, highest = self.product_prices
        if not lowest <= middle <= highest:
            raise InvalidSetting("product_prices", self.product_prices, "give them in order: lowest, median, highest")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(low: int, high: int) -> Any:
    def check(value: object) -> str:
        fine = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if fine else f"give a whole number from {low} to {high}"

    return check


def _share(value: object) -> str:
    return "" if _number(value) and 0 <= value <= 1 else "a share is a number from 0 to 1"  # type: ignore[operator]


def _weights(count: int) -> Any:
    def check(value: object) -> str:
        fine = isinstance(value, tuple) and len(value) == count and all(_number(w) and 0 < w <= 10**6 for w in value)
        return "" if fine else f"give a tuple of {count} weights, each more than 0 and at most a million"

    return check


def _choices(good: Any, what: str) -> Any:
    def check(value: object) -> str:
        fine = isinstance(value, tuple) and 0 < len(value) <= 200  # noqa: PLR2004 - texts travel as small numbers
        fine = fine and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)  # type: ignore[attr-defined] # noqa: PLR2004
        fine = fine and all(good(v) and _number(w) and 0 < w <= 10**6 for v, w in value)  # type: ignore[attr-defined]
        return "" if fine else f"give 1 to 200 pairs of {what} and a weight more than 0, as a tuple of tuples"

    return check


def _check_by_name(name: str, default: object) -> Any:
    if name.endswith("_share"):
        return _share
    if isinstance(default, Delay):
        return lambda value: "" if isinstance(value, Delay) else "give a Delay(shortest, typical, longest)"
    return None


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _int_in(low: int, high: int) -> Any:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _method(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and _text(value[0]) and _int_in(0, 10**9)(value[1])  # noqa: PLR2004


_CHECKS: dict[str, Any] = {
    "currency": lambda v: (
        "" if isinstance(v, str) and re.fullmatch("[A-Z]{3}", v) else "give three capital letters, as EUR"
    ),
    "hour_weights": _weights(24),
    "weekday_weights": _weights(7),
    "month_weights": _weights(12),
    "yearly_growth": lambda v: "" if _number(v) and -0.9 <= v <= 9 else "give a number from -0.9 to 9; 0.35 is 35 %",  # noqa: PLR2004
    "opening_customers": _whole(1, 10**8),
    "loyalty": lambda v: "" if _number(v) and 0 <= v < 1 else "give a number from 0 to below 1",
    "countries": _choices(_text, "a country"),
    "channels": _choices(_text, "a channel"),
    "products": _whole(1, 10**6),
    "popularity_exponent": lambda v: "" if _number(v) and 0 <= v <= 5 else "give a number from 0 to 5",  # noqa: PLR2004
    "product_prices": lambda v: (
        ""
        if isinstance(v, tuple) and len(v) == 3 and all(_int_in(1, _DEAREST)(p) for p in v)  # noqa: PLR2004
        else f"give three whole numbers from 1 to {_DEAREST}"
    ),
    "lines_per_order": _choices(_int_in(1, 200), "a number of lines from 1 to 200"),
    "line_quantities": _choices(_int_in(1, 10_000), "a quantity from 1 to 10,000"),
    "long_orders": _whole(0, 1_000),
    "long_order_lines": _whole(1, MAX_LINES),
    "long_order_fill": lambda v: (
        ""
        if isinstance(v, timedelta) and timedelta(minutes=1) <= v <= _LONGEST
        else "give a timedelta of a minute or more"
    ),
    "discount_percents": _choices(_int_in(1, 99), "a percentage from 1 to 99"),
    "shipping_methods": _choices(_method, "a (name, charge in minor units)"),
    "free_shipping_from": _whole(0, 10**15),
    "payment_methods": _choices(_text, "a method"),
    "carriers": _choices(_text, "a carrier"),
    "open_end": lambda v: "" if isinstance(v, bool) else "give True or False",
}
