import random
from datetime import timedelta

import pytest

from orders_es.log import ANY
from orders_es.orders import OrderCreated
from orders_es.projections.lag import gathering
from orders_es.projections.lag.gathering import Edge
from orders_es.projections.lag.judgement import LagLimits

from .conftest import NOON

COUNTS = [1, 40, 2, 0, 0, 7, 300, 1, 1, 0, 25]
"""How many events are recorded in each second."""


@pytest.fixture
def log(shop):
    for second, count in enumerate(COUNTS):
        shop.clock.now = NOON + timedelta(seconds=second)
        if count:
            shop.log.append("A-1", [OrderCreated(currency="GBP")] * count, expected=ANY)
    return shop.log


def asked(log, second):
    return Edge(log, NOON, LagLimits()).arrived(NOON + timedelta(seconds=second))


@pytest.mark.long_but_first
@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_asked_before(log, seed):
    gathering._known.clear()
    seconds = [index / 2 for index in range(-2, 2 * len(COUNTS) + 2)] * 2
    random.Random(seed).shuffle(seconds)
    for second in seconds:
        assert asked(log, second) == sum(count for at, count in enumerate(COUNTS) if at > second), second


def test_a_moment_later_takes_few_looks(log, monkeypatch):
    looks = []

    def counted(log, position, recorded_at=gathering.recorded_at):
        looks.append(position)
        return recorded_at(log, position)

    monkeypatch.setattr(gathering, "recorded_at", counted)
    gathering._known.clear()
    asked(log, 5.1)
    assert 5 < len(looks) < 20
    looks.clear()
    asked(log, 5.2)
    assert len(looks) == 1
