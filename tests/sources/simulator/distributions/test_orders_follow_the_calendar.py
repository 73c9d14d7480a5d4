from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from orders_es.sources.simulator import SimulatorSettings

DAY_MS = 86_400_000
FLAT: dict[str, Any] = {"month_weights": (1.0,) * 12, "yearly_growth": 0.0}


@pytest.mark.long
def test_days_of_the_week_sell_in_proportion_to_their_weights(shop, only):
    weights = (7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)
    settings = SimulatorSettings(weekday_weights=weights, **FLAT)
    created = only(shop.table(settings, orders=20_000, days=140), "OrderCreated")
    counts = np.bincount(shop.milliseconds(created) // DAY_MS % 7, minlength=7)
    expected = np.array(weights) / sum(weights) * len(created)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.long
def test_hours_of_the_day_sell_in_proportion_to_their_weights(shop, created):
    weights = np.array(SimulatorSettings().hour_weights)
    counts = np.bincount(shop.milliseconds(created) // 3_600_000 % 24, minlength=24)
    expected = weights / weights.sum() * len(created)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.long
@pytest.mark.parametrize("growth", [-0.3, 0.0, 0.5, 2.0])
def test_the_rate_of_orders_grows_by_the_yearly_growth(shop, only, growth):
    settings = SimulatorSettings(**FLAT | {"yearly_growth": growth})
    created = only(shop.table(settings, orders=30_000, days=728), "OrderCreated")
    first, second = np.bincount(shop.milliseconds(created) // DAY_MS // 364, minlength=2)
    # Five standard deviations of the ratio of two counts.
    assert abs(second / first - (1 + growth)) < 5 * (1 + growth) * (1 / first + 1 / second) ** 0.5 + 0.01


@pytest.mark.long
def test_arrivals_are_as_irregular_as_a_poisson_process(shop, only):
    settings = SimulatorSettings(hour_weights=(1.0,) * 24, weekday_weights=(1.0,) * 7, **FLAT)
    created = only(shop.table(settings, orders=20_000, days=100), "OrderCreated")
    hours = np.bincount(shop.milliseconds(created) // 3_600_000, minlength=2_400)
    assert 0.85 < hours.var() / hours.mean() < 1.15


def test_order_numbers_rise_with_time(shop, created):
    order = np.argsort(created.column("stream_id").to_numpy(zero_copy_only=False))
    assert (np.diff(shop.milliseconds(created)[order]) >= 0).all()


def test_a_period_may_begin_at_any_hour_of_any_zone(shop, only):
    from datetime import timedelta, timezone

    start = shop.start.astimezone(timezone(timedelta(hours=5, minutes=30))) + timedelta(hours=9, minutes=17)
    table = shop.table(SimulatorSettings(hour_weights=(1e-6,) * 12 + (1.0,) * 12), orders=500, days=30, start=start)
    offset = shop.milliseconds(only(table, "OrderCreated"))
    assert offset.min() >= 9 * 3_600_000 + 17 * 60_000
    assert offset.max() < 9 * 3_600_000 + 17 * 60_000 + 30 * DAY_MS
    # Hours are cut where the period's hours begin, so the edge of the afternoon is sharp to an hour.
    assert ((offset // 3_600_000 % 24 >= 12) | (offset // 3_600_000 % 24 == 0)).mean() > 0.99
