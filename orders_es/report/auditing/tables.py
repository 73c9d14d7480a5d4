"""What an audit asks: which tables are in it, each one SELECT that stands for itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from orders_es.audit.closes import closes
from orders_es.audit.questions.answering import amount, micros, words
from orders_es.audit.questions.rules import rule_query
from orders_es.log.bookkeeping import PERIOD_CLOSED, PRIVACY
from orders_es.log.relation import text
from orders_es.read_models.questions import with_values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from orders_es.replay import Session

__all__ = ["Asked", "Thresholds", "asked_of"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is worth an auditor's look.

    Args:
        late_after: An event that was entered longer than so long after it happened is late.
        silent_after: A time without events is a gap when it is longer.
        twice_within: Two like orders of a customer within so long may be one that was entered twice.
        multiple_of: Amounts that are multiples of it are round.
        limits: Amounts above which somebody has to sign: what stays just below one of them is listed.
        rules: Rules of one's own, in SQL, as `rule_violations` takes them.
    """

    late_after: timedelta = _DAY
    silent_after: timedelta = _DAY
    twice_within: timedelta = _DAY
    multiple_of: Decimal | int | str = 100
    limits: tuple[Decimal | int | str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One table of an audit.

    Args:
        name: Its file's name, without the ending.
        title: What the rows are.
        query: The SELECT.
        finding: Whether a row is something that wants an explanation; otherwise it is only good to know.
        question: The question that it is, where something may have to be said beside it.
    """

    name: str
    title: str
    query: str
    finding: bool = True
    question: str = ""


_FIGURES = """SELECT
    coalesce(currency, 'XXX') AS currency,
    count(*) AS orders,
    count(placed_at) AS placed,
    count(cancelled_at) AS cancelled,
    sum(total)::DECIMAL(38, 4) AS total,
    sum(paid)::DECIMAL(38, 4) AS paid,
    sum(refunded)::DECIMAL(38, 4) AS refunded,
    sum(balance)::DECIMAL(38, 4) AS balance
FROM orders
GROUP BY ALL
ORDER BY ALL"""
_ACTORS = """SELECT
    actor,
    type,
    count(*) AS events,
    count(DISTINCT stream_id) AS streams,
    min(recorded_at) AS first_recorded_at,
    max(recorded_at) AS last_recorded_at
FROM events
GROUP BY ALL
ORDER BY actor NULLS LAST, type"""
_CLOSES = f"""SELECT
    position,
    payload->>'name' AS name,
    (payload->>'at')::TIMESTAMPTZ AS closed_at,
    (payload->>'known_at')::TIMESTAMPTZ AS closed_known_at,
    (payload->>'position')::BIGINT AS closed_position,
    payload->>'root' AS root,
    actor,
    recorded_at
FROM events
WHERE type = {text(PERIOD_CLOSED)}
ORDER BY position"""
_PRIVACY = f"""SELECT position, type, stream_id, actor, recorded_at, payload
FROM events
WHERE type IN ({", ".join(map(text, PRIVACY))})
ORDER BY position"""


def asked_of(session: Session, thresholds: Thresholds) -> list[Asked]:
    """All that is asked of a log, in the order of the report.

    Raises:
        InvalidSetting: A threshold is none, or a rule is none.
        QueryError: DuckDB refuses a rule.
    """
    late, silent, twice = (
        f"INTERVAL {micros(name, length)} MICROSECOND"
        for name, length in (
            ("late_after", thresholds.late_after),
            ("silent_after", thresholds.silent_after),
            ("twice_within", thresholds.twice_within),
        )
    )
    step = amount("multiple_of", thresholds.multiple_of)
    return [
        Asked("figures", "What all orders come to, in each currency", _FIGURES, finding=False),
        Asked("actors", "Who recorded what", _ACTORS, finding=False),
        Asked(
            "backdated",
            "Figures that moved after they were first known, by which events and whose",
            "FROM ask_backdated()",
        ),
        *_after_closes(session),
        Asked("after_delivery", "Events that came after the order's delivery", "FROM ask_after_delivery()"),
        Asked(
            "late_entries",
            f"Events that were entered more than {words(thresholds.late_after)} after they happened",
            f"FROM ask_late_entries(longer_than := {late})",
            question="late_entries",
        ),
        Asked("one_hand", "Orders that one actor entered, shipped and refunded alone", "FROM ask_one_hand()"),
        Asked(
            "double_entries",
            f"Orders like the same customer's one before, within {words(thresholds.twice_within)}",
            f"FROM ask_double_entries(within := {twice})",
            question="double_entries",
        ),
        Asked(
            "unexplained_totals",
            "Orders whose total is not explained by payments",
            "FROM ask_unexplained_totals()",
            question="unexplained_totals",
        ),
        Asked(
            "round_amounts",
            f"Payments, refunds, discounts and adjustments that are multiples of {step.normalize():f}",
            f"FROM ask_round_amounts(multiple_of := {step})",
        ),
        *_below(thresholds),
        *(
            Asked(f"rule_{number}", f"What breaks the rule {' '.join(rule.split())}", rule_query(session, rule))
            for number, rule in enumerate(thresholds.rules, 1)
        ),
        Asked(
            "silences",
            f"Times of more than {words(thresholds.silent_after)} in which nothing happened",
            f"FROM ask_gaps(longer_than := {silent})",
            question="gaps",
        ),
        Asked(
            "silences_of_the_log",
            f"Times of more than {words(thresholds.silent_after)} in which nothing was recorded",
            f"FROM ask_gaps(longer_than := {silent}, clock := 'recorded')",
        ),
        Asked("closes", "What was closed, when, and by whom", _CLOSES, finding=False),
        Asked("privacy", "Erasures of personal data, and legal holds", _PRIVACY, finding=False),
    ]


def _after_closes(session: Session) -> Iterator[Asked]:
    """The closes are the log's, whatever moment is asked for: one that was made later closed that moment all the same."""
    for number, done in enumerate(closes(session.log), 1):
        limits = {"closed_at": done.at, "closed_known_at": done.known_at, "closed_position": done.position}
        name = f"after_close_{number}_{re.sub(r'[^A-Za-z0-9._-]+', '_', done.name)}"
        yield Asked(
            name, f"Events of what was closed as {done.name}, recorded since", with_values("after_close", limits)
        )


def _below(thresholds: Thresholds) -> Iterator[Asked]:
    for given in thresholds.limits:
        limit = amount("limits", given)
        said = f"{limit.normalize():f}"
        title = f"Payments, refunds, discounts and adjustments within 5 % below {said}"
        yield Asked(f"below_{said}", title, f"FROM ask_below_limit({limit})")
