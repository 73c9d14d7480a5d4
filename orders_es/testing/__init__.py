"""Helpers for tests of your own: of a domain's rules, and of anything that claims to be a log."""

from orders_es.testing.specification import Outcome, Specification, given

__all__ = ["Outcome", "Specification", "given"]
