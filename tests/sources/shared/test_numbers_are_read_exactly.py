from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.sources.tables.values import as_decimal, as_integer

AMOUNTS = st.decimals(-(10**13), 10**13, places=4)


@given(AMOUNTS)
def test_an_amount_is_the_same_as_text_and_as_decimal(amount):
    assert as_decimal(str(amount)) == as_decimal(amount) == as_decimal(f" {amount:f}00 ") == amount


@given(st.decimals(0, 10**6, places=4))
def test_an_amount_typed_into_a_spreadsheet_comes_back_as_typed(amount):
    assert as_decimal(float(amount)) == amount


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_whole_number_is_the_same_however_it_is_spelt(number):
    assert (
        as_integer(number)
        == as_integer(str(number))
        == as_integer(f"{number}.0")
        == as_integer(Decimal(number))
        == number
    )


@pytest.mark.parametrize("cell", ["1_000", "1,000", "٣", "0x10", "--1", "inf", "NaN.", True, "1e400"])
def test_what_is_no_plain_number_is_refused(cell):
    with pytest.raises(ValueError, match=r"is not a|digits before|64 bits"):
        as_decimal(cell)


@pytest.mark.parametrize("cell", ["", "  ", float("nan"), "nan"])
def test_nothing_is_nothing(cell):
    assert as_decimal(cell) is None
    assert as_integer(cell) is None
