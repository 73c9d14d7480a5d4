"""Checking a log: that it is what it says of itself, and in good shape. For auditors and for whoever looks after one."""

from orders_es.audit.doctor import Advice, examine
from orders_es.audit.verify import Problem, Verified, verify

__all__ = ["Advice", "Problem", "Verified", "examine", "verify"]
