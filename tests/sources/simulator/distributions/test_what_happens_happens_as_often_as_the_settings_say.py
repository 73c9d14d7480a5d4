from __future__ import annotations

from typing import Any

import pytest

from orders_es.sources.simulator import SimulatorSettings

ORDERS = 40_000
DEFAULT = SimulatorSettings()


def near(count, of, share):
    """Within five standard deviations."""
    return abs(count - of * share) <= 5 * (of * share * (1 - share)) ** 0.5 + 1


@pytest.mark.long
def test_orders_and_lines(count):
    assert count["OrderCreated"] == ORDERS
    mean = sum(n * w for n, w in DEFAULT.lines_per_order) / sum(w for _, w in DEFAULT.lines_per_order)
    assert abs(count["ItemAdded"] / ORDERS / mean - 1) < 0.03


@pytest.mark.long
def test_lines_are_removed_and_changed(count):
    others = count["ItemAdded"] - ORDERS
    assert near(count["ItemRemoved"], others, DEFAULT.removed_line_share)
    assert near(count["ItemQuantityChanged"], count["ItemAdded"] - count["ItemRemoved"], DEFAULT.changed_line_share)


def test_abandoned_orders_and_discounts(count):
    assert near(ORDERS - count["OrderPlaced"], ORDERS, DEFAULT.abandoned_share)
    # A few per cent of very little is nothing, and leaves no event.
    assert near(count["DiscountApplied"], ORDERS, DEFAULT.discount_share)


def test_payments_fail(count):
    attempts = count["OrderPlaced"] * (1 - DEFAULT.cancelled_share * DEFAULT.cancelled_unpaid_share)
    share = DEFAULT.payment_failure_share
    assert abs(count["PaymentFailed"] / (attempts * (share + share**2 + share**3)) - 1) < 0.1


def test_shipping_delivery_and_loss(count):
    assert near(count["OrderShipped"] - count["OrderDelivered"], count["OrderShipped"], DEFAULT.lost_share)
    assert count["OrderShipped"] < count["OrderPlaced"] * (1 - 0.9 * DEFAULT.cancelled_share)


def test_returns(year, count, only):
    returned = len(set(only(year, "ItemReturned").column("stream_id").to_pylist()))
    assert near(returned, count["OrderDelivered"], DEFAULT.returned_share)


def test_adjustments(count):
    assert near(count["AdjustmentRecorded"], count["OrderDelivered"], DEFAULT.goodwill_share + DEFAULT.correction_share)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("share", "type_"),
    [
        ("discount_share", "DiscountApplied"),
        ("removed_line_share", "ItemRemoved"),
        ("changed_line_share", "ItemQuantityChanged"),
        ("payment_failure_share", "PaymentFailed"),
        ("returned_share", "ItemReturned"),
        ("guest_share", "CustomerAssigned"),
    ],
)
def test_a_share_of_nothing_is_nothing(shop, count, share, type_):
    never: dict[str, Any] = {share: 0}
    quiet = shop.table(SimulatorSettings(**never), orders=2_000)
    assert type_ in count
    assert type_ not in quiet.column("type").to_pylist()


def test_channels_countries_and_methods_come_in_proportion(created):
    for column, choices in (("channel", DEFAULT.channels), ("country", DEFAULT.countries)):
        values = created.column(column).to_pylist()
        total = sum(weight for _, weight in choices)
        for name, weight in choices:
            assert abs(values.count(name) / len(values) - weight / total) < 0.03
