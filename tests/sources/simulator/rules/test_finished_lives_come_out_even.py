from __future__ import annotations

from typing import Any

import pytest

from orders_es.orders import fold


@pytest.mark.long
def test_every_finished_life_is_paid_in_full_and_nothing_is_owed(shop, hectic):
    for life in shop.lives(shop.table(hectic, orders=1_500, seed=5)).values():
        order = fold(life)
        assert order.balance == 0, life
        assert 0 <= order.refunded <= order.paid
        if order.status in ("paid", "shipped", "delivered"):
            assert order.paid > 0


@pytest.mark.long
def test_no_more_comes_back_than_was_delivered(shop, hectic):
    returned = 0
    for life in shop.lives(shop.table(hectic, orders=1_500, seed=6)).values():
        for line in fold(life).lines:
            assert line.ordered >= 0
            assert 0 <= line.returned <= line.ordered
            returned += line.returned
    assert returned > 500


def test_a_life_begins_with_its_creation(shop, hectic):
    for life in shop.lives(shop.table(hectic, orders=1_500, seed=7)).values():
        assert [type(event.data).__name__ for event in life].index("OrderCreated") == 0


def test_money_is_in_whole_minor_units(year):
    for name in ("price", "amount"):
        for value in year.column(name).slice(0, 20_000).drop_null().to_pylist():
            assert value == round(value, 2)


def test_every_order_is_opened_within_the_period(shop):
    late: dict[str, Any] = {"late_basket_share": 1.0, "late_share": 1.0}
    from orders_es.sources.simulator import SimulatorSettings

    assert len(shop.lives(shop.table(SimulatorSettings(**late), orders=400, days=3))) == 400
