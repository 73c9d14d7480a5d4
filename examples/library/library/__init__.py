"""Loans of a library: a domain whose events changed three times, recorded and read with orders_es."""

from library.domain import LOANS, Fined, Lend, Lent, Loan, Lost, Returned, TakeBack
from library.upcasters import UPCASTERS

__all__ = ["LOANS", "UPCASTERS", "Fined", "Lend", "Lent", "Loan", "Lost", "Returned", "TakeBack"]
