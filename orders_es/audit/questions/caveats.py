"""What has to be said beside the answer to a question, lest it be misread: what it leaves out, or cannot know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders_es.replay import Session

__all__ = ["caveats"]

_GUESSED_EVENTS = "SELECT count(*) FROM events WHERE time_estimated"
_GUESSED_ORDERS = """
    SELECT count(*) FROM orders WHERE customer_id IS NOT NULL AND list_contains(
        string_split(coalesce(estimated, ''), ', '), CASE WHEN placed_at IS NOT NULL THEN 'placed' ELSE 'created' END
    )
"""
_NAMELESS = "SELECT count(*) FROM orders WHERE customer_id IS NULL AND (placed_at IS NOT NULL OR total <> 0)"
# Importers call themselves so, unless somebody gives them other names.
_IMPORTED = "SELECT count(*) FROM (\n{query}\n) WHERE starts_with(actor, 'import:') AND entered_at IS NULL"
_UNPAID = """
    SELECT count(*) FROM (
{query}
    ) WHERE NOT EXISTS (SELECT 1 FROM order_effects WHERE coalesce(paid, refunded, failed_payment) IS NOT NULL)
"""


def _left_out(noun: str) -> Callable[[int], str]:
    return lambda count: f"{_of(count, noun)} with an estimated time left out: a guess is in no length of time"


def _of(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


_CAVEATS: dict[str, list[tuple[str, Callable[[int], str]]]] = {
    "late_entries": [
        (_GUESSED_EVENTS, _left_out("event")),
        (
            _IMPORTED,
            lambda count: (
                f"of {count:,} of them, imported, the source does not say when they were entered; what counts is when they were imported"
            ),
        ),
    ],
    "gaps": [(_GUESSED_EVENTS, _left_out("event"))],
    "double_entries": [
        (_GUESSED_ORDERS, _left_out("order")),
        (
            _NAMELESS,
            lambda count: (
                f"{_of(count, 'order')} that {'names' if count == 1 else 'name'} no customer left out: nobody knows whose they are"
            ),
        ),
    ],
    "unexplained_totals": [
        (_UNPAID, lambda _: "this log records no payments by then, so no total can be explained by any")
    ],
}


def caveats(session: Session, name: str, query: str, **moments: Any) -> tuple[str, ...]:
    """What has to be said beside a question's answer at a moment.

    Args:
        name: The question's name, as its file has it.
        query: The SELECT that gives the answer.
        moments: `at`, `known_at` and `recorded_by`, as in `Session.sql`.

    Example:
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> from orders_es.replay import connect
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced()], expected=NO_STREAM)
        >>> caveats(connect(log), "double_entries", "FROM ask_double_entries()")
        ('1 order that names no customer left out: nobody knows whose they are',)
    """
    said = []
    for counting, words in _CAVEATS.get(name, ()):
        count = session.sql(counting.replace("{query}", query), **moments).rows()[0][0]
        if count:
            said.append(words(count))
    return tuple(said)
