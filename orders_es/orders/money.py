"""Exact money, for everybody who turns something into an amount or a price.

Amounts and prices are `Decimal` with four decimals and at most fourteen digits before the point, which is what
`DECIMAL(18, 4)` holds. A float has already lost the amount that it stood for, so it is refused and never rounded.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from orders_es.errors import CommandRejected

__all__ = ["EXACT", "MINOR_UNITS", "QUANTUM", "ZERO", "format_amount", "format_money", "money", "multiply"]

QUANTUM: Final = Decimal("0.0001")
"""The smallest amount."""

ZERO: Final = Decimal("0.0000")
"""No money, in the form that all sums start from, so that they show four decimals."""

LIMIT: Final = Decimal(10) ** 14
"""The first amount that is too large to record."""

MINOR_UNITS: Final = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""The decimals of currencies that have not two, by ISO 4217."""

EXACT: Final = Context(prec=80, traps=[])
"""The arithmetic of all sums. A 64-bit quantity times an 18-digit price has 37 digits and a sum of ten million of those
44, so nothing is ever rounded and sums do not depend on their order. It never raises: recorded history may be odd."""


def money(value: object, what: str = "amount") -> Decimal:
    """The same amount with exactly four decimals.

    Args:
        value: A `Decimal` or an `int`.
        what: What it is, for the error.

    Raises:
        CommandRejected: It is a float or something else that is not exact (rule `money_is_exact`), it has more than four
            decimals (`at_most_4_decimals`), or more than fourteen digits before the point (`at_most_14_digits`).

    Example:
        >>> money(Decimal("2.55"))
        Decimal('2.5500')
        >>> money(7)
        Decimal('7.0000')
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        shown = f"Decimal({str(value)!r})" if isinstance(value, float | str) else "a Decimal"
        raise CommandRejected(
            "money_is_exact", f"{what}={value!r} is {type(value).__name__}, which is not exact money; write {shown}"
        )
    exact = Decimal(value)
    if not exact.is_finite():
        raise CommandRejected("money_is_exact", f"{what}={value} is not an amount of money; give a finite Decimal")
    if not -LIMIT < exact < LIMIT:
        raise CommandRejected(
            "at_most_14_digits",
            f"{what}={exact:f} has more than 14 digits before the point, which is more than a log records",
        )
    quantized = exact.quantize(QUANTUM, context=EXACT)
    if quantized != exact:
        raise CommandRejected(
            "at_most_4_decimals", f"{what}={exact:f} has more than 4 decimals; round it first, as your business does"
        )
    return EXACT.add(quantized, ZERO)  # which turns a negative zero into zero


def multiply(quantity: int, price: Decimal) -> Decimal:
    """What so many pieces come to, exactly.

    Example:
        >>> multiply(6, Decimal("2.5500"))
        Decimal('15.3000')
    """
    return EXACT.multiply(Decimal(quantity), price)


def format_amount(amount: Decimal, currency: str | None = None) -> str:
    """The digits of an amount for people: thousands set apart, with the decimals that its currency has.

    More decimals only where they are not zero. Where the currency is not known there are two.

    Args:
        currency: An ISO 4217 code. How many decimals a currency has is said there ("minor units"); all have two, but for
            those listed in this module.

    Example:
        >>> format_amount(Decimal("1200.0000"), "JPY"), format_amount(Decimal("1.5000"), "KWD"), format_amount(Decimal("-2.5"))
        ('1,200', '1.500', '-2.50')
    """
    least = MINOR_UNITS.get(currency or "", 2)
    whole, _, decimals = f"{amount:,f}".partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


def format_money(amount: Decimal, currency: str | None = None) -> str:
    """An amount for people, as `format_amount` has it, the currency behind it.

    Example:
        >>> format_money(Decimal("10655622.4840"), "GBP"), format_money(Decimal("1200.0000"), "JPY")
        ('10,655,622.484 GBP', '1,200 JPY')
        >>> format_money(Decimal("-2.5000"))
        '-2.50'
    """
    text = format_amount(amount, currency)
    return f"{text} {currency}" if currency else text
