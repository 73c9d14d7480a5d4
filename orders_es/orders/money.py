"""Exact money, for everybody who turns something into an amount or a price.

Amounts and prices are `Decimal` with four decimals and at most fourteen digits before the point, which is what
`DECIMAL(18, 4)` holds. A float has already lost the amount that it stood for, so it is refused and never rounded.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from orders_es.errors import CommandRejected

__all__ = ["EXACT", "QUANTUM", "ZERO", "format_money", "money", "multiply"]

QUANTUM: Final = Decimal("0.0001")
"""The smallest amount."""

ZERO: Final = Decimal("0.0000")
"""No money, in the form that all sums start from, so that they show four decimals."""

LIMIT: Final = Decimal(10) ** 14
"""The first amount that is too large to record."""

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


def format_money(amount: Decimal, currency: str | None = None) -> str:
    """An amount for people: at least two decimals, thousands set apart, the currency behind it.

    Example:
        >>> format_money(Decimal("10655622.4840"), "GBP")
        '10,655,622.484 GBP'
        >>> format_money(Decimal("-2.5000"))
        '-2.50'
    """
    text = f"{amount:,f}"
    whole, _, decimals = text.partition(".")
    text = f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    return f"{text} {currency}" if currency else text
