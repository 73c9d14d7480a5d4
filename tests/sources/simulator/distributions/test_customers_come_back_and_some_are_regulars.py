from __future__ import annotations

import numpy as np
import pytest

from orders_es.sources.simulator import SimulatorSettings


@pytest.fixture(scope="module")
def customers(created):
    return created.column("customer_id").drop_null().to_numpy(zero_copy_only=False)


@pytest.mark.long
def test_the_share_of_repeat_orders_is_near_the_setting(shop, only):
    settings = SimulatorSettings(repeat_share=0.4, guest_share=0, opening_customers=1)
    created = only(shop.table(settings, orders=20_000), "OrderCreated")
    new = len(set(created.column("customer_id").to_pylist()))
    assert abs(new / len(created) - 0.6) < 0.02


@pytest.mark.long
def test_the_base_of_customers_grows_through_the_year(customers):
    known = [len(set(customers[: len(customers) * part // 4])) for part in (1, 2, 3, 4)]
    assert np.diff(known).min() > 3_000


def test_a_few_regulars_order_much_more_than_most(customers):
    _, orders = np.unique(customers, return_counts=True)
    assert np.median(orders) <= 2
    assert np.sort(orders)[-len(orders) // 100 :].mean() > 8 * orders.mean()


def test_without_loyalty_nobody_stands_out(shop, only):
    settings = SimulatorSettings(loyalty=0, guest_share=0, repeat_share=1, opening_customers=1_000)
    created = only(shop.table(settings, orders=20_000), "OrderCreated")
    _, orders = np.unique(created.column("customer_id").to_numpy(zero_copy_only=False), return_counts=True)
    assert orders.max() < 20 + 6 * 20**0.5


def test_a_customer_lives_in_one_country(created):
    places = set(zip(created.column("customer_id").to_pylist(), created.column("country").to_pylist(), strict=True))
    named = [customer for customer, _ in places if customer is not None]
    assert len(named) == len(set(named))


def test_some_guests_are_attributed_later(shop, only):
    settings = SimulatorSettings(guest_share=0.5, guest_assigned_share=0.5, abandoned_share=0, open_end=False)
    table = shop.table(settings, orders=4_000)
    guests = only(table, "OrderCreated").column("customer_id").null_count
    assert abs(guests / 4_000 - 0.5) < 0.05
    assert abs(only(table, "CustomerAssigned").num_rows / guests - 0.5) < 0.07
