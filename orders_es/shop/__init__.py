"""What a shop's software does with its orders beside taking them: process managers of the order domain, ready to run."""

from orders_es.shop.unpaid import UNPAID, Due, Unpaid

__all__ = ["UNPAID", "Due", "Unpaid"]
