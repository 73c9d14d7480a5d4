from __future__ import annotations

import numpy as np
import pytest

from orders_es.sources.simulator import SimulatorSettings


@pytest.mark.long
def test_popularity_falls_with_rank_as_zipf_says(shop, only):
    settings = SimulatorSettings(products=500, popularity_exponent=1.0, long_orders=0)
    items = only(shop.table(settings, orders=30_000), "ItemAdded").column("item_id").to_numpy(zero_copy_only=False)
    _, sold = np.unique(items, return_counts=True)
    sold = np.sort(sold)[::-1]
    weights = 1 / (np.arange(500) + 6.0)
    expected = weights / weights.sum() * len(items)
    assert len(sold) == 500
    for first, last in ((0, 10), (10, 50), (50, 200), (200, 500)):
        assert abs(sold[first:last].sum() / expected[first:last].sum() - 1) < 0.06


@pytest.mark.long
def test_a_tenth_of_the_products_makes_most_of_the_sales_and_the_rest_still_sells(year, only):
    items = only(year, "ItemAdded").column("item_id").to_numpy(zero_copy_only=False)
    _, sold = np.unique(items, return_counts=True)
    sold = np.sort(sold)[::-1]
    assert 0.5 < sold[:400].sum() / sold.sum() < 0.9
    assert len(sold) > 0.95 * SimulatorSettings().products


@pytest.mark.long
def test_a_product_has_one_price_and_one_name(year, only):
    added = only(year, "ItemAdded").select(["item_id", "price", "description"])
    assert added.group_by(["item_id", "price", "description"]).aggregate([]).num_rows == len(
        set(added.column("item_id").to_pylist())
    )


def test_prices_stay_within_the_catalogue(year, only):
    lowest, middle, highest = (price / 100 for price in SimulatorSettings().product_prices)
    added = only(year, "ItemAdded").select(["item_id", "price"]).group_by(["item_id", "price"]).aggregate([])
    prices = np.array([float(price) for price in added.column("price").to_pylist()])
    assert lowest <= prices.min()
    assert prices.max() <= highest + 1
    assert 0.8 < np.median(prices) / middle < 1.25


def test_names_in_a_catalogue_of_ten_thousand_are_all_different(shop):
    from orders_es.sources.simulator.shop import open_shop

    names = open_shop(SimulatorSettings(products=10_000), orders=1, seed=1, start=shop.start, days=1).product_names()
    assert len(set(names)) == 10_000


def test_a_few_streams_are_very_long(shop):
    settings = SimulatorSettings(long_orders=3, long_order_lines=2_000)
    lengths = sorted(len(life) for life in shop.lives(shop.table(settings, orders=400, days=120)).values())
    assert lengths[-3] > 2_000
    assert lengths[-4] < 100
