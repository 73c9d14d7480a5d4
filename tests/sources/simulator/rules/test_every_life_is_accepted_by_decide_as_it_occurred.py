from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.sources.simulator import SimulatorSettings

SHARES = [name for name in SimulatorSettings.__dataclass_fields__ if name.endswith("_share")]
SHARE = st.one_of(st.sampled_from([0, 1]), st.floats(0, 1))


@pytest.mark.long_but_first
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_a_shop_where_everything_happens_often(shop, hectic, seed):
    lives = shop.lives(shop.table(hectic, orders=250, seed=seed))
    assert len(lives) == 250
    seen = set()
    for order_id, life in lives.items():
        shop.relive(order_id, life)
        seen |= {type(event.data).__name__ for event in life}
    assert len(seen) == 16, "every type of event of the domain was met"


@settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shares=st.fixed_dictionaries(dict.fromkeys(SHARES, SHARE)),
    lowest=st.integers(1, 3),
    seed=st.integers(-(2**63), 2**63 - 1),
)
def test_whatever_the_rates_are(shop, shares, lowest, seed):
    chosen = SimulatorSettings(
        **shares,
        products=9,
        product_prices=(lowest, lowest + 1, 60),
        discount_percents=((99, 1.0), (1, 1.0)),
        long_orders=1,
        long_order_lines=30,
        long_order_fill=timedelta(hours=3),
        open_end=False,
    )
    table = shop.table(chosen, orders=12, seed=seed, days=5)
    for order_id, life in shop.lives(table).items():
        shop.relive(order_id, life)


def test_whatever_has_been_recorded_when_the_period_ends(shop):
    """Without late events, what is recorded by the end is what happened by the end, so it must be acceptable too."""
    punctual = SimulatorSettings(late_share=0, late_basket_share=0, correction_share=0, long_orders=0)
    lives = shop.lives(shop.table(punctual, orders=300, days=9))
    states = {shop.relive(order_id, life).status for order_id, life in lives.items()}
    assert states >= {"placed", "paid", "shipped", "delivered", "cancelled"}
