from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.errors import CommandRejected
from orders_es.orders import format_money, money


@given(st.decimals(Decimal("-99999999999999.9999"), Decimal("99999999999999.9999"), places=4))
def test_every_recordable_amount_is_kept_with_four_decimals(amount):
    kept = money(amount)
    assert kept == amount
    assert kept.as_tuple().exponent == -4
    assert str(kept) != "-0.0000"


def test_the_callers_own_precision_does_not_round_it():
    with localcontext(Context(prec=3)):
        assert str(money(Decimal("99999999999999.9999"))) == "99999999999999.9999"


@pytest.mark.parametrize(
    ("value", "rule", "words"),
    [
        (2.5, "money_is_exact", "write Decimal('2.5')"),
        ("2.5", "money_is_exact", "write Decimal('2.5')"),
        (None, "money_is_exact", "write a Decimal"),
        (True, "money_is_exact", "bool"),
        (Decimal("Infinity"), "money_is_exact", "finite"),
        (Decimal("sNaN"), "money_is_exact", "finite"),
        (Decimal("0.00001"), "at_most_4_decimals", "0.00001 has more than 4 decimals"),
        (Decimal("1e14"), "at_most_14_digits", "price=100000000000000 "),
        (-(10**14), "at_most_14_digits", "-100000000000000"),
    ],
)
def test_what_is_not_exact_money_is_refused(value, rule, words):
    with pytest.raises(CommandRejected) as refusal:
        money(value, "price")
    assert refusal.value.rule == rule
    assert words in str(refusal.value)
    assert "price" in str(refusal.value)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0", None, "0.00"),
        ("-0.5", "GBP", "-0.50 GBP"),
        ("0.0010", None, "0.001"),
        ("10655622.4840", None, "10,655,622.484"),
        ("1E+3", None, "1,000.00"),
    ],
)
def test_amounts_for_people(amount, currency, text):
    assert format_money(Decimal(amount), currency) == text
