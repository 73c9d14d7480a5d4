"""A mistyped figure or currency is answered with those that there are, never with an empty picture or a KeyError."""

import pytest

from orders_es import plots
from orders_es.errors import InvalidSetting


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("draw", "wrong", "said"),
    [
        (plots.plot_sales, {"measure": "revenu"}, "did you mean 'revenue'"),
        (plots.plot_sales, {"measure": None}, "daily_sales has revenue"),
        (plots.plot_restatements, {"measure": "nett"}, "did you mean 'net'"),
        (plots.plot_sales, {"currency": "JPY"}, "there is money in EUR"),
        (plots.plot_sales, {"currency": "eur"}, "did you mean 'EUR'"),
        (plots.plot_restatements, {"currency": "JPY"}, "there is money in EUR"),
        (plots.plot_cohorts, {"currency": "JPY"}, "there is money in EUR"),
    ],
)
def test_it_says_what_there_is(shop, draw, wrong, said):
    with pytest.raises(InvalidSetting, match=said):
        draw(shop, **wrong)
