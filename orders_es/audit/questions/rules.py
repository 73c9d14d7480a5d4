"""A rule of one's own: what breaks it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orders_es.audit.questions.answering import session_on
from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from orders_es.log import EventLog
    from orders_es.orders.moments import Moment
    from orders_es.replay import Answer, Session

__all__ = ["rule_query", "rule_violations"]

_SELECTS = re.compile(r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*(?:SELECT|FROM|WITH)\b", re.IGNORECASE | re.DOTALL)


def rule_violations(
    source: EventLog | Session,
    rule: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
) -> Answer:
    """The orders that break a rule given as SQL, or of which it cannot be said: a rule that comes to NULL does not hold.

    Args:
        source: A log, or a session. The rule runs in it, so it reads no files unless the session was told to allow it.
        rule: A condition over the columns of `orders` that every order has to meet, such as `paid <= total`; or one SELECT whose
            rows are what breaks it.
        at: Only what had happened by then.
        known_at: Only what was known by then.
        recorded_by: Only what the log itself had recorded by then, whatever a source says of when it knew.

    Raises:
        InvalidSetting: The condition is none.
        QueryError: DuckDB refuses it.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        >>> len(rule_violations(log, "total > 0")), len(rule_violations(log, "currency = 'EUR'"))
        (1, 0)
    """
    with session_on(source) as session:
        query = rule_query(session, rule)
        answer = session.sql(query, at=at, known_at=known_at, recorded_by=recorded_by)
        answer.question = f"what breaks the rule {' '.join(rule.split())}"
        return answer


def rule_query(session: Session, rule: str) -> str:
    """The SELECT of what breaks a rule.

    Args:
        session: Where it is to be asked.
        rule: As for `rule_violations`.

    Raises:
        InvalidSetting: The condition is none.
        QueryError: DuckDB refuses it.
    """
    if not rule.strip():
        raise InvalidSetting("rule", rule, "give a condition that every order has to meet, such as paid <= total")
    if _SELECTS.match(rule):
        return f"FROM (\n{rule.strip().rstrip(';')}\n)"
    kind = session.sql(f"SELECT (\n{rule}\n) AS rule FROM orders LIMIT 0").to_arrow()
    said = str(kind.schema.field("rule").type)
    if said != "bool":
        raise InvalidSetting("rule", rule, f"a rule is true or false, and this gives {said}; compare it with something")
    return (
        f"SELECT CASE WHEN (\n{rule}\n) IS NULL THEN 'unknown' ELSE 'broken' END AS rule, * FROM orders "
        f"WHERE (\n{rule}\n) IS NOT TRUE ORDER BY order_id"
    )
