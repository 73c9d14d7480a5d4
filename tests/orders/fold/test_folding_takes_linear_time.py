"""Twice the events take about twice the time, whatever they touch."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.orders import Happened, ItemAdded, fold

START = datetime(2011, 1, 1, tzinfo=UTC)


def seconds_for(count, items):
    history = [
        Happened(
            ItemAdded(item_id=f"i{n % items}", quantity=1, price=Decimal("2.5500")), START + timedelta(seconds=n), n + 1
        )
        for n in range(count)
    ]
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        fold(history)
        best = min(best, time.perf_counter() - begin)
    return best


@pytest.mark.parametrize("items", [1, 10**9], ids=["one item", "all different items"])
def test_folding_takes_linear_time(items):
    # Quadratic would be 64 times as long; 24 leaves room for a machine that does other things.
    assert seconds_for(16_000, items) < 24 * seconds_for(2_000, items)
