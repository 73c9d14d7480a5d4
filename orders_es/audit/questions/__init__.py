"""What auditors ask of a log, one call each: every function gives an `Answer`, at any moment. For auditors; read-only.

Each question is one SELECT in a file of its own, in `orders_es.read_models.questions`, and a table macro in every session. It takes a log or a session, runs in a session that reads that
log and nothing else, and never adds up amounts of different currencies. docs/audit.md says what each finds, and what it cannot.
"""

from orders_es.audit.questions.amounts import below_limit, double_entries, round_amounts, unexplained_totals
from orders_es.audit.questions.rules import rule_violations
from orders_es.audit.questions.when import (
    after_close,
    after_delivery,
    backdated,
    backdated_by_month,
    gaps,
    late_entries,
)
from orders_es.audit.questions.who import STEPS, actor_events, one_hand, order_changes

__all__ = [
    "STEPS",
    "actor_events",
    "after_close",
    "after_delivery",
    "backdated",
    "backdated_by_month",
    "below_limit",
    "double_entries",
    "gaps",
    "late_entries",
    "one_hand",
    "order_changes",
    "round_amounts",
    "rule_violations",
    "unexplained_totals",
]
