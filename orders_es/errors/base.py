"""The base of the tree."""

from __future__ import annotations

__all__ = ["OrdersEsError"]


class OrdersEsError(Exception):
    """The base of every error raised on purpose by this package."""
