from __future__ import annotations

import inspect
from datetime import datetime, timedelta
from typing import Any

import pytest

from orders_es.errors import InvalidSetting, NaiveTime
from orders_es.sources.simulator import Delay, SimulatorSettings, simulate

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("returned_share", 1.5),
        ("returned_share", -0.1),
        ("late_share", float("nan")),
        ("late_share", "0.1"),
        ("guest_share", True),
        ("hour_weights", (1.0,) * 23),
        ("hour_weights", [1.0] * 24),
        ("weekday_weights", (0.0,) * 7),
        ("month_weights", (1.0,) * 13),
        ("yearly_growth", -1),
        ("opening_customers", 0),
        ("loyalty", 1.0),
        ("products", 0),
        ("products", 2.5),
        ("popularity_exponent", -1),
        ("product_prices", (5, 4, 9)),
        ("product_prices", (0, 4, 9)),
        ("product_prices", (1.0, 4, 9)),
        ("lines_per_order", ()),
        ("lines_per_order", ((0, 1.0),)),
        ("line_quantities", ((1, 0),)),
        ("channels", (("", 1.0),)),
        ("countries", ("DE", "FR")),
        ("shipping_methods", (("standard", 1.0),)),
        ("discount_percents", ((100, 1.0),)),
        ("currency", "euro"),
        ("long_orders", -1),
        ("long_order_lines", 50_001),
        ("long_order_fill", timedelta(0)),
        ("shipping_delay", HOUR),
        ("free_shipping_from", -1),
        ("open_end", 1),
    ],
)
def test_a_value_out_of_range(field, value):
    with pytest.raises(InvalidSetting, match=field) as caught:
        SimulatorSettings(**{field: value})
    assert caught.value.field == field
    assert caught.value.reason


def test_every_field_is_checked():
    unchecked = []
    for field in SimulatorSettings.__dataclass_fields__:
        try:
            wrong: dict[str, Any] = {field: object()}
            SimulatorSettings(**wrong)
        except InvalidSetting:
            continue
        unchecked.append(field)
    assert unchecked == []


def test_every_field_is_documented():
    text = inspect.getdoc(SimulatorSettings)  # as every version of Python indents it
    for field in SimulatorSettings.__dataclass_fields__:
        assert f"    {field}: " in text


@pytest.mark.parametrize("delays", [(HOUR, HOUR * 3, HOUR * 2), (timedelta(0), HOUR, HOUR), (HOUR, HOUR, HOUR * 10**6)])
def test_a_delay_out_of_order_or_too_long(delays):
    with pytest.raises(InvalidSetting):
        Delay(*delays)


@pytest.mark.parametrize(
    "bad", [{"orders": 0}, {"orders": 1.5}, {"days": 0}, {"seed": 2**63}, {"window": timedelta(0)}], ids=str
)
def test_an_argument_out_of_range(shop, bad):
    arguments = {"orders": 5, "seed": 1, "start": shop.start, "days": 3} | bad
    with pytest.raises(InvalidSetting) as caught:
        simulate(**arguments)
    assert caught.value.field in bad


def test_a_start_without_a_zone():
    with pytest.raises(NaiveTime, match="start="):
        simulate(orders=5, seed=1, start=datetime(2024, 1, 1), days=3)  # noqa: DTZ001
